package service

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// smuggling2 are requests of HTTP/2 that would be others in HTTP/1: the fields in order, and
// what may come back: a status, or "" for a stream or connection that is cut.
var smuggling2 = []struct {
	name   string
	fields [][2]string
	want   string
}{
	{"a good one", ofPath("/-/healthz"), "200"},
	{"a line end in the path", ofPath("/-/healthz HTTP/1.1\r\nX-Injected: 1"), ""},
	{"a space in the path", ofPath("/-/healthz /x"), "404"},
	{"no path", ofPath(""), ""},
	{"a path without a slash", ofPath("-/healthz"), ""},
	{"an absolute path", ofPath("https://evil.example/-/healthz"), "200"},
	{"another host in front", ofPath("//evil.example/checkpoints/full"), "404"},
	{"a line end in a value", append(ofPath("/-/healthz"), [2]string{"x", "a\r\nx-injected: 1"}), ""},
	{"a line end in a name", append(ofPath("/-/healthz"), [2]string{"x\r\nx-injected", "1"}), ""},
	{"a colon in a name", append(ofPath("/-/healthz"), [2]string{"x:y", "1"}), ""},
	{"NUL in a value", append(ofPath("/-/healthz"), [2]string{"x", "a\x00b"}), ""},
	{"a name in capitals", append(ofPath("/-/healthz"), [2]string{"X-A", "1"}), ""},
	{"transfer-encoding", append(ofPath("/-/healthz"), [2]string{"transfer-encoding", "chunked"}), "400"},
	{"connection", append(ofPath("/-/healthz"), [2]string{"connection", "keep-alive"}), "400"},
	{"upgrade", append(ofPath("/-/healthz"), [2]string{"upgrade", "h2c"}), "400"},
	{"content-length without a body", append(ofPath("/-/healthz"), [2]string{"content-length", "10"}), "200"},
	{"two paths", append(ofPath("/-/healthz"), [2]string{":path", "/-/smuggled"}), ""},
	{"a pseudo field behind others", append(ofPath("/-/healthz"), [2]string{"x", "1"}, [2]string{":path", "/-/smuggled"}), ""},
	{"an unknown pseudo field", append(ofPath("/-/healthz"), [2]string{":x", "1"}), ""},
	{"another host", append(ofPath("/checkpoints/full"), [2]string{"host", "evil.example"}), "301"},
	{"a method with a space", [][2]string{{":method", "GET /x HTTP/1.1"}, {":scheme", "https"}, {":authority", "h"}, {":path", "/-/healthz"}}, "405"},
}

func ofPath(path string) [][2]string {
	return [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "h"}, {":path", path}}
}

// TestSmuggling2 holds the same of HTTP/2.
func TestSmuggling2(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pool := writePair(t, cert, key, "h")
	c, err := LoadCertificate(cert, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s, _ := setup(t, nil)
	addr, end := run(t, &Server{Handler: s, Certificate: c})
	for _, tt := range smuggling2 {
		conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: pool, ServerName: "localhost", NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		status, headers := ask2(t, conn, tt.fields)
		if status != tt.want || strings.Contains(headers, "x-injected") || strings.Contains(headers, "evil.example") {
			t.Errorf("%s: status %q, want %q: %s", tt.name, status, tt.want, headers)
		}
		conn.Close()
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	t.Logf("%d requests tried", len(smuggling2))
}

// ask2 sends one request as it stands and returns the answer's status, empty if it is cut,
// and its header.
func ask2(t *testing.T, conn io.ReadWriter, fields [][2]string) (status, headers string) {
	t.Helper()
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, f := range fields {
		if err := enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			t.Fatal(err)
		}
	}
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_, err := io.WriteString(conn, http2.ClientPreface)
	if err == nil {
		err = framer.WriteSettings()
	}
	if err == nil {
		err = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return status, headers
		}
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			for _, field := range f.Fields {
				headers += field.Name + ": " + field.Value + "\n"
			}
			status = f.PseudoValue("status")
			return status, headers
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return status, headers
		}
	}
}
