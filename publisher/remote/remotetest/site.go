package remotetest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Site is an upstream: a web server with the files that a test sets. Its methods are safe
// for concurrent use; its fields are not.
type Site struct {
	Server   *httptest.Server
	Files    map[string][]byte // by path
	Modified time.Time         // of all files; zero: none is told
	Fresh    bool              // answers are of the second in which the files changed
	ETags    bool              // digests of the files

	mu       sync.Mutex
	requests []string
	before   func(path string)
	header   http.Header // of the last request
}

// NewSite starts a server without files. It ends with the test.
func NewSite(t testing.TB) *Site {
	s := &Site{Files: map[string][]byte{}, Modified: Modified().Add(-time.Hour)}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Server.Close)
	return s
}

// ServeHTTP implements http.Handler.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	s.mu.Lock()
	before := s.before
	request := r.Method + " " + name
	if r.Header.Get("If-Modified-Since") != "" {
		request += " since"
	}
	if r.Header.Get("If-None-Match") != "" {
		request += " unless"
	}
	s.requests = append(s.requests, request)
	s.header = r.Header
	s.mu.Unlock()
	if before != nil {
		before(name)
	}
	s.mu.Lock()
	data, ok := s.Files[name]
	modified := s.Modified
	if s.Fresh {
		w.Header().Set("Date", modified.Format(http.TimeFormat))
	}
	if s.ETags {
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(data)))
	}
	s.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	http.ServeContent(w, r, "", modified, bytes.NewReader(data))
}

// Take returns the requests since the last call, sorted: "GET path", with " since"
// or " unless" if there is a condition.
func (s *Site) Take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.requests
	s.requests = nil
	slices.Sort(list)
	return list
}

// Header returns the header of the last request.
func (s *Site) Header() http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.header
}

// OnRequest calls f ahead of each answer from now on; nil: no longer.
func (s *Site) OnRequest(f func(path string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// Set adds or replaces a file.
func (s *Site) Set(name, content string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Files[name] = []byte(content)
}

// Remove takes files away.
func (s *Site) Remove(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		delete(s.Files, name)
	}
}

// Content returns a file; empty: there is none.
func (s *Site) Content(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.Files[name])
}

// SetModified sets the time of all files.
func (s *Site) SetModified(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Modified = t
}

// Age makes what is served from now on newer.
func (s *Site) Age() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Modified = s.Modified.Add(time.Minute)
}
