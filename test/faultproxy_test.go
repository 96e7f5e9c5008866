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

// faultProxy stands between asof and an S3 server. It counts the requests and
// does something to the one, or to those from the one on, that it was told.
type faultProxy struct {
	backend  string // host:port
	endpoint string // host:port of the proxy
	client   http.Transport

	mu    sync.Mutex
	seen  int
	fault fault
	at    int    // counted from 1; 0: none
	hit   string // method and key of the request that met the fault
}

// fault is what happens to a request.
type fault struct {
	name string
	do   func(p *faultProxy, w http.ResponseWriter, r *http.Request, first bool)
	// fits says which requests can meet it; the first from the k-th on that does
	// is the one. Nil: all.
	fits func(r *http.Request) bool
	// lasting faults meet every request from then on.
	lasting bool
}

// faults are the ways in which a request may end other than as it should.
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
		// What a client library's own retry of a write that had been applied meets.
		{name: "412 after success", fits: conditionalWrite, do: afterwards(412, "PreconditionFailed")},
		// No library tries this again: the run ends with this very request.
		{name: "refused from there on", lasting: true, do: answering(403, "AccessDenied")},
		{name: "applied, then refused from there on", lasting: true, do: func(p *faultProxy, w http.ResponseWriter, r *http.Request, first bool) {
			if first {
				p.forward(r)
			}
			refuse(w, r, 403, "AccessDenied")
		}},
	}
}

// answering is a fault that answers in place of the server.
func answering(status int, code string) func(*faultProxy, http.ResponseWriter, *http.Request, bool) {
	return func(_ *faultProxy, w http.ResponseWriter, r *http.Request, _ bool) { refuse(w, r, status, code) }
}

// afterwards is a fault that answers when the server has done what it was asked.
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

// arm lets the k-th request from the beginning meet a fault.
func (p *faultProxy) arm(f fault, k int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.at = f, k
}

// disarm ends a lasting fault and forgets one that was not met.
func (p *faultProxy) disarm() { p.arm(fault{}, 0) }

// met is the request that met a fault, and empty if there was none.
func (p *faultProxy) met() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hit
}

// requests is how many came so far.
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

// next counts a request. It returns the fault that the request meets, if any,
// and whether it is the first to do so.
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

// received is an answer of the server, read whole.
type received struct {
	status int
	header http.Header
	body   []byte
}

// forward passes a request on, and keeps its Host, which is signed. Where that
// fails (the client has gone, say), the answer is nil.
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

// truncate lets an answer end in the middle: of its body, or of its header if
// there is no body.
func truncate(p *faultProxy, w http.ResponseWriter, r *http.Request, _ bool) {
	a := p.forward(r)
	switch {
	case a == nil:
		hangUp(w, "")
	case len(a.body) == 0:
		hangUp(w, fmt.Sprintf("HTTP/1.1 %d\r\nContent-Le", a.status))
	default:
		a.begin(w)
		_, _ = w.Write(a.body[:len(a.body)/2]) // the server hangs up: it had promised more
	}
}

// drip lets an answer come in small pieces.
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

// refuse answers with an error of S3.
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
