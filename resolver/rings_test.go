package resolver

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// rings changes the register of rings.
func (s *service) rings(change func(manifest.Rollout) (manifest.Rollout, error)) {
	s.t.Helper()
	data, version, err := s.store.Store.Load(s.t.Context(), manifest.RolloutKey, "")
	var now manifest.Rollout
	if err == nil {
		now, err = manifest.ParseRollout(data)
	} else if errors.Is(err, objstore.ErrNotFound) {
		err = nil
	}
	if err != nil {
		s.t.Fatal(err)
	}
	next, err := change(now)
	if err == nil {
		data, err = next.Encode()
	}
	if err == nil {
		_, err = s.store.Store.Swap(s.t.Context(), manifest.RolloutKey, version, data, objstore.Attributes{})
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// A ring stands for one time in all repos that it holds for. Nobody may remember where it led.
func TestRings(t *testing.T) {
	s := serve(t, Options{PublicURL: "https://snapshots.example.org"})
	ci := manifest.Stamp{At: mustID(t, exact), By: "ci"}
	s.want("/checkpoints/full/mine/1.iso", http.StatusNotFound, "")
	s.rings(func(r manifest.Rollout) (manifest.Rollout, error) {
		return r.Set(nil, []manifest.RingRule{{Name: "mine"}}, ci)
	})
	s.refreshOK()
	res := s.want("/checkpoints/full/mine/1.iso", http.StatusNotFound, "")
	if !strings.Contains(res.Body.String(), "stands for nothing here yet") {
		t.Error(res.Body)
	}
	s.rings(func(r manifest.Rollout) (manifest.Rollout, error) { return r.Move("mine", mustID(t, exact)+7, ci) })
	s.refreshOK()
	for _, base := range []string{"full", "thin"} {
		res := s.want("/checkpoints/"+base+"/mine/1.iso", http.StatusTemporaryRedirect, "/checkpoints/"+base+"/"+exact+"/1.iso")
		if h := res.Header(); h.Get("Cache-Control") != manifest.CacheNever || h.Get("Asof-Time") != (mustID(t, exact)+7).String() {
			t.Errorf("%s: %v", base, h)
		}
	}
	res = s.want("/-/mirrorlist/checkpoints/full/mine/docs", http.StatusOK, "")
	if want := "https://snapshots.example.org/checkpoints/full/" + exact + "/docs/\nhttps://snapshots.example.org/checkpoints/full/mine/docs/\n"; res.Body.String() != want {
		t.Errorf("%s, want %s", res.Body, want)
	}
	if h := s.get("/checkpoints/full/" + exact + "/1.iso").Header(); h.Get("Asof-Time") != "" {
		t.Errorf("a tree has the time of a ring: %v", h)
	}

	// A file that the ring lost by moving is found for a while.
	s.rings(func(r manifest.Rollout) (manifest.Rollout, error) {
		return r.Move("mine", mustID(t, older), manifest.Stamp{At: manifest.IDOf(s.opts.Now()), By: "ci"})
	})
	s.refreshOK()
	lost := s.get("/checkpoints/full/mine/docs/deep/").Header().Get("Location")
	if !strings.HasPrefix(lost, "/checkpoints/full/"+older+"/") {
		t.Errorf("a directory of an earlier time: %s", lost)
	}

	// Where it does not hold, it is no name; a time that is not final in a repo has no answer.
	s.rings(func(r manifest.Rollout) (manifest.Rollout, error) {
		return r.Set([]string{"other"}, []manifest.RingRule{{Name: "mine"}}, ci)
	})
	s.refreshOK()
	s.want("/checkpoints/full/mine/1.iso", http.StatusNotFound, "")
	s.rings(func(r manifest.Rollout) (manifest.Rollout, error) {
		return r.Set(nil, []manifest.RingRule{{Name: "mine"}}, ci)
	})
	s.rings(func(r manifest.Rollout) (manifest.Rollout, error) { return r.Move("mine", manifest.MaxID, ci) })
	s.refreshOK()
	if res := s.want("/checkpoints/full/mine/1.iso", http.StatusNotFound, ""); !strings.Contains(res.Body.String(), "stands for nothing here yet") {
		t.Error(res.Body)
	}
}

// While the rings were never read, a name that may be one is no 404.
func TestRingsUnread(t *testing.T) {
	s := serve(t, Options{})
	s.store.set(func(op, key string) error {
		if key == manifest.RolloutKey {
			return away(op, key)
		}
		return nil
	}, nil)
	s.Resolver = New(Options{Store: s.store})
	if err := s.Refresh(t.Context()); !errors.Is(err, objstore.ErrUnavailable) {
		t.Errorf("refresh: %v", err)
	}
	s.want("/checkpoints/full/mine/1.iso", http.StatusServiceUnavailable, "")
	s.want("/checkpoints/full/latest/1.iso", http.StatusTemporaryRedirect, "/checkpoints/full/"+newest+"/1.iso")
}

// Who may not list the store is told that a missing object is denied. Most stores have no
// rings.
func TestRingsDenied(t *testing.T) {
	s := serve(t, Options{})
	s.store.set(func(op, key string) error {
		if key == manifest.RolloutKey {
			return objstore.ErrDenied
		}
		return nil
	}, nil)
	s.Resolver = New(Options{Store: s.store})
	s.refreshOK()
	s.want("/checkpoints/full/mine/1.iso", http.StatusNotFound, "")
	s.store.set(nil, nil)
	s.refreshOK()
	s.want("/checkpoints/full/prod/1.iso", http.StatusTemporaryRedirect, "/checkpoints/full/"+exact+"/1.iso")
}

// The board tells nothing of repos that the client may not read, nor who moved what.
func TestBoardProtected(t *testing.T) {
	s := serve(t, Options{Access: func(req *http.Request, base string) Access {
		switch {
		case base != "checkpoints/sealed":
			return Open
		case req.Header.Get("Authorization") != "":
			return Granted
		}
		return Refused
	}})
	s.rings(func(r manifest.Rollout) (manifest.Rollout, error) {
		return r.Hold("prod", manifest.Stamp{At: mustID(t, exact), By: "jane", Reason: "freeze"})
	})
	s.refreshOK()
	for _, tt := range []struct {
		target, user string
		cache        string
		has, lacks   []string
	}{
		{"/-/rings", "", "private, max-age=10", []string{`"why":"another repository holds it back"`, `"held":{"at":"` + exact + `","reason":"freeze"}`, `"repo":"full"`}, []string{"sealed", "jane", `"by"`}},
		{"/-/rings", "eve", "private, max-age=10", []string{`"why":"nothing later is final in sealed"`, `"repo":"sealed"`}, []string{"jane"}},
		{"/-/rings?repo=thin", "", "private, max-age=10", []string{`"repo":"thin"`}, []string{"sealed", `"repo":"full"`}},
		{"/-/rings?repo=thin", "eve", "private, max-age=10", []string{`"why":"nothing later is final in sealed"`}, []string{`"repo":"full"`}},
	} {
		res := s.get(tt.target, "Authorization", tt.user)
		if h := res.Header(); res.Code != http.StatusOK || h.Get("Cache-Control") != tt.cache || !strings.Contains(strings.Join(h.Values("Vary"), ", "), "Authorization") {
			t.Errorf("%s for %q: %v", tt.target, tt.user, h)
		}
		for _, text := range tt.has {
			if !strings.Contains(res.Body.String(), text) {
				t.Errorf("%s for %q lacks %s: %s", tt.target, tt.user, text, res.Body)
			}
		}
		for _, text := range tt.lacks {
			if strings.Contains(res.Body.String(), text) {
				t.Errorf("%s for %q has %s: %s", tt.target, tt.user, text, res.Body)
			}
		}
	}
	s.want("/-/rings?repo=sealed", http.StatusUnauthorized, "")
	s.want("/-/rings?what=1", http.StatusBadRequest, "")
}

// The list of checkpoints and the front page name the rings, at the checkpoints that they
// stand for.
func TestRingsOnPages(t *testing.T) {
	s := serve(t, Options{})
	for target, want := range map[string]string{
		"/checkpoints/full/":   `<p><a href="../../-/rings">Rings</a>: <mark title="2025-03-19 00:00:00 UTC"><a href="prod/">prod</a></mark></p>`,
		"/checkpoints/thin/":   `<a href="` + exact + `/">` + exact + `/</a> <mark>stable</mark> <mark>prod</mark></td>`,
		"/checkpoints/sealed/": `<h1>Checkpoints of sealed</h1>`,
		"/checkpoints/":        `<p><a href="../-/rings">Rings</a>: <mark>prod</mark> <mark>before</mark>`,
	} {
		if body := s.want(target, http.StatusOK, "").Body.String(); !strings.Contains(body, want) {
			t.Errorf("%s lacks %s:\n%s", target, want, body)
		}
	}
	s.rings(func(r manifest.Rollout) (manifest.Rollout, error) {
		return r.Move("prod", mustID(t, newest), manifest.Stamp{At: mustID(t, newest) + 1, By: "ci"})
	})
	s.refreshOK()
	if body := s.want("/checkpoints/thin/", http.StatusOK, "").Body.String(); !strings.Contains(body, newest+"/</a> <mark>prod</mark>") {
		t.Error(body)
	}
}
