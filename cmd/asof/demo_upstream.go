package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// demoDays is the history that the demo publishes.
var demoDays = []struct {
	ago    int // days
	hour   time.Duration
	what   string
	change func(files map[string]string) // nil: nothing was synced yet
}{
	{28, 9 * time.Hour, "nothing yet", nil},
	{28, 17 * time.Hour, "the first images", func(files map[string]string) {
		for i, name := range []string{"1.iso", "2.iso", "3.iso"} {
			files[name] = image(name, 64<<i)
		}
	}},
	{21, 6 * time.Hour, "2.iso is rebuilt, and there are notes", func(files map[string]string) {
		files["2.iso"] = image("2.iso, rebuilt", 128)
		files["notes/2.txt"] = "2.iso: rebuilt with the fixes of the month.\n"
	}},
	{14, 6 * time.Hour, "", func(map[string]string) {}},
	{7, 6 * time.Hour, "4.iso comes, 1.iso goes", func(files map[string]string) {
		delete(files, "1.iso")
		files["4.iso"] = image("4.iso", 512)
		files["notes/4.txt"] = "4.iso: new. It takes the place of 1.iso.\n"
	}},
	{1, 6 * time.Hour, "3.iso is patched", func(files map[string]string) {
		files["3.iso"] = image("3.iso, patched", 256)
		files["notes/3.txt"] = "3.iso: patched.\n"
	}},
}

func image(name string, lines int) string {
	return strings.Repeat(fmt.Sprintf("the bytes of %s\n", name), lines)
}

// demoUpstream is a web server with some files, and the PULP_MANIFEST that lists
// them.
type demoUpstream struct {
	url string

	mu       sync.Mutex
	files    map[string]string // by path
	modified map[string]time.Time
}

// serveDemoUpstream serves an upstream without files until the context ends.
func serveDemoUpstream(ctx context.Context) (*demoUpstream, error) {
	u := &demoUpstream{files: map[string]string{}, modified: map[string]time.Time{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: u}
	context.AfterFunc(ctx, func() { server.Close() })
	go func() { _ = server.Serve(listener) }()
	u.url = "http://" + listener.Addr().String() + "/PULP_MANIFEST"
	return u, nil
}

// on changes the files, some hours before a moment.
func (u *demoUpstream) on(at time.Time, change func(files map[string]string)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	before := maps.Clone(u.files)
	delete(u.files, "PULP_MANIFEST")
	change(u.files)
	var list strings.Builder
	for _, name := range slices.Sorted(maps.Keys(u.files)) {
		fmt.Fprintf(&list, "%s,%x,%d\n", name, sha256.Sum256([]byte(u.files[name])), len(u.files[name]))
	}
	u.files["PULP_MANIFEST"] = list.String()
	for name, content := range u.files {
		if before[name] != content {
			u.modified[name] = at.Add(-3 * time.Hour)
		}
	}
}

// ServeHTTP implements http.Handler.
func (u *demoUpstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	name := strings.TrimPrefix(r.URL.Path, "/")
	content, ok := u.files[name]
	modified := u.modified[name]
	u.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", modified, strings.NewReader(content))
}
