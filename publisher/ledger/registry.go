package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
)

// ErrUnsafeStore: the store lacks a working compare-and-swap.
var ErrUnsafeStore = errors.New("the store has no working compare-and-swap")

// Register adds the repo to the store's registry, its front page, and the pages of the
// folders above the repo. It accepts a new
// store only if its conditional writes work.
func (l *Ledger) Register(ctx context.Context, repo manifest.Repo) error {
	_, err := catalog.Registry().Change(ctx, l.Store, func(now catalog.State[manifest.Registry]) (next manifest.Registry, changed bool, err error) {
		if !now.Exists() {
			if err := catalog.CheckRegistered(ctx, l.Store, now.Doc); err != nil {
				return next, false, err
			}
			if now.Doc.Unsafe, err = l.CheckStore(ctx); err != nil {
				return next, false, err
			}
			l.Log.Warn("the store is new: nothing was in it. If that is a surprise, look at its URL, and whether its disk is mounted")
		}
		if now.Doc.Unsafe && !l.AllowUnsafe {
			return next, false, fmt.Errorf("%s: %w", manifest.RegistryKey, ErrUnsafeStore)
		}
		if next, err = now.Doc.Add(repo); err != nil {
			return next, false, fmt.Errorf("register repo %s: %w", repo.Name, err)
		}
		return next, next.Generation != now.Doc.Generation, nil
	})
	if err != nil {
		return err
	}
	return l.RefreshFront(ctx, repo)
}

// CheckRegistered makes sure that the registry names a repo that has an index: resolvers find
// no other. The error is catalog.ErrLost. It costs one read.
func (l *Ledger) CheckRegistered(ctx context.Context, repo manifest.Repo) error {
	registry, err := catalog.Registry().Load(ctx, l.Store)
	if err == nil && !slices.Contains(registry.Doc.Repos, repo) {
		err = fmt.Errorf("%w: %s does not name the repo %s, which has an index", catalog.ErrLost, manifest.RegistryKey, repo.Name)
	}
	return err
}

// CheckStore tries the conditional writes of a store that is still new.
func (l *Ledger) CheckStore(ctx context.Context) (unsafe bool, err error) {
	err = objstore.QuickCheck(ctx, l.Store)
	switch {
	case err == nil:
		return false, nil
	case !errors.Is(err, objstore.ErrUnsupported):
		return false, err
	case !l.AllowUnsafe:
		return false, fmt.Errorf("%w: %w", ErrUnsafeStore, err)
	}
	l.Log.Warn("the store has no working compare-and-swap: two publishers at once may lose a checkpoint", "error", err)
	return true, nil
}

// RefreshFront rewrites, from the registry, the store's front page and the pages of
// the folders above some repos.
func (l *Ledger) RefreshFront(ctx context.Context, repos ...manifest.Repo) error {
	pages := map[string]string{"": manifest.FrontKey} // by folder
	for _, repo := range repos {
		for _, folder := range manifest.Folders(repo.Base) {
			pages[folder] = manifest.FolderKey(folder)
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(pages)) {
		err := l.refresh(ctx, pages[folder], func() ([]byte, error) {
			reg, err := catalog.Registry().Load(ctx, l.Store)
			if err != nil {
				return nil, err
			}
			return page.Bytes(func(w io.Writer) error { return page.WriteFolder(w, folder, reg.Doc.Below(folder)) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}
