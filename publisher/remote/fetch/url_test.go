package fetch

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	for _, tt := range []struct{ raw, err string }{
		{"https://host/a/PULP_MANIFEST", ""},
		{"http://host:8080/x?token=1", ""},
		{"file:///srv/x", ""},
		{"file://localhost/srv/x", ""},
		{"", "missing"},
		{"https://ann:secret@host/x", "holds credentials; use username_env and password_env"},
		{"https://ann@host/x", "holds credentials; use username_env and password_env"},
		{"https://ann:se#cret@host/x", "not a valid URL"},
		{"https://ann:se/cret@host/x", "not a valid URL"},
		{"https://host/%zz-secret", "not a valid URL"},
		{"https://host/x#secret", "holds a fragment; write # in a name as %23"},
		{"https:///x", "holds no host"},
		{"https:secret", "holds no host"},
		{"ann:secret@host/x", "not an http, https or file URL"},
		{"ftp://host/secret", "not an http, https or file URL"},
		{"/srv/secret", "not an http, https or file URL"},
		{"127.0.0.1:18931/secret", "not an http, https or file URL"},
		{"host.example.org/secret", "not an http, https or file URL"},
		{"localhost:8080/secret", "not an http, https or file URL"},
		{"file://secret/x", "not of the form file:///path"},
		{"file:secret", "not of the form file:///path"},
		{"file:///x?secret", "holds a query; write ? in a name as %3F"},
	} {
		_, err := ParseURL(tt.raw)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tt.err {
			t.Errorf("%q: got %q, want %q", tt.raw, got, tt.err)
		}
		if strings.Contains(got, "secret") {
			t.Errorf("%q: the error repeats it", tt.raw)
		}
		hinted, _ := err.(*hintError)
		if (hinted != nil) != (got == "not an http, https or file URL" && !strings.HasPrefix(tt.raw, "ftp:")) {
			t.Errorf("%q: %v", tt.raw, hinted)
		}
	}
}

func TestRedact(t *testing.T) {
	for _, tt := range []struct{ raw, want string }{
		{"https://ann:secret@host:1/a%2Fb/c%20d?q=secret#secret", "https://host:1/a%2Fb/c%20d"},
		{"file://localhost/a%20b", "file:///a%20b"},
	} {
		u, err := url.Parse(tt.raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := Redact(u); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

// TestURL holds names that need encoding against what a server receives.
func TestURL(t *testing.T) {
	var uri, path string
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { uri, path = r.RequestURI, r.URL.Path })
	for _, tt := range []struct{ base, name, uri, path string }{
		{"", "a", "/a", "/a"},
		{"/M?token=1", "a", "/a", "/a"},
		{"/r/M", "a/b.iso", "/r/a/b.iso", "/r/a/b.iso"},
		{"/r/", "a#b", "/r/a%23b", "/r/a#b"},
		{"/r/M", "a?b=c", "/r/a%3Fb=c", "/r/a?b=c"},
		{"/r/M", "100%", "/r/100%25", "/r/100%"},
		{"/r/M", "%41", "/r/%2541", "/r/%41"},
		{"/r/M", "a b", "/r/a%20b", "/r/a b"},
		{"/r/M", "c++/a+b", "/r/c%2B%2B/a%2Bb", "/r/c++/a+b"},
		{"/r/M", "a;b,c:d@e&f=g$h", "/r/a%3Bb%2Cc:d@e&f=g$h", "/r/a;b,c:d@e&f=g$h"},
		{"/r/M", "ü", "/r/%C3%BC", "/r/ü"},
		{"/r%2Fs/t%20u/M", "a", "/r%2Fs/t%20u/a", "/r/s/t u/a"},
	} {
		c := newClient(t, s.URL+tt.base, Options{}, Env{})
		if _, err := read(t.Context(), c, c.URL(tt.name), 0); err != nil {
			t.Error(err)
		}
		if uri != tt.uri || path != tt.path {
			t.Errorf("%s %q: got %s, which is %q; want %s", tt.base, tt.name, uri, path, tt.uri)
		}
	}
}

func TestSameOrigin(t *testing.T) {
	for _, tt := range []struct {
		base, u string
		want    bool
	}{
		{"https://h/x", "https://H:443/y", true},
		{"http://h", "http://h:80", true},
		{"http://h", "https://h", true},
		{"http://h:8080", "https://h", false},
		{"http://h", "https://h:8443", false},
		{"https://h", "http://h", false},
		{"https://h", "https://h:8443", false},
		{"https://h", "https://sub.h", false},
		{"https://h", "https://h.evil", false},
		{"https://[::1]", "https://[::1]:443", true},
	} {
		base, _ := url.Parse(tt.base)
		u, _ := url.Parse(tt.u)
		if got := sameOrigin(base, u); got != tt.want {
			t.Errorf("%s, %s: %v", tt.base, tt.u, got)
		}
	}
}
