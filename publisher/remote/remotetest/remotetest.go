// Package remotetest is an upstream for tests: an HTTP server with a
// PULP_MANIFEST and files that a test sets, which fails as the test says.
package remotetest

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Name is the manifest's name.
const Name = "PULP_MANIFEST"

// Upstream is a server with the manifest and the files at its root. It is safe
// for concurrent use.
type Upstream struct {
	server *httptest.Server

	mu       sync.Mutex
	files    map[string]file
	manifest *string // nil: generated
	faults   map[string][]Fault
	always   map[string]Fault
	requests []string
}

type file struct {
	content  string
	modified time.Time
}

// Modified is the time of all files without one of their own.
func Modified() time.Time { return time.Date(2025, time.March, 18, 14, 3, 40, 0, time.UTC) }

// New starts an upstream without files. It ends with the test.
func New(t testing.TB) *Upstream {
	u := &Upstream{files: map[string]file{}, faults: map[string][]Fault{}, always: map[string]Fault{}}
	u.server = httptest.NewServer(u)
	t.Cleanup(func() {
		u.server.CloseClientConnections() // ends handlers that stall
		u.server.Close()
	})
	return u
}

// URL is the manifest's URL.
func (u *Upstream) URL() string { return u.server.URL + "/" + Name }

// Set adds or replaces a file. The generated manifest lists it.
func (u *Upstream) Set(path, content string) { u.SetModified(path, content, Modified()) }

// SetModified is Set with a modification time; the zero time: none is told.
func (u *Upstream) SetModified(path, content string, modified time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.files[path] = file{content, modified}
}

// Remove takes a file away, from the generated manifest too.
func (u *Upstream) Remove(path string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.files, path)
}

// SetManifest replaces the generated manifest, from now on.
func (u *Upstream) SetManifest(text string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.manifest = &text
}

// Manifest is the manifest's text as it would be served now.
func (u *Upstream) Manifest() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.manifestText()
}

func (u *Upstream) manifestText() string {
	if u.manifest != nil {
		return *u.manifest
	}
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(u.files)) {
		b.WriteString(Line(path, u.files[path].content))
	}
	return b.String()
}

// Line is a file's line in a manifest.
func Line(path, content string) string {
	return fmt.Sprintf("%s,%x,%d\n", path, sha256.Sum256([]byte(content)), len(content))
}

// Fail makes the next requests for path, or for [Name], meet the faults, one
// each and in this order, behind those that are still to come.
func (u *Upstream) Fail(path string, faults ...Fault) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.faults[path] = append(u.faults[path], faults...)
}

// FailAlways makes every request for path meet a fault, once those of Fail are
// used up; nil: no longer.
func (u *Upstream) FailAlways(path string, fault Fault) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.always[path] = fault
}

// Requests lists the requests so far, each as its method and its path as it
// was encoded, with the query: "GET /a%20b.iso".
func (u *Upstream) Requests() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.requests)
}

// ServeHTTP implements http.Handler.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	u.mu.Lock()
	u.requests = append(u.requests, r.Method+" "+r.RequestURI)
	f, ok := u.files[path]
	if path == Name {
		f, ok = file{u.manifestText(), Modified()}, true
	}
	fault := u.always[path]
	if waiting := u.faults[path]; len(waiting) > 0 {
		fault, u.faults[path] = waiting[0], waiting[1:]
	}
	u.mu.Unlock()

	if ok && !f.modified.IsZero() {
		w.Header().Set("Last-Modified", f.modified.UTC().Format(http.TimeFormat))
	}
	switch {
	case fault != nil:
		fault(w, r, f.content)
	case !ok:
		w.WriteHeader(http.StatusNotFound)
	default:
		serve(w, f.content)
	}
}

func serve(w http.ResponseWriter, content string) {
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write([]byte(content))
}
