package fetch

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Files are asked for where the root document came from, if the redirect kept its
// path; else at the upstream.
func TestBelow(t *testing.T) {
	for _, tt := range []struct{ base, path, way, want string }{
		{"http://h/r/", "M", "", "http://h/r/f"},
		{"http://h/latest/M", "M", "http://h/20250318/M", "http://h/20250318/f"},
		{"http://h/latest/M", "M", "http://mirror:8080/x/M", "http://mirror:8080/x/f"},
		{"http://h/M", "M", "https://h/M", "https://h/f"},
		{"http://h/d/", "dists/s/InRelease", "http://h/2025/d/dists/s/InRelease", "http://h/2025/d/f"},
		{"http://h/d/", "dists/s/InRelease", "http://m/dists/s/InRelease", "http://m/f"},
		{"http://h/d/", "a b+/M", "http://m/x%2Fy/a%20b+/M", "http://m/x%2Fy/f"},
		{"http://h/d/", "a b+/M", "http://m/x/%61%20b%2B/M", "http://m/x/f"},
		{"http://h/M?token=1", "M", "http://h/2025/M?token=1", "http://h/2025/f"},
		// A store behind the state that a name stands for.
		{"http://h/latest/M", "M", "http://h/2025/M http://cdn/9f86", "http://h/2025/f"},
		{"http://h/latest/M", "M", "http://h/2025/M http://cdn/2025/M?signature=secret", "http://h/2025/f"},
		{"http://h/latest/M", "M", "http://h/2025/M http://cdn/2025/M", "http://cdn/2025/f"},
		// The redirect is for the one document.
		{"http://h/r/M", "M", "http://m/x/m", "http://h/r/f"},
		{"http://h/r/M", "M", "http://m/blobs/9f86", "http://h/r/f"},
		{"http://h/r/M", "M", "http://m/x/M?signature=secret", "http://h/r/f"},
		{"http://h/M?token=1", "M", "http://h/2025/M?token=2", "http://h/f"},
		{"http://h/d/", "dists/stable/InRelease", "http://h/d/dists/bookworm/InRelease", "http://h/d/f"},
		{"http://h/d/", "dists/s/InRelease", "http://m/InRelease", "http://h/d/f"},
		{"http://h/d/", "s/InRelease", "http://m/dists/s%2FInRelease", "http://h/d/f"},
		{"http://h/d/", "M", "http://m/xM", "http://h/d/f"},
	} {
		var log bytes.Buffer
		c := newClient(t, tt.base, Options{}, Env{Log: slog.New(slog.NewTextHandler(&log, nil))})
		way := []*url.URL{c.URL(tt.path)}
		for _, raw := range strings.Fields(tt.way) {
			u, err := url.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			way = append(way, u)
		}
		if got := c.Below(tt.path, way).URL("f").String(); got != tt.want {
			t.Errorf("%s, %s from %s: got %s, want %s", tt.base, tt.path, tt.way, got, tt.want)
		}
		if said := log.String(); (said != "") != (tt.way != "") || strings.Contains(said, "secret") {
			t.Errorf("%s: said %q", tt.way, said)
		}
	}
}

// Behind a redirect, secrets still are for the configured host only, and redirects
// go on from there. The log names each foreign host once.
func TestBelowSecrets(t *testing.T) {
	var got seen
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got.add("other", r)
		io.WriteString(w, "ok")
	})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got.add("home", r)
		switch {
		case strings.HasPrefix(r.URL.Path, "/away/"):
			http.Redirect(w, r, other.URL+"/x/"+strings.TrimPrefix(r.URL.Path, "/away/")+"?q=secret", http.StatusFound)
		case r.URL.Path == "/latest/M":
			http.Redirect(w, r, "/2025/M", http.StatusFound)
		default:
			io.WriteString(w, "ok")
		}
	})
	var log bytes.Buffer
	env := Env{LookupEnv: variables(map[string]string{"U": "ann"}), Log: slog.New(slog.NewTextHandler(&log, nil))}
	for _, base := range []string{"/latest/M", "/away/M"} {
		c := newClient(t, s.URL+base, Options{UsernameEnv: "U"}, env)
		resp, err := c.Get(t.Context(), c.URL("M"), -1)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		for _, u := range resp.Way {
			u.RawQuery = "" // as if it were no signature
		}
		below := c.Below("M", resp.Way)
		for range 2 {
			if _, err := read(t.Context(), below, below.URL("f"), -1); err != nil {
				t.Error(err)
			}
		}
		if _, err := read(t.Context(), c, c.URL("f"), -1); err != nil {
			t.Error(err)
		}
	}
	want := strings.Join([]string{
		"home/latest/M user=ann password= token= referer=",
		"home/2025/M user=ann password= token= referer=",
		"home/2025/f user=ann password= token= referer=",
		"home/2025/f user=ann password= token= referer=",
		"home/latest/f user=ann password= token= referer=",
		"home/away/M user=ann password= token= referer=",
		"other/x/M user= password= token= referer=",
		"other/x/f user= password= token= referer=",
		"other/x/f user= password= token= referer=",
		"home/away/f user=ann password= token= referer=",
		"other/x/f user= password= token= referer=",
	}, "\n")
	if all := strings.Join(got.log, "\n"); all != want {
		t.Errorf("got\n%s", all)
	}
	named := "level=INFO msg=\"redirected to a host or scheme that is not the configured one\" from=" + s.URL + "/away/M to=" + other.URL + "/x/M\n"
	if said := log.String(); strings.Count(said, "is not the configured one") != 1 || !strings.Contains(said, named) || strings.Contains(said, "secret") {
		t.Errorf("said\n%s", said)
	}
}
