package s3core

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
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
	wire := Wire(&base, nil)

	req := conditionalPut(t, server.URL+"/there", unread{t, bytes.NewReader(nil)})
	req.ContentLength = 1 << 20
	req.Proto, req.ProtoMajor, req.ProtoMinor = "", 0, 0 // as aws-sdk-go-v2 has it
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

// TestExpectIgnored: a server that says nothing to Expect isn't asked for ever.
func TestExpectIgnored(t *testing.T) {
	asked := 0
	wire := Wire(&http.Transport{}, func(http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.Header.Get("Expect") != "" {
				asked++
			}
			return answerOK(req), nil
		})
	})
	for range 10 {
		if _, err := wire.RoundTrip(conditionalPut(t, "http://store/k", bytes.NewReader(make([]byte, 300<<10)))); err != nil {
			t.Fatal(err)
		}
	}
	if asked != expectMisses {
		t.Errorf("asked %d times, want %d", asked, expectMisses)
	}
}

// TestBodyAfterAnswer: once the answer is there, nobody reads the body.
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
		})
		body := strings.NewReader("hello, world")
		wire.RoundTrip(conditionalPut(t, "http://store/k", body))
		if n, err := kept.Read(make([]byte, 3)); n != 0 || !errors.Is(err, errDetached) {
			t.Errorf("fails %v: read %d, %v after the answer", fails, n, err)
		}
		if body.Len() != 9 {
			t.Errorf("fails %v: %d bytes are left, want 9", fails, body.Len())
		}
	}
}
