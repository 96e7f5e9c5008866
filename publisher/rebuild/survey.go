package rebuild

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
)

// survey finds the repos, from the registry, indexes and trees.
func (r *rebuilding) survey(ctx context.Context) error {
	if err := r.loadRegistry(ctx); err != nil {
		return err
	}
	r.trees = map[string][]manifest.ID{}
	for after, more := "", true; more; {
		var err error
		if after, more, err = r.surveyAfter(ctx, after); err != nil {
			return err
		}
	}
	for base := range r.repos {
		if err := r.loadIndex(ctx, base); err != nil {
			return err
		}
	}
	return nil
}

// loadRegistry reads the registry. One that can't be read counts as missing.
func (r *rebuilding) loadRegistry(ctx context.Context) (err error) {
	r.read, err = catalog.Registry().Load(ctx, r.Store)
	damaged, ok := errors.AsType[*catalog.DamagedError](err)
	if err != nil && !ok {
		return err
	}
	switch {
	case ok:
		r.found = Rebuilt
		r.Log.Warn("a damaged registry", "key", damaged.Key, "error", damaged.Err)
	case r.read.Exists():
		r.found = Intact
	default:
		r.found = Nothing // unless there are repos
	}
	r.registry = r.read.Doc
	if r.found != Intact {
		// As for an index: larger than any possible number of changes.
		r.registry.Generation = int64(r.now)
	}
	for _, repo := range r.registry.Repos {
		r.repos[repo.Base] = &Repo{Repo: repo}
	}
	return nil
}

// loadIndex reads the index at a base path, if it can be read.
func (r *rebuilding) loadIndex(ctx context.Context, base string) (err error) {
	repo := r.repos[base]
	repo.read, err = catalog.Index(manifest.Repo{Base: base}).Load(ctx, r.Store)
	damaged, ok := errors.AsType[*catalog.DamagedError](err)
	switch index := repo.read.Doc; {
	case ok:
		r.Log.Warn("a damaged index", "key", damaged.Key, "error", damaged.Err)
	case err != nil || !repo.read.Exists():
		return err
	case index.UsedUp(true):
		r.Log.Warn("a damaged index", "key", manifest.IndexKey(base), "error", manifest.ErrUsedUp)
	case repo.Name != "" && index.Repo != repo.Name:
		return fmt.Errorf("%w: %s belongs to repo %s, and the registry has %s there", catalog.ErrCorrupt, manifest.IndexKey(base), index.Repo, repo.Name)
	default:
		latest, err := catalog.LatestRecord(ctx, r.Store, manifest.Repo{Name: index.Repo, Base: base})
		if err != nil {
			return err
		}
		repo.Name = index.Repo
		if latest.Ahead(index) {
			r.Log.Warn("an index that is older than its latest record", "key", manifest.IndexKey(base), "generation", index.Generation, "recorded", latest.Generation)
			return nil
		}
		repo.Index, repo.next = Intact, index
	}
	return nil
}

// jumpAfter is how many keys of one tree are skipped, a page of a listing, before
// the listing jumps over the rest: trees may hold millions.
const jumpAfter = 1000

// surveyAfter lists the keys after after, until it is deep in a large tree or in
// something that is not a tree. It returns the key after which to go on.
func (r *rebuilding) surveyAfter(ctx context.Context, after string) (string, bool, error) {
	tree, passed := "", 0 // the tree whose keys are being skipped
	for info, err := range r.Store.List(ctx, "", after) {
		if err != nil {
			return "", false, err
		}
		if strings.HasPrefix(info.Key, manifest.GeneratedDir) {
			// "0" sorts right after "/".
			return strings.TrimSuffix(manifest.GeneratedDir, "/") + "0", true, nil
		}
		base, id, rest := splitTreeKey(info.Key)
		if rest == "" {
			if base, ok := strings.CutSuffix(info.Key, manifest.IndexKey("")); ok && manifest.CheckBase(base) == nil {
				r.meet(base)
			}
			continue
		}
		if prefix := manifest.TreePrefix(base, id); prefix != tree {
			tree, passed = prefix, 0
			r.meet(base)
			if ids := r.trees[base]; len(ids) == 0 || ids[len(ids)-1] != id {
				r.trees[base] = append(ids, id)
			}
		}
		if passed++; passed == jumpAfter {
			return strings.TrimSuffix(tree, "/") + "0", true, nil
		}
	}
	return "", false, ctx.Err()
}

func (r *rebuilding) meet(base string) {
	if r.repos[base] == nil {
		r.repos[base] = &Repo{Repo: manifest.Repo{Base: base}}
	}
}

// splitTreeKey splits the key of an object in a tree. rest is empty for any other
// key.
func splitTreeKey(key string) (base string, id manifest.ID, rest string) {
	for at := 0; ; {
		i := strings.IndexByte(key[at:], '/')
		if i < 0 {
			return "", 0, ""
		}
		if id, err := manifest.ParseID(key[at : at+i]); err == nil && at > 0 {
			if base = key[:at-1]; manifest.CheckBase(base) == nil {
				return base, id, key[at+i+1:]
			}
		}
		at += i + 1
	}
}
