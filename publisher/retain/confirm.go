package retain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// Held is a checkpoint that waits until somebody confirms that it may go, or lists it
// again.
type Held struct {
	Checkpoint manifest.Checkpoint // without counts where only its tombstone tells of it
	Why        Why
	Pruned     *manifest.Tombstone // that stands in its place; nil: none does
}

// ChoiceOptions choose among what is held.
type ChoiceOptions struct {
	IDs   []manifest.ID // none: all
	Apply bool          // without it nothing is changed
}

// ErrNotHeld: a checkpoint does not wait for anybody.
var ErrNotHeld = errors.New("it does not wait for a confirmation")

// Confirm decides for the index as it is: checkpoints that it no longer lists are released,
// and Collect may delete them after the grace period; those in whose place it lists others
// never were; those that it lists although they were not there are history. It needs the
// janitor's rights. It returns what it confirms, or would.
func Confirm(ctx context.Context, opts Options, repo manifest.Repo, what ChoiceOptions) ([]Held, error) {
	opts = opts.complete()
	chosen, known, err := chooseHeld(ctx, opts, repo, what.IDs)
	if err != nil {
		return chosen, err
	}
	var ids []manifest.ID
	var never []manifest.Checkpoint
	accept := false
	for _, h := range chosen {
		switch h.Why {
		case Replaced:
			never = append(never, h.Checkpoint)
			err = errors.Join(err, known.checkListed(ctx, h.Checkpoint.ID))
		case Inserted:
			accept = true
		default:
			ids = append(ids, h.Checkpoint.ID)
		}
	}
	if err != nil || !what.Apply || len(chosen) == 0 {
		return chosen, err
	}
	if err := reject(ctx, opts.Store, repo, never); err != nil {
		return chosen, err
	}
	if len(ids) > 0 {
		if err := release(ctx, opts.Store, repo, slices.Compact(ids), manifest.IDOf(opts.Now())); err != nil {
			return chosen, err
		}
	}
	if accept {
		err = known.write(ctx)
	}
	return chosen, err
}

// checkListed makes sure that what the index lists at an id is what its own receipt says. The
// checkpoint in whose place it stands may be the true one.
func (r *reckoning) checkListed(ctx context.Context, id manifest.ID) error {
	listed, ok, err := r.index.Find(ctx, id)
	if err != nil || !ok {
		return err
	}
	if _, err := receiptOf(ctx, r.opts, r.repo, listed); err != nil {
		return fmt.Errorf("checkpoint %s: %w, and the index lists another than its receipt says: %w", id, ErrContradicts, err)
	}
	return nil
}

// Undo lists checkpoints again that wait: those that were pruned without the janitor,
// those that an index left out, those in whose place another one stands. Each must have
// its receipt still. With their ids it also lists what the janitor pruned, as long as all of it
// is there: see back.go. What the index lists although it was not there goes, without a
// tombstone: its times are again what they were. It returns what it puts right, or would.
//
// With the janitor's rights it also notes that what stood in other places never was.
// Otherwise that waits for Confirm.
func Undo(ctx context.Context, opts Options, repo manifest.Repo, what ChoiceOptions) ([]Held, error) {
	opts = opts.complete()
	chosen, known, err := chooseBack(ctx, opts, repo, what.IDs)
	if err != nil {
		return chosen, err
	}
	added := map[manifest.ID]bool{}
	var lost []Held
	for _, h := range chosen {
		if added[h.Checkpoint.ID] = h.Why == Inserted; h.Why != Inserted {
			lost = append(lost, h)
		}
	}
	released := releasedOf(chosen)
	back, err := receiptsOf(ctx, opts, repo, lost)
	if len(released) > 0 && errors.Is(err, objstore.ErrNotFound) {
		err = fmt.Errorf("%w: %w", ErrPartlyGone, err)
	}
	if err != nil {
		return chosen, err
	}
	if !what.Apply {
		return chosen, checkWhole(ctx, opts, repo, released)
	}
	if err := withdraw(ctx, opts, known, released); err != nil {
		return chosen, err
	}
	// Even if nothing waits: an earlier run may have been killed behind its swap.
	ledger := opts.ledger()
	var never []manifest.Checkpoint
	err = ledger.Change(ctx, repo, func(index manifest.Index) (manifest.Index, error) {
		if never = nil; len(chosen) == 0 {
			return index, nil
		}
		if err := keepReleased(ctx, opts, known, released); err != nil {
			return index, err
		}
		all := manifest.Segment{Repo: index.Repo}
		for part, err := range catalog.NewHistory(opts.Store, index).All(ctx) {
			if err != nil {
				return index, err
			}
			for _, c := range part.Checkpoints {
				_, other := back[c.ID]
				switch {
				case other:
					never = append(never, c)
				case !added[c.ID]:
					all.Checkpoints = append(all.Checkpoints, c)
				}
			}
			for _, t := range part.Pruned {
				if _, again := back[t.ID]; !again {
					all.Pruned = append(all.Pruned, t)
				}
			}
		}
		for _, c := range back {
			all.Checkpoints = append(all.Checkpoints, c)
		}
		slices.SortFunc(all.Checkpoints, func(a, b manifest.Checkpoint) int { return cmp.Compare(a.ID, b.ID) })
		return ledger.Rewrite(ctx, index, all)
	})
	if err == nil {
		err = reject(ctx, opts.Store, repo, never)
		if errors.Is(err, objstore.ErrDenied) {
			err = nil
		}
	}
	return chosen, err
}

