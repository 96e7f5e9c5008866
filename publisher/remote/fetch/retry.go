package fetch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asof/asof/internal/network"
	"github.com/asof/asof/internal/retry"
	"github.com/asof/asof/publisher/remote"
)

// Tries that Retry makes, and its longest first pause. Each further pause is
// twice as long as the one before. Chance takes up to half off each.
const (
	Tries      = 5
	FirstPause = 500 * time.Millisecond
)

// Retry calls f until it returns nil or an error that is not temporary, at most
// [Tries] times. It is for documents that break off: a request already waits for an
// upstream that is away, and what was waited for in vain is not tried again.
func (c *Client) Retry(ctx context.Context, f func(context.Context) error) error {
	policy := c.gate.Policy(retry.Policy{Tries: Tries, Pause: FirstPause * 3 / 4, Growth: 2, Jitter: 1. / 3})
	err := policy.Do(ctx, func() error { return f(ctx) }, temporary)
	if usedUp, _ := temporary(err); usedUp {
		return wrap(err, func(err error) error { return fmt.Errorf("%w (%d tries)", err, Tries) })
	}
	return err
}

// temporary reports whether trying again may mend an error.
func temporary(err error) (again bool, after time.Duration) {
	_, ok := errors.AsType[*remote.TemporaryError](err)
	return ok && !retry.GaveUp(err), 0
}

// patiently makes a request, again while the upstream is away.
func (c *Client) patiently(ctx context.Context, request func() error) error {
	if c.Local() {
		return request()
	}
	return c.gate.Do(ctx, request, c.judge)
}

// judge says what the end of a request tells of the upstream.
func (c *Client) judge(err error) (retry.Verdict, time.Duration) {
	if t, ok := errors.AsType[*remote.TemporaryError](err); ok {
		if !network.Heals(err, c.gate.Met()) {
			return retry.Silent, 0
		}
		return retry.Away, t.After
	}
	_, status := errors.AsType[*StatusError](err)
	_, same := errors.AsType[*NotModifiedError](err)
	_, other := errors.AsType[*SizeError](err)
	if err == nil || status || same || other {
		return retry.Here, 0
	}
	return retry.Silent, 0
}
