package rebuild

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/job"
	"github.com/asof/asof/publisher/ledger"
)

// ErrUnconfirmed: nothing but this machine's clock tells what lies in the future.
var ErrUnconfirmed = errors.New("nothing confirms this machine's clock")

// planFuture plans what becomes of an index that can be read and reaches into the future.
func (r *rebuilding) planFuture(ctx context.Context, repo *Repo) error {
	if !repo.next.Future(r.now) {
		return nil
	}
	next, opened, err := ledger.WithoutFuture(ctx, r.Store, repo.next, r.now)
	if err != nil {
		return err
	}
	repo.Future, repo.Index = r.future(repo.next, next, opened), Ahead
	if r.Future {
		repo.Index, repo.next = Withdrawn, next
	}
	return nil
}

// future describes what an index loses when it becomes the next one. opened are segments of
// it that are opened for that.
func (r *rebuilding) future(index, next manifest.Index, opened []manifest.Segment) *Future {
	f := &Future{Now: r.now, Horizon: index.Horizon, Checkpoints: []manifest.ID{}, Channels: []string{}}
	if index.Pending != nil {
		f.Horizon = max(f.Horizon, *index.Pending)
	}
	for _, part := range append(slices.Clone(opened), index.Tail()) {
		for _, c := range part.Checkpoints {
			if _, stays := next.Find(c.ID); !stays {
				f.Checkpoints = append(f.Checkpoints, c.ID)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(index.Channels)) {
		if _, stays := next.Channels[name]; !stays {
			f.Channels = append(f.Channels, name)
		}
	}
	return f
}

// confirmTime makes sure that this machine's clock is right before it decides what lies in
// the future. If the store has a clock, it agrees by now.
func (r *rebuilding) confirmTime(report Report) error {
	takesBack := r.Future && slices.ContainsFunc(report.Repos, func(repo Repo) bool { return repo.Future != nil })
	if _, known := job.StoreTime(r.Store); !takesBack || known && r.Time.IsZero() {
		return nil
	}
	if r.Time.IsZero() {
		return fmt.Errorf("%w: it says that it is %s", ErrUnconfirmed, r.now)
	}
	if job.Apart(r.now.Time(), r.Time.Time()) {
		return &job.OtherClockError{Whose: "yours", Here: r.now, There: r.Time, Advice: "nothing was written; set the clock that is wrong"}
	}
	return nil
}

// abandonGroup makes sure that nobody finishes a publish of several repos that lies in the
// future, not even when its time has come.
func (r *rebuilding) abandonGroup(ctx context.Context, repo Repo) error {
	_, err := catalog.Group(repo.Base).Change(ctx, r.Store, func(now catalog.State[manifest.Group]) (manifest.Group, bool, error) {
		over := now.Doc.ID <= r.now+manifest.MaxSkew || now.Doc.Until == manifest.MinID
		now.Doc.Until = manifest.MinID
		return now.Doc, !over, nil
	})
	return err
}
