package service

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
)

// hiddenRequest stands in bodies: whoever answers it has taken a body for a request.
const hiddenRequest = "GET /-/smuggled HTTP/1.1\r\nHost: h\r\n\r\n"

// smuggling are requests that two servers may cut up in two ways. Each has the statuses
// that may come back, in order; none of them is that of the hidden request, 299.
var smuggling = []struct {
	name, request string
	want          []int // of all answers on the connection
}{
	{"a body that looks like a request", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\n" + hiddenRequest, []int{200}},
	{"a body longer than it says", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx" + hiddenRequest, []int{200}},
	{"a body with POST", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n" + "GET /-/healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", []int{405, 200}},
	{"CL and TE", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hiddenRequest, []int{200}},
	{"TE and CL", "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + hiddenRequest, []int{200}},
	{"two CL", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\n" + hiddenRequest, []int{400}},
	{"two CL in one", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0, 40\r\n\r\n" + hiddenRequest, []int{400}},
	{"CL with a sign", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: +40\r\n\r\n" + hiddenRequest, []int{400}},
	{"CL below zero", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n" + hiddenRequest, []int{400}},
	{"CL in hexadecimal", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x28\r\n\r\n" + hiddenRequest, []int{400}},
	{"CL with a space in it", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 4 0\r\n\r\n" + hiddenRequest, []int{400}},
	{"CL beyond 64 bits", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551656\r\n\r\n" + hiddenRequest, []int{400}},
	{"a space before the colon", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length : 40\r\n\r\n" + hiddenRequest, []int{400}},
	{"a tab before the colon", "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding\t: chunked\r\n\r\n" + hiddenRequest, []int{400}},
	{"two TE", "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + hiddenRequest, []int{501}},
	{"TE of two codings", "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + hiddenRequest, []int{501}},
	{"TE in capitals", "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n" + hiddenRequest, []int{200}},
	{"TE with a control character", "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + hiddenRequest, []int{400}},
	{"TE folded", "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + hiddenRequest, []int{200}},
	{"TE with HTTP/1.0", "GET / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hiddenRequest, []int{200}},
	{"a chunk of a wrong length", "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n" + hiddenRequest, []int{200}},
	{"a chunk's extension with a line feed", "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;a\nx\r\n0\r\n\r\n" + hiddenRequest, []int{200}},
	{"a request in the trailer", "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n0\r\n" + hiddenRequest, []int{200}},
	{"a bare line feed ends a header", "GET / HTTP/1.1\nHost: h\nContent-Length: 40\n\n" + hiddenRequest, []int{200}},
	{"a bare carriage return in a header", "GET / HTTP/1.1\r\nHost: h\r\nX: a\rContent-Length: 40\r\n\r\n" + "GET /-/healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", []int{400}},
	{"a header folded", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n Content-Length: 40\r\n\r\n" + "GET /-/healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", []int{200, 200}},
	{"a line folded before all headers", "GET / HTTP/1.1\r\n Host: h\r\n\r\n" + hiddenRequest, []int{400}},
	{"NUL in a header", "GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n" + hiddenRequest, []int{400}},
	{"NUL in a header's name", "GET / HTTP/1.1\r\nHost: h\r\nX\x00: a\r\n\r\n" + hiddenRequest, []int{400}},
	{"a header without a name", "GET / HTTP/1.1\r\nHost: h\r\n: a\r\n\r\n" + hiddenRequest, []int{400}},
	{"a header without a colon", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length 40\r\n\r\n" + hiddenRequest, []int{400}},
	{"an upgrade", "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n", []int{200}},
	{"an upgrade to a WebSocket", "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\nContent-Length: 1\r\n\r\nx" + hiddenRequest, []int{200}},
	{"Expect", "GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 40\r\n\r\n" + hiddenRequest, []int{200}},
	{"another Expect", "GET / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\n\r\n" + hiddenRequest, []int{417}},
	{"CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n" + "GET /-/healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", []int{405, 200}},
	{"HTTP/2 without TLS", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + hiddenRequest, []int{405}},
	{"HTTP/0.9", "GET /\r\n\r\n" + hiddenRequest, []int{400}},
	{"another version", "GET / HTTP/1.2\r\nHost: h\r\nConnection: close\r\n\r\n", []int{200}},
	{"spaces in the request line", "GET  /  HTTP/1.1\r\nHost: h\r\n\r\n" + hiddenRequest, []int{400}},
	{"a request line with more", "GET / HTTP/1.1 HTTP/1.1\r\nHost: h\r\n\r\n" + hiddenRequest, []int{400}},
	{"a method of signs", "G@T / HTTP/1.1\r\nHost: h\r\n\r\n" + hiddenRequest, []int{400}},
	{"a method in lower case", "get / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", []int{405}},
	{"a method that overrides", "POST / HTTP/1.1\r\nHost: h\r\nX-HTTP-Method-Override: GET\r\nConnection: close\r\n\r\n", []int{405}},
}

// TestSmuggling holds that no body is taken for a request, and that what is unclear is
// refused, or is the last on its connection. What Go's server itself decides stands here
// too: asof relies on it.
func TestSmuggling(t *testing.T) {
	s, _ := setup(t, nil)
	marked := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/-/smuggled" {
			w.WriteHeader(299)
			return
		}
		s.ServeHTTP(w, req)
	})
	addr, end := run(t, &Server{Handler: marked})
	for _, c := range smuggling {
		answer := raw(t, addr, c.request)
		in := bufio.NewReader(strings.NewReader(answer))
		method, _, _ := strings.Cut(c.request, " ")
		var got []int
		for {
			res, err := http.ReadResponse(in, &http.Request{Method: method})
			if err != nil {
				break
			}
			_, _ = io.Copy(io.Discard, res.Body)
			got, method = append(got, res.StatusCode), http.MethodGet
		}
		same := len(got) == len(c.want)
		for i := range c.want {
			same = same && got[i] == c.want[i]
		}
		if !same {
			t.Errorf("%s: %d, want %d\n%.500s", c.name, got, c.want, answer)
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	t.Logf("%d requests tried", len(smuggling))
}

// TestBounds holds what keeps slow and many clients from holding the server up.
func TestBounds(t *testing.T) {
	s, _ := setup(t, nil)
	server := (&Server{Handler: s, Log: s.opts.Log}).http()
	if server.ReadHeaderTimeout != headerTimeout || server.ReadTimeout != headerTimeout || server.WriteTimeout != writeTimeout || server.IdleTimeout != idleTimeout || server.MaxHeaderBytes != maxHeader || server.ErrorLog == nil {
		t.Errorf("%+v", server)
	}
	// A body that never comes in full ends the connection at once.
	addr, end := run(t, &Server{Handler: s, MaxConnections: 1})
	for _, body := range []string{"Content-Length: 10\r\n\r\nfive!", "Content-Length: 300000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\nfive!", "Expect: 100-continue\r\nContent-Length: 10\r\n\r\n"} {
		// One connection is all there is: the next waits for the end of this one.
		if got := raw(t, addr, "POST / HTTP/1.1\r\nHost: h\r\n"+body); !strings.HasPrefix(got, "HTTP/1.1 405 ") || !strings.Contains(got, "\r\nConnection: close\r\n") {
			t.Errorf("%q: %.300q", body, got)
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// TestRanges holds that no range makes an answer larger than the file by more than the
// headers of its parts, nor the store busier than the parts it has.
func TestRanges(t *testing.T) {
	s, store := target(t)
	const big, size = "/checkpoints/full/" + exact + "/big.bin", 20000
	for name, ranges := range map[string]string{
		"one byte often":        strings.Repeat("0-0,", 1000) + "0-0",
		"all of it, 64 times":   strings.Repeat("0-,", 63) + "0-",
		"all of it, 1000 times": strings.Repeat("0-,", 999) + "0-",
		"from the end":          strings.Repeat("-20000,", 63) + "-20000",
		"overlapping":           strings.Repeat("0-10000,5000-15000,", 20) + "0-1",
		"many small":            strings.Repeat("1-2,9000-9001,", 31) + "5-6",
		"none":                  strings.Repeat(",", 100),
		"nonsense":              "x-y," + strings.Repeat("0-,", 60) + "1",
		"backwards":             "100-1",
		"huge":                  "0-99999999999999999999999999",
	} {
		store.taken()
		res := ask(s, big, "Range", "bytes="+ranges)
		opened := len(store.taken())
		if length := res.Body.Len(); length > size+64*200 || opened > 64+4 {
			t.Errorf("%s: %d: %d bytes, %d requests to the store", name, res.Code, length, opened)
		}
		if res.Code != http.StatusOK && res.Code != http.StatusPartialContent && res.Code != http.StatusRequestedRangeNotSatisfiable {
			t.Errorf("%s: %d", name, res.Code)
		}
	}
	for i := range 100 { // many headers of one name
		if res := ask(s, big, strings.Split(strings.Repeat("Range|bytes=0-0|", i)+"X|y", "|")...); res.Body.Len() > size {
			t.Errorf("%d headers: %d bytes", i, res.Body.Len())
		}
	}
}
