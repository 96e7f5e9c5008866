// Package edge holds the tests of the functions at the edge, which are
// JavaScript: they answer the table of resolver/testdata as the Go handler does.
package edge

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/cloudfront"
	"github.com/asof/asof/resolver"
	"github.com/asof/asof/resolver/resolvertest"
)

// The function in front of the Go handler: together they answer the table, and
// what a key value store is enough for the function answers alone.
func TestCloudFrontFunction(t *testing.T) {
	f := resolvertest.Load(t)
	store := memstore.New(memstore.Options{})
	if err := f.Fill(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	r := resolver.New(resolver.Options{Store: store})
	if err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	origin := httptest.NewServer(r)
	defer origin.Close()

	skip := maps.Clone(notByFunction)
	for _, row := range f.Rows {
		if strings.HasPrefix(row.Name, "variant: ") && row.Want.Headers["Vary"] != nil {
			skip[row.Name] = "the function asks for index.html by its name: no cache key has Accept"
		}
	}
	byFunction := 0
	f.Run(t, startFunction(t, f, origin.URL), resolvertest.Options{Skip: skip, Check: func(t *testing.T, row resolvertest.Row, res *http.Response) {
		function := res.Header.Get("X-Answered-By") == "function"
		if function {
			byFunction++
		} else if ofFunction(row) {
			t.Errorf("the origin was asked for %s", res.Header.Get("X-Origin-Uri"))
		}
	}})
	if least := 150; byFunction < least {
		t.Errorf("%d answers by the function, want at least %d", byFunction, least)
	}
}

const noSlash = "the function knows no directories: a second redirect adds the slash"

const noFiles = "the function knows no files: it sends a moving name to its own checkpoint"

const noMoments = "the function leaves the form to the origin, or to the script of the bucket's page"

// notByFunction are the rows that function and handler answer differently.
var notByFunction = map[string]string{
	"latest, directory and query":                               noSlash,
	"time and directory without slash":                          noSlash,
	"time, doubled slashes, directory, query":                   noSlash,
	"directory without slash below latest, for now":             noSlash,
	"directory without slash below a channel, for now":          noSlash,
	"directory without slash below a provisional time, for now": noSlash,
	"directory without slash, doubled slashes":                  noSlash,
	"moved: latest, a file that is gone":                        noFiles,
	"moved: latest, a file that is gone, HEAD":                  noFiles,
	"moved: latest, a file that is gone, query":                 noFiles,
	"moved: latest, a file that is gone, range and condition":   noFiles,
	"moved: latest, a file that is gone, doubled slashes":       noFiles,
	"moved: latest, a file that is gone, with an odd name":      noFiles,
	"moved: latest, a file of the newest up to the grace":       noFiles,
	"moved: latest, a file below a directory that is gone":      noFiles,
	"moved: channel, a file that is gone":                       noFiles,
	"moved: channel, a file of what it stood for before that":   noFiles,
	"moved: channel that went back, a file of the later one":    noFiles,
	"list":                            "the bucket's own list has no Vary",
	"list as JSON":                    "the bucket's own index has no Vary",
	"sealed: list":                    "the bucket's own list has no Vary",
	"refused: target too long":        "CloudFront has a limit of its own",
	"moment, JSON":                    noMoments,
	"moment without the list's slash": noMoments,
}

// ofFunction reports whether a row needs no origin.
func ofFunction(row resolvertest.Row) bool {
	if strings.Contains(row.Name, "ring") || row.Name == "unknown channel" || row.Name == "no time: a word" {
		return false // the origin knows the rings
	}
	path := strings.TrimLeft(row.Path, "/")
	switch {
	case strings.HasPrefix(path, "checkpoints/sealed/2023"), strings.HasPrefix(path, "checkpoints/sealed/2024") && !strings.Contains(path, "20240601"):
		return false // in a segment: older than what the store is told
	case strings.HasPrefix(path, "left/"):
		return false // retired: the store is told nothing of it
	case path == "", strings.HasPrefix(path, "empty"), row.Headers["Accept-Datetime"] != "", strings.HasPrefix(row.Name, "directory"), strings.HasPrefix(row.Name, "another host"):
		return false
	case strings.HasPrefix(row.Name, "moment"), strings.HasPrefix(row.Name, "folder"), strings.HasPrefix(path, "-/"):
		return false
	}
	switch row.Want.Status {
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusMethodNotAllowed, http.StatusGone:
		return true
	case http.StatusNotFound:
		for _, prefix := range []string{"no time", "refused", "the future", "the far future", "before the first", "unknown channel", "registry", "staged", "escaped private"} {
			if strings.HasPrefix(row.Name, prefix) {
				return true
			}
		}
	}
	return false
}

// The function in front of a bucket, without anything behind it: full
// checkpoints, their directories and the lists are there.
func TestCloudFrontBucket(t *testing.T) {
	f := resolvertest.Load(t)
	bucket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff") // by a response headers policy
		for _, o := range f.Objects {
			if "/"+o.Key == req.URL.Path {
				w.Header().Set("Content-Type", o.ContentType)
				w.Header().Set("Cache-Control", o.CacheControl)
				http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(o.Bytes()))
				return
			}
		}
		http.Error(w, "access denied", http.StatusForbidden)
	}))
	defer bucket.Close()
	static, unfit := f.Static()
	static.Rows = slices.DeleteFunc(static.Rows, func(row resolvertest.Row) bool {
		return row.Want.Status >= 300 || row.Want.Status == http.StatusOK && row.Headers["Range"] != "" // the origin's own
	})
	static.Run(t, startFunction(t, f, bucket.URL), resolvertest.Options{Skip: unfit})
}

// startFunction runs the function with a key value store for the fixture, and
// returns its URL.
func startFunction(t *testing.T, f resolvertest.Fixture, origin string) string {
	t.Helper()
	pairs := map[string]string{}
	for _, o := range f.Objects {
		base, ok := strings.CutSuffix(o.Key, "/checkpoints.json")
		if !ok {
			continue
		}
		ix, err := manifest.ParseIndex(o.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		got, err := cloudfront.Pairs(base, ix, 12, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range got {
			pairs[p.Key] = p.Value
		}
	}
	data, err := json.Marshal(pairs)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "pairs.json")
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return startNode(t, "testdata/cloudfront.mjs", "cloudfront.js", name, origin)
}

// startNode runs a script that prints its URL, until the test ends.
func startNode(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", args...)
	var log strings.Builder
	cmd.Stderr = &log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: make setup installs node", err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("node says:\n%s", log.String())
		}
	})
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("node does not start: %v", err)
	}
	return strings.TrimSpace(url)
}
