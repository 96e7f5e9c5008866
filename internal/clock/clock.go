// Package clock learns from the answers of an HTTP server what time it is there.
package clock

import (
	"net/http"
	"sync/atomic"
	"time"
)

// Server is a server's clock, as far as its answers show it. The zero value knows
// nothing yet. It is safe for concurrent use.
type Server struct {
	ahead atomic.Pointer[time.Duration] // of this machine's clock; nil: nothing known
}

// Now returns what time it is at the server, by its latest answer that told. The
// result is false if none did. While the two clocks can't be told apart, it is the time
// of this machine.
func (s *Server) Now() (time.Time, bool) {
	ahead := s.ahead.Load()
	if ahead == nil {
		return time.Time{}, false
	}
	return time.Now().Add(*ahead), true
}

// Hear takes the header of an answer, with the times when this machine sent the request
// and got the answer. Without a Date (RFC 9110, section 6.6.1) it tells nothing. Nor
// does it if it spent time in a cache (RFC 9111, section 5.1): its Date is an old one.
func (s *Server) Hear(sent, received time.Time, header http.Header) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil || cached(header) {
		return
	}
	// The server wrote the Date at some moment in between, and dropped the fraction.
	var ahead time.Duration
	switch latest := date.Add(time.Second); {
	case date.After(received):
		ahead = date.Sub(received)
	case latest.Before(sent):
		ahead = latest.Sub(sent)
	}
	s.ahead.Store(&ahead)
}

func cached(header http.Header) bool {
	age := header.Get("Age")
	return age != "" && age != "0"
}

// Transport returns a transport that hears the answers of another one.
func (s *Server) Transport(wire http.RoundTripper) http.RoundTripper { return transport{s, wire} }

type transport struct {
	*Server
	wire http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	sent := time.Now()
	res, err := t.wire.RoundTrip(req)
	if err == nil {
		t.Hear(sent, time.Now(), res.Header)
	}
	return res, err
}
