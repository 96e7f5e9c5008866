package resolver

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

const sealedBase = "checkpoints/sealed"

// segmentKeys are the keys of the fixture's two segments, the older first.
func (s *service) segmentKeys() (keys [2]string) {
	s.t.Helper()
	for i, ref := range s.state.Load().repos[sealedBase].history.Index.Segments {
		keys[i] = manifest.SegmentKey(ref.Digest)
	}
	return keys
}

// A redirect into a sealed segment costs one read, once, of at most one byte more
// than the index says.
func TestSegmentIsReadOnce(t *testing.T) {
	s := serve(t, Options{})
	keys := s.segmentKeys()
	for _, target := range []string{"20240215T000000Z/", "20240202/", "20240201T000001Z/"} {
		s.want("/"+sealedBase+"/"+target, http.StatusMovedPermanently, "/"+sealedBase+"/20240201T000000Z/")
	}
	s.want("/"+sealedBase+"/20240115T000000Z/", http.StatusGone, "")
	s.want("/"+sealedBase+"/20231231T000000Z/", http.StatusNotFound, "")
	s.want("/"+sealedBase+"/frozen/", http.StatusTemporaryRedirect, "/"+sealedBase+"/20240201T000000Z/")
	s.wantCalls("open " + keys[0] + " 0 641")

	// Many at once share the read.
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { s.get("/" + sealedBase + "/20240401T000000Z/") })
	}
	wg.Wait()
	s.wantCalls("open " + keys[1] + " 0 640")
	s.want("/"+sealedBase+"/20240515T000000Z/", http.StatusMovedPermanently, "/"+sealedBase+"/20240501T000000Z/")
	s.want("/"+sealedBase+"/latest/", http.StatusTemporaryRedirect, "/"+sealedBase+"/20240501T000000Z/")
	s.wantCalls()

	// So does its page, which is kept as it is.
	for range 2 {
		s.want("/"+sealedBase+"/index-20240101T000000Z.html", http.StatusOK, "")
	}
	s.wantCalls("open " + keys[0] + " 0 641")
}

// While the store is away, only what stands in a segment that was not read yet
// can't be answered.
func TestSegmentStoreAway(t *testing.T) {
	s := serve(t, Options{})
	s.want("/"+sealedBase+"/20240215T000000Z/", http.StatusMovedPermanently, "/"+sealedBase+"/20240201T000000Z/")
	s.store.set(away, nil)
	s.want("/"+sealedBase+"/20240216T000000Z/", http.StatusMovedPermanently, "/"+sealedBase+"/20240201T000000Z/")
	s.want("/"+sealedBase+"/20240515T000000Z/", http.StatusMovedPermanently, "/"+sealedBase+"/20240501T000000Z/")
	s.want("/"+sealedBase+"/", http.StatusOK, "")
	for _, target := range []string{"20240315T000000Z/", "index-20240301T000000Z.html"} {
		res := s.want("/"+sealedBase+"/"+target, http.StatusServiceUnavailable, "")
		if res.Header().Get("Retry-After") == "" || res.Header().Get("Cache-Control") != manifest.CacheNever {
			t.Errorf("%s: %v", target, res.Header())
		}
	}
	s.store.set(nil, nil)
	s.want("/"+sealedBase+"/20240315T000000Z/", http.StatusMovedPermanently, "/"+sealedBase+"/20240301T000000Z/")
}

// A segment that holds something else than its name says answers nothing.
func TestSegmentDamaged(t *testing.T) {
	for name, damage := range map[string]func(string) string{
		"another id": func(s string) string { return strings.Replace(s, "20240201", "20240202", 1) },
		"cut off":    func(s string) string { return s[:len(s)-5] },
		"longer":     func(s string) string { return s + "\n" },
		"empty":      func(string) string { return "" },
	} {
		s := serve(t, Options{})
		s.store.set(nil, func(key string, r io.ReadCloser) io.ReadCloser {
			data, _ := io.ReadAll(r)
			return io.NopCloser(strings.NewReader(damage(string(data))))
		})
		if res := s.get("/" + sealedBase + "/20240215T000000Z/"); res.Code != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", name, res.Code)
		}
	}
}

// Two repos whose indexes name one segment: it belongs to one of them.
func TestSegmentOfAnotherRepo(t *testing.T) {
	s := serve(t, Options{})
	data, _, err := s.store.Store.Load(t.Context(), manifest.IndexKey(sealedBase), "")
	if err != nil {
		t.Fatal(err)
	}
	lie := strings.Replace(string(data), `"repo":"sealed"`, `"repo":"thief"`, 1)
	_, err = s.store.Store.Swap(t.Context(), manifest.IndexKey("thief"), "", []byte(lie), objstore.Attributes{})
	if err != nil {
		t.Fatal(err)
	}
	s.register(func(r *manifest.Registry) { *r, _ = r.Add(manifest.Repo{Name: "thief", Base: "thief"}) })
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s.want("/"+sealedBase+"/20240215T000000Z/", http.StatusMovedPermanently, "/"+sealedBase+"/20240201T000000Z/")
		s.want("/thief/20240215T000000Z/", http.StatusServiceUnavailable, "")
	}
}
