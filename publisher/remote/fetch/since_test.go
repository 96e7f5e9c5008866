package fetch

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestGetSince(t *testing.T) {
	modified := time.Date(2025, time.March, 18, 14, 3, 40, 0, time.UTC)
	var asked []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("If-Modified-Since"))
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/x", http.StatusFound)
		case "/always":
			w.WriteHeader(http.StatusNotModified) // whether it was asked or not
		default:
			http.ServeContent(w, r, "x", modified, strings.NewReader("content"))
		}
	})
	c := newClient(t, s.URL+"/", Options{}, Env{})
	for _, path := range []string{"x", "moved"} {
		if _, err := c.GetSince(t.Context(), c.URL(path), -1, modified); !errors.Is(err, ErrNotModified) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, since := range []time.Time{{}, modified.Add(-time.Second)} {
		resp, err := c.GetSince(t.Context(), c.URL("x"), 7, since)
		if err != nil || !resp.Modified.Equal(modified) {
			t.Fatalf("%+v, %v", resp, err)
		}
		resp.Body.Close()
	}
	_, err := c.Get(t.Context(), c.URL("always"), -1)
	check(t, err, s.URL, "get HOST/always: 304 Not Modified", false)
	want := []string{
		"GET /x Tue, 18 Mar 2025 14:03:40 GMT", "GET /moved Tue, 18 Mar 2025 14:03:40 GMT", "GET /x Tue, 18 Mar 2025 14:03:40 GMT",
		"GET /x ", "GET /x Tue, 18 Mar 2025 14:03:39 GMT", "GET /always ",
	}
	if len(asked) != len(want) {
		t.Fatalf("%q", asked)
	}
	for i := range want {
		if asked[i] != want[i] {
			t.Errorf("request %d: %q, want %q", i, asked[i], want[i])
		}
	}
	size, at, err := c.Head(t.Context(), c.URL("x"))
	if size != 7 || !at.Equal(modified) || err != nil {
		t.Errorf("%d, %v, %v", size, at, err)
	}
	var wrong *SizeError
	if _, err := c.Get(t.Context(), c.URL("x"), 8); !errors.As(err, &wrong) || *wrong != (SizeError{7, 8}) {
		t.Errorf("%v", err)
	}
}

// A local file is read in any case: its time says less, and reading costs little.
func TestGetSinceLocal(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, "file://"+dir+"/", Options{}, Env{})
	resp, err := c.GetSince(t.Context(), c.URL("x"), -1, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if size, _, err := c.Head(t.Context(), c.URL("x")); size != 7 || err != nil {
		t.Errorf("%d, %v", size, err)
	}
}
