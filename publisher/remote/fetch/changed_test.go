package fetch

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/publisher/remote"
)

// served is an upstream's document, and what it says of it.
type served struct {
	body     string
	etag     string
	modified time.Time // zero: not said
	date     time.Time // zero: not said
	// bare answers 304 without repeating what it said.
	bare bool
}

const (
	answered = "Tue, 18 Mar 2025 14:03:40 GMT"
	md5ETag  = `"d8e8fca2dc0f896fd7cb4cb0031ba249"`
)

// ServeHTTP evaluates conditions as most servers do: a time is old enough if it is
// not older than the file's.
func (s *served) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Date"] = nil // not the test machine's
	same := false
	if since, err := http.ParseTime(r.Header.Get("If-Modified-Since")); err == nil && !s.modified.IsZero() {
		same = !s.modified.Truncate(time.Second).After(since)
	}
	if tag := r.Header.Get("If-None-Match"); tag != "" {
		same = strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(s.etag, "W/")
	}
	if !s.date.IsZero() {
		h.Set("Date", s.date.UTC().Format(http.TimeFormat))
	}
	if !same || !s.bare {
		if s.etag != "" {
			h.Set("ETag", s.etag)
		}
		if !s.modified.IsZero() {
			h.Set("Last-Modified", s.modified.UTC().Format(http.TimeFormat))
		}
	}
	if same {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = io.WriteString(w, s.body)
}

// A document that changed is never taken for the same, whatever the server says;
// one that did not costs a conditional request where that proves it.
func TestGetChanged(t *testing.T) {
	date, err := http.ParseTime(answered)
	if err != nil {
		t.Fatal(err)
	}
	old, fresh := date.Add(-clearlyOlder), date.Add(time.Second-clearlyOlder)
	later := date.Add(time.Hour)
	tests := []struct {
		name        string
		first, next served
		changed     bool
		requests    string
	}{
		// Unchanged.
		{"a digest", served{etag: md5ETag, modified: date, date: date}, served{etag: md5ETag, modified: date, date: later}, false, "If-None-Match"},
		{"a digest alone", served{etag: md5ETag}, served{etag: md5ETag}, false, "If-None-Match"},
		{"a digest, not repeated", served{etag: md5ETag}, served{etag: md5ETag, bare: true}, false, "If-None-Match"},
		{"time and size, old", served{etag: `"67d97d6c-7"`, modified: old, date: date}, served{etag: `"67d97d6c-7"`, modified: old, date: later}, false, "If-None-Match"},
		{"a short ETag alone", served{etag: `"v1"`, date: date}, served{etag: `"v1"`, date: later}, false, "If-None-Match"},
		{"an old time", served{modified: old, date: date}, served{modified: old, date: later}, false, "If-Modified-Since"},
		{"an old time, a weak ETag", served{etag: `W/"x"`, modified: old, date: date}, served{etag: `W/"x"`, modified: old, date: later}, false, "If-Modified-Since"},
		// Unchanged, without proof: read in full.
		{"a fresh time", served{modified: fresh, date: date}, served{modified: fresh, date: later}, false, "full"},
		{"no date", served{modified: old}, served{modified: old}, false, "full"},
		{"the epoch", served{modified: time.Unix(0, 0), date: date}, served{modified: time.Unix(0, 0), date: later}, false, "full"},
		{"a weak ETag", served{etag: "W/" + md5ETag, date: date}, served{etag: "W/" + md5ETag, date: later}, false, "full"},
		{"an old time, not repeated", served{modified: old, date: date}, served{modified: old, date: later, bare: true}, false, "If-Modified-Since full"},
		// Changed.
		{"twice in a second, a digest", served{etag: md5ETag, modified: date, date: date}, served{body: "changed", etag: `"098f6bcd4621d373cade4e832627b4f6"`, modified: date, date: later}, true, "If-None-Match"},
		{"twice in a second, time and size", served{etag: `"67d97d6c-7"`, modified: date, date: date}, served{body: "changed", etag: `"67d97d6c-7"`, modified: date, date: later}, true, "full"},
		{"twice in a second, inode, size and time", served{etag: `"2c40b8e90123-7-63098f6bcd462"`, modified: date, date: date}, served{body: "changed", etag: `"2c40b8e90123-7-63098f6bcd462"`, modified: date, date: later}, true, "full"},
		{"twice in a second", served{modified: date, date: date}, served{body: "changed", modified: date, date: later}, true, "full"},
		{"twice within some seconds, by a slow clock", served{modified: fresh, date: date}, served{body: "changed", modified: fresh, date: later}, true, "full"},
		{"an older time", served{modified: old, date: date}, served{body: "changed", modified: old.Add(-time.Hour), date: later}, true, "If-Modified-Since full"},
		{"an older time, not said", served{modified: old, date: date}, served{body: "changed", modified: old.Add(-time.Hour), date: later, bare: true}, true, "If-Modified-Since full"},
		{"an ETag that became weak", served{etag: md5ETag}, served{body: "changed", etag: "W/" + md5ETag}, true, "If-None-Match full"},
		{"a weak ETag, the same", served{etag: `W/"x"`}, served{body: "changed", etag: `W/"x"`}, true, "full"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var now *served
			var asked []string
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				condition := "full"
				for _, name := range []string{"If-None-Match", "If-Modified-Since"} {
					if r.Header.Get(name) != "" {
						condition = name
					}
				}
				asked = append(asked, condition)
				now.ServeHTTP(w, r)
			})
			c := newClient(t, s.URL+"/", Options{}, Env{})
			tt.first.body = "content"
			if !tt.changed {
				tt.next.body = "content"
			}
			now = &tt.first
			first, err := getChanged(t, c, remote.Validator{})
			if err != nil || first.body != "content" {
				t.Fatalf("%+v, %v", first, err)
			}
			asked, now = nil, &tt.next
			got, err := getChanged(t, c, first.validator)
			if requests := strings.Join(asked, " "); requests != tt.requests {
				t.Errorf("asked %s, want %s", requests, tt.requests)
			}
			proven := !tt.changed && !strings.HasSuffix(tt.requests, "full")
			switch {
			case proven != isNotModified(err):
				t.Errorf("%v", err)
			case err == nil && got.body != tt.next.body:
				t.Errorf("got %q, want %q", got.body, tt.next.body)
			}
		})
	}
}

