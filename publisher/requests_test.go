package publisher

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/asof/asof/internal/miniotest"
	"github.com/asof/asof/internal/objstore/storeurl"
	"github.com/asof/asof/manifest"
)

// meter counts what goes over the wire to a bucket.
type meter struct {
	wire http.RoundTripper
	mu   sync.Mutex
	seen map[string]int
}

func (m *meter) wrap(wire http.RoundTripper) http.RoundTripper {
	m.wire, m.seen = wire, map[string]int{}
	return m
}

func (m *meter) RoundTrip(req *http.Request) (*http.Response, error) {
	kind := req.Method
	switch {
	case req.Header.Get("X-Amz-Copy-Source") != "":
		kind = "COPY"
	case req.URL.Query().Has("list-type"):
		kind = "LIST"
	}
	m.mu.Lock()
	m.seen[kind]++
	m.mu.Unlock()
	return m.wire.RoundTrip(req)
}

// take returns the counts since the last call, such as "1 LIST, 2 PUT".
func (m *meter) take() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(m.seen)) {
		parts = append(parts, fmt.Sprintf("%d %s", m.seen[kind], kind))
	}
	clear(m.seen)
	return strings.Join(parts, ", ")
}

// Cost is behaviour. First 12 files in 3 directories and the root, with a page
// each; then two changed files in one directory; then nothing.
func TestRequests(t *testing.T) {
	server := miniotest.Start(t)
	server.Setenv(t)
	for driver, url := range map[string]string{
		"minio": "minio://" + server.Endpoint + "/%s",
		"s3":    "s3://%s?path_style=true&endpoint=http://" + server.Endpoint,
	} {
		for layout, want := range map[manifest.Layout][3]string{
			manifest.Full: {
				"5 GET, 1 LIST, 23 PUT", // files, pages, receipt, attempt, 2 manifests, index, record, list, registry
				// Unchanged files are copied, the pages after a look; the new
				// tree is listed.
				"12 COPY, 5 GET, 2 HEAD, 2 LIST, 11 PUT",
				"3 GET, 1 PUT",
			},
			manifest.Thin: {
				"5 GET, 1 LIST, 23 PUT",
				"5 GET, 1 LIST, 11 PUT",
				"3 GET, 1 PUT",
			},
		} {
			t.Run(driver+"/"+string(layout), func(t *testing.T) {
				files := map[string]string{}
				for i := range 12 {
					files[fmt.Sprintf("d%d/%02d", i%3, i)] = fmt.Sprint("file ", i)
				}
				f := newFixture(t, layout, files)
				var m meter
				store, err := storeurl.Open(t.Context(), fmt.Sprintf(url, server.NewBucket(t)), storeurl.Options{WrapTransport: m.wrap})
				if err != nil {
					t.Fatal(err)
				}
				f.store = trace(store)
				f.pub = f.publisher(f.store)
				// A store is probed once, before the very first publish.
				f.publish(PublishOptions{NoSync: true, Empty: true})
				for i, change := range []func(){
					func() {},
					func() { f.up.set("d1/01", "changed"); f.up.set("d1/04", "changed, too") },
					func() {},
				} {
					change()
					m.take()
					f.publish(PublishOptions{})
					if got := m.take(); got != want[i] {
						t.Errorf("publish %d: %s, want %s", i+1, got, want[i])
					}
				}
				f.check()
			})
		}
	}
}
