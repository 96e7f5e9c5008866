package retain

import (
	"context"
	"errors"
	"fmt"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// ErrContradicts: the index contradicts what the janitor knows of the repo. Nothing should be
// pruned by it.
var ErrContradicts = errors.New("the index contradicts what gc saw")

// release notes that checkpoints may be deleted, given by their ids in ascending order.
// The error is objstore.ErrDenied if that is not the caller's to say.
func release(ctx context.Context, store objstore.Store, repo manifest.Repo, ids []manifest.ID, now manifest.ID) error {
	_, err := catalog.Note(repo).Change(ctx, store, func(note catalog.State[manifest.Note]) (manifest.Note, bool, error) {
		next, changed := note.Doc.Release(ids, now)
		return next, changed, nil
	})
	return err
}

// contradiction holds an index against the janitor's note. Final history only loses
// checkpoints, and leaves tombstones for them: nothing is added to it, nothing in it is
// exchanged, and nothing goes without a word.
//
// The note is read before the index, which then has all that the note knows.
func contradiction(ctx context.Context, opts Options, note manifest.Note, index *manifest.History) error {
	if note.At.IsZero() {
		return nil
	}
	there := func(c manifest.Checkpoint) error {
		now, listed, err := index.Find(ctx, c.ID)
		if err != nil || listed && versionOf(now) == versionOf(c) {
			return err
		}
		_, pruned, err := index.FindPruned(ctx, c.ID)
		if _, released := note.FindReleased(c.ID); err != nil || pruned || released || note.Rejects(c) {
			return err
		}
		if listed {
			return fmt.Errorf("%w: checkpoint %s was another one", ErrContradicts, c.ID)
		}
		return fmt.Errorf("%w: checkpoint %s is no longer listed, and was not pruned", ErrContradicts, c.ID)
	}
	for _, c := range note.Held {
		if err := there(c); err != nil {
			return err
		}
	}
	// Where both have the same segment, they agree.
	if err := eachUnlike(ctx, opts.Store, note.Seen(), index.Index, there); err != nil {
		return err
	}
	added, err := inserted(ctx, opts, note, index)
	if err == nil && len(added) > 0 {
		err = insertedError(note, added[0])
	}
	return err
}

func insertedError(note manifest.Note, c manifest.Checkpoint) error {
	return fmt.Errorf("%w: checkpoint %s was not there when all up to %s was final", ErrContradicts, c.ID, final(note))
}

// final is up to when no checkpoint can have come since the note was written.
func final(note manifest.Note) manifest.ID { return min(note.Horizon, note.At) }

// inserted returns what an index lists although it was not there when all that time was
// final already. They ascend.
func inserted(ctx context.Context, opts Options, note manifest.Note, index *manifest.History) (added []manifest.Checkpoint, err error) {
	if note.At.IsZero() {
		return nil, nil
	}
	seen := catalog.NewHistory(opts.Store, note.Seen())
	err = eachUnlike(ctx, opts.Store, index.Index, note.Seen(), func(c manifest.Checkpoint) error {
		if c.ID > final(note) || note.Holds(c.ID) {
			return nil
		}
		_, listed, err := seen.Find(ctx, c.ID)
		if err != nil || listed {
			return err
		}
		if _, pruned, err := seen.FindPruned(ctx, c.ID); err != nil || pruned {
			return err // a rebuild lists what was not collected again
		}
		added = append(added, c)
		return nil
	})
	return added, err
}

// reject notes that checkpoints never were. The error is objstore.ErrDenied if that is not
// the caller's to say.
func reject(ctx context.Context, store objstore.Store, repo manifest.Repo, list []manifest.Checkpoint) error {
	if len(list) == 0 {
		return nil
	}
	_, err := catalog.Note(repo).Change(ctx, store, func(note catalog.State[manifest.Note]) (manifest.Note, bool, error) {
		next, changed := note.Doc.Reject(list)
		return next, changed, nil
	})
	return err
}

// eachUnlike calls do for what an index lists in parts that another one does not have.
func eachUnlike(ctx context.Context, store objstore.Store, index, other manifest.Index, do func(manifest.Checkpoint) error) error {
	same := map[manifest.SegmentRef]bool{}
	for _, ref := range other.Segments {
		same[ref] = true
	}
	each := func(part manifest.Segment) error {
		for _, c := range part.Checkpoints {
			if err := do(c); err != nil {
				return err
			}
		}
		return nil
	}
	for _, ref := range index.Segments {
		if same[ref] {
			continue
		}
		segment, err := catalog.Segment(ctx, catalog.From(store), index.Repo, ref)
		if err == nil {
			err = each(segment)
		}
		if err != nil {
			return err
		}
	}
	return each(index.Tail())
}
