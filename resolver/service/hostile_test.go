package service

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/resolver"
)

// hidden stands in every object that is not to be reached.
const hidden = "private: must never be served"

// watched is a store that notes every key that is read, beside what a refresh
// reads.
type watched struct {
	resolver.Store
	mu   sync.Mutex
	keys []string
}

func (s *watched) note(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, key)
}

func (s *watched) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	s.note(key)
	return s.Store.Open(ctx, key, offset, length)
}

func (s *watched) Stat(ctx context.Context, key string) (objstore.Info, error) {
	s.note(key)
	return s.Store.Stat(ctx, key)
}

func (s *watched) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := s.keys
	s.keys = nil
	return keys
}

// target is a service whose store holds secrets beside the fixture.
func target(t testing.TB) (*Service, *watched) {
	var store *watched
	s, fixture := setup(t, func(_ *Options, r *resolver.Options) {
		store = &watched{Store: r.Store}
		r.Store = store
		r.HotBytes = -1 // so that every answer shows what it reads
	})
	for _, key := range []string{".asof/pins/20250318T140338Z-x", ".asof/janitor/checkpoints/full/note.json", ".asof/repos/checkpoints/full/attempts/x", "other/file", "checkpoints/full/unlisted", "checkpoints/full/20250319T000000Z/unlisted"} {
		if _, err := objstore.Put(t.Context(), fixture, key, objstore.Bytes([]byte(hidden)), objstore.Attributes{}); err != nil {
			t.Fatal(err)
		}
	}
	return s, store
}

// harmless checks what holds of every answer, whatever was asked.
func harmless(t *testing.T, request string, res *http.Response, body []byte, keys []string) {
	t.Helper()
	if res.StatusCode >= 500 && res.StatusCode != http.StatusNotImplemented && res.StatusCode != http.StatusHTTPVersionNotSupported {
		t.Errorf("%q: status %d", request, res.StatusCode)
	}
	if bytes.Contains(body, []byte(hidden)) || bytes.Contains(body, []byte(`"format":"asof.registry`)) {
		t.Errorf("%q: a private object: %.200s", request, body)
	}
	for name, values := range res.Header {
		for _, v := range values {
			if strings.EqualFold(name, "X-Injected") || strings.ContainsFunc(name+v, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
				t.Errorf("%q: header %s: %q", request, name, v)
			}
		}
	}
	if _, ok := res.Header["Location"]; ok {
		loc := res.Header.Get("Location")
		base := &url.URL{Scheme: "https", Host: "host.example", Path: "/a/b"}
		u, err := base.Parse(loc)
		path, _, _ := strings.Cut(loc, "?")
		if err != nil || loc == "" || loc[0] != '/' || strings.HasPrefix(loc, "//") || strings.Contains(path, `\`) || u.Scheme != base.Scheme || u.Host != base.Host {
			t.Errorf("%q: Location %q leaves the host", request, loc)
		}
	}
	// Links name no host either, as no answer depends on what the host is called.
	if link := res.Header.Get("Link"); strings.Contains(link, "//") {
		t.Errorf("%q: Link %q", request, link)
	}
	for _, key := range keys {
		base, rest, _ := strings.Cut(strings.TrimPrefix(key, "checkpoints/"), "/")
		id, _, _ := strings.Cut(rest, "/")
		_, err := manifest.ParseID(id)
		inTree := strings.HasPrefix(key, "checkpoints/") && (base == "full" || base == "thin" || base == "sealed") && err == nil && id != "20250319T000000Z"
		if !inTree && !strings.HasPrefix(key, manifest.BlobPrefix) && !strings.HasPrefix(key, manifest.ManifestPrefix) && !strings.HasPrefix(key, manifest.SegmentPrefix) {
			t.Errorf("%q reads %q", request, key)
		}
	}
}

// corpus are the requests of testdata/hostile.txt: one a line, as a quoted Go
// string; those without a line end are targets.
func corpus(t testing.TB) (requests []string) {
	data, err := os.ReadFile("testdata/hostile.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		var request string
		if _, err := fmt.Sscanf(line, "%q", &request); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if !strings.Contains(request, "\n") {
			request = "GET " + request + " HTTP/1.1\r\nHost: host.example\r\n\r\n"
		}
		requests = append(requests, strings.ReplaceAll(request, "LONG", strings.Repeat("a", 5000)))
	}
	return requests
}

// TestHostile sends the corpus byte for byte over real connections.
func TestHostile(t *testing.T) {
	s, store := target(t)
	addr, end := run(t, &Server{Handler: s})
	for _, request := range corpus(t) {
		store.taken()
		// The second request must be answered for itself, or not at all.
		answer := raw(t, addr, request+"GET /-/healthz HTTP/1.1\r\nHost: host.example\r\nConnection: close\r\n\r\n")
		in := bufio.NewReader(strings.NewReader(answer))
		first, _, _ := strings.Cut(request, " ")
		for i, method := range []string{first, http.MethodGet} {
			res, err := http.ReadResponse(in, &http.Request{Method: method})
			if err != nil {
				if i == 0 && answer != "" {
					t.Errorf("%q: %v: %.200q", request, err, answer)
				}
				break
			}
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Errorf("%q: %v", request, err)
			}
			harmless(t, request, res, body, store.taken())
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// FuzzHostile holds the same of any request that Go's server lets through.
func FuzzHostile(f *testing.F) {
	for _, request := range corpus(f) {
		f.Add(request)
	}
	s, store := target(f)
	f.Fuzz(func(t *testing.T, request string) {
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(request)))
		if err != nil {
			return
		}
		req.RemoteAddr = "192.0.2.1:1"
		store.taken()
		res := httptest.NewRecorder()
		s.ServeHTTP(res, req)
		harmless(t, request, res.Result(), res.Body.Bytes(), store.taken())
	})
}
