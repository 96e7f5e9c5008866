package fetch

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// wire is an upstream that sends the same bytes to every request, whatever they are, then
// more of the last piece for as long as the client takes it, and counts what it sent.
type wire struct {
	URL  string
	sent atomic.Int64
}

func newWire(t *testing.T, answer, forEver string) *wire {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	w := &wire{URL: "http://" + l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go w.serve(conn, answer, forEver)
		}
	}()
	return w
}

func (w *wire) serve(conn net.Conn, answer, forEver string) {
	defer conn.Close()
	if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
		return
	}
	n, err := conn.Write([]byte(answer))
	w.sent.Add(int64(n))
	for piece := []byte(strings.Repeat(forEver, 64)); len(piece) > 0 && err == nil; w.sent.Add(int64(n)) {
		n, err = conn.Write(piece)
	}
}

// What an upstream may send instead of an answer ends the request, with an error that a
// later try may mend or not, and without taking more than a bounded part of what has no end.
func TestHostileAnswers(t *testing.T) {
	const (
		ok      = "HTTP/1.1 200 OK\r\n"
		chunked = ok + "Transfer-Encoding: chunked\r\n\r\n"
		broken  = "get HOST/f: net/http: HTTP/1.x transport connection broken: "
		long    = broken + "net/http: server response headers exceeded 262144 bytes; aborted"
	)
	for _, tt := range []struct {
		name    string
		answer  string
		forEver string // what follows it
		want    string // "nil": the document
		final   bool   // a later try would not mend it
	}{
		{"a header without end", ok + "X: ", "xxxxxxxxxxxxxxxx", long, false},
		{"headers without end", ok, "X: yyyyyyyyyy\r\n", long, false},
		{"a status without end", "HTTP/1.1 200 ", "xxxxxxxxxxxxxxxx", long, false},
		{"early hints without end", "", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", long, false},
		{"a chunk's extension without end", chunked + "6;", "xxxxxxxxxxxxxxxx", "get HOST/f: header line too long", false},
		{"trailers without end", chunked + "6\r\nhello\n\r\n0\r\n", "X: yyyyyyyyyy\r\n", "get HOST/f: http: suspiciously long trailer after chunked body", false},
		{"a body without end", ok + "\r\n", "hello\n", "nil", false},
		{"a negative length", ok + "Content-Length: -5\r\n\r\nhello\n", "", broken + `bad Content-Length "-5"`, false},
		{"two lengths", ok + "Content-Length: 6\r\nContent-Length: 7\r\n\r\nhello\n", "", broken + `http: message cannot contain multiple Content-Length headers; got ["6" "7"]`, false},
		{"a length and chunks", ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello\n\r\n0\r\n\r\n", "", "nil", false},
		{"a huge length", ok + "Content-Length: 9223372036854775807\r\n\r\nhello\n", "", "get HOST/f: has 9223372036854775807 bytes, expected 6", true},
		{"a length beyond all bounds", ok + "Content-Length: 99999999999999999999\r\n\r\nhello\n", "", broken + `bad Content-Length "99999999999999999999"`, false},
		{"a huge chunk", chunked + "ffffffffffffffff\r\nhello", "", "get HOST/f: broke off after 5 of 6 bytes", false},
		{"a chunk's length that is none", chunked + "-6\r\nhello\n\r\n0\r\n\r\n", "", "get HOST/f: invalid byte in chunk length", false},
		{"another protocol", "SSH-2.0-OpenSSH\r\n", "", broken + `malformed HTTP response "SSH-2.0-OpenSSH"`, false},
		{"no header", "hello\n", "", broken + `malformed HTTP response "hello"`, false},
		{"nothing", "", "", "get HOST/f: the connection was closed without an answer", false},
		{"a status of zeros", "HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n", "", "get HOST/f: 0", true},
		{"a status of signs", "HTTP/1.1 -20 X\r\nContent-Length: 0\r\n\r\n", "", broken + `malformed HTTP status code "-20"`, false},
		{"a part that was not asked for", "HTTP/1.1 206 P\r\nContent-Range: bytes 0-5/6\r\nContent-Length: 6\r\n\r\nhello\n", "", "get HOST/f: 206 Partial Content", true},
		{"not modified, unasked", "HTTP/1.1 304 N\r\n\r\n", "", "get HOST/f: 304 Not Modified", true},
		{"no content", "HTTP/1.1 204 N\r\n\r\n", "", "get HOST/f: 204 No Content", true},
		{"a switch of protocols", "HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "", "get HOST/f: 101 Switching Protocols", true},
		{"control characters in the status", "HTTP/1.1 403 \x1b[2J\x1b]0;x\x07\r\nContent-Length: 0\r\n\r\n", "", "get HOST/f: 403 Forbidden", true},
		{"control characters in a header", ok + "X\x1b: y\r\nContent-Length: 6\r\n\r\nhello\n", "", broken + `malformed MIME header line: "X\x1b: y"`, false},
		{"a folded header", ok + "X: y\r\n z\r\nContent-Length: 6\r\n\r\nhello\n", "", "nil", false},
		{"a huge tag", ok + "ETag: \"" + strings.Repeat("e", 100_000) + "\"\r\nContent-Length: 6\r\n\r\nhello\n", "", "nil", false},
		{"a time of no year", ok + "Last-Modified: Sat, 01 Jan 0000 00:00:00 GMT\r\nContent-Length: 6\r\n\r\nhello\n", "", "nil", false},
		{"a redirect to itself", "HTTP/1.1 302 F\r\nLocation: /f\r\nContent-Length: 0\r\n\r\n", "", "get HOST/f: redirected to HOST/f: more than 10 redirects (max_redirects)", true},
		{"a redirect that grows", "HTTP/1.1 302 F\r\nLocation: f/f\r\nContent-Length: 0\r\n\r\n", "", "get HOST/f: redirected to HOST/f/f/f/f/f/f/f/f/f/f/f: more than 10 redirects (max_redirects)", true},
		{"a redirect with a body without end", "HTTP/1.1 302 F\r\nLocation: /f\r\n\r\n", "x", "get HOST/f: redirected to HOST/f: more than 10 redirects (max_redirects)", true},
		{"a redirect with a header in it", "HTTP/1.1 302 F\r\nLocation: /f%0d%0aHost:%20evil\r\nContent-Length: 0\r\n\r\n", "", "get HOST/f: redirected to HOST/f%0d%0aHost:%20evil: more than 10 redirects (max_redirects)", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			up := newWire(t, tt.answer, tt.forEver)
			c := newClient(t, up.URL, Options{}, Env{})
			body, err := read(t.Context(), c, c.URL("f"), 6)
			check(t, err, up.URL, tt.want, tt.want != "nil" && !tt.final)
			// A byte too many is let through: who reads it sees that it is too long.
			if err == nil && (!strings.HasPrefix(body, "hello\n") || len(body) > 7) {
				t.Errorf("body %q", body)
			}
			// Sockets hold some megabytes that nobody takes.
			if sent := up.sent.Load(); sent > 64<<20 {
				t.Errorf("it sent %d bytes", sent)
			}
		})
	}
}
