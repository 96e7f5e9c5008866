package publisher

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

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

// A publisher swaps the index first and rewrites the list a moment later.
const (
	listTries = 3
	listPause = time.Second
)

// checkList holds the list of checkpoints against the index.
func (v *verification) checkList(ctx context.Context, index manifest.Index) error {
	for try := 1; ; try++ {
		err := v.compareList(ctx, index)
		if !errors.Is(err, ErrCorrupt) || try == listTries {
			return err
		}
		if err := v.Sleep(ctx, listPause); err != nil {
			return err
		}
		if index, err = v.index(ctx); err != nil {
			return err
		}
	}
}

func (v *verification) compareList(ctx context.Context, index manifest.Index) error {
	key := manifest.ListKey(v.repo.Base)
	have, err := v.loadRegister(ctx, key)
	if index.Generation == 0 && errors.Is(err, objstore.ErrNotFound) {
		return nil // never published
	}
	if err != nil {
		return err
	}
	want, err := renderList(index)
	if err == nil && !bytes.Equal(have, want) {
		err = damaged(key, "it does not show the index; the next publish rewrites it")
	}
	return err
}
