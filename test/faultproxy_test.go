package test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// faultProxy is a proxy between asof and an S3 server. It counts the requests,
// and applies a fault to a chosen one, or to all from that one on.
type faultProxy struct {
	backend  string // host:port
	endpoint string // host:port of the proxy
	client   http.Transport

	mu    sync.Mutex
	seen  int
	fault fault
	at    int    // counted from 1; 0: none
	hit   string // method and key of the first request with the fault
}

// fault is what happens to a request.
type fault struct {
	name string
	do   func(p *faultProxy, w http.ResponseWriter, r *http.Request, first bool)
	// fits says which requests the fault applies to: the first one from the k-th
	// on. Nil: all.
	fits func(r *http.Request) bool
	// lasting faults apply to every later request, too.
	lasting bool
}

// faults returns the ways in which a request may go wrong.
func faults() []fault {
	return []fault{
		{name: "dropped before", do: func(_ *faultProxy, w http.ResponseWriter, _ *http.Request, _ bool) { hangUp(w, "") }},
		{name: "dropped after", do: func(p *faultProxy, w http.ResponseWriter, r *http.Request, _ bool) {
			p.forward(r)
			hangUp(w, "")
		}},
		{name: "500", do: answering(500, "InternalError")},
		{name: "503", do: answering(503, "SlowDown")},
		{name: "503 after", do: afterwards(503, "SlowDown")},
		{name: "truncated", do: truncate},
		{name: "slow", do: drip},
		// A client library's own retry of an applied write gets this.
		{name: "412 after success", fits: conditionalWrite, do: afterwards(412, "PreconditionFailed")},
		// No library tries this again: the run ends with this request.
		{name: "refused from there on", lasting: true, do: answering(403, "AccessDenied")},
		{name: "applied, then refused from there on", lasting: true, do: func(p *faultProxy, w http.ResponseWriter, r *http.Request, first bool) {
			if first {
				p.forward(r)
			}
			refuse(w, r, 403, "AccessDenied")
		}},
	}
}

// answering is a fault that answers instead of the server.
func answering(status int, code string) func(*faultProxy, http.ResponseWriter, *http.Request, bool) {
	return func(_ *faultProxy, w http.ResponseWriter, r *http.Request, _ bool) { refuse(w, r, status, code) }
}

// afterwards is a fault that answers after the server has done its work.
func afterwards(status int, code string) func(*faultProxy, http.ResponseWriter, *http.Request, bool) {
	return func(p *faultProxy, w http.ResponseWriter, r *http.Request, _ bool) {
		p.forward(r)
		refuse(w, r, status, code)
	}
}

func conditionalWrite(r *http.Request) bool {
	return r.Method != http.MethodGet && (r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Match") != "")
}

// newFaultProxy starts a proxy without faults.
func newFaultProxy(t testing.TB, backend string) *faultProxy {
	p := &faultProxy{backend: backend}
	server := httptest.NewServer(p)
	p.endpoint = strings.TrimPrefix(server.URL, "http://")
	t.Cleanup(func() {
		server.Close()
		p.client.CloseIdleConnections()
	})
	return p
}

// arm sets a fault for the k-th request from the beginning.
func (p *faultProxy) arm(f fault, k int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.at = f, k
}

// disarm ends a lasting fault, and drops one that has not happened.
func (p *faultProxy) disarm() { p.arm(fault{}, 0) }

// met returns the first request with a fault; empty if there was none.
func (p *faultProxy) met() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hit
}

// requests returns the number of requests so far.
func (p *faultProxy) requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

func (p *faultProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f, first := p.next(r); f != nil {
		f.do(p, w, r, first)
		return
	}
	if a := p.forward(r); a != nil {
		a.write(w)
	} else {
		hangUp(w, "")
	}
}

// next counts a request. It returns the request's fault, if any, and whether it
// is the first request with it.
func (p *faultProxy) next(r *http.Request) (f *fault, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen++
	first = p.hit == ""
	if p.at == 0 || p.seen < p.at || !first && !p.fault.lasting || p.fault.fits != nil && !p.fault.fits(r) {
		return nil, false
	}
	if first {
		p.hit = fmt.Sprintf("request %d, %s %s", p.seen, r.Method, r.URL.RequestURI())
	}
	met := p.fault
	return &met, first
}

// received is an answer of the server, fully read.
type received struct {
	status int
	header http.Header
	body   []byte
}

// forward passes a request on with its Host, which is signed. If that fails (the
// client has gone, say), it returns nil.
func (p *faultProxy) forward(r *http.Request) *received {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	out, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+p.backend+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil
	}
	out.Header, out.Host = r.Header.Clone(), r.Host
	out.Header.Del("Expect") // answered here
	resp, err := p.client.RoundTrip(out)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil
	}
	return &received{resp.StatusCode, resp.Header, data}
}

func (a *received) begin(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
}

func (a *received) write(w http.ResponseWriter) {
	a.begin(w)
	_, _ = w.Write(a.body)
}

// truncate cuts an answer in the middle: of its body, or of its header if there
// is no body.
func truncate(p *faultProxy, w http.ResponseWriter, r *http.Request, _ bool) {
	a := p.forward(r)
	switch {
	case a == nil:
		hangUp(w, "")
	case len(a.body) == 0:
		hangUp(w, fmt.Sprintf("HTTP/1.1 %d\r\nContent-Le", a.status))
	default:
		a.begin(w)
		_, _ = w.Write(a.body[:len(a.body)/2]) // the server hangs up before the promised length
	}
}

// drip sends an answer in small pieces.
func drip(p *faultProxy, w http.ResponseWriter, r *http.Request, _ bool) {
	a := p.forward(r)
	if a == nil {
		hangUp(w, "")
		return
	}
	const pieces, pause = 6, 50 * time.Millisecond
	flusher := http.NewResponseController(w)
	time.Sleep(pause)
	a.begin(w)
	for i := range pieces {
		_, _ = w.Write(a.body[len(a.body)*i/pieces : len(a.body)*(i+1)/pieces])
		_ = flusher.Flush()
		time.Sleep(pause)
	}
}

// refuse answers with an S3 error.
func refuse(w http.ResponseWriter, r *http.Request, status int, code string) {
	_, _ = io.Copy(io.Discard, r.Body)
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>made up by the test</Message></Error>`, code)
}

// hangUp closes the connection, after some raw bytes.
func hangUp(w http.ResponseWriter, raw string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(conn, raw)
	_ = conn.Close()
}
