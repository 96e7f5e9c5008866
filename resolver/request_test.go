package resolver

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/resolver/resolvertest"
)

func TestParseTarget(t *testing.T) {
	for _, c := range []struct {
		path string
		want target
	}{
		{"", target{slash: true}},
		{"/", target{slash: true}},
		{"//", target{slash: true, doubled: true}},
		{"///", target{slash: true, doubled: true}},
		{"/a", target{path: "a"}},
		{"/a/", target{path: "a", slash: true}},
		{"/a//", target{path: "a", slash: true, doubled: true}},
		{"//a/b", target{path: "a/b", doubled: true}},
		{"/./a/././b", target{path: "a/b", doubled: true}},
		{"/a//b/c%20", target{path: "a/b/c ", doubled: true}},
		{"/a%20b/%25/%C3%A9", target{path: "a b/%/é"}},
		{"/a/b%20/", target{path: "a/b ", slash: true}},
		{"/%252e%252e/+", target{path: "%2e%2e/+"}},
	} {
		got, err := parseTarget(c.path)
		if err != nil || got != c.want {
			t.Errorf("%q: %+v, %v, want %+v", c.path, got, err, c.want)
		}
	}
	for _, path := range []string{
		"*", "a", "/.", "/..", "/%2e", "/%2E%2e", "/a/../b", "/a%2fb", "/%2F", "/%5c", "/\\", "/%", "/%zz", "/%0a",
		"/%00", "/%7f", "/%c2%85", "/%ff", "/%e2%80%a8", "/a\nb", "/" + strings.Repeat("a", manifest.MaxSegment+1),
	} {
		if got, err := parseTarget(path); err == nil {
			t.Errorf("%q is taken: %+v", path, got)
		}
	}
}

// TestQuery covers what no HTTP server lets through, but a function at the edge
// may be given.
func TestQuery(t *testing.T) {
	for raw, want := range map[string]string{
		"":                          "",
		"a=b&c":                     "?a=b&c",
		"a\r\nX: y":                 "?a%0D%0AX:%20y",
		"a#b":                       "?a%23b",
		"é\x00\x7f":                 "?%C3%A9%00%7F",
		"//evil.example/%0d%0a?\"'": "?//evil.example/%0d%0a?\"'",
	} {
		if got := queryOf(&http.Request{URL: &url.URL{RawQuery: raw}}); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
}

// TestHandmadeURL covers requests without a server's parser in front.
func TestHandmadeURL(t *testing.T) {
	s := serve(t, Options{})
	for _, u := range []url.URL{
		{Path: "/checkpoints/full/20250319/a\r\nX: y"},
		{Path: "//evil.example/../"},
		{Path: "checkpoints/full/latest/x"},
		{Path: "\\\\evil.example"},
		{Opaque: "//evil.example/x"},
		{Scheme: "https", Host: "evil.example", Path: "/checkpoints/full/latest/..//x"},
		{Path: "/checkpoints/full/latest/é", RawPath: "/%zz", RawQuery: "\r\nX: y"},
	} {
		res := httptest.NewRecorder()
		s.ServeHTTP(res, &http.Request{Method: http.MethodGet, URL: &u, Header: http.Header{}})
		checkAnswer(t, u.String(), res.Result())
	}
}

// checkAnswer checks what holds whatever was asked, of a healthy store.
func checkAnswer(t *testing.T, what string, res *http.Response) {
	t.Helper()
	if res.StatusCode >= 500 {
		t.Errorf("%q: status %d", what, res.StatusCode)
	}
	for name, values := range res.Header {
		for _, v := range values {
			if strings.ContainsFunc(name+v, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
				t.Errorf("%q: header %s: %q", what, name, v)
			}
		}
	}
	loc := res.Header.Get("Location")
	if (loc != "") != (res.StatusCode == http.StatusMovedPermanently || res.StatusCode == http.StatusFound || res.StatusCode == http.StatusTemporaryRedirect) {
		t.Errorf("%q: status %d with Location %q", what, res.StatusCode, loc)
	}
	if loc == "" {
		return
	}
	base := &url.URL{Scheme: "https", Host: "host.example", Path: "/checkpoints/"}
	u, err := base.Parse(loc)
	if err != nil {
		t.Errorf("%q: Location %q: %v", what, loc, err)
		return
	}
	if loc[0] != '/' || strings.HasPrefix(loc, "//") || strings.Contains(loc[:strings.IndexByte(loc+"?", '?')], "\\") || u.Scheme != base.Scheme || u.Host != base.Host {
		t.Errorf("%q: Location %q leaves the host", what, loc)
	}
}

// FuzzRequest holds that no request leads to another host, to a private object,
// to a second redirect, or to a failure.
func FuzzRequest(f *testing.F) {
	for _, row := range resolvertest.Load(f).Rows {
		path := strings.NewReplacer("{{base}}", "checkpoints/full", "{{now}}", "20261123T000000Z").Replace(row.Path)
		f.Add(path, row.Headers["Accept"], row.Headers["Range"])
	}
	for _, path := range []string{
		"//evil.example/checkpoints/full/latest", "/\\evil.example", "/checkpoints/full/latest/\\evil.example/", "/checkpoints/full//evil.example/",
		"/checkpoints/full/latest//evil.example", "/checkpoints/thin/20250319/%2F%2Fevil.example", "/checkpoints/full/latest/.asof/x?\t",
		"http://evil.example/checkpoints/full/latest", "/checkpoints/thin/2025-03-18T14:03:38+00:00/%E2%80%AE", "/.asof/pool/sha256/", "/asof.json",
	} {
		f.Add(path, "*/*", "bytes=0-,-1")
	}
	s := serve(f, Options{})
	private := []byte("private: must never be served")
	ask := func(t *testing.T, target, accept, ranges string) *httptest.ResponseRecorder {
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: host.example\r\n\r\n")))
		if err != nil {
			t.Skip()
		}
		req.Header.Set("Accept", accept)
		req.Header.Set("Range", ranges)
		res := httptest.NewRecorder()
		s.ServeHTTP(res, req)
		return res
	}
	f.Fuzz(func(t *testing.T, target, accept, ranges string) {
		if strings.ContainsAny(target, "\r\n") {
			t.Skip()
		}
		res := ask(t, target, accept, ranges)
		checkAnswer(t, target, res.Result())
		if strings.Contains(res.Body.String(), string(private)) {
			t.Errorf("%q: a private object", target)
		}
		for _, call := range s.store.taken() {
			if key, ok := strings.CutPrefix(call, "open "); ok && !strings.HasPrefix(key, "checkpoints/") && !strings.HasPrefix(key, manifest.BlobPrefix) && !strings.HasPrefix(key, manifest.SegmentPrefix) {
				t.Errorf("%q reaches %q", target, key)
			}
		}
		moved := strings.HasPrefix(path.Clean(target), "/left/") // to a repo, whose own redirect comes next
		if loc := res.Header().Get("Location"); loc != "" {
			if again := ask(t, loc, accept, ranges).Header().Get("Location"); again != "" && !moved {
				t.Errorf("%q leads to %q, which leads to %q", target, loc, again)
			}
			s.store.taken()
		}
	})
}

func TestIsActive(t *testing.T) {
	for name, want := range map[string]bool{"a.html": true, "A.HTM": true, "a.svg": true, "a.xml": true, "a.js": false, "a.css": false, "a.txt": false, "a.json": false, "a.pdf": false, "a.xml.gz": false, "a": false} {
		if got := isActive(manifest.KindFile.ContentType(name)); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
