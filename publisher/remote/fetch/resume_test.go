package fetch

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// breaking serves a document of which a connection carries a few bytes only.
type breaking struct {
	body   string
	header map[string]string
	carry  int
	answer func(w http.ResponseWriter, from int) bool // in place of the rest; false: not this time
	asked  []string
}

func (s *breaking) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked = append(s.asked, r.Header.Get("Range")+" "+r.Header.Get("If-Range"))
	for name, value := range s.header {
		w.Header().Set(name, value)
	}
	from := 0
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
		if s.answer != nil && s.answer(w, from) {
			return
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(s.body)-1, len(s.body)))
	}
	rest := s.body[from:]
	w.Header().Set("Content-Length", fmt.Sprint(len(rest)))
	if from > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	_, _ = w.Write([]byte(rest[:min(len(rest), s.carry)]))
}

// A document whose connection breaks comes in parts, as long as there is progress and
// the server says that it still is the same.
func TestResume(t *testing.T) {
	const body = "0123456789"
	strong := map[string]string{"Accept-Ranges": "bytes", "ETag": `"x"`}
	dated := map[string]string{"Accept-Ranges": "bytes", "Last-Modified": "Tue, 18 Mar 2025 14:03:40 GMT"}
	broken := fmt.Sprintf("get HOST/f: broke off after %d of 10 bytes", 4)
	for _, tt := range []struct {
		name   string
		header map[string]string
		carry  int
		answer func(w http.ResponseWriter, from int) bool
		err    string
		asked  string
	}{
		{"whole", strong, 10, nil, "nil", " "},
		{"by an ETag", strong, 4, nil, "nil", ` |bytes=4- "x"|bytes=8- "x"`},
		{"by a time", dated, 6, nil, "nil", " |bytes=6- Tue, 18 Mar 2025 14:03:40 GMT"},
		{"nothing to know it by", map[string]string{"Accept-Ranges": "bytes"}, 4, nil, broken, " "},
		{"a weak ETag", map[string]string{"Accept-Ranges": "bytes", "ETag": `W/"x"`, "Last-Modified": "Tue, 18 Mar 2025 14:03:40 GMT"}, 4, nil, broken, " "},
		{"no ranges", map[string]string{"ETag": `"x"`}, 4, nil, broken, " "},
		{"changed meanwhile", strong, 4, func(w http.ResponseWriter, _ int) bool { fmt.Fprint(w, body); return true }, broken, ` |bytes=4- "x"`},
		{"another part", strong, 4, func(w http.ResponseWriter, from int) bool {
			w.Header().Set("Content-Range", "bytes 0-9/10")
			w.WriteHeader(http.StatusPartialContent)
			return true
		}, broken, ` |bytes=4- "x"`},
		{"gone", strong, 4, func(w http.ResponseWriter, _ int) bool { w.WriteHeader(http.StatusNotFound); return true }, broken, ` |bytes=4- "x"`},
		{"no progress", strong, 4, func(w http.ResponseWriter, from int) bool {
			w.Header().Set("Content-Range", "bytes 4-9/10")
			w.Header().Set("Content-Length", "6")
			w.WriteHeader(http.StatusPartialContent)
			return true
		}, broken, ` |bytes=4- "x"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			up := &breaking{body: body, header: tt.header, carry: tt.carry, answer: tt.answer}
			s := serve(t, up.ServeHTTP)
			c := newClient(t, s.URL+"/", Options{Concurrency: 1}, Env{})
			for range 2 { // the place among the requests is free again
				up.asked = nil
				got, err := read(t.Context(), c, c.URL("f"), 10)
				check(t, err, s.URL, tt.err, tt.err != "nil")
				if err == nil && got != body {
					t.Errorf("got %q", got)
				}
				if asked := strings.Join(up.asked, "|"); asked != tt.asked {
					t.Errorf("asked %q, want %q", asked, tt.asked)
				}
			}
		})
	}
}

// A server can't keep a client for ever, nor make it take more than the document.
func TestResumeBounds(t *testing.T) {
	up := &breaking{body: strings.Repeat("x", 1000), header: map[string]string{"Accept-Ranges": "bytes", "ETag": `"x"`}, carry: 1}
	s := serve(t, up.ServeHTTP)
	c := newClient(t, s.URL+"/", Options{}, Env{})
	_, err := read(t.Context(), c, c.URL("f"), 1000)
	check(t, err, s.URL, "get HOST/f: broke off after 101 of 1000 bytes", true)
	if len(up.asked) != 1+maxResumes {
		t.Errorf("%d requests", len(up.asked))
	}
	up.carry = 400
	up.answer = func(w http.ResponseWriter, from int) bool {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-4999/5000", from))
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(make([]byte, 4600))
		return true
	}
	if got, err := read(t.Context(), c, c.URL("f"), 1000); err != nil || len(got) != 1001 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	// What is said to be over is over: an idle time-out does not go on.
	stalled := serve(t, func(w http.ResponseWriter, r *http.Request) {
		up.asked = append(up.asked, "stalled")
		w.Header().Set("Accept-Ranges", "bytes")
		w.Header().Set("ETag", `"x"`)
		w.Header().Set("Content-Length", "10")
		_, _ = w.Write([]byte("0123"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	up.asked = nil
	c = newClient(t, stalled.URL+"/", Options{IdleTimeout: 50 * time.Millisecond}, Env{})
	_, err = read(t.Context(), c, c.URL("f"), 10)
	check(t, err, stalled.URL, "get HOST/f: no data for 50ms (idle_timeout)", true)
	if len(up.asked) != 1 {
		t.Errorf("asked %q", up.asked)
	}
}
