package retain

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/parallel"
	"github.com/asof/asof/manifest"
)

// Whoever may publish may write any index, and any record: rights on a store can't
// tell one swap from another. So a collection does not believe the index that something
// may go. It goes by the janitor's note, which publishers can't write:
//
//   - What the note saw listed stays until the note releases it, whatever the index
//     says now. So does what any record lists that came after the note: a record too
//     many keeps more, never less.
//   - A tombstone alone deletes nothing. Prune releases what it prunes, and needs the
//     janitor's rights for that; [Confirm] releases what others pruned.
//   - A collection writes its note, with everything that it holds, before it deletes
//     anything, old records included.
//
// A tree whose objects are all gone was collected, as only the janitor can delete.

// Times in these rules.
const (
	// recordSlack is how far apart the times may be that a store gives to records.
	recordSlack = time.Hour
	// releaseTime is how long a prune may take from the release to the swap of the
	// index. What is released longer than that, and still listed, is not any more.
	releaseTime = time.Hour
)

// reckoning is the janitor's note of a repo, held against the repo's index.
type reckoning struct {
	opts  Options
	repo  manifest.Repo
	note  catalog.State[manifest.Note] // as it was
	index *manifest.History            // as it is
	trees []manifest.ID                // ids with objects below them, ascending

	records []string                     // keys of those that the note does not know
	newest  manifest.ID                  // when the newest record was stored
	read    map[manifest.SegmentRef]bool // segments that are dealt with
	held    map[version]manifest.Checkpoint
	heldIDs map[manifest.ID]bool
	relists map[manifest.ID]bool // released, and listed again
}

// version is what makes two checkpoints the same.
type version struct {
	id              manifest.ID
	manifest, pages manifest.Digest
	layout          manifest.Layout
}

func versionOf(c manifest.Checkpoint) version {
	return version{c.ID, c.Manifest, c.Pages, c.Layout}
}

// beginReckoning reads the note and lists the records. It comes before the index is
// read: so the index has whatever they list of publishers at work.
func beginReckoning(ctx context.Context, opts Options, repo manifest.Repo) (*reckoning, error) {
	r := &reckoning{
		opts: opts, repo: repo, read: map[manifest.SegmentRef]bool{},
		held: map[version]manifest.Checkpoint{}, heldIDs: map[manifest.ID]bool{}, relists: map[manifest.ID]bool{},
	}
	var err error
	if r.note, err = catalog.Note(repo).Load(ctx, opts.Store); err != nil {
		return nil, err
	}
	r.newest = r.note.Doc.Records
	known := r.newest - manifest.ID(recordSlack/time.Second)
	for info, err := range opts.Store.List(ctx, manifest.RecordPrefix(repo.Base), "") {
		if err != nil {
			return nil, err
		}
		if at := manifest.IDOf(info.Modified); at >= known {
			r.records = append(r.records, info.Key)
			r.newest = max(r.newest, at)
		}
	}
	return r, nil
}

// checkInserted makes sure that the index lists nothing that was never there: noted once, it
// would count as history. The error is ErrContradicts.
func (r *reckoning) checkInserted(ctx context.Context, index *manifest.History) error {
	added, err := inserted(ctx, r.opts, r.note.Doc, index)
	if err == nil && len(added) > 0 {
		err = insertedError(r.note.Doc, added[0])
	}
	return err
}

// with holds what the index does not list although it did, or may have. What it has
// tombstones for is held by holdPruned, which is called for each of them.
func (r *reckoning) with(ctx context.Context, index *manifest.History) error {
	r.index = index
	for _, ref := range index.Index.Segments {
		r.read[ref] = true
	}
	for id, err := range treeIDs(ctx, r.opts.Store, r.repo.Base) {
		if err != nil {
			return err
		}
		r.trees = append(r.trees, id)
	}
	if err := r.readNote(ctx); err != nil {
		return err
	}
	return r.readRecords(ctx)
}

func (r *reckoning) readNote(ctx context.Context) error {
	for _, c := range r.note.Doc.Held {
		if err := r.hold(ctx, c); err != nil {
			return err
		}
	}
	stale := manifest.IDOf(r.opts.Now().Add(-releaseTime))
	for _, release := range r.note.Doc.Released {
		_, listed, err := r.index.Find(ctx, release.ID)
		if err != nil {
			return err
		}
		if listed && release.At < stale {
			r.relists[release.ID] = true
		}
	}
	return r.holdListed(ctx, r.note.Doc.Seen())
}

