package job

import (
	"context"
	"errors"
	"time"

	"github.com/asof/asof/internal/network"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/retry"
	"github.com/asof/asof/publisher/remote"
)

const (
	maxTries = 6
	// A proxy may deliver wrong bytes by accident, but rarely more than twice.
	maxMismatches = 3
)

// Retry runs a transfer again, with growing pauses, as long as its failure may be
// temporary: a connection broke in the middle, or wrong bytes came. What is away is waited
// for at its gate, and not once more here.
func (e Env) Retry(ctx context.Context, name string, transfer func() error) error {
	policy := retry.Policy{
		Tries: maxTries, Pause: e.RetryDelay, Growth: 1.5, Jitter: 0.5,
		Sleep: e.Sleep,
		Notify: func(err error, _ int, pause time.Duration) {
			e.Progress.Retry(err)
			e.Log.Debug("trying again", "file", name, "error", err, "wait", retry.Round(pause))
		},
	}
	mismatches := 0
	return policy.Do(ctx, transfer, func(err error) (again bool, after time.Duration) {
		if retry.GaveUp(err) {
			return false, 0
		}
		if temporary, ok := errors.AsType[*remote.TemporaryError](err); ok {
			return true, min(temporary.After, retry.DefaultPatience)
		}
		if errors.Is(err, objstore.ErrUnavailable) {
			return network.Heals(err, false), 0
		}
		if errors.Is(err, objstore.ErrMismatch) {
			mismatches++
			return mismatches < maxMismatches, 0
		}
		return false, 0
	})
}
