package publisher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
)

// Moved is what a move did, or would do.
type Moved struct {
	Checkpoints int   `json:"checkpoints"` // that the repo lists
	Pruned      int   `json:"pruned"`      // tombstones
	Published   int   `json:"published"`   // of the checkpoints, those that this run published at the new place
	Files       int64 `json:"files"`       // of all checkpoints
	Bytes       int64 `json:"bytes"`
}

// MoveOptions configure Move.
type MoveOptions struct {
	Redirect bool   // the old addresses lead to the new ones; otherwise they answer that the repo is gone
	Reason   string // everybody can read it; one line
}

// retired is what the index of the old place is to say.
func (o MoveOptions) retired(to string, now manifest.ID) manifest.Retired {
	if !o.Redirect {
		to = ""
	}
	return manifest.Retired{At: now, To: to, Reason: o.Reason}
}

// done reports whether an index says so already, whatever the reason.
func (o MoveOptions) done(index manifest.Index, to string) bool {
	return index.Retired != nil && index.Retired.To == o.retired(to, 0).To
}

// errMovedOn: the repo changed while it was copied.
var errMovedOn = errors.New("the repo changed meanwhile")

// Move gives a repo another name and base path, with all its history: it publishes every
// checkpoint again, at the same id, and then retires the repo, so that its addresses lead to
// the new ones. Files are copied inside the store, or are in the pool already. Nothing is
// deleted: see retain.Delete.
//
// The swap that retires the repo is the commit. Until then it can be published to, and
// answers as ever. A run that is killed leaves a part of the history at the new place; run
// again, it goes on.
func (p *Publisher) Move(ctx context.Context, from manifest.Repo, to Repo, opts MoveOptions) (result Moved, err error) {
	if err := to.check(); err != nil {
		return result, err
	}
	for range maxOvertaken {
		var copied manifest.Index
		if copied, err = p.copyHistory(ctx, from, to, opts, &result); err != nil {
			return result, err
		}
		if err = p.retire(ctx, from, to.Base, copied, opts); !errors.Is(err, errMovedOn) {
			return result, err
		}
		p.Log.Info("copying what came meanwhile", "repo", from.Name)
	}
	return result, err
}

// Revive takes back that a repo was retired, as long as its checkpoints are listed. A move's
// copy stays.
func (p *Publisher) Revive(ctx context.Context, repo manifest.Repo) error {
	return p.ledger.Change(ctx, repo, manifest.Index.Revive)
}

// PlanMove returns what Move would do, without a look at the new place.
func (p *Publisher) PlanMove(ctx context.Context, from manifest.Repo) (result Moved, err error) {
	current, err := p.ledger.Load(ctx, from)
	if err == nil {
		err = current.Doc.InUse()
	}
	if err == nil {
		err = p.eachPast(ctx, current.Doc, &result, func(manifest.Checkpoint, []manifest.Tombstone) error { return nil })
	}
	return result, err
}

// retire makes the repo's addresses lead to the new place, if its index is still the one that
// was copied.
func (p *Publisher) retire(ctx context.Context, from manifest.Repo, to string, copied manifest.Index, opts MoveOptions) error {
	return p.ledger.Change(ctx, from, func(index manifest.Index) (manifest.Index, error) {
		switch {
		case opts.done(index, to):
			return index, nil // by another run of the same move
		case index.InUse() != nil:
			return index, index.InUse()
		case index.Generation != copied.Generation:
			return index, errMovedOn
		}
		return index.Retire(opts.retired(to, manifest.IDOf(p.Now())))
	})
}

// copyHistory publishes what a repo lists and the new one does not have yet. It returns the
// index that it copied.
func (p *Publisher) copyHistory(ctx context.Context, from manifest.Repo, to Repo, opts MoveOptions, result *Moved) (manifest.Index, error) {
	current, err := p.groups.look(ctx, from)
	if err != nil {
		return current.Doc, err
	}
	index := current.Doc
	if opts.done(index, to.Base) {
		return index, nil // only what follows is left
	}
	if err := index.InUse(); err != nil {
		return index, err
	}
	if _, ok := index.Newest(); !ok {
		return index, fmt.Errorf("%s: %w: there is nothing to move", from.Name, ErrEmptyRevision)
	}
	if index.Grace != nil {
		grace := time.Duration(*index.Grace) * time.Second
		to.Grace = &grace
	}
	horizon, err := p.Horizon(ctx, to)
	if err != nil {
		return index, err
	}
	published := result.Published
	*result = Moved{Published: published}
	err = p.eachPast(ctx, index, result, func(c manifest.Checkpoint, dead []manifest.Tombstone) error {
		if c.ID <= horizon {
			return nil
		}
		if err := p.publishPast(ctx, from, to, c, dead); err != nil {
			return fmt.Errorf("checkpoint %s: %w", c.ID, err)
		}
		result.Published++
		return nil
	})
	if err != nil {
		return index, err
	}
	if err := p.ledger.Change(ctx, to.Repo, func(next manifest.Index) (manifest.Index, error) { return p.likeIn(index, next, to) }); err != nil {
		return index, err
	}
	return index, p.checkCopy(ctx, index, to)
}

