package resolver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/manifest"
)

func (s *service) refreshOK() {
	s.t.Helper()
	if err := s.Refresh(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func TestRefreshFollows(t *testing.T) {
	s := serve(t, Options{})
	s.want("/checkpoints/full/20250410/x", http.StatusTemporaryRedirect, "/checkpoints/full/"+newest+"/x")

	s.change("checkpoints/full", func(ix manifest.Index) (manifest.Index, error) {
		c, _ := ix.Newest()
		c.ID = mustID(t, "20250405T000000Z")
		return ix.Append(c)
	})
	s.want("/checkpoints/full/20250410/x", http.StatusTemporaryRedirect, "/checkpoints/full/"+newest+"/x")
	s.refreshOK()
	s.want("/checkpoints/full/20250410/x", http.StatusTemporaryRedirect, "/checkpoints/full/20250405T000000Z/x")
	s.want("/checkpoints/full/20250402/x", http.StatusMovedPermanently, "/checkpoints/full/"+newest+"/x")
	if body := s.get("/checkpoints/full/").Body.String(); !strings.Contains(body, "20250405T000000Z") {
		t.Error("the list is old")
	}

	s.register(func(r *manifest.Registry) {
		next, err := r.Add(manifest.Repo{Name: "new", Base: "new/repo"})
		if err != nil {
			t.Fatal(err)
		}
		*r = next
	})
	s.want("/new/repo/latest/", http.StatusNotFound, "")
	s.refreshOK()
	if !strings.Contains(s.get("/").Body.String(), "new/repo") {
		t.Error("the front page is old")
	}
	s.change("new/repo", func(ix manifest.Index) (manifest.Index, error) {
		return ix.Append(manifest.Checkpoint{ID: mustID(t, exact), Layout: manifest.Full})
	})
	s.refreshOK()
	s.want("/new/repo/latest/", http.StatusTemporaryRedirect, "/new/repo/"+exact+"/")

	s.register(func(r *manifest.Registry) {
		r.Generation++
		r.Repos = slices.DeleteFunc(r.Repos, func(e manifest.Repo) bool { return e.Base == "checkpoints/full" })
	})
	s.refreshOK()
	s.want("/checkpoints/full/latest/", http.StatusNotFound, "")
	if s.log.Len() > 0 {
		t.Errorf("logged %s", s.log)
	}
}

func TestRefreshCosts(t *testing.T) {
	s := serve(t, Options{})
	before := s.state.Load()
	s.refreshOK()
	got := s.store.taken()
	slices.Sort(got)
	want := []string{"load .asof/rollout/rings.json", "load asof.json", "load checkpoints/full/checkpoints.json", "load checkpoints/moving/checkpoints.json", "load checkpoints/sealed/checkpoints.json", "load checkpoints/still/checkpoints.json", "load checkpoints/thin/checkpoints.json", "load empty/checkpoints.json", "load left/deleted/checkpoints.json", "load left/former/checkpoints.json"}
	if !slices.Equal(got, want) {
		t.Errorf("requests %q, want %q", got, want)
	}
	if s.state.Load() != before {
		t.Error("nothing changed, but the state did: the rendered lists are lost")
	}
}

// TestStoreAway holds that a store that goes away takes nothing with it that
// is in memory, and that this is logged once.
func TestStoreAway(t *testing.T) {
	s := serve(t, Options{})
	s.want("/checkpoints/full/"+exact+"/docs/deep/", http.StatusOK, "") // caches manifests, but no body
	s.store.set(away, nil)
	for range 3 {
		if err := s.Refresh(t.Context()); !errors.Is(err, objstore.ErrUnavailable) {
			t.Fatalf("refresh: %v", err)
		}
	}
	if n := strings.Count(s.log.String(), "keeping the last known state"); n != 10 {
		t.Errorf("%d lines for 10 registers in 3 rounds:\n%s", n, s.log)
	}
	s.want("/", http.StatusOK, "")
	s.want("/checkpoints/thin/", http.StatusOK, "")
	s.want("/checkpoints/full/latest/", http.StatusTemporaryRedirect, "/checkpoints/full/"+newest+"/")
	// Known manifests still mend the slash; unknown ones leave it to the next request.
	s.want("/checkpoints/full/20250319/docs/deep", http.StatusMovedPermanently, "/checkpoints/full/"+exact+"/docs/deep/")
	res := s.want("/checkpoints/full/20250311/docs", http.StatusMovedPermanently, "/checkpoints/full/"+older+"/docs")
	if cc := res.Header().Get("Cache-Control"); cc != manifest.CacheNever {
		t.Errorf("redirect without a look is cached: %q", cc)
	}
	for _, target := range []string{"/checkpoints/full/" + exact + "/1.iso", "/checkpoints/full/" + older + "/1.iso"} {
		res := s.want(target, http.StatusServiceUnavailable, "")
		h := res.Header()
		if h.Get("Retry-After") == "" || h.Get("Cache-Control") != manifest.CacheNever || h.Get("ETag") != "" || h.Get("Last-Modified") != "" || h.Get("Accept-Ranges") != "" {
			t.Errorf("%s: headers %v", target, h)
		}
	}

	s.log.Reset()
	s.store.set(nil, nil)
	s.refreshOK()
	if n := strings.Count(s.log.String(), "up to date again"); n != 10 {
		t.Errorf("%d lines:\n%s", n, s.log)
	}
	s.want("/checkpoints/full/"+exact+"/1.iso", http.StatusOK, "")
}

func TestOneIndexAway(t *testing.T) {
	s := serve(t, Options{})
	fail := func(op, key string) error {
		if key == "checkpoints/full/checkpoints.json" {
			return fmt.Errorf("load %s: %w", key, objstore.ErrDenied)
		}
		return nil
	}
	s.store.set(fail, nil)
	add := func(ix manifest.Index) (manifest.Index, error) {
		return ix.Append(manifest.Checkpoint{ID: mustID(t, "20250405T000000Z"), Layout: manifest.Full})
	}
	s.change("checkpoints/full", add)
	s.change("checkpoints/thin", add)
	if err := s.Refresh(t.Context()); !errors.Is(err, objstore.ErrDenied) {
		t.Fatalf("refresh: %v", err)
	}
	s.want("/checkpoints/full/latest/", http.StatusTemporaryRedirect, "/checkpoints/full/"+newest+"/")
	s.want("/checkpoints/thin/latest/", http.StatusTemporaryRedirect, "/checkpoints/thin/20250405T000000Z/")
}

// TestBackwards holds that an index with another history is refused: answers
// that were final would change (invariant 4).
func TestBackwards(t *testing.T) {
	base := "checkpoints/full"
	raw := func(s *service, data []byte) {
		t.Helper()
		_, version, err := s.store.Store.Load(t.Context(), manifest.IndexKey(base), "")
		if err == nil {
			_, err = s.store.Swap(t.Context(), manifest.IndexKey(base), version, data, objstore.Attributes{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	cases := map[string]func(s *service){
		"older generation": func(s *service) {
			s.change(base, func(ix manifest.Index) (manifest.Index, error) {
				ix.Generation--
				ix.Checkpoints = ix.Checkpoints[:3]
				return ix, nil
			})
		},
		"same generation": func(s *service) {
			s.change(base, func(ix manifest.Index) (manifest.Index, error) {
				ix.Checkpoints = ix.Checkpoints[:3]
				return ix, nil
			})
		},
		"lower horizon": func(s *service) {
			s.change(base, func(ix manifest.Index) (manifest.Index, error) {
				ix.Generation++
				ix.Horizon--
				return ix, nil
			})
		},
		"not an index": func(s *service) { raw(s, []byte("{}")) },
		"missing": func(s *service) {
			if err := s.store.Delete(t.Context(), manifest.IndexKey(base)); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			s := serve(t, Options{})
			data, _, err := s.store.Store.Load(t.Context(), manifest.IndexKey(base), "")
			if err != nil {
				t.Fatal(err)
			}
			change(s)
			for range 3 {
				if err := s.Refresh(t.Context()); err == nil {
					t.Error("taken over without an error")
				}
			}
			if n := strings.Count(s.log.String(), "keeping the last known state"); n != 1 {
				t.Errorf("%d lines:\n%s", n, s.log)
			}
			s.want("/checkpoints/full/20250325/1.iso", http.StatusMovedPermanently, "/checkpoints/full/"+newest+"/1.iso")
			s.want("/checkpoints/thin/20250325/1.iso", http.StatusMovedPermanently, "/checkpoints/thin/"+newest+"/1.iso")
			if name == "missing" {
				_, err = s.store.Swap(t.Context(), manifest.IndexKey(base), "", data, objstore.Attributes{})
				if err != nil {
					t.Fatal(err)
				}
			} else {
				raw(s, data)
			}
			s.refreshOK()
		})
	}
}

// A horizon that lies in the future may be taken back: nothing up there was final.
func TestFutureTakenBack(t *testing.T) {
	at := mustID(t, "20250402T000000Z")
	s := serve(t, Options{Now: func() time.Time { return at.Time() }})
	change := func(change func(manifest.Index) (manifest.Index, error)) { s.change("checkpoints/full", change) }
	future := mustID(t, "20250403T000000Z")
	change(func(ix manifest.Index) (manifest.Index, error) {
		return ix.Append(manifest.Checkpoint{ID: future, Layout: manifest.Full})
	})
	s.refreshOK()
	s.want("/checkpoints/full/latest/", http.StatusTemporaryRedirect, "/checkpoints/full/20250403T000000Z/")
	final := "/checkpoints/full/20250402T000100Z/" // as far ahead as clients' clocks may be
	s.want(final, http.StatusMovedPermanently, "/checkpoints/full/"+newest+"/")
	s.want("/checkpoints/full/20250402T000101Z/", http.StatusTemporaryRedirect, "/checkpoints/full/"+newest+"/")

	change(func(ix manifest.Index) (manifest.Index, error) { return ix.Withdraw(at, nil) })
	s.refreshOK()
	s.want("/checkpoints/full/latest/", http.StatusTemporaryRedirect, "/checkpoints/full/"+newest+"/")
	s.want(final, http.StatusMovedPermanently, "/checkpoints/full/"+newest+"/")
	res := s.want("/checkpoints/full/20250403T000000Z/", http.StatusNotFound, "")
	if cc := res.Header().Get("Cache-Control"); cc != manifest.CacheNever {
		t.Errorf("what lies in the future is cached: %q", cc)
	}

	// What lies in the past is not.
	at += 24 * 60 * 60
	change(func(ix manifest.Index) (manifest.Index, error) { return ix.MoveHorizon(at) })
	s.refreshOK()
	change(func(ix manifest.Index) (manifest.Index, error) {
		ix.Generation++
		ix.Horizon = at - 1
		return ix, nil
	})
	if err := s.Refresh(t.Context()); !errors.Is(err, errBackwards) {
		t.Errorf("refresh: %v", err)
	}
}

func TestRegistryBackwards(t *testing.T) {
	s := serve(t, Options{})
	if err := s.store.Delete(t.Context(), manifest.RegistryKey); err != nil {
		t.Fatal(err)
	}
	if err := s.Refresh(t.Context()); !errors.Is(err, errBackwards) {
		t.Errorf("refresh: %v", err)
	}
	s.want("/checkpoints/full/", http.StatusOK, "")
}

func TestEmptyStore(t *testing.T) {
	r := New(Options{Store: memstore.New(memstore.Options{})})
	s := &service{Resolver: r, t: t}
	s.want("/", http.StatusServiceUnavailable, "")
	s.refreshOK()
	s.want("/", http.StatusOK, "")
	s.want("/x/", http.StatusNotFound, "")
	if got := s.get("/", "Accept", "application/json").Body.String(); got != "{\"format\":\"asof.repos/1\",\"repos\":[]}\n" {
		t.Errorf("repos %q", got)
	}
}

// TestIndexNeverRead tells a repo whose index can't be read from one that has none.
func TestIndexNeverRead(t *testing.T) {
	s := serve(t, Options{})
	s.store.set(func(op, key string) error {
		if key == "checkpoints/full/checkpoints.json" {
			return away(op, key)
		}
		return nil
	}, nil)
	s.Resolver = New(Options{Store: s.store})
	if err := s.Refresh(t.Context()); !errors.Is(err, objstore.ErrUnavailable) {
		t.Errorf("refresh: %v", err)
	}
	s.want("/", http.StatusOK, "")
	s.want("/checkpoints/full/", http.StatusServiceUnavailable, "")
	s.want("/checkpoints/full/latest/x", http.StatusServiceUnavailable, "")
	s.want("/checkpoints/thin/", http.StatusOK, "")
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &spy{Store: memstore.New(memstore.Options{})}
		r := New(Options{Store: store, Refresh: time.Minute})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		synctest.Wait()
		if n := len(store.taken()); n != 4 { // registry and rings, and whether they were lost
			t.Errorf("%d requests at the start, want 4", n)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := len(store.taken()); n < 18 || n > 20 {
			t.Errorf("%d requests in 10 minutes", n)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}
