package rebuild

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/parallel"
	"github.com/asof/asof/manifest"
)

// evidence gathers all evidence of checkpoints in repos with a lost index, by base path.
// It also finds the names of repos that are unknown so far.
func (r *rebuilding) evidence(ctx context.Context) (map[string]remains, error) {
	e := &evidence{rebuilding: r, lists: map[content][]listOfPages{}, remains: map[string]remains{}}
	if !e.wanted() {
		return nil, nil
	}
	for _, gather := range []func(context.Context) error{e.readLists, e.readPool, e.readTrees, e.readRecords, e.readSegments, e.readListed} {
		if err := gather(ctx); err != nil {
			return nil, err
		}
	}
	return e.remains, nil
}

// evidence is the evidence gathered so far.
type evidence struct {
	*rebuilding
	mu      sync.Mutex
	lists   map[content][]listOfPages // manifests of pages, by the receipt that they list
	remains map[string]remains        // by base path
}

// content identifies the content of an object.
type content struct {
	digest manifest.Digest
	size   int64
}

// wanted reports whether an index is lost. Every checkpoint has something in its
// tree, so a repo without trees has no checkpoints.
func (e *evidence) wanted() bool {
	for base, repo := range e.repos {
		if repo.Index != Intact && (repo.read.Exists() || len(e.trees[base]) > 0) {
			return true
		}
	}
	return false
}

// listOfPages is a manifest of pages.
type listOfPages struct {
	name  manifest.Digest
	usage bool // whether it lists manifest.UsagePath
}

