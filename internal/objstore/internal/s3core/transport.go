package s3core

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asof/asof/internal/clock"
	"github.com/asof/asof/internal/network"
)

// Transport limits.
const (
	writeBuffer = 64 << 10
	// atOnce is the largest body, in bytes, that is sent in one piece with the
	// request's header: one packet to write and to wait for, not two.
	atOnce = writeBuffer - 4<<10
	// expectAbove is the body size, in bytes, above which a conditional PUT asks
	// before it sends. If the object exists, that saves the upload. If not, it
	// costs a round trip and, on both sides, a good part of the work for a small
	// body.
	expectAbove = 256 << 10
	// expectTimeout is how long to wait for a server that ignores the question.
	expectTimeout = time.Second
	// expectMisses is after how many such waits the question is no longer asked.
	expectMisses = 3

	responseTimeout = 2 * time.Minute // for an answer's header
	maxFaultBody    = 1 << 20
)

// Tune sets up an HTTP transport for a driver. concurrency is how many idle
// connections it keeps.
func Tune(t *http.Transport, concurrency int) {
	t.Proxy = http.ProxyFromEnvironment
	t.OnProxyConnectResponse = network.Connected
	t.DialContext = (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	t.MaxIdleConns = 0 // limited only per host
	t.MaxIdleConnsPerHost = concurrency
	t.IdleConnTimeout = time.Minute
	t.TLSHandshakeTimeout = 10 * time.Second
	t.ExpectContinueTimeout = expectTimeout
	t.ResponseHeaderTimeout = responseTimeout
	t.WriteBufferSize = writeBuffer
	t.ReadBufferSize = 64 << 10
	t.DisableCompression = true // upstream's .gz files must stay as they are
	t.ForceAttemptHTTP2 = false // many connections carry more than one does
}

// Wire returns the transport for a client library. wrap, if not nil, wraps what
// goes over the wire. server learns the time from the answers.
func Wire(t *http.Transport, wrap func(http.RoundTripper) http.RoundTripper, server *clock.Server) http.RoundTripper {
	var wire http.RoundTripper = t
	if wrap != nil {
		wire = wrap(wire)
	}
	return &transport{wire: server.Transport(wire)}
}

// transport guarantees three things that client libraries don't:
//
//   - A small body is sent together with the header.
//   - A larger conditional PUT carries Expect: 100-continue.
//   - Once RoundTrip has returned, nobody reads the request's body any more.
//     net/http may go on reading after an early answer, while the library rewinds
//     the same body for a retry, or the driver asks it for its error.
type transport struct {
	wire   http.RoundTripper
	misses atomic.Int32 // PUTs in a row whose Expect the server ignored
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := t.send(req)
	if err != nil {
		return nil, err
	}
	if err := network.Answered(res); err != nil {
		res.Body.Close()
		return nil, err
	}
	return res, nil
}

func (t *transport) send(req *http.Request) (*http.Response, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return t.wire.RoundTrip(req)
	}
	if req.ContentLength > 0 && req.ContentLength <= atOnce {
		return t.sendAtOnce(req)
	}
	expect := t.expects(req)
	continued := false
	if expect {
		req = req.Clone(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
			Got100Continue: func() { continued = true },
		}))
		req.Header.Set("Expect", "100-continue")
		// aws-sdk-go-v2 leaves these at zero. Then net/http does not wait for an
		// answer: it does so only from HTTP/1.1 on.
		req.Proto, req.ProtoMajor, req.ProtoMinor = "HTTP/1.1", 1, 1
	} else {
		req = req.WithContext(req.Context()) // a copy, which may be changed
	}
	body := &attemptBody{body: req.Body}
	req.Body, req.GetBody = body, nil
	res, err := t.wire.RoundTrip(req)
	if err == nil && res.StatusCode >= 300 {
		// Read the answer before the body is taken away: that breaks the
		// connection if the body is still being sent.
		bufferBody(res)
	}
	body.detach()
	if expect && err == nil && res.StatusCode < 300 {
		if continued {
			t.misses.Store(0)
		} else {
			t.misses.Add(1)
		}
	}
	return res, err
}

// sendAtOnce sends a body from its own buffer. net/http recognizes it as memory,
// and sends it together with the header.
func (t *transport) sendAtOnce(req *http.Request) (*http.Response, error) {
	data := make([]byte, req.ContentLength)
	_, err := io.ReadFull(req.Body, data)
	req.Body.Close()
	if err != nil {
		return nil, err
	}
	req = req.WithContext(req.Context()) // a copy, which may be changed
	req.Body, req.GetBody = io.NopCloser(bytes.NewReader(data)), nil
	return t.wire.RoundTrip(req)
}

func (t *transport) expects(req *http.Request) bool {
	return req.Method == http.MethodPut && req.ContentLength > expectAbove && t.misses.Load() < expectMisses &&
		(req.Header.Get("If-None-Match") != "" || req.Header.Get("If-Match") != "")
}

func bufferBody(res *http.Response) {
	data, err := io.ReadAll(io.LimitReader(res.Body, maxFaultBody))
	res.Body.Close()
	rest := io.Reader(bytes.NewReader(data))
	if err != nil {
		rest = io.MultiReader(rest, failedReader{err})
	}
	res.Body = io.NopCloser(rest)
}

type failedReader struct{ err error }

func (r failedReader) Read([]byte) (int, error) { return 0, r.err }

var errDetached = errors.New("the request is over")

// attemptBody is the request body of one attempt.
type attemptBody struct {
	mu   sync.Mutex
	body io.ReadCloser // nil once detached
}

func (b *attemptBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.body == nil {
		return 0, errDetached
	}
	return b.body.Read(p)
}

// Close does nothing: detach does the work.
func (b *attemptBody) Close() error { return nil }

// detach waits for a read in progress, then closes the body for this attempt.
func (b *attemptBody) detach() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.body != nil {
		b.body.Close()
		b.body = nil
	}
}
