// Package job is the environment of every long run on a store: a log, a progress,
// the concurrency, retries, and a clock.
package job

import (
	"context"
	"log/slog"
	"time"

	"github.com/asof/asof/internal/retry"
)

// Env is the environment of a run. The zero value works silently, by the real
// clock.
type Env struct {
	Log         *slog.Logger // nil: no log
	Progress    Progress     // nil: none
	Concurrency int          // transfers at the same time; 0: 32

	RetryDelay time.Duration // before a transfer's second try; it grows from there; 0: 500 ms

	Now   func() time.Time                                 // nil: time.Now
	Sleep func(ctx context.Context, d time.Duration) error // nil: a timer
}

// Progress gets a run's progress. Its methods are called from many goroutines at
// once.
type Progress interface {
	// Begin starts a part of the work with so many files and bytes; -1 means
	// unknown.
	Begin(what string, files int, bytes int64)
	// Add counts work done.
	Add(files int, bytes int64)
	// Retry reports a failure that is tried again; the log says what failed.
	Retry(err error)
	// End ends the part that Begin started.
	End()
}

// WithDefaults fills in the defaults.
func (e Env) WithDefaults() Env {
	if e.Log == nil {
		e.Log = slog.New(slog.DiscardHandler)
	}
	if e.Progress == nil {
		e.Progress = noProgress{}
	}
	if e.Concurrency <= 0 {
		e.Concurrency = 32
	}
	if e.RetryDelay <= 0 {
		e.RetryDelay = 500 * time.Millisecond
	}
	if e.Now == nil {
		e.Now = time.Now
	}
	if e.Sleep == nil {
		e.Sleep = retry.Sleep
	}
	return e
}

type noProgress struct{}

func (noProgress) Begin(string, int, int64) {}
func (noProgress) Add(int, int64)           {}
func (noProgress) Retry(error)              {}
func (noProgress) End()                     {}
