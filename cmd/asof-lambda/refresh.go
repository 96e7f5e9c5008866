package main

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/asof/asof/resolver"
)

// How long to wait for a store that does not answer. A cold start may take ten
// seconds in all. A request is then answered from what is known.
const (
	firstRefresh = 8 * time.Second
	laterRefresh = 3 * time.Second
)

// refreshed brings the resolver up to date before a request if its knowledge is
// too old. A background refresh is not possible: the process is frozen between
// invocations.
type refreshed struct {
	*resolver.Resolver
	interval time.Duration
	log      *slog.Logger

	mu   sync.Mutex
	last time.Time // by the wall clock: the monotonic clock may stop while the process is frozen
}

// ServeHTTP implements http.Handler.
func (r *refreshed) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.refresh(req.Context(), time.Now(), laterRefresh)
	r.Resolver.ServeHTTP(w, req)
}

func (r *refreshed) refresh(ctx context.Context, now time.Time, atMost time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now = now.Round(0)
	if age := now.Sub(r.last); age >= 0 && age < r.interval {
		return
	}
	r.last = now
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	// What can't be read is already logged, and the old state stays.
	if err := r.Refresh(ctx); err != nil && ctx.Err() != nil {
		r.log.Warn("keeping the last known state: the store did not answer in time", "error", err)
	}
}
