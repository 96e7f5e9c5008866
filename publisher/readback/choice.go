package readback

import (
	"context"
	"fmt"
	"iter"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
)

// everything proves all that documents refer to, and looks for objects that none
// refers to.
func (v *verification) everything(ctx context.Context, history *manifest.History) error {
	if err := v.walk(ctx, v.all(ctx, history)); err != nil {
		return err
	}
	if err := v.checkStaged(ctx, history); err != nil {
		return err
	}
	if err := v.checkNote(ctx); err != nil {
		return err
	}
	return v.findStrays(ctx, history)
}

// listing is a checkpoint, and the key of the object that lists it.
type listing struct {
	manifest.Checkpoint
	in string
}

// chosen yields the checkpoints with the ids. A missing one is an error.
func (v *verification) chosen(ctx context.Context, history *manifest.History, ids []manifest.ID) iter.Seq2[listing, error] {
	return func(yield func(listing, error) bool) {
		for _, id := range ids {
			c, ok, err := history.Find(ctx, id)
			if err == nil && !ok {
				err = fmt.Errorf("%s: %w", id, manifest.ErrNoCheckpoint)
			}
			if err = v.note(nil, err); !ok && err == nil {
				continue
			}
			if !yield(listing{c, v.lists(history.Index, id)}, err) || err != nil {
				return
			}
		}
	}
}

// all yields every checkpoint that a document refers to, committed or about to
// be. It notes a document that can't be read, and goes on.
func (v *verification) all(ctx context.Context, history *manifest.History) iter.Seq2[listing, error] {
	return func(yield func(listing, error) bool) {
		for root, err := range v.roots(history).All(ctx) {
			if err = v.note(nil, asDamage(err)); err != nil {
				yield(listing{}, err)
				return
			}
			if root.Pruned != nil || !root.Checkpoint.ID.Valid() {
				continue // a tombstone, a segment, or a staged revision
			}
			if !yield(listing{root.Checkpoint, root.Key}, nil) {
				return
			}
		}
	}
}

// roots returns what the documents of the repo refer to.
func (v *verification) roots(history *manifest.History) catalog.RootsOf {
	return catalog.RootsOf{Store: v.Store, Repo: v.repo, History: history, Now: manifest.IDOf(v.Now())}
}

// checkStaged proves the manifest of the staged revision.
func (v *verification) checkStaged(ctx context.Context, history *manifest.History) error {
	for root, err := range v.roots(history).All(ctx) {
		if err != nil || root.By != manifest.KindStaged {
			continue // noted by the walk over checkpoints
		}
		m, err := v.manifest(ctx, nil, root.Checkpoint.Manifest)
		if err != nil {
			return err
		}
		for _, err := range v.entries(ctx, nil, root.Checkpoint.Manifest, m) {
			if err != nil {
				return err
			}
		}
	}
	return nil
}
