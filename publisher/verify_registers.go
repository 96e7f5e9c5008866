package publisher

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// loadRegister reads a register. One that is not there is damage.
func (v *verification) loadRegister(ctx context.Context, key string) ([]byte, error) {
	data, _, err := v.Store.Load(ctx, key, "")
	v.bytes.Add(int64(len(data)))
	if errors.Is(err, objstore.ErrTooLarge) {
		return nil, damaged(key, "%v", objstore.ErrTooLarge)
	}
	if err != nil {
		return nil, openError(key, err)
	}
	return data, nil
}

// checkRegistry reads the registry, which must name the repo.
func (v *verification) checkRegistry(ctx context.Context) error {
	data, err := v.loadRegister(ctx, manifest.RegistryKey)
	if err != nil {
		return err
	}
	reg, err := manifest.ParseRegistry(data)
	if err != nil {
		return damaged(manifest.RegistryKey, "%v", err)
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

// index reads the repo's index. A repo that was never published has none, and no
// list of checkpoints either.
func (v *verification) index(ctx context.Context) (manifest.Index, error) {
	key := manifest.IndexKey(v.repo.Base)
	data, err := v.loadRegister(ctx, key)
	if errors.Is(err, objstore.ErrNotFound) {
		_, listErr := v.Store.Stat(ctx, manifest.ListKey(v.repo.Base))
		if errors.Is(listErr, objstore.ErrNotFound) {
			return manifest.NewIndex(v.repo.Name), nil
		}
		err = cmp.Or(listErr, err)
	}
	if err != nil {
		return manifest.Index{}, err
	}
	index, err := manifest.ParseIndex(data)
	if err == nil && index.Repo != v.repo.Name {
		err = fmt.Errorf("it belongs to repo %s, not %s", index.Repo, v.repo.Name)
	}
	if err != nil {
		return manifest.Index{}, damaged(key, "%v", err)
	}
	return index, nil
}

// history is all that an index lists. A segment that is not what the index says is
// damage.
func (v *verification) history(index manifest.Index) *catalog.History {
	return &catalog.History{Index: index, Read: func(ctx context.Context, ref manifest.SegmentRef) (manifest.Segment, error) {
		key := manifest.SegmentKey(ref.Digest)
		data, err := v.readNamed(ctx, key, ref.Digest, ref.Size)
		v.bytes.Add(int64(len(data)))
		if err != nil {
			return manifest.Segment{}, err
		}
		segment, err := manifest.ParseSegment(data, index.Repo, ref)
		if err != nil {
			err = damaged(key, "%v", err)
		}
		return segment, err
	}}
}

// lists is the key of the object that lists a checkpoint.
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

// checkLists holds the list of checkpoints, and those of segments, against the
// index.
func (v *verification) checkLists(ctx context.Context, index manifest.Index) error {
	err := v.checkList(ctx, index, func(index manifest.Index) error {
		want, err := renderList(v.repo.Base, index)
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
				return nil // another index altogether
			}
			segment, err := v.history(index).Segment(ctx, ref)
			if err != nil {
				return err
			}
			want, err := renderSegment(v.repo.Base, segment)
			if err != nil {
				return err
			}
			return v.compareList(ctx, index, manifest.SegmentListKey(v.repo.Base, ref.First), want,
				"it does not show its segment; a publish rewrites it once "+manifest.ListKey(v.repo.Base)+" is deleted")
		})
	}
	return err
}

// checkList compares a list, and notes that it is wrong if it stays so.
func (v *verification) checkList(ctx context.Context, index manifest.Index, compare func(manifest.Index) error) error {
	for try := 1; ; try++ {
		err := compare(index)
		if !errors.Is(err, ErrCorrupt) || try == listTries {
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

func (v *verification) compareList(ctx context.Context, index manifest.Index, key string, want []byte, problem string) error {
	have, err := v.loadRegister(ctx, key)
	if index.Generation == 0 && errors.Is(err, objstore.ErrNotFound) {
		return nil // never published
	}
	if err != nil {
		return err
	}
	if !bytes.Equal(have, want) {
		return damaged(key, "%s", problem)
	}
	return nil
}