type gotten struct {
	body      string
	validator remote.Validator
}

func getChanged(t *testing.T, c *Client, have remote.Validator) (gotten, error) {
	t.Helper()
	resp, err := c.GetChanged(t.Context(), c.URL("x"), -1, have)
	if err != nil {
		return gotten{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return gotten{string(data), resp.Validator}, err
}

// A validator goes along with redirects, holds for its own URL only, and makes no
// 304 of one that nobody asked for.
func TestGetChangedElsewhere(t *testing.T) {
	modified := time.Date(2025, time.March, 18, 14, 3, 40, 0, time.UTC)
	var asked []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, strings.TrimSpace(r.URL.Path+" "+r.Header.Get("If-Modified-Since")))
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
	resp, err := c.Get(t.Context(), c.URL("moved"), 7)
	if err != nil || !resp.Modified.Equal(modified) {
		t.Fatalf("%+v, %v", resp, err)
	}
	resp.Body.Close()
	known := resp.Validator
	if _, err := c.GetChanged(t.Context(), c.URL("moved"), -1, known); !isNotModified(err) {
		t.Error(err)
	}
	if resp, err = c.GetChanged(t.Context(), c.URL("x"), -1, known); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	_, err = c.Get(t.Context(), c.URL("always"), -1)
	check(t, err, s.URL, "get HOST/always: 304 Not Modified", false)
	want := []string{"/moved", "/x", "/moved Tue, 18 Mar 2025 14:03:40 GMT", "/x Tue, 18 Mar 2025 14:03:40 GMT", "/x", "/always"}
	if !slices.Equal(asked, want) {
		t.Errorf("%q, want %q", asked, want)
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
func TestGetChangedLocal(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, "file://"+dir+"/", Options{}, Env{})
	got, err := getChanged(t, c, remote.Validator{URL: urlDigest(c.URL("x")), Modified: time.Now().Add(time.Hour)})
	if err != nil || got.body != "content" || got.validator != (remote.Validator{}) {
		t.Fatalf("%+v, %v", got, err)
	}
	if size, _, err := c.Head(t.Context(), c.URL("x")); size != 7 || err != nil {
		t.Errorf("%d, %v", size, err)
	}
}

func isNotModified(err error) bool {
	_, ok := errors.AsType[*NotModifiedError](err)
	return ok
}
