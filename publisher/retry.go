package publisher

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/publisher/remote"
)

const (
	maxTries = 6
	// Wrong bytes may be a proxy's passing fault, but rarely more than twice.
	maxMismatches = 3
)

// retry runs a transfer again, with growing pauses, as long as its failure may
// be a passing one: the upstream or the store is busy or lost the connection,
// or the bytes that came were wrong.
func (p *Publisher) retry(ctx context.Context, name string, transfer func() error) error {
	policy := backoff.NewExponentialBackOff()
	policy.InitialInterval = p.RetryDelay
	mismatches := 0
	try := func() (struct{}, error) {
		err := transfer()
		var temporary *remote.TemporaryError
		switch {
		case err == nil:
			return struct{}{}, nil
		case errors.As(err, &temporary) && temporary.After > 0:
			return struct{}{}, &askedToWait{err, &backoff.RetryAfterError{Duration: temporary.After}}
		case temporary != nil, errors.Is(err, objstore.ErrUnavailable):
			return struct{}{}, err
		case errors.Is(err, objstore.ErrMismatch):
			if mismatches++; mismatches < maxMismatches {
				return struct{}{}, err
			}
		}
		return struct{}{}, backoff.Permanent(err)
	}
	_, err := backoff.Retry(ctx, try, backoff.WithBackOff(policy), backoff.WithMaxTries(maxTries), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, wait time.Duration) {
			p.Progress.Retry(err)
			p.Log.Warn("trying again", "file", name, "error", err, "wait", wait.Round(time.Millisecond))
		}))
	return err
}

// maxMoved is how often a sync starts again because upstream changed under it.
const maxMoved = 3

// untilSettled runs a sync or a publish again, with growing pauses, when its
// upstream changed while it was read: what it captured can't be had any more.
func (p *Publisher) untilSettled(ctx context.Context, run func() error) error {
	for n := 0; ; n++ {
		err := run()
		if _, ok := errors.AsType[*movedError](err); !ok || n == maxMoved {
			return err
		}
		pause := p.RetryDelay << (2*n + 2)
		p.Progress.Retry(err)
		p.Log.Warn("the upstream changed, starting again from its root", "error", err, "wait", pause)
		if err := p.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// movedError is that of a capture or a transfer whose upstream may have changed
// meanwhile.
type movedError struct{ error }

func (e *movedError) Unwrap() error { return e.error }

// moved recognizes, in the error of a transfer, an upstream that moved on.
func (rev *revision) moved(err error) error {
	if rev.moving && (errors.Is(err, remote.ErrMoved) || errors.Is(err, objstore.ErrMismatch)) {
		return &movedError{err}
	}
	return err
}

// askedToWait is an error with the upstream's own wish for a pause.
type askedToWait struct {
	error
	after *backoff.RetryAfterError
}

func (e *askedToWait) Unwrap() []error { return []error{e.error, e.after} }
