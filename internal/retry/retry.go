// Package retry calls something again, after growing pauses, as long as its
// failure may be temporary.
package retry

import (
	"context"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// maxPause bounds the pauses of a policy, but not those that a server asks for.
const maxPause = time.Minute

// Policy says how often to try and how long to wait between two tries. The pauses
// grow exponentially. Jitter spreads them, so that clients that failed together
// do not all come back together.
type Policy struct {
	Tries  int           // calls in all; 0 and 1: no retry
	Pause  time.Duration // the first pause, before jitter
	Growth float64       // factor between one pause and the next; at least 1
	Jitter float64       // 0 to 1: the largest share of a pause that is added or taken off at random

	// Sleep waits, and returns an error if the context ends first. Nil: [Sleep].
	Sleep func(ctx context.Context, d time.Duration) error
	// Notify, if not nil, is called after a failed try (the first is 1), with the
	// pause that follows.
	Notify func(err error, try int, pause time.Duration)
}

// Again judges the error of a try: whether another try may succeed, and how long
// the server asked to wait before it (0: it did not say). The pause is at least
// that long; the caller must bound it.
type Again func(err error) (again bool, after time.Duration)

// Do runs call until it returns nil, or an error that again calls final, or the
// tries are used up. It returns the last error unchanged. If the context ends
// before the next try, the error is the context's; its text begins with the last
// try's.
func (p Policy) Do(ctx context.Context, call func() error, again Again) error {
	pauses := backoff.ExponentialBackOff{
		InitialInterval: p.Pause, Multiplier: p.Growth, RandomizationFactor: p.Jitter, MaxInterval: maxPause,
	}
	for try := 1; ; try++ {
		err := call()
		if err == nil {
			return nil
		}
		worthwhile, after := again(err)
		if !worthwhile || try >= p.Tries {
			return err
		}
		if ended := p.wait(ctx, err, try, max(pauses.NextBackOff(), after)); ended != nil {
			return fmt.Errorf("%v (gave up: %w)", err, ended)
		}
	}
}

func (p Policy) wait(ctx context.Context, err error, try int, pause time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if p.Notify != nil {
		p.Notify(err, try, pause)
	}
	if p.Sleep != nil {
		return p.Sleep(ctx, pause)
	}
	return Sleep(ctx, pause)
}

// Sleep waits for d. If the context ends first, it returns the context's cause.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
