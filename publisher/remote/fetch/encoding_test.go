package fetch

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"testing"
)

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return b.String()
}

// What a server compresses for the transfer is unpacked. What is compressed by itself
// stays as it is, whatever the server says of it.
func TestContentEncoding(t *testing.T) {
	plain, gz := "hello", gzipped("hello")
	for _, tt := range []struct {
		name, path, encoding, sent, want string
		unknown                          bool // the size is
	}{
		{"compressed", "f", "gzip", gz, plain, false},
		{"compressed, its size unknown", "f", "x-gzip", gz, plain, true},
		{"not compressed after all", "f", "gzip", plain, plain, true},
		{"empty", "f", "gzip", "", "", true},
		{"by itself", "f.gz", "x-gzip", gz, gz, false},
		{"by itself, under another name", "f", "gzip", gz, gz, false},
		{"by itself, its size unknown", "f.gz", "gzip", gz, gz, true},
		{"twice", "f.gz", "gzip", gzipped(gz), gz, false},
		{"twice, its size unknown", "f.tgz", "GZIP", gzipped(gz), gz, true},
		{"only two bytes of it", "f.gz", "gzip", gz[:2], gz[:2], true},
		{"something else", "f", "br", "hello", "hello", false},
	} {
		for _, announced := range []bool{true, false} {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", tt.encoding)
				if announced {
					w.Header().Set("Content-Length", strconv.Itoa(len(tt.sent)))
				}
				w.WriteHeader(http.StatusOK)
				_ = http.NewResponseController(w).Flush()
				_, _ = w.Write([]byte(tt.sent))
			})
			c := newClient(t, s.URL+"/", Options{}, Env{})
			size := int64(len(tt.want))
			if tt.unknown {
				size = -1
			}
			if tt.name == "by itself, under another name" && !announced {
				continue // nobody can tell
			}
			if got, err := read(t.Context(), c, c.URL(tt.path), size); err != nil || got != tt.want {
				t.Errorf("%s, announced %v: %q, %v", tt.name, announced, got, err)
			}
			if size, _, err := c.Head(t.Context(), c.URL(tt.path)); err != nil || (size >= 0 && size != int64(len(tt.sent))) {
				t.Errorf("%s: size %d, %v", tt.name, size, err)
			}
		}
	}
}

// A bomb goes no further than the size.
func TestContentEncodingBomb(t *testing.T) {
	bomb := gzipped(string(make([]byte, 16<<20)))
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write([]byte(bomb))
	})
	c := newClient(t, s.URL+"/", Options{}, Env{})
	if got, err := read(t.Context(), c, c.URL("f"), 5); err != nil || len(got) != 6 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	bomb = bomb[:len(bomb)/2]
	_, err := read(t.Context(), c, c.URL("f"), 16<<20)
	if err == nil {
		t.Error("half of it passes")
	}
}
