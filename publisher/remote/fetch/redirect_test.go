package fetch

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// seen records what secrets came along with a request.
type seen struct {
	mu  sync.Mutex
	log []string
}

func (s *seen) add(host string, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user, password, _ := r.BasicAuth()
	s.log = append(s.log, fmt.Sprintf("%s%s user=%s password=%s token=%s referer=%s",
		host, r.URL.Path, user, password, r.Header.Get("X-Token"), r.Referer()))
}

func TestRedirectSecrets(t *testing.T) {
	var got seen
	var home string
	// Another port is another host, too.
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got.add("other", r)
		if r.URL.Path == "/back" {
			http.Redirect(w, r, home+"/end", http.StatusSeeOther)
			return
		}
		io.WriteString(w, "ok")
	})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got.add("home", r)
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other.URL+"/end", http.StatusFound)
		case "/there":
			http.Redirect(w, r, other.URL+"/back", http.StatusPermanentRedirect)
		case "/here":
			w.Header().Set("Location", "end?signature=secret#fragment")
			w.WriteHeader(http.StatusTemporaryRedirect)
		case "/userinfo":
			w.Header().Set("Location", strings.Replace(other.URL, "//", "//eve:evil@", 1)+"/end")
			w.WriteHeader(http.StatusMovedPermanently)
		default:
			io.WriteString(w, "ok")
		}
	})
	home = s.URL
	c := newClient(t, s.URL, Options{
		UsernameEnv: "U", PasswordEnv: "P", Headers: map[string]string{"x-token": "t-${T}"},
	}, Env{LookupEnv: variables(map[string]string{"U": "ann", "P": "pw", "T": "1"})})
	const secrets = " user=ann password=pw token=t-1 referer="
	const nothing = " user= password= token= referer="
	for _, tt := range []struct {
		path string
		want []string
	}{
		{"end", []string{"home/end" + secrets}},
		{"here", []string{"home/here" + secrets, "home/end" + secrets}},
		{"away", []string{"home/away" + secrets, "other/end" + nothing}},
		{"there", []string{"home/there" + secrets, "other/back" + nothing, "home/end" + secrets}},
		{"userinfo", []string{"home/userinfo" + secrets, "other/end" + nothing}},
	} {
		got.log = nil
		body, err := read(t.Context(), c, c.URL(tt.path), 2)
		if err != nil || body != "ok" {
			t.Errorf("%s: %q, %v", tt.path, body, err)
		}
		if fmt.Sprint(got.log) != fmt.Sprint(tt.want) {
			t.Errorf("%s:\n got %q\nwant %q", tt.path, got.log, tt.want)
		}
	}
}

func TestRedirectErrors(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		to := map[string]string{
			"/loop":    "/loop?signature=secret",
			"/one":     "/end",
			"/two":     "/one",
			"/three":   "/two",
			"/ftp":     "ftp://host/x",
			"/bad":     "http://h:secret/x",
			"/nohost":  "http:///x",
			"/missing": "/nothing?signature=secret",
			"/busy":    "/503",
			"/none":    "",
			"/huge":    "/" + strings.Repeat("x", maxLocation),
		}
		if location, ok := to[r.URL.Path]; ok {
			if location != "" {
				w.Header().Set("Location", location)
			}
			w.WriteHeader(http.StatusFound)
			return
		}
		switch r.URL.Path {
		case "/nothing":
			w.WriteHeader(http.StatusNotFound)
		case "/503":
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	for _, tt := range []struct {
		max       int
		path, err string
		temporary bool
	}{
		{2, "two", "nil", false},
		{2, "three", "get HOST/three: redirected to HOST/one: more than 2 redirects (max_redirects)", false},
		{-1, "one", "get HOST/one: more than 0 redirects (max_redirects)", false},
		{0, "loop", "get HOST/loop: redirected to HOST/loop: more than 10 redirects (max_redirects)", false},
		{0, "ftp", "get HOST/ftp: 302 Found to what is not an http or https URL", false},
		{0, "nohost", "get HOST/nohost: 302 Found to what is not an http or https URL", false},
		{0, "bad", "get HOST/bad: 302 Found to what is not a valid URL", false},
		{0, "none", "get HOST/none: 302 Found without a location", false},
		{0, "huge", "get HOST/huge: 302 Found to a URL of 8193 bytes, more than 8192", false},
		{0, "missing", "get HOST/missing: redirected to HOST/nothing: 404 Not Found", false},
		{0, "busy", "get HOST/busy: redirected to HOST/503: 503 Service Unavailable", true},
	} {
		c := newClient(t, s.URL, Options{MaxRedirects: tt.max}, Env{})
		_, err := read(t.Context(), c, c.URL(tt.path), -1)
		check(t, err, s.URL, tt.err, tt.temporary)
	}
}
