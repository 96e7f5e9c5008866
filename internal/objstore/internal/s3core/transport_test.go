package s3core

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/asof/asof/internal/clock"
)

func conditionalPut(t *testing.T, url string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("If-None-Match", "*")
	return req
}

// unread is a body that must not be read.
type unread struct {
	t *testing.T
	*bytes.Reader
}

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

// TestExpect: a body is not touched before the server asks for it.
func TestExpect(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/new" {
			n, _ := io.Copy(io.Discard, req.Body)
			if n != 1<<20 {
				t.Errorf("got %d bytes", n)
			}
			return
		}
		http.Error(w, "there already", http.StatusPreconditionFailed)
	}))
	defer server.Close()
	var base http.Transport
	Tune(&base, 4)
	base.ExpectContinueTimeout = time.Hour // so that nothing depends on time
	defer base.CloseIdleConnections()
	wire := Wire(&base, nil, new(clock.Server))

	req := conditionalPut(t, server.URL+"/there", unread{t, bytes.NewReader(nil)})
	req.ContentLength = 1 << 20
	req.Proto, req.ProtoMajor, req.ProtoMinor = "", 0, 0 // as in aws-sdk-go-v2
	res, err := wire.RoundTrip(req)
	if err != nil || res.StatusCode != http.StatusPreconditionFailed {
		t.Fatalf("%v, %v", res, err)
	}
	if text, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(text), "there already") {
		t.Errorf("the answer is %q, %v", text, err)
	}
	if req.Header.Get("Expect") != "" {
		t.Error("the caller's request was changed")
	}
	res, err = wire.RoundTrip(conditionalPut(t, server.URL+"/new", bytes.NewReader(make([]byte, 1<<20))))
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", res, err)
	}
	res.Body.Close()
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func answerOK(req *http.Request) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: req}
}

// TestExpectIgnored: a server that ignores Expect is not asked forever.
func TestExpectIgnored(t *testing.T) {
	asked := 0
	wire := Wire(&http.Transport{}, func(http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.Header.Get("Expect") != "" {
				asked++
			}
			return answerOK(req), nil
		})
	}, new(clock.Server))
	for range 10 {
		if _, err := wire.RoundTrip(conditionalPut(t, "http://store/k", bytes.NewReader(make([]byte, 300<<10)))); err != nil {
			t.Fatal(err)
		}
	}
	if asked != expectMisses {
		t.Errorf("asked %d times, want %d", asked, expectMisses)
	}
}

// countedConn counts the bytes of each write.
type countedConn struct {
	net.Conn
	writes *atomic.Int32
}

func (c countedConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// TestAtOnce: a small body is written together with its header. A larger one
// follows once the header is sent.
func TestAtOnce(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		n, err := io.Copy(io.Discard, req.Body)
		fmt.Fprint(w, n, err)
	}))
	defer server.Close()
	var base http.Transport
	Tune(&base, 4)
	var writes atomic.Int32
	base.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		return countedConn{c, &writes}, err
	}
	defer base.CloseIdleConnections()
	wire := Wire(&base, nil, new(clock.Server))
	for _, tt := range []struct {
		size int
		once bool
	}{{1, true}, {atOnce, true}, {atOnce + 1, false}} {
		writes.Store(0)
		// A type that net/http does not know.
		body := struct{ io.Reader }{bytes.NewReader(make([]byte, tt.size))}
		req := conditionalPut(t, server.URL+"/k", body)
		req.ContentLength = int64(tt.size)
		res, err := wire.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if want := fmt.Sprint(tt.size, " <nil>"); err != nil || string(text) != want {
			t.Errorf("%d bytes: the server read %s, want %s, %v", tt.size, text, want, err)
		}
		res.Body.Close()
		if got := writes.Load(); (got == 1) != tt.once {
			t.Errorf("%d bytes: %d writes", tt.size, got)
		}
	}

	broken := conditionalPut(t, server.URL+"/k", iotest.ErrReader(errors.New("broken")))
	broken.ContentLength = 5
	writes.Store(0)
	if _, err := wire.RoundTrip(broken); err == nil || err.Error() != "broken" || writes.Load() != 0 {
		t.Errorf("%d writes, %v", writes.Load(), err)
	}
}

// TestBodyAfterAnswer: after the answer, nobody reads the body.
func TestBodyAfterAnswer(t *testing.T) {
	for _, fails := range []bool{false, true} {
		var kept io.ReadCloser
		wire := Wire(&http.Transport{}, func(http.RoundTripper) http.RoundTripper {
			return roundTripper(func(req *http.Request) (*http.Response, error) {
				kept = req.Body
				if _, err := io.ReadFull(req.Body, make([]byte, 3)); err != nil {
					t.Error(err)
				}
				if fails {
					return nil, errors.New("broken")
				}
				res := answerOK(req)
				res.StatusCode = http.StatusServiceUnavailable
				return res, nil
			})
		}, new(clock.Server))
		body := strings.NewReader(strings.Repeat(".", atOnce+1))
		wire.RoundTrip(conditionalPut(t, "http://store/k", body))
		if n, err := kept.Read(make([]byte, 3)); n != 0 || !errors.Is(err, errDetached) {
			t.Errorf("fails %v: read %d, %v after the answer", fails, n, err)
		}
		if body.Len() != atOnce-2 {
			t.Errorf("fails %v: %d bytes are left, want %d", fails, body.Len(), atOnce-2)
		}
	}
}
