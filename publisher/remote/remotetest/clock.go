package remotetest

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/asof/asof/internal/retry"
)

// Clock is a clock for pauses: to sleep is to move it, at once. It is safe for concurrent
// use.
type Clock struct {
	mu    sync.Mutex
	slept time.Duration
}

// Slept returns how long the pauses were in all.
func (c *Clock) Slept() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.slept
}

// Gates returns gates that wait by the clock, with the default patience. A nil log is
// none.
func (c *Clock) Gates(log *slog.Logger) *retry.Gates {
	return retry.NewGates(retry.Options{Patience: retry.DefaultPatience, Log: log, Clock: retry.Clock{
		Now: func() time.Time { return Modified().Add(c.Slept()) },
		Sleep: func(ctx context.Context, d time.Duration) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.slept += d
			return ctx.Err()
		},
	}})
}
