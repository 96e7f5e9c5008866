// Package service makes the resolver fit to stand on the internet, behind a CDN
// or alone: what it adds to package resolver is measuring, limiting, logging,
// credentials, and a server that starts, drains and ends as service managers
// want it.
//
//	/-/healthz   200 as long as the process lives
//	/-/readyz    200 once the registry was read, 503 before and while it drains
//	/-/metrics   for Prometheus
//
// Everything else is the resolver's.
package service

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/asof/asof/resolver"
)

// Options configure a Service.
type Options struct {
	Resolver *resolver.Resolver // required
	Metrics  *Metrics           // required
	Log      *slog.Logger       // required

	// AccessLog gets a record for each request at the level Info. nil: none.
	AccessLog *slog.Logger

	// Trusted are the networks of proxies whose X-Forwarded-For is believed. Secure
	// needs them, too.
	Trusted []netip.Prefix

	// RatePerSecond bounds the requests of one client, which may do Burst at
	// once: an IPv4 address, or the first 64 bits of an IPv6 one. 0: no bound.
	RatePerSecond float64
	Burst         int

	// Access says whether metrics may be read here, which tell of all repos; nil: by
	// everybody. OwnMetrics leaves /-/metrics out: it is served elsewhere, by Metrics
	// itself.
	Access     func(req *http.Request, base string) resolver.Access
	OwnMetrics bool
}

// Service is the http.Handler. It is safe for concurrent use.
type Service struct {
	opts     Options
	limits   *limits // nil: none
	draining atomic.Bool
}

// New returns a service.
func New(opts Options) *Service {
	s := &Service{opts: opts}
	if opts.RatePerSecond > 0 {
		s.limits = newLimits(opts.RatePerSecond, opts.Burst)
	}
	return s
}

// Drain makes /-/readyz say that no more requests should come.
func (s *Service) Drain() { s.draining.Store(true) }

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	start := time.Now()
	rec := &recorder{ResponseWriter: w, start: start}
	var user string
	if s.opts.AccessLog != nil && s.opts.Access != nil {
		req = req.WithContext(context.WithValue(req.Context(), userKey{}, &user))
	}
	// What answers has panicked on purpose where it cut an answer short.
	defer func() {
		took := time.Since(start)
		s.opts.Metrics.observe(rec.status, took)
		if s.opts.AccessLog != nil {
			s.logAccess(req, rec, user, took)
		}
	}()
	s.serve(rec, req)
}

func (s *Service) serve(w *recorder, req *http.Request) {
	if req.ContentLength != 0 {
		// Nobody here reads a body, and nothing is waited for: net/http would wait for
		// the rest of a small one, as long as the client likes.
		w.Header().Set("Connection", "close")
		_ = http.NewResponseController(w).SetReadDeadline(time.Now()) // not all can: tests' can't
	}
	path := req.URL.Path
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		path = "" // the resolver refuses it
	}
	switch path {
	case "/-/healthz":
		say(w, req, http.StatusOK, "ok\n")
		return
	case "/-/readyz":
		if _, ready := s.opts.Resolver.Status(); !ready || s.draining.Load() {
			say(w, req, http.StatusServiceUnavailable, "not ready\n")
			return
		}
		say(w, req, http.StatusOK, "ok\n")
		return
	}
	if s.limits != nil {
		if wait := s.limits.wait(s.client(req), time.Now()); wait > 0 {
			// Rounded up: who comes back a moment too early fails again.
			w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
			s.opts.Resolver.WriteError(w, req, http.StatusTooManyRequests, "too many requests from your address", "wait as long as Retry-After says")
			return
		}
	}
	if path == "/-/metrics" && !s.opts.OwnMetrics {
		if s.opts.Access != nil && s.opts.Access(req, resolver.AllRepos) == resolver.Refused {
			s.opts.Resolver.WriteError(w, req, http.StatusForbidden, "metrics need credentials for all repositories", "")
			return
		}
		s.opts.Metrics.ServeHTTP(w, req)
		return
	}
	s.opts.Resolver.ServeHTTP(w, req)
}

// say answers a probe.
func say(w http.ResponseWriter, req *http.Request, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	if req.Method != http.MethodHead {
		_, _ = io.WriteString(w, text) // a client that went away is no business of ours
	}
}
