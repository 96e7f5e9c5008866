package rollout

import (
	"context"
	"errors"
	"fmt"

	"github.com/asof/asof/manifest"
)

// ErrBack: a ring was rolled back already.
var ErrBack = errors.New("rolled back already")

// Stop is what a roll-back or a block has done, or would do.
type Stop struct {
	Step
	// Blocked are checkpoints that no ring enters from now on, by repo: the newest of each.
	Blocked map[string]manifest.ID
	// Standing are the rings that stand on one of them.
	Standing []string
}

// Rollback puts a ring back, at once for all repos, and holds it there: to a time, or to the
// last other checkpoints that it stood for. Run twice, it goes back once: while it is held there,
// only a time leads further back. The checkpoints that it stood for are blocked in every repo that
// has another one then.
func (r *Rollout) Rollback(ctx context.Context, name string, to manifest.ID, reason string) (stop Stop, err error) {
	_, _, err = r.change(ctx, func(s State) (next manifest.Rollout, err error) {
		next, stop, err = s.rollback(ctx, name, to, r.stamp(reason))
		return next, err
	})
	if err == nil {
		err = r.landed(ctx, name)
	}
	return stop, err
}

func (s State) rollback(ctx context.Context, name string, to manifest.ID, by manifest.Stamp) (manifest.Rollout, Stop, error) {
	ring, ok := s.Ring(name)
	if !ok {
		return s.Rollout, Stop{}, fmt.Errorf("%s: %w", name, manifest.ErrNoRing)
	}
	from, _ := ring.Now()
	switch stands := ring.Stands; {
	case ring.Held != nil && to == from.Time:
		return s.Rollout, Stop{Step: Step{Ring: name, From: to, To: to}, Blocked: map[string]manifest.ID{}}, nil
	case ring.Held != nil && to.IsZero() && len(stands) > 1 && from.Time < stands[len(stands)-2].Time:
		return s.Rollout, Stop{}, &RefusedError{name, from.Time, "it stands there " + because(from.Stamp), ErrBack, fmt.Sprintf("asof rollback %s --to TIME goes further back, and so does a roll-back after asof resume %s", name, name)}
	}
	if to.IsZero() {
		newest, err := s.newest(ctx, from.Time)
		if err != nil {
			return s.Rollout, Stop{}, err
		}
		before, err := ring.Before(newest)
		if err != nil {
			return s.Rollout, Stop{}, err
		}
		to = before.Time
	}
	stop := Stop{Step: Step{Ring: name, From: from.Time, To: to}, Blocked: map[string]manifest.ID{}}
	if err := s.mayEnter(ctx, name, to); err != nil {
		return s.Rollout, stop, err
	}
	var err error
	if stop.Changed, err = s.Members.Differ(ctx, to, from.Time); err != nil {
		return s.Rollout, stop, err
	}
	next, err := s.Rollout.Rollback(name, to, stop.Changed, by)
	if err != nil {
		return s.Rollout, stop, err
	}
	for _, h := range s.Members {
		answer, err := h.Resolve(ctx, manifest.At(from.Time), s.Now)
		if err != nil {
			return s.Rollout, stop, err
		}
		if _, blocked := next.Blocked(h.Index.Repo, answer.ID); blocked {
			stop.Blocked[h.Index.Repo] = answer.ID
		}
	}
	stop.Standing, err = State{next, s.All, s.Members, s.Now}.standing(ctx)
	return next, stop, err
}

// newest returns the newest checkpoint of all that the members have at a time; none: they have
// none.
func (s State) newest(ctx context.Context, at manifest.ID) (newest manifest.ID, err error) {
	for _, h := range s.Members {
		answer, err := h.Resolve(ctx, manifest.At(at), s.Now)
		if err != nil {
			return newest, err
		}
		if answer.Outcome == manifest.Found || answer.Outcome == manifest.Gone {
			newest = max(newest, answer.ID)
		}
	}
	return newest, nil
}

// standing names the rings that stand on a blocked checkpoint.
func (s State) standing(ctx context.Context) (names []string, err error) {
	for _, ring := range s.Rings {
		stands, ok := ring.Now()
		if !ok {
			continue
		}
		bar, err := s.MayEnter(ctx, s.Members, stands.Time, s.Now)
		if err != nil {
			return nil, err
		}
		if bar.Why != "" {
			names = append(names, ring.Name)
		}
	}
	return names, nil
}

// Block keeps rings from a checkpoint of a repo.
func (r *Rollout) Block(ctx context.Context, repo string, id manifest.ID, reason string) (stop Stop, err error) {
	before, next, err := r.change(ctx, func(s State) (manifest.Rollout, error) { return s.Rollout.Block(repo, id, r.stamp(reason)) })
	if err != nil {
		return stop, err
	}
	stop.Blocked = map[string]manifest.ID{repo: id}
	stop.Standing, err = State{next, before.All, before.Members, before.Now}.standing(ctx)
	return stop, err
}

// Unblock lets rings have a checkpoint again.
func (r *Rollout) Unblock(ctx context.Context, repo string, id manifest.ID, reason string) error {
	_, _, err := r.change(ctx, func(s State) (manifest.Rollout, error) { return s.Rollout.Unblock(repo, id, r.stamp(reason)) })
	return err
}

// Hold keeps a ring where it is.
func (r *Rollout) Hold(ctx context.Context, name, reason string) error {
	_, _, err := r.change(ctx, func(s State) (manifest.Rollout, error) { return s.Rollout.Hold(name, r.stamp(reason)) })
	return err
}

// Resume ends a hold.
func (r *Rollout) Resume(ctx context.Context, name, reason string) error {
	_, _, err := r.change(ctx, func(s State) (manifest.Rollout, error) { return s.Rollout.Resume(name, r.stamp(reason)) })
	return err
}

// Delete takes a ring away.
func (r *Rollout) Delete(ctx context.Context, name, reason string) error {
	_, _, err := r.change(ctx, func(s State) (manifest.Rollout, error) { return s.Rollout.Delete(name, r.stamp(reason)) })
	return err
}
