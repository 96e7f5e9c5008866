package publisher

import (
	"context"
	"errors"
	"strings"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// jumpAfter is how many keys of one tree are passed over, a page of a listing,
// before the rest is jumped: trees may hold millions.
const jumpAfter = 1000

// findStrays looks for what should not stand below the base path, outside the
// trees of checkpoints.
func (v *verification) findStrays(ctx context.Context, history *catalog.History) error {
	for after, more := "", true; more; {
		var err error
		if after, more, err = v.straysAfter(ctx, history, after); err != nil {
			return err
		}
	}
	return nil
}

// straysAfter does so for the keys behind after, up to the inside of a large
// tree. It returns where to go on.
func (v *verification) straysAfter(ctx context.Context, history *catalog.History, after string) (string, bool, error) {
	prefix := v.repo.Base + "/"
	last, passed := "", 0 // the tree whose keys are passed over
	for info, err := range v.Store.List(ctx, prefix, after) {
		if err != nil {
			return "", false, err
		}
		name, _, below := strings.Cut(info.Key[len(prefix):], "/")
		id, err := manifest.ParseID(name)
		switch {
		case err != nil || !below:
			if !v.stands(history.Index, name, info.Key) {
				_ = v.note(nil, damaged(info.Key, "stray: nothing of a repo stands here"))
			}
			continue
		case name != last:
			last, passed = name, 0
			if err := v.tombOrAttempt(ctx, history, id, strings.HasPrefix(after, prefix+name+"/")); err != nil {
				return "", false, err
			}
		}
		if passed++; passed == jumpAfter {
			// No key sorts behind this one but in the next tree.
			if beyond := prefix + name + "/\U0010FFFF"; beyond > after {
				return beyond, true, nil
			}
		}
	}
	return "", false, ctx.Err()
}

// stands reports whether a register of the repo's has a key.
func (v *verification) stands(index manifest.Index, name, key string) bool {
	if key == manifest.IndexKey(v.repo.Base) || key == manifest.ListKey(v.repo.Base) {
		return true
	}
	first, ok := manifest.ParseSegmentListName(name)
	if !ok {
		return false
	}
	ref, ok := index.SegmentOf(first)
	return ok && ref.First == first
}

// knows reports whether an id is listed or pruned. A segment that is damaged may
// know it, and was noted.
func (v *verification) knows(ctx context.Context, history *catalog.History, id manifest.ID) (bool, error) {
	_, listed, err := history.Find(ctx, id)
	if err == nil && !listed {
		_, listed, err = history.FindPruned(ctx, id)
	}
	if errors.Is(err, ErrCorrupt) {
		return true, nil
	}
	return listed, err
}

// tombOrAttempt looks for the reason why a tree stands here: a checkpoint, a
// pruned one, or an attempt. seen says that it was found before.
func (v *verification) tombOrAttempt(ctx context.Context, history *catalog.History, id manifest.ID, seen bool) error {
	if seen {
		return nil
	}
	known, err := v.knows(ctx, history, id)
	if err != nil || known {
		return err
	}
	_, err = v.Store.Stat(ctx, manifest.AttemptKey(v.repo.Base, id))
	switch {
	case errors.Is(err, objstore.ErrNotFound):
		return v.note(nil, damaged(manifest.TreePrefix(v.repo.Base, id), "stray: neither the index nor an attempt knows this tree"))
	case err != nil:
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.unfinished = append(v.unfinished, id)
	return nil
}
