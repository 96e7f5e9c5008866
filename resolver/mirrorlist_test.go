package resolver

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestMirrorListOrigin holds whose host and scheme a mirror list has: the public URL's, or
// those that the client asks for, and no others.
func TestMirrorListOrigin(t *testing.T) {
	const target = "/-/mirrorlist/checkpoints/thin/20250319/docs"
	for _, c := range []struct {
		public, host string
		tls          bool
		want         string // the origin; empty: 400
	}{
		{"", "snapshots.example.org", false, "http://snapshots.example.org"},
		{"", "snapshots.example.org:8080", true, "https://snapshots.example.org:8080"},
		{"", "[2001:db8::1]:8080", false, "http://[2001:db8::1]:8080"},
		{"", "my_host", false, "http://my_host"},
		{"https://public.example/asof", "other.example", false, "https://public.example/asof"},
		{"https://public.example/asof/", "", false, "https://public.example/asof"},
		{"", "", false, ""},
		{"", "evil.example/x", false, ""},
		{"", "user@evil.example", false, ""},
		{"", "evil.example\thttp://x", false, ""},
		{"", "a\r\nb", false, ""},
		{"", `"'<>`, false, ""},
		{"", "evil.example:port", false, ""},
		{"", "[x]", false, ""},
		{"", strings.Repeat("a", 256), false, ""},
	} {
		s := serve(t, Options{PublicURL: c.public})
		req := httptest.NewRequest(http.MethodGet, target, nil)
		req.Host = c.host
		if c.tls {
			req.TLS = &tls.ConnectionState{}
		}
		res := httptest.NewRecorder()
		s.ServeHTTP(res, req)
		want, status := c.want+"/checkpoints/thin/20250318T140338Z/docs/\n", http.StatusOK
		if c.want == "" {
			want, status = "error: the request names no host that clients can ask\nhint: send the header Host, or let the service set public_url\n", http.StatusBadRequest
		}
		if res.Code != status || res.Body.String() != want || res.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%q, %q: %d %q, want %q", c.public, c.host, res.Code, res.Body, want)
		}
	}
}

// TestMirrorListWithoutStore holds that a mirror list is made from memory, also while the
// store is away, and says how old it is.
func TestMirrorListWithoutStore(t *testing.T) {
	s := serve(t, Options{})
	const want = "http://example.com/checkpoints/thin/" + newest + "/\nhttp://example.com/checkpoints/thin/latest/\n"
	s.store.set(away, nil)
	_ = s.Refresh(t.Context())
	s.store.taken()
	res := s.get("/-/mirrorlist/checkpoints/thin/latest/")
	if res.Code != http.StatusOK || res.Body.String() != want || res.Header().Get("Asof-Stale") == "" {
		t.Errorf("%d %v\n%s", res.Code, res.Header(), res.Body)
	}
	s.wantCalls()
	if res := s.get("/-/mirrorlist/checkpoints/thin/20250319/"); res.Code != http.StatusOK || res.Header().Get("Asof-Stale") != "" {
		t.Errorf("a final time: %d %v", res.Code, res.Header())
	}
	res = httptest.NewRecorder()
	New(Options{}).ServeHTTP(res, httptest.NewRequest(http.MethodGet, "/-/mirrorlist/checkpoints/thin/latest/", nil))
	if res.Code != http.StatusServiceUnavailable {
		t.Errorf("before the first refresh: %d", res.Code)
	}
}