// eachPast yields the listed checkpoints, oldest first, each with what was pruned since the
// one before. It counts them.
func (p *Publisher) eachPast(ctx context.Context, index manifest.Index, result *Moved, do func(manifest.Checkpoint, []manifest.Tombstone) error) error {
	var dead []manifest.Tombstone
	for part, err := range catalog.NewHistory(p.Store, index).All(ctx) {
		if err != nil {
			return err
		}
		pruned := part.Pruned
		for _, c := range part.Checkpoints {
			for ; len(pruned) > 0 && pruned[0].ID < c.ID; pruned = pruned[1:] {
				dead = append(dead, pruned[0])
			}
			if err := do(c, dead); err != nil {
				return err
			}
			result.Checkpoints++
			result.Pruned += len(dead)
			result.Files += c.Files
			result.Bytes += c.Bytes
			dead = nil
		}
		dead = append(dead, pruned...)
	}
	return nil
}

// publishPast publishes a checkpoint of another repo again, at its own id.
func (p *Publisher) publishPast(ctx context.Context, from manifest.Repo, to Repo, c manifest.Checkpoint, dead []manifest.Tombstone) error {
	past, err := newPast(ctx, p.Store, from.Base, c, dead)
	if err != nil {
		return err
	}
	to.Layout, to.Remote = c.Layout, past
	job := p.publication(to, PublishOptions{At: c.ID, AllowShrink: true, Empty: true})
	job.past = past
	return p.untilDone(ctx, to.Name, func() error {
		_, err := job.run(ctx)
		return err
	})
}

// likeIn gives the copy the horizon and the channels of the index.
func (p *Publisher) likeIn(index, next manifest.Index, to Repo) (_ manifest.Index, err error) {
	if next.Horizon < index.Horizon {
		if next, err = next.MoveHorizon(index.Horizon); err != nil {
			return next, err
		}
	}
	if next, err = next.SetGrace(to.Grace); err != nil {
		return next, err
	}
	for _, name := range slices.Sorted(maps.Keys(index.Channels)) {
		if id := index.Channels[name]; next.Channels[name] != id {
			if next, err = next.SetChannel(name, id, manifest.IDOf(p.Now())); err != nil {
				return next, err
			}
		}
	}
	return next, nil
}

// checkCopy makes sure that the new place answers every time as the old one does, before
// anything leads there.
func (p *Publisher) checkCopy(ctx context.Context, index manifest.Index, to Repo) error {
	current, err := p.ledger.Load(ctx, to.Repo)
	if err != nil {
		return err
	}
	there := catalog.NewHistory(p.Store, current.Doc)
	var all Moved
	err = p.eachPast(ctx, index, &all, func(c manifest.Checkpoint, dead []manifest.Tombstone) error {
		copied, ok, err := there.Find(ctx, c.ID)
		if err != nil {
			return err
		}
		if !ok || copied.Content != c.Content {
			return fmt.Errorf("%w: %s has another history at %s", ErrConflict, to.Base, c.ID)
		}
		for _, t := range dead {
			if _, ok, err := there.FindPruned(ctx, t.ID); err != nil {
				return err
			} else if !ok {
				return fmt.Errorf("%w: %s has another history at %s", ErrConflict, to.Base, t.ID)
			}
		}
		return nil
	})
	if listed, pruned := current.Doc.Count(); err == nil && (listed != all.Checkpoints || pruned != all.Pruned || current.Doc.Horizon < index.Horizon) {
		err = fmt.Errorf("%w: %s has a history of its own: %d checkpoints and %d pruned, want %d and %d", ErrConflict, to.Base, listed, pruned, all.Checkpoints, all.Pruned)
	}
	return err
}
