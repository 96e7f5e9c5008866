package readback

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
)

// load reads a register. A missing register, or one whose document can't be read,
// is damage.
func load[T any](ctx context.Context, v *verification, r catalog.Register[T]) (T, error) {
	state, err := r.Load(ctx, v.Store)
	d, unreadable := errors.AsType[*catalog.DamagedError](err)
	switch {
	case unreadable:
		err = damaged(r.Key, "%v", d.Err)
	case errors.Is(err, objstore.ErrTooLarge):
		err = damaged(r.Key, "%v", objstore.ErrTooLarge)
	case err == nil && !state.Exists():
		err = missing(r.Key)
	}
	return state.Doc, err
}

// checkRegistry reads the registry, which must name the repo.
func (v *verification) checkRegistry(ctx context.Context) error {
	reg, err := load(ctx, v, catalog.Registry())
	if err != nil {
		return err
	}
	repo, ok := reg.Find(v.repo.Name)
	if !ok {
		return damaged(manifest.RegistryKey, "it does not name repo %s", v.repo.Name)
	}
	if v.repo.Base == "" {
		v.repo.Base = repo.Base
	}
	if repo.Base != v.repo.Base {
		return damaged(manifest.RegistryKey, "it has repo %s at %s, not at %s", repo.Name, repo.Base, v.repo.Base)
	}
	return nil
}

// checkNote reads the janitor's note. Before the first collection there is none.
func (v *verification) checkNote(ctx context.Context) error {
	_, err := load(ctx, v, catalog.Note(v.repo))
	if errors.Is(err, objstore.ErrNotFound) {
		return nil
	}
	return v.note(nil, err)
}

// index reads the repo's index. A repo that was never published has none, and nothing
// that is left of one.
func (v *verification) index(ctx context.Context) (manifest.Index, error) {
	index, err := load(ctx, v, catalog.Index(v.repo))
	if !errors.Is(err, objstore.ErrNotFound) {
		return index, err
	}
	left, leftErr := catalog.LeftOfIndex(ctx, v.Store, v.repo.Base)
	if left == "" {
		return index, leftErr
	}
	return index, err
}

// checkHorizon notes a horizon that lies in the future: the clock of a machine that
// published was ahead. Until then nothing can be published by the right time.
func (v *verification) checkHorizon(index manifest.Index) {
	if now, ahead := v.inFuture(index.Horizon); ahead {
		_ = v.note(nil, damaged(manifest.IndexKey(v.repo.Base), "the horizon %s lies in the future: the time now is %s", index.Horizon, now))
	}
}

// inFuture reports whether an instant lies in the future, by more than clocks may
// differ, and returns the time now.
func (v *verification) inFuture(at manifest.ID) (now manifest.ID, ahead bool) {
	now = manifest.IDOf(v.Now())
	return now, at > now+manifest.MaxSkew
}

// history returns the history of an index. A segment that contradicts the index
// is damage.
func (v *verification) history(index manifest.Index) *manifest.History {
	return manifest.NewHistory(index, catalog.KeepLast(func(ctx context.Context, ref manifest.SegmentRef) (manifest.Segment, error) {
		segment, err := catalog.Segment(ctx, v.reader(), index.Repo, ref)
		return segment, asDamage(err)
	}))
}

// lists returns the key of the object that lists a checkpoint.
func (v *verification) lists(index manifest.Index, id manifest.ID) string {
	if ref, ok := index.SegmentOf(id); ok {
		return manifest.SegmentKey(ref.Digest)
	}
	return manifest.IndexKey(v.repo.Base)
}

// A publisher swaps the index first and rewrites the lists a moment later.
const (
	listTries = 3
	listPause = time.Second
)

// checkLists checks the latest record, the list of checkpoints, and those of
// segments, against the index.
func (v *verification) checkLists(ctx context.Context, index manifest.Index) error {
	err := v.checkList(ctx, index, func(index manifest.Index) error { return v.compareRecord(ctx, index) })
	if err != nil {
		return err
	}
	err = v.checkList(ctx, index, func(index manifest.Index) error {
		want, err := page.Bytes(func(w io.Writer) error { return page.WriteList(w, v.repo.Base, index) })
		if err != nil {
			return err
		}
		return v.compareList(ctx, index, manifest.ListKey(v.repo.Base), want, "it does not show the index; the next publish rewrites it")
	})
	for _, ref := range index.Segments {
		if err != nil {
			return err
		}
		err = v.checkList(ctx, index, func(index manifest.Index) error {
			ref, ok := index.SegmentOf(ref.First)
			if !ok {
				return nil // the index has changed
			}
			segment, err := v.history(index).Segment(ctx, ref)
			if err != nil {
				return err
			}
			want, err := page.Bytes(func(w io.Writer) error { return page.WriteSegment(w, v.repo.Base, segment) })
			if err != nil {
				return err
			}
			return v.compareList(ctx, index, manifest.SegmentListKey(v.repo.Base, ref.First), want,
				"it does not show its segment; asof rebuild --write rewrites it")
		})
	}
	return err
}

// checkList compares a list, and notes that it is wrong if it stays wrong.
func (v *verification) checkList(ctx context.Context, index manifest.Index, compare func(manifest.Index) error) error {
	for try := 1; ; try++ {
		err := compare(index)
		if !errors.Is(err, catalog.ErrCorrupt) || try == listTries {
			return v.note(nil, err)
		}
		if err := v.Sleep(ctx, listPause); err != nil {
			return err
		}
		if index, err = v.index(ctx); err != nil {
			return v.note(nil, err)
		}
	}
}

// compareRecord notices an earlier index that somebody put back.
func (v *verification) compareRecord(ctx context.Context, index manifest.Index) error {
	latest, err := catalog.LatestRecord(ctx, v.Store, v.repo)
	if err == nil && latest.Ahead(index) {
		err = damaged(manifest.IndexKey(v.repo.Base), "it is older than %s: somebody put an earlier one back; asof rebuild --write restores the later one",
			manifest.RecordKey(v.repo.Base, latest.Generation))
	}
	return err
}

func (v *verification) compareList(ctx context.Context, index manifest.Index, key string, want []byte, problem string) error {
	have, err := load(ctx, v, catalog.Page(key))
	if _, published := index.Newest(); !published && errors.Is(err, objstore.ErrNotFound) {
		return nil // at most a group's fence stands there
	}
	if err != nil {
		return err
	}
	if !bytes.Equal(have, want) {
		return damaged(key, "%s", problem)
	}
	return nil
}