// readRecords holds what records list, as far as the note does not know them.
func (r *reckoning) readRecords(ctx context.Context) error {
	var mu sync.Mutex
	return parallel.Each(ctx, r.opts.Concurrency, r.records, func(ctx context.Context, key string) error {
		record, err := catalog.ReadRecord(ctx, r.opts.Store, key)
		if errors.Is(err, objstore.ErrNotFound) {
			return nil // another collection has just deleted it
		}
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		return r.holdListed(ctx, record)
	})
}

// holdListed holds whatever another index lists.
func (r *reckoning) holdListed(ctx context.Context, other manifest.Index) error {
	parts := []manifest.Segment{other.Tail()}
	for _, ref := range other.Segments {
		if r.read[ref] {
			continue
		}
		r.read[ref] = true
		segment, err := catalog.Segment(ctx, catalog.From(r.opts.Store), other.Repo, ref)
		if errors.Is(err, objstore.ErrNotFound) {
			continue // replaced by another, which the note knows, and collected
		}
		if err != nil {
			return err
		}
		parts = append(parts, segment)
	}
	for _, part := range parts {
		for _, c := range part.Checkpoints {
			if err := r.hold(ctx, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// hold holds a checkpoint that was listed, unless the index lists the same, or it was
// released or collected.
func (r *reckoning) hold(ctx context.Context, c manifest.Checkpoint) error {
	now, listed, err := r.index.Find(ctx, c.ID)
	if err != nil || listed && versionOf(now) == versionOf(c) || !r.mayWait(c.ID) || r.note.Doc.Rejects(c) {
		return err
	}
	r.held[versionOf(c)], r.heldIDs[c.ID] = c, true
	return nil
}

// holdPruned holds what a tombstone of the index stands for, if nothing better tells what
// that was, unless it was released or collected.
func (r *reckoning) holdPruned(t manifest.Tombstone) {
	if r.heldIDs[t.ID] || !r.mayWait(t.ID) {
		return
	}
	c := manifest.Checkpoint{ID: t.ID, Manifest: t.Manifest, Pages: t.Pages, Layout: t.Layout}
	r.held[versionOf(c)], r.heldIDs[c.ID] = c, true
}

// mayWait reports whether a checkpoint is there, and not released.
func (r *reckoning) mayWait(id manifest.ID) bool {
	_, released := r.note.Doc.FindReleased(id)
	return r.hasTree(id) && !released
}

func (r *reckoning) hasTree(id manifest.ID) bool {
	_, ok := slices.BinarySearch(r.trees, id)
	return ok
}

// since returns from when on a pruned checkpoint's grace period counts.
func (r *reckoning) since(t manifest.Tombstone) time.Time {
	release, _ := r.note.Doc.FindReleased(t.ID)
	return max(t.At, release.At).Time()
}

// all returns everything that is held, in order.
func (r *reckoning) all() []manifest.Checkpoint {
	var all []manifest.Checkpoint
	for _, c := range r.held {
		all = append(all, c)
	}
	slices.SortFunc(all, manifest.CompareHeld)
	return all
}

// errMeanwhile: another collection has written its note.
var errMeanwhile = fmt.Errorf("another collection is at work: %w", objstore.ErrChanged)

// write writes the note down: the index as it is, and what is held and released.
func (r *reckoning) write(ctx context.Context) error {
	if r.index.Index.Generation == 0 && !r.note.Exists() {
		return nil // never published
	}
	_, err := catalog.Note(r.repo).Change(ctx, r.opts.Store, func(now catalog.State[manifest.Note]) (manifest.Note, bool, error) {
		if now.Doc.At != r.note.Doc.At || !reflect.DeepEqual(now.Doc.Seen(), r.note.Doc.Seen()) {
			return now.Doc, false, errMeanwhile
		}
		index := r.index.Index
		next := manifest.Note{
			Repo: r.repo.Name, At: manifest.IDOf(r.opts.Now()), Records: r.newest,
			Horizon: index.Horizon, Segments: index.Segments, Checkpoints: index.Checkpoints, Pruned: index.Pruned,
		}
		for _, release := range now.Doc.Released {
			if r.hasTree(release.ID) && !r.relists[release.ID] {
				next.Released = append(next.Released, release)
			}
		}
		for _, c := range now.Doc.Rejected {
			if r.hasTree(c.ID) {
				next.Rejected = append(next.Rejected, c)
			}
		}
		for _, c := range r.all() {
			if next.Rejects(c) {
				continue
			}
			if _, released := now.Doc.FindReleased(c.ID); !released {
				next.Held = append(next.Held, c)
			}
		}
		return next, true, nil
	})
	return err
}
