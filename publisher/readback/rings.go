package readback

import (
	"context"
	"errors"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
)

// checkRings checks that what the rings stand for can't change: a checkpoint of a time that is
// final here, or none before the first.
func (v *verification) checkRings(ctx context.Context, history *manifest.History) error {
	rings, _, err := catalog.LoadRollout(ctx, v.Store)
	d, unreadable := errors.AsType[*catalog.DamagedError](err)
	switch {
	case unreadable:
		return v.note(nil, damaged(manifest.RolloutKey, "%v", d.Err))
	case errors.Is(err, catalog.ErrLost):
		return v.note(nil, damaged(manifest.RolloutKey, "%v; asof rebuild writes it again", err))
	case err != nil:
		return err
	}
	for _, ring := range history.WithRings(&rings.Doc).Rings() {
		s, _ := ring.Now()
		if _, channel := history.Index.Channels[ring.Name]; channel {
			_ = v.note(nil, damaged(manifest.RolloutKey, "ring %s: the repo has a channel of this name, which goes before it", ring.Name))
			continue
		}
		if s.Time > history.Index.Horizon {
			_ = v.note(nil, damaged(manifest.RolloutKey, "ring %s stands for %s, which is not final here", ring.Name, s.Time))
			continue
		}
		answer, err := history.Resolve(ctx, manifest.At(s.Time), manifest.IDOf(v.Now()))
		if err = v.note(nil, err); err != nil {
			return err
		}
		if answer.Outcome == manifest.Gone {
			_ = v.note(nil, damaged(manifest.RolloutKey, "ring %s stands for %s: checkpoint %s was pruned", ring.Name, s.Time, answer.ID))
		}
	}
	return nil
}
