package readback

import (
	"context"
	"errors"
	"strings"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// jumpAfter is how many keys of one tree are skipped, a page of a listing, before
// the listing jumps over the rest: trees may hold millions.
const jumpAfter = 1000

// findStrays looks for unexpected objects below the base path, outside the trees
// of checkpoints.
func (v *verification) findStrays(ctx context.Context, history *manifest.History) error {
	for after, more := "", true; more; {
		var err error
		if after, more, err = v.straysAfter(ctx, history, after); err != nil {
			return err
		}
	}
	return nil
}

// straysAfter looks through the keys after after, until it is deep in a large
// tree. It returns the key after which to go on.
func (v *verification) straysAfter(ctx context.Context, history *manifest.History, after string) (string, bool, error) {
	prefix := v.repo.Base + "/"
	last, passed := "", 0 // the tree whose keys are being skipped
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
			// All keys that sort after this one are in later trees.
			if beyond := prefix + name + "/\U0010FFFF"; beyond > after {
				return beyond, true, nil
			}
		}
	}
	return "", false, ctx.Err()
}

// stands reports whether a key belongs to one of the repo's registers.
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

// knows reports whether an id is listed or pruned. A damaged segment may know it;
// that damage was noted.
func (v *verification) knows(ctx context.Context, history *manifest.History, id manifest.ID) (bool, error) {
	_, listed, err := history.Find(ctx, id)
	if err == nil && !listed {
		_, listed, err = history.FindPruned(ctx, id)
	}
	if errors.Is(err, catalog.ErrCorrupt) {
		return true, nil
	}
	return listed, err
}

// tombOrAttempt looks for the reason for a tree: a checkpoint, a pruned one, or
// an attempt. seen says that the reason was found before.
func (v *verification) tombOrAttempt(ctx context.Context, history *manifest.History, id manifest.ID, seen bool) error {
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