// readLists looks for manifests of pages among all stored manifests. It ignores
// those that can't be read.
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
	return parallel.Each(ctx, e.Concurrency, names, func(ctx context.Context, name manifest.Digest) error {
		finder := catalog.NewFinder(catalog.From(e.Store), name)
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

// passOver notes an object that is damaged or gone, and ignores it. Any other
// error says nothing about the object, so it ends the run.
func (e *evidence) passOver(key string, err error) error {
	_, corrupt := errors.AsType[*catalog.CorruptError](err)
	_, damaged := errors.AsType[*catalog.DamagedError](err)
	if corrupt || damaged || errors.Is(err, catalog.ErrCorrupt) || errors.Is(err, objstore.ErrNotFound) {
		e.Log.Warn("damaged, and passed over", "key", key, "error", err)
		return nil
	}
	return err
}

// readPool reads the receipts of thin checkpoints.
func (e *evidence) readPool(ctx context.Context) error {
	return parallel.Each(ctx, e.Concurrency, slices.Collect(maps.Keys(e.lists)), func(ctx context.Context, c content) error {
		key := manifest.BlobKey(c.digest)
		receipt, _, err := e.openReceipt(ctx, key)
		if errors.Is(err, objstore.ErrNotFound) {
			return nil // a full checkpoint's, or gone
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
		err := parallel.Each(ctx, e.Concurrency, ids, func(ctx context.Context, id manifest.ID) error {
			key := manifest.TreeKey(base, id, manifest.ChangesPath)
			receipt, c, err := e.openReceipt(ctx, key)
			if errors.Is(err, objstore.ErrNotFound) {
				return nil // a thin checkpoint's, or unfinished
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

// take uses a receipt as evidence if its tree is whole.
func (e *evidence) take(ctx context.Context, receipt manifest.Receipt, c content) error {
	repo, known := e.repos[receipt.Base]
	if !known || repo.Index == Intact {
		return nil
	}
	if len(e.lists[c]) == 0 {
		return nil // unfinished: no manifest lists it
	}
	if whole, err := e.stands(ctx, receipt.Base, receipt.ID, receipt.Manifest); !whole {
		return err
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
		h.nodes = append(h.nodes, node{receipt.Checkpoint(list.name, list.usage), true, receipt.Previous})
	}
	e.remains[receipt.Base] = h
	return nil
}

// stands reports whether a tree still exists: the manifest of its files, and its
// front page, which a collection deletes before that manifest.
func (e *evidence) stands(ctx context.Context, base string, id manifest.ID, files manifest.Digest) (bool, error) {
	for _, key := range []string{manifest.ManifestKey(files), manifest.TreeKey(base, id, manifest.IndexPage)} {
		if _, err := e.Store.Stat(ctx, key); errors.Is(err, objstore.ErrNotFound) {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
	return true, nil
}

// readRecords reads what the latest record of each index refers to.
func (e *evidence) readRecords(ctx context.Context) error {
	for base, repo := range e.repos {
		if repo.Index == Intact {
			continue
		}
		record, err := catalog.LatestRecord(ctx, e.Store, repo.Repo)
		if err != nil {
			return err
		}
		if record.Generation == 0 {
			continue
		}
		repo.Name = record.Repo
		h := e.remains[base]
		roots := catalog.RootsOf{Store: e.Store, Repo: repo.Repo, History: catalog.NewHistory(e.Store, record), Now: e.now}
		complete := true
		for root, err := range roots.All(ctx) {
			switch {
			case err != nil:
				if err := e.passOver(root.Key, err); err != nil {
					return err
				}
				complete = complete && root.By != manifest.KindSegment
			case root.Segment != nil, root.By == manifest.KindStaged, root.By == manifest.KindGroup:
				// No checkpoint, or one that was not committed.
			case root.Pruned != nil:
				h.pruned = append(h.pruned, *root.Pruned)
			default:
				h.listed = append(h.listed, root.Checkpoint)
			}
		}
		if h.generation = record.Generation; complete {
			h.record = &record
		}
		e.remains[base] = h
	}
	return nil
}

// readListed adds checkpoints that an index named and whose tree exists, although
// their receipt can't be read.
func (e *evidence) readListed(ctx context.Context) error {
	for base, h := range e.remains {
		there := map[manifest.ID]bool{}
		for _, n := range h.nodes {
			there[n.ID] = true
		}
		for _, c := range h.listed {
			if there[c.ID] {
				continue
			}
			there[c.ID] = true
			whole, err := e.stands(ctx, base, c.ID, c.Manifest)
			if err != nil {
				return err
			}
			if whole {
				h.nodes = append(h.nodes, node{Checkpoint: c})
			}
		}
		e.remains[base] = h
	}
	return nil
}

// readSegments reads sealed segments, but skips what the record already covers.
// Checkpoints in a segment were certainly published, and its tombstones still hold.
func (e *evidence) readSegments(ctx context.Context) error {
	bases := map[string]string{} // by name, of repos with a lost index
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
		segment, err := catalog.AnySegment(ctx, catalog.From(e.Store), digest)
		if err != nil {
			if err := e.passOver(info.Key, err); err != nil {
				return err
			}
			continue
		}
		if base, ok := bases[segment.Repo]; ok {
			h := e.remains[base]
			for _, c := range segment.Checkpoints {
				if !h.recorded(c.ID) {
					h.listed = append(h.listed, c)
				}
			}
			for _, t := range segment.Pruned {
				if !h.recorded(t.ID) {
					h.pruned = append(h.pruned, t)
				}
			}
			first, last := segment.Bounds()
			h.stretches = append(h.stretches, manifest.SegmentRef{First: first, Last: last})
			e.remains[base] = h
		}
	}
	return nil
}

// openReceipt reads a receipt, and identifies the object's content.
func (e *evidence) openReceipt(ctx context.Context, key string) (manifest.Receipt, content, error) {
	data, err := catalog.From(e.Store)(ctx, key, 0, manifest.MaxReceipt+1)
	if err != nil {
		return manifest.Receipt{}, content{}, err
	}
	receipt, err := manifest.ParseReceipt(data)
	switch {
	case errors.Is(err, manifest.ErrNewer):
		err = fmt.Errorf("%s: %w", key, err)
	case err != nil:
		err = fmt.Errorf("%s: %w: %w", key, catalog.ErrCorrupt, err)
	}
	return receipt, content{manifest.Sum(data), int64(len(data))}, err
}
