package resolver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/resolver/resolvertest"
)

func key(i int) cacheKey { return cacheKey{digest: manifest.Sum([]byte{byte(i), byte(i >> 8)})} }

func TestCache(t *testing.T) {
	c := newCache(3 * (100 + cacheCost))
	for i := range 3 {
		c.add(key(i), i, 100)
	}
	if _, ok := c.get(key(0)); !ok {
		t.Error("0 is gone although there is room")
	}
	c.add(key(3), 3, 100)
	for i, want := range []bool{true, false, true, true} {
		if _, ok := c.get(key(i)); ok != want {
			t.Errorf("%d is there: %t, want %t", i, ok, want)
		}
	}
	c.add(key(4), 4, 10_000)
	if _, ok := c.get(key(4)); ok || c.bytes > c.limit || len(c.items) != 3 {
		t.Errorf("what is too large was kept, or pushed others out: %d bytes in %d items", c.bytes, len(c.items))
	}
	c.add(key(3), 3, 100)
	for i := range 1000 {
		c.add(key(i), i, int64(i%900))
		if c.bytes > c.limit || c.order.Len() != len(c.items) {
			t.Fatalf("%d bytes of %d, %d and %d items", c.bytes, c.limit, c.order.Len(), len(c.items))
		}
	}
}

// TestOneLoad holds that concurrent requests for one manifest read it once, and
// that the first of them may go away without failing the others.
func TestOneLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &spy{Store: memstore.New(memstore.Options{})}
		if err := resolvertest.Load(t).Fill(t.Context(), store); err != nil {
			t.Fatal(err)
		}
		r := New(Options{Store: store})
		if err := r.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		store.taken()
		store.set(nil, func(_ string, r io.ReadCloser) io.ReadCloser { return slow{r} })
		c, _ := r.state.Load().repos["checkpoints/full"].history.Index.Find(mustID(t, exact))

		first, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, _, err := r.manifests.find(first, c, "1.iso"); !errors.Is(err, context.Canceled) {
				t.Errorf("the one that left: %v", err)
			}
		})
		synctest.Wait()
		for range 50 {
			wg.Go(func() {
				if _, ok, err := r.manifests.find(t.Context(), c, "1.iso"); !ok || err != nil {
					t.Errorf("found %t, %v", ok, err)
				}
			})
		}
		synctest.Wait()
		cancel()
		wg.Wait()
		if calls := store.taken(); len(calls) != 2 {
			t.Errorf("requests %q, want one for the root and one for the leaf", calls)
		}
	})
}

type slow struct{ io.ReadCloser }

func (s slow) Read(p []byte) (int, error) {
	time.Sleep(time.Second)
	return s.ReadCloser.Read(p)
}

// crowd is a store whose every read takes a second and fails.
type crowd struct {
	Store
	mu               sync.Mutex
	reads, now, most int
}

func (c *crowd) Open(context.Context, string, int64, int64) (io.ReadCloser, error) {
	count := func(d int) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.now += d
		c.reads += max(d, 0)
		c.most = max(c.most, c.now)
	}
	count(1)
	defer count(-1)
	time.Sleep(time.Second)
	return nil, objstore.ErrUnavailable
}

// TestReadsAtOnce holds that no crowd of requests makes more reads than the
// bound at a time, and that none waits for ever.
func TestReadsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &crowd{}
		m := newManifests(store, 1)
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				_, err := m.root(t.Context(), manifest.Sum([]byte{byte(i), byte(i >> 8)}))
				if !errors.Is(err, objstore.ErrUnavailable) {
					t.Errorf("read %d: %v", i, err)
				}
			})
		}
		start := time.Now()
		wg.Wait()
		if store.most != readsAtOnce || store.reads >= 1000 || time.Since(start) > 2*readTimeout {
			t.Errorf("%d reads, up to %d at once, in %s", store.reads, store.most, time.Since(start))
		}
	})
}

