package catalog

import (
	"context"
	"fmt"
	"iter"

	"github.com/asof/asof/manifest"
)

// Root is something that must stay in the store because a document refers to it:
// a segment of the index, or the manifests of a checkpoint and all that they
// list.
type Root struct {
	By  manifest.Kind // the kind of the document
	Key string        // of the document

	Segment *manifest.SegmentRef // nil: the root is manifests

	// Checkpoint says where the manifests and their files are. A staged revision
	// has no id and no pages; its files are in the pool.
	Checkpoint manifest.Checkpoint
	// Pruned is the tombstone of a pruned checkpoint; nil: it is not pruned. A
	// pruned checkpoint's objects stay for a grace period, and may already be
	// gone.
	Pruned *manifest.Tombstone
}

// Manifests returns the names of the root's manifests: of files, and of pages.
func (r Root) Manifests() []manifest.Digest {
	if r.By == manifest.KindStaged {
		return []manifest.Digest{r.Checkpoint.Manifest}
	}
	return []manifest.Digest{r.Checkpoint.Manifest, r.Checkpoint.Pages}
}

// Place returns where the root's files are. base is the repo's base path.
func (r Root) Place(base string) manifest.Place {
	if r.By == manifest.KindStaged {
		return manifest.Place{}
	}
	return r.Checkpoint.Place(base)
}

// RootsOf are the roots of one repo.
type RootsOf struct {
	Store   Store
	Repo    manifest.Repo
	History *manifest.History
	Now     manifest.ID // a group that is too old refers to nothing
}

// All yields every root, from every kind of document that refers to one. Garbage
// collection, verifying and rebuilding all use this one list. If a document can't
// be read, All yields the error and goes on with the next.
func (r RootsOf) All(ctx context.Context) iter.Seq2[Root, error] {
	return func(yield func(Root, error) bool) {
		for kind := range manifest.Kind(manifest.Kinds) {
			roots, err := r.by(kind)
			if err != nil {
				yield(Root{}, err)
				return
			}
			if roots == nil {
				continue
			}
			for root, err := range roots(ctx) {
				root.By = kind
				if !yield(root, err) {
					return
				}
			}
		}
	}
}

// by returns the roots that documents of a kind refer to; nil if they keep
// nothing alive. A new kind must be added here, or garbage collection fails.
func (r RootsOf) by(kind manifest.Kind) (func(context.Context) iter.Seq2[Root, error], error) {
	switch kind {
	case manifest.KindIndex:
		return r.ofIndex, nil
	case manifest.KindSegment:
		return r.ofSegments, nil
	case manifest.KindStaged:
		return r.ofStaged, nil
	case manifest.KindGroup:
		return r.ofGroup, nil
	case manifest.KindRegistry, // names repos: the caller asks for the roots of each
		manifest.KindRollout,                                    // names times: what they stand for is never pruned
		manifest.KindManifest,                                   // part of the root that leads to it, with all that it lists
		manifest.KindFile, manifest.KindPage, manifest.KindBlob, // content
		manifest.KindList, manifest.KindRecord, // shows what the index refers to
		manifest.KindValidators,                                                           // a hint
		manifest.KindNote,                                                                 // the janitor's: see package retain
		manifest.KindAttempt, manifest.KindJournal, manifest.KindPin, manifest.KindNotice: // have lifetimes of their own: see package reliance
		return nil, nil
	}
	return nil, fmt.Errorf("objects of kind %d: no rule says what they refer to", kind)
}

// ofIndex yields what the index itself refers to.
func (r RootsOf) ofIndex(context.Context) iter.Seq2[Root, error] {
	return func(yield func(Root, error) bool) {
		key := manifest.IndexKey(r.Repo.Base)
		for i := range r.History.Index.Segments {
			if !yield(Root{Key: key, Segment: &r.History.Index.Segments[i]}, nil) {
				return
			}
		}
		_ = rootsIn(r.History.Index.Tail(), key, yield)
	}
}

// ofSegments yields what its segments refer to, segment by segment.
func (r RootsOf) ofSegments(ctx context.Context) iter.Seq2[Root, error] {
	return func(yield func(Root, error) bool) {
		for _, ref := range r.History.Index.Segments {
			segment, err := r.History.Segment(ctx, ref)
			key := manifest.SegmentKey(ref.Digest)
			if err != nil && !yield(Root{Key: key}, err) {
				return
			}
			if err == nil && !rootsIn(segment, key, yield) {
				return
			}
		}
	}
}

// rootsIn yields the checkpoints and tombstones of a stretch of history. It reports
// whether to go on.
func rootsIn(part manifest.Segment, key string, yield func(Root, error) bool) bool {
	for _, c := range part.Checkpoints {
		if !yield(Root{Key: key, Checkpoint: c}, nil) {
			return false
		}
	}
	for i := range part.Pruned {
		t := &part.Pruned[i]
		c := manifest.Checkpoint{ID: t.ID, Manifest: t.Manifest, Pages: t.Pages, Layout: t.Layout}
		if !yield(Root{Key: key, Checkpoint: c, Pruned: t}, nil) {
			return false
		}
	}
	return true
}

func (r RootsOf) ofStaged(ctx context.Context) iter.Seq2[Root, error] {
	return func(yield func(Root, error) bool) {
		register := Staged(r.Repo.Base)
		staged, err := register.Load(ctx, r.Store)
		if err != nil || staged.Exists() {
			yield(Root{Key: register.Key, Checkpoint: manifest.Checkpoint{Manifest: staged.Doc.Manifest}}, err)
		}
	}
}

// ofGroup yields the checkpoint of a group that is about to be committed to the
// repo. Any publisher may commit it, unless the group is too old.
func (r RootsOf) ofGroup(ctx context.Context) iter.Seq2[Root, error] {
	return func(yield func(Root, error) bool) {
		register := Group(r.Repo.Base)
		group, err := register.Load(ctx, r.Store)
		if err != nil {
			yield(Root{Key: register.Key}, err)
			return
		}
		if member, ok := group.Doc.Of(r.Repo.Base); ok && group.Doc.MayCommit(r.History.Index.Horizon, r.Now) {
			yield(Root{Key: register.Key, Checkpoint: member.Checkpoint}, nil)
		}
	}
}
