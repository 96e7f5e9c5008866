package publisher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asof/asof/internal/retry"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/revision"
	"github.com/asof/asof/publisher/transfer"
)

// maxMoved is how many times a sync starts again because its upstream may have changed.
const maxMoved = 3

// untilSettled repeats a sync or a publish, with growing pauses, if its upstream changed in
// the meantime, so that the captured state is no longer available. A wrong signature or a
// missing file looks the same at first.
func (p *Publisher) untilSettled(ctx context.Context, run func() error) error {
	policy := retry.Policy{
		Tries: 1 + maxMoved, Pause: 4 * p.RetryDelay, Growth: 4,
		Sleep: p.Sleep,
		Notify: func(err error, _ int, pause time.Duration) {
			p.Progress.Retry(err)
			p.Log.Warn("something does not fit together; starting again from the root, in case the upstream is changing", "error", err, "wait", retry.Round(pause))
		},
	}
	return policy.Do(ctx, run, func(err error) (again bool, after time.Duration) {
		_, moved := errors.AsType[*movedError](err)
		return moved, 0
	})
}

// movedError means that a capture or a transfer failed, perhaps because its upstream
// changed.
type movedError struct{ error }

func (e *movedError) Unwrap() error { return e.error }

// moved classifies the error of a transfer. It marks the error if upstream moved on, or
// if the only problem is missing files that the remote may leave out.
func moved(rev *revision.Revision, err error) error {
	faults, lasting := errors.AsType[*remote.FaultsError](err)
	switch {
	case lasting && rev.Skip(faults.Missing()):
		return fmt.Errorf("%w: %w", errSkipped, err)
	case !lasting && rev.Moving && transfer.Moved(err):
		return &movedError{err}
	}
	return err
}
