package fetch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/asof/asof/publisher/remote"
)

// Tries that Retry makes, and its pauses between them: each twice as long as
// the one before, then shortened by up to a half at random, so that clients
// that failed together do not come back together.
const (
	Tries      = 5
	FirstPause = 500 * time.Millisecond
)

// Retry calls f until it returns nil or an error that is not temporary, at most
// [Tries] times. It waits at least as long as the upstream asked for.
func (c *Client) Retry(ctx context.Context, f func(context.Context) error) error {
	for try := 1; ; try++ {
		err := f(ctx)
		temporary, ok := errors.AsType[*remote.TemporaryError](err)
		if err == nil || !ok {
			return err
		}
		if try == Tries {
			return wrap(err, func(err error) error { return fmt.Errorf("%w (%d tries)", err, try) })
		}
		pause := max(backoff(try), temporary.After)
		c.retried(err)
		c.log.Warn("trying again", "error", err, "try", try, "wait", pause)
		if werr := c.wait(ctx, pause); werr != nil {
			return fmt.Errorf("%w (gave up: %w)", temporary.Err, werr)
		}
	}
}

func backoff(try int) time.Duration {
	d := FirstPause << (try - 1)
	return d/2 + rand.N(d/2+1)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