// chooseHeld returns what is held of a repo, or only those with some ids.
func chooseHeld(ctx context.Context, opts Options, repo manifest.Repo, ids []manifest.ID) ([]Held, *reckoning, error) {
	held, known, err := heldOf(ctx, opts, repo)
	if err != nil || len(ids) == 0 {
		return held, known, err
	}
	for _, id := range ids {
		if !slices.ContainsFunc(held, func(h Held) bool { return h.Checkpoint.ID == id }) {
			return nil, known, fmt.Errorf("checkpoint %s: %w", id, ErrNotHeld)
		}
	}
	return slices.DeleteFunc(held, func(h Held) bool { return !slices.Contains(ids, h.Checkpoint.ID) }), known, nil
}

func heldOf(ctx context.Context, opts Options, repo manifest.Repo) ([]Held, *reckoning, error) {
	known, err := beginReckoning(ctx, opts, repo)
	if err != nil {
		return nil, nil, err
	}
	now, err := opts.ledger().Load(ctx, repo)
	if err != nil {
		return nil, nil, err
	}
	history := catalog.NewHistory(opts.Store, now.Doc)
	if err := known.with(ctx, history); err != nil {
		return nil, nil, err
	}
	added, err := inserted(ctx, opts, known.note.Doc, history)
	if err != nil {
		return nil, nil, err
	}
	for part, err := range history.All(ctx) {
		if err != nil {
			return nil, nil, err
		}
		for _, t := range part.Pruned {
			known.holdPruned(t)
		}
	}
	held := []Held{}
	for _, c := range known.all() {
		why, pruned, err := whyHeld(ctx, history, c.ID)
		if err != nil {
			return nil, nil, err
		}
		held = append(held, Held{c, why, pruned})
	}
	for _, c := range added {
		held = append(held, Held{c, Inserted, nil})
	}
	slices.SortStableFunc(held, func(a, b Held) int { return cmp.Compare(a.Checkpoint.ID, b.Checkpoint.ID) })
	return held, known, nil
}

// whyHeld says what an index has in the place of a checkpoint that is held.
func whyHeld(ctx context.Context, index *manifest.History, id manifest.ID) (Why, *manifest.Tombstone, error) {
	if _, listed, err := index.Find(ctx, id); listed || err != nil {
		return Replaced, nil, err
	}
	if t, pruned, err := index.FindPruned(ctx, id); pruned || err != nil {
		return NotReleased, &t, err
	}
	return Hidden, nil, nil
}

// receiptsOf returns what is held as the receipts say, by id. Of several checkpoints
// with an id only one has a receipt: the others were only ever claimed.
func receiptsOf(ctx context.Context, opts Options, repo manifest.Repo, held []Held) (map[manifest.ID]manifest.Checkpoint, error) {
	found, failed := map[manifest.ID]manifest.Checkpoint{}, map[manifest.ID]error{}
	for _, h := range held {
		id := h.Checkpoint.ID
		c, err := receiptOf(ctx, opts, repo, h.Checkpoint)
		_, twice := found[id]
		switch {
		case err != nil:
			failed[id] = fmt.Errorf("checkpoint %s: %w", id, err)
		case twice:
			return nil, fmt.Errorf("checkpoint %s: %w: two have its receipt", id, catalog.ErrCorrupt)
		default:
			found[id] = c
		}
	}
	for _, h := range held {
		if _, ok := found[h.Checkpoint.ID]; !ok {
			return nil, failed[h.Checkpoint.ID]
		}
	}
	return found, nil
}

// receiptOf returns what a checkpoint's own receipt says of it.
func receiptOf(ctx context.Context, opts Options, repo manifest.Repo, c manifest.Checkpoint) (manifest.Checkpoint, error) {
	pages := catalog.NewFinder(catalog.From(opts.Store), c.Pages)
	entry, ok, err := pages.Find(ctx, manifest.ChangesPath)
	if err != nil {
		return c, err
	}
	if !ok {
		return c, fmt.Errorf("%w: its pages have no receipt", catalog.ErrCorrupt)
	}
	_, usage, err := pages.Find(ctx, manifest.UsagePath)
	if err != nil {
		return c, err
	}
	key := c.Place(repo.Base).Key(entry.Path, entry.SHA256)
	data, err := catalog.From(opts.Store)(ctx, key, 0, manifest.MaxReceipt+1)
	if err != nil {
		return c, err
	}
	receipt, err := manifest.ParseReceipt(data)
	if err != nil || manifest.Sum(data) != entry.SHA256 {
		return c, &catalog.CorruptError{Key: key, What: "it is not the receipt that the pages list"}
	}
	again := receipt.Checkpoint(c.Pages, usage)
	if receipt.Base != repo.Base || versionOf(again) != versionOf(c) {
		return c, &catalog.CorruptError{Key: key, What: "it is another checkpoint's receipt"}
	}
	return again, nil
}