// TestRequestMemory holds that a request costs the same whatever the index
// weighs.
func TestRequestMemory(t *testing.T) {
	perRequest := func(n int) uint64 {
		ix := manifest.Index{Repo: "r", Generation: 1}
		for i := range n {
			ix.Checkpoints = append(ix.Checkpoints, manifest.Checkpoint{ID: manifest.ID(i * 3600), Layout: manifest.Full})
		}
		ix.Horizon = manifest.ID(n * 3600)
		r := New(Options{Store: memstore.New(memstore.Options{})})
		r.state.Store(newState(manifest.Registry{}, new(manifest.Rollout), true, map[string]*repo{"r": newRepo(r.manifests, manifest.Repo{Name: "r", Base: "r"}, ix, manifest.Digest{1})}))
		s := &service{Resolver: r, t: t}
		targets := []string{"/r/latest/", "/r/00010101T003000Z/", "/r/", "/r/checkpoints.json", "/", "/r/18000101/"}
		for _, target := range targets {
			s.get(target)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 20 {
			for _, target := range targets {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, target, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.ServeHTTP(discard{http.Header{}}, req)
			}
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / 20 / uint64(len(targets))
	}
	few, many := perRequest(10), perRequest(20_000)
	if many > few+1000 {
		t.Errorf("%d bytes a request with 10 checkpoints, %d with 20,000", few, many)
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) WriteHeader(int)             {}
func (d discard) Write(p []byte) (int, error) { return len(p), nil }

func TestNegotiate(t *testing.T) {
	browser := "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"
	for _, c := range []struct{ accept, list, problem string }{
		{"", typeHTML, typeText},
		{"*/*", typeHTML, typeText},
		{browser, typeHTML, typeHTML},
		{"application/json", typeJSON, typeProblem},
		{"APPLICATION/JSON", typeJSON, typeProblem},
		{"application/problem+json", typeHTML, typeProblem},
		{"application/*", typeJSON, typeProblem},
		{"text/*", typeHTML, typeText},
		{"text/plain", typeHTML, typeText},
		{"text/html;level=1", typeHTML, typeHTML},
		{"application/json;q=0.1,text/html;q=0.2", typeHTML, typeHTML},
		{"application/json;q=0.2 , text/html; Q=0.1", typeJSON, typeProblem},
		{"text/html;q=0,*/*", typeJSON, typeText},
		{"text/html;q=0,text/plain;q=0,*/*;q=0.1", typeJSON, typeProblem},
		{"*/*;q=0.1,text/html;q=0.05", typeJSON, typeText},
		{"application/json;q=0", typeHTML, typeText},
		{"image/png", typeHTML, typeText},
		{"application/json;q=2,text/html;q=0.001", typeHTML, typeHTML},
		{"application/json;q=1.001", typeHTML, typeText},
		{"application/json;q=0.0001", typeHTML, typeText},
		{"application/json;q=", typeHTML, typeText},
		{"application/json;q=1.000", typeJSON, typeProblem},
		{`text/html;a=",application/json;q=1";q=0.1,application/json;q=0.2`, typeJSON, typeProblem},
		{`text/html;a="\",";q=0.1,application/json;q=0.2`, typeJSON, typeProblem},
		{",,;q=1,/;,\"", typeHTML, typeText},
	} {
		header := http.Header{}
		if c.accept != "" {
			header.Set("Accept", c.accept)
		}
		if got := negotiate(header, listOffers); got != c.list {
			t.Errorf("list for %q: %s, want %s", c.accept, got, c.list)
		}
		if got := negotiate(header, errorOffers); got != c.problem {
			t.Errorf("error for %q: %s, want %s", c.accept, got, c.problem)
		}
	}
	two := http.Header{"Accept": {"text/html;q=0.5", "application/json"}}
	if got := negotiate(two, listOffers); got != typeJSON {
		t.Errorf("two header lines: %s", got)
	}
}

func TestLargestPathFits(t *testing.T) {
	longest := manifest.MaxPath - len("/"+manifest.IndexPage)
	p := strings.Repeat("é/", longest/3)
	p = p[:len(p)-1] + strings.Repeat("x", longest-len(p)+1)
	if err := manifest.CheckPath(p); err != nil {
		t.Fatal(err)
	}
	var escaped strings.Builder
	for i := range len(p) {
		if p[i] == '/' {
			escaped.WriteByte('/')
		} else {
			fmt.Fprintf(&escaped, "%%%02x", p[i])
		}
	}
	s := serve(t, Options{})
	s.want("/checkpoints/full/"+exact+"/"+escaped.String(), http.StatusNotFound, "")
}
