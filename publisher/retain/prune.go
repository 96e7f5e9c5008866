package retain

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/ledger"
)

// PruneOptions configure Prune.
type PruneOptions struct {
	Policy Policy
	Reason string // kept in the tombstones, which everybody can read; one line
	Apply  bool   // without it nothing is changed
}

// Prune removes the checkpoints that the policy does not keep from the index and
// leaves tombstones: what resolved to them is gone, and never slides to an older
// one (invariant 4). It deletes nothing; Collect does, later. Without Apply it
// only decides.
//
// What is dropped by name takes the channels along that name it; a ring that stands on it
// stays, and answers 410 in this repo. Both only with Policy.Force.
//
// Before that it releases them in the janitor's note. Without the right to do so it
// leaves tombstones only, and sets Decisions.Unreleased: Collect then keeps everything
// until somebody confirms it.
//
// Rules about a forged history would keep what is forged. So the error is ErrContradicts
// if the index contradicts the note, and job.ErrClock if the newest checkpoint lies in the
// future.
//
// One swap of the index does it all. A crash leaves the old state or the new one, at
// most a release without a tombstone, which deletes nothing, and at most segments that
// no index names and a stale list page, which the next command mends.
func Prune(ctx context.Context, opts Options, repo manifest.Repo, what PruneOptions) (*Decisions, error) {
	opts = opts.complete()
	note, err := catalog.Note(repo).Load(ctx, opts.Store)
	if err != nil {
		return nil, err
	}
	p := &pruning{Options: opts, PruneOptions: what, repo: repo, note: note.Doc, ledger: opts.ledger()}
	if !what.Apply {
		now, err := p.ledger.Load(ctx, repo)
		if err != nil {
			return nil, err
		}
		if err := p.ledger.CheckTime(now.Doc); err != nil {
			return nil, err
		}
		_, err = p.decide(ctx, now.Doc)
		if err == nil {
			err = p.decisions.findTwins(ctx, opts)
		}
		return p.decisions, err
	}
	err = p.ledger.Change(ctx, repo, func(index manifest.Index) (manifest.Index, error) { return p.prune(ctx, index) })
	if err == nil && p.decisions.Pruned() > 0 {
		err = p.checkRings(ctx)
	}
	if err == nil {
		err = p.decisions.findTwins(ctx, opts)
	}
	return p.decisions, err
}

// checkRings makes sure that no ring has moved to what was pruned meanwhile. A ring that moves
// looks at the index after its swap, too, so one of both sees the other.
func (p *pruning) checkRings(ctx context.Context) error {
	now, err := p.ledger.Load(ctx, p.repo)
	if err != nil {
		return err
	}
	history, err := catalog.InRings(ctx, p.Store, catalog.NewHistory(p.Store, now.Doc))
	if err != nil {
		return err
	}
	for decision, err := range p.decisions.All(ctx) {
		if err != nil {
			return err
		}
		if decision.Keep {
			continue
		}
		on, err := history.RingsOn(ctx, decision.ID)
		if err != nil {
			return err
		}
		for _, s := range on {
			if s.Current && !p.decisions.told(decision.ID, s.Ring) {
				return &ringMovedError{p.repo.Name, decision.ID, s.Ring}
			}
		}
	}
	return nil
}

// told reports whether the decisions know of a ring that it stands on what is dropped.
func (d *Decisions) told(id manifest.ID, ring string) bool {
	return slices.ContainsFunc(d.Drops, func(drop Drop) bool {
		return drop.Checkpoint.ID == id && slices.Contains(drop.Rings, ring)
	})
}

// ringMovedError: a ring moved to a checkpoint while that was pruned. It is a
// manifest.ErrInUse.
type ringMovedError struct {
	repo string
	id   manifest.ID
	ring string
}

func (e *ringMovedError) Error() string {
	return fmt.Sprintf("%s %s was pruned, and the ring %s moved there meanwhile", e.repo, e.id, e.ring)
}

func (e *ringMovedError) Unwrap() error { return manifest.ErrInUse }

// Hint says what the user can do.
func (e *ringMovedError) Hint() string {
	return fmt.Sprintf("asof prune %s --undo %s lists it again", e.repo, e.id)
}

// pruning is one call of Prune.
type pruning struct {
	Options
	PruneOptions
	repo      manifest.Repo
	note      manifest.Note // as it was before the index was read
	ledger    *ledger.Ledger
	decisions *Decisions // on the index as last read
}

func (p *pruning) decide(ctx context.Context, index manifest.Index) (*Decisions, error) {
	history, err := catalog.InRings(ctx, p.Store, catalog.NewHistory(p.Store, index))
	if err != nil {
		return nil, err
	}
	if err := contradiction(ctx, p.Options, p.note, history); err != nil {
		return nil, err
	}
	d, err := p.Policy.Decide(ctx, history)
	p.decisions = d
	return d, err
}

// prune replaces the checkpoints that do not stay by tombstones.
func (p *pruning) prune(ctx context.Context, index manifest.Index) (manifest.Index, error) {
	d, err := p.decide(ctx, index)
	if err != nil {
		return index, err
	}
	now := manifest.IDOf(p.Now())
	if err := p.release(ctx, d, now); err != nil {
		return index, err
	}
	next := index
	for _, drop := range d.Drops {
		for _, name := range drop.Channels {
			if next, err = next.DropChannel(name, now); err != nil {
				return index, err
			}
		}
	}
	if next, err = p.pruneSegments(ctx, next, d, now); err != nil {
		return index, err
	}
	for _, id := range d.gone(next.Tail().Checkpoints) {
		if next, err = next.Prune(id, now, p.Reason); err != nil {
			return index, err
		}
	}
	return next, nil
}

// release releases what does not stay, before it is pruned: a crash between the two
// must not leave a tombstone that waits for somebody.
func (p *pruning) release(ctx context.Context, d *Decisions, now manifest.ID) error {
	var gone []manifest.ID
	for decision, err := range d.All(ctx) {
		if err != nil {
			return err
		}
		if !decision.Keep {
			gone = append(gone, decision.ID)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	err := release(ctx, p.Store, p.repo, gone, now)
	if d.Unreleased = errors.Is(err, objstore.ErrDenied); d.Unreleased {
		return nil
	}
	return err
}

// pruneSegments puts tombstones into the segments of an index.
func (p *pruning) pruneSegments(ctx context.Context, next manifest.Index, d *Decisions, now manifest.ID) (manifest.Index, error) {
	for _, ref := range next.Segments {
		if d.keepsAll(ref) {
			continue
		}
		segment, err := d.history.Segment(ctx, ref)
		if err != nil {
			return next, err
		}
		if segment, err = segment.Prune(d.gone(segment.Checkpoints), now, p.Reason); err != nil {
			return next, err
		}
		if next, err = p.ledger.Reseal(ctx, next, segment); err != nil {
			return next, err
		}
	}
	return next, nil
}
