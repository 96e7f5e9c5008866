package publisher

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// survey finds the repos: by the registry, by indexes, and by trees.
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

// surveyAfter lists the keys behind after, up to the inside of a large tree or of
// what is no tree at all. It returns where to go on.
func (r *rebuilding) surveyAfter(ctx context.Context, after string) (string, bool, error) {
	tree, passed := "", 0 // the tree whose keys are passed over
	for info, err := range r.Store.List(ctx, "", after) {
		if err != nil {
			return "", false, err
		}
		if strings.HasPrefix(info.Key, manifest.GeneratedDir) {
			// "0" sorts right behind "/".
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
		r.repos[base] = &RebuiltRepo{Repo: manifest.Repo{Base: base}}
	}
}

// splitTreeKey takes the key of a tree's object apart. rest is empty for any other.
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

// evidence gathers what tells of the checkpoints of repos whose index is lost, by
// base path. Names of repos that only a receipt tells are taken up.
func (r *rebuilding) evidence(ctx context.Context) (map[string]remains, error) {
	// Every checkpoint has something in its tree: a repo without any has none.
	if !slices.ContainsFunc(slices.Collect(maps.Values(r.repos)), func(repo *RebuiltRepo) bool {
		return repo.Index != Intact && (repo.version != "" || len(r.trees[repo.Base]) > 0)
	}) {
		return nil, nil
	}
	e := &evidence{rebuilding: r, lists: map[content][]listOfPages{}, remains: map[string]remains{}}
	for _, gather := range []func(context.Context) error{e.readLists, e.readPool, e.readTrees, e.readSegments} {
		if err := gather(ctx); err != nil {
			return nil, err
		}
	}
	return e.remains, nil
}

// evidence is what is gathered.
type evidence struct {
	*rebuilding
	mu      sync.Mutex
	lists   map[content][]listOfPages // manifests of pages, by the receipt that they list
	remains map[string]remains        // by base path
}

// listOfPages is a manifest of pages.
type listOfPages struct {
	name  manifest.Digest
	usage bool // it lists manifest.UsagePath
}

// atOnce does something for many things at a time.
func atOnce[T any](ctx context.Context, limit int, list []T, do func(context.Context, T) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(limit)
	for _, element := range list {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error { return do(ctx, element) })
	}
	return g.Wait()
}

// readLists looks for manifests of pages among all that are stored. One that
// can't be read tells nothing.
func (e *evidence) readLists(ctx context.Context) error {
	var names []manifest.Digest
	for info, err := range e.Store.List(ctx, manifest.ManifestPrefix, "") {
		if err != nil {
			return err
		}
		if name, err := manifest.ParseManifestKey(info.Key); err == nil {
			names = append(names, name)
		}
	}
	return atOnce(ctx, e.Concurrency, names, func(ctx context.Context, name manifest.Digest) error {
		finder := catalog.NewFinder(e.Store, name)
		receipt, ok, err := finder.Find(ctx, manifest.ChangesPath)
		if !ok || err != nil {
			return e.passOver(manifest.ManifestKey(name), err)
		}
		_, usage, err := finder.Find(ctx, manifest.UsagePath)
		if err != nil {
			return e.passOver(manifest.ManifestKey(name), err)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		key := content{receipt.SHA256, receipt.Size}
		e.lists[key] = append(e.lists[key], listOfPages{name: name, usage: usage})
		return nil
	})
}

// passOver takes note of what is damaged or gone: it tells nothing. Any other error
// says nothing of the object, and so ends the run.
func (e *evidence) passOver(key string, err error) error {
	_, corrupt := errors.AsType[*catalog.CorruptError](err)
	if corrupt || errors.Is(err, ErrCorrupt) || errors.Is(err, objstore.ErrNotFound) {
		e.Log.Warn("damaged, and passed over", "key", key, "error", err)
		return nil
	}
	return err
}

// readPool reads the receipts of thin checkpoints.
func (e *evidence) readPool(ctx context.Context) error {
	return atOnce(ctx, e.Concurrency, slices.Collect(maps.Keys(e.lists)), func(ctx context.Context, c content) error {
		key := manifest.BlobKey(c.digest)
		receipt, _, err := e.openReceipt(ctx, key)
		if errors.Is(err, objstore.ErrNotFound) {
			return nil // of a full checkpoint, or gone
		}
		if err != nil || receipt.Layout != manifest.Thin {
			return e.passOver(key, err)
		}
		return e.take(ctx, receipt, c)
	})
}

// readTrees reads the receipts of full checkpoints.
func (e *evidence) readTrees(ctx context.Context) error {
	for base, ids := range e.trees {
		if e.repos[base].Index == Intact {
			continue
		}
		err := atOnce(ctx, e.Concurrency, ids, func(ctx context.Context, id manifest.ID) error {
			key := manifest.TreeKey(base, id, manifest.ChangesPath)
			receipt, c, err := e.openReceipt(ctx, key)
			if errors.Is(err, objstore.ErrNotFound) {
				return nil // of a thin checkpoint, or unfinished
			}
			if err != nil || receipt.Base != base || receipt.ID != id || receipt.Layout != manifest.Full {
				return e.passOver(key, err)
			}
			return e.take(ctx, receipt, c)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// take takes a receipt for what it says, if the manifest of the files stands, and
// the front page, which a collection deletes before it.
func (e *evidence) take(ctx context.Context, receipt manifest.Receipt, c content) error {
	repo, known := e.repos[receipt.Base]
	if !known || repo.Index == Intact {
		return nil
	}
	if len(e.lists[c]) == 0 {
		return nil // unfinished: no manifest lists it
	}
	for _, key := range []string{manifest.ManifestKey(receipt.Manifest), manifest.TreeKey(receipt.Base, receipt.ID, manifest.IndexPage)} {
		if _, err := e.Store.Stat(ctx, key); errors.Is(err, objstore.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if repo.Name == "" {
		repo.Name = receipt.Repo
	}
	if repo.Name != receipt.Repo {
		return nil
	}
	h := e.remains[receipt.Base]
	for _, list := range e.lists[c] {
		h.nodes = append(h.nodes, node{receipt.Checkpoint(list.name, list.usage), receipt.Previous})
	}
	e.remains[receipt.Base] = h
	return nil
}

// readSegments reads what was sealed. What an index named in it once was published
// for sure; and a tombstone stays one.
func (e *evidence) readSegments(ctx context.Context) error {
	bases := map[string]string{} // by name, of repos whose index is lost
	for base, repo := range e.repos {
		if repo.Index != Intact && repo.Name != "" {
			bases[repo.Name] = base
		}
	}
	for info, err := range e.Store.List(ctx, manifest.SegmentPrefix, "") {
		if err != nil {
			return err
		}
		digest, err := manifest.ParseSegmentKey(info.Key)
		if err != nil {
			continue
		}
		segment, err := catalog.AnySegment(ctx, e.Store, digest)
		if err != nil {
			if err := e.passOver(info.Key, err); err != nil {
				return err
			}
			continue
		}
		if base, ok := bases[segment.Repo]; ok {
			h := e.remains[base]
			h.listed = append(h.listed, segment.Checkpoints...)
			h.pruned = append(h.pruned, segment.Pruned...)
			e.remains[base] = h
		}
	}
	return nil
}
