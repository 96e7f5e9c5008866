package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
)

// After an index changes, the ledger updates, in this order:
//
//  1. the pages of changed segments,
//  2. the record, which proves that these pages are right,
//  3. the list of checkpoints, which proves that the first two steps are done,
//  4. the announcement.
//
// A crash may skip some steps. The list then does not match the index. The next command
// that publishes to the repo finishes the work, even if it has nothing to commit.
//
// The list also does not match if somebody put an earlier index back. Commands refuse
// such an index, because a later record exists.

// Shown is a repo's list of checkpoints as it was read.
type Shown = catalog.State[[]byte]

// Shown reads the list of checkpoints.
func (l *Ledger) Shown(ctx context.Context, repo manifest.Repo) (Shown, error) {
	return listOf(repo).Load(ctx, l.Store)
}

func listOf(repo manifest.Repo) catalog.Register[[]byte] {
	return catalog.Page(manifest.ListKey(repo.Base))
}

// Follow does these steps after a change from one index to the next. The caller must read
// the list before it swaps the index. All publishers use this order, so whoever swaps the
// list last shows the last index, even if many run at once.
func (l *Ledger) Follow(ctx context.Context, repo manifest.Repo, shown Shown, before, index manifest.Index) error {
	for {
		want, err := list(repo, index)
		if err != nil || bytes.Equal(shown.Doc, want) {
			return err
		}
		if before, err = l.done(ctx, repo, shown, before); err != nil {
			return err
		}
		later, err := l.notBehind(ctx, repo, before, index)
		if err != nil {
			return err
		}
		if later.Generation != index.Generation {
			index = later
			continue
		}
		if err := l.record(ctx, repo, before, index); err != nil {
			return err
		}
		_, err = listOf(repo).Swap(ctx, l.Store, shown, want)
		if !errors.Is(err, objstore.ErrChanged) {
			return err
		}
		if shown, err = l.Shown(ctx, repo); err != nil {
			return err
		}
		now, err := l.Load(ctx, repo)
		if err != nil {
			return err
		}
		before, index = manifest.Index{}, now.Doc
	}
}

// CatchUp is Follow for callers that have not read the list before.
func (l *Ledger) CatchUp(ctx context.Context, repo manifest.Repo, index manifest.Index) error {
	shown, err := l.Shown(ctx, repo)
	if err != nil {
		return err
	}
	return l.Follow(ctx, repo, shown, manifest.Index{}, index)
}

// Restore repairs everything that follows from an index, whatever its state.
func (l *Ledger) Restore(ctx context.Context, repo manifest.Repo, index manifest.Index) error {
	for _, ref := range index.Segments {
		if err := l.refreshSegment(ctx, repo, ref.First); err != nil {
			return err
		}
	}
	if err := l.EnsureRecord(ctx, repo, index); err != nil {
		return err
	}
	if err := l.CatchUp(ctx, repo, index); err != nil {
		return err
	}
	return l.dropPages(ctx, repo)
}

// list returns the page that lists a repo's checkpoints.
func list(repo manifest.Repo, index manifest.Index) ([]byte, error) {
	return page.Bytes(func(w io.Writer) error { return page.WriteList(w, repo.Base, index) })
}

// done returns an index whose steps are all done. If the list shows the previous index,
// it is that one. Otherwise it is the latest record, because a record is written only
// after the pages of its segments.
func (l *Ledger) done(ctx context.Context, repo manifest.Repo, shown Shown, before manifest.Index) (manifest.Index, error) {
	was, err := list(repo, before)
	if err != nil || bytes.Equal(shown.Doc, was) || !shown.Exists() && before.Generation == 0 {
		return before, err
	}
	return catalog.LatestRecord(ctx, l.Store, repo)
}

// CheckCurrent makes sure that an index is not an earlier one that somebody put
// back: answers that were final would change. The error is catalog.ErrLost. If
// the list shows the index, it is current. If not, the latest record tells.
func (l *Ledger) CheckCurrent(ctx context.Context, repo manifest.Repo, shown Shown, index manifest.Index) error {
	if index.Generation == 0 {
		return nil // there is none
	}
	want, err := list(repo, index)
	if err != nil || bytes.Equal(shown.Doc, want) {
		return err
	}
	latest, err := catalog.LatestRecord(ctx, l.Store, repo)
	if err != nil {
		return err
	}
	_, err = l.notBehind(ctx, repo, latest, index)
	return err
}

// notBehind returns the index, or a later one if the record is ahead of it: then
// somebody has committed meanwhile. If there is none, the error is catalog.ErrLost.
func (l *Ledger) notBehind(ctx context.Context, repo manifest.Repo, record, index manifest.Index) (manifest.Index, error) {
	if !record.Ahead(index) {
		return index, nil
	}
	now, err := l.Load(ctx, repo)
	if err == nil && record.Ahead(now.Doc) {
		err = fmt.Errorf("%w: %s is older than %s: somebody put an earlier one back",
			catalog.ErrLost, manifest.IndexKey(repo.Base), manifest.RecordKey(repo.Base, record.Generation))
	}
	return now.Doc, err
}

// record stores a copy of an index as an immutable object, from which asof rebuild can
// restore a lost index. Before that it refreshes the pages of segments that the index
// before did not have.
func (l *Ledger) record(ctx context.Context, repo manifest.Repo, before, index manifest.Index) error {
	for _, ref := range index.Segments {
		if slices.Contains(before.Segments, ref) {
			continue
		}
		if err := l.refreshSegment(ctx, repo, ref.First); err != nil {
			return err
		}
	}
	data, err := index.Encode()
	if err != nil {
		return err
	}
	_, err = objstore.Put(ctx, l.Store, manifest.RecordKey(repo.Base, index.Generation), objstore.Bytes(data), catalog.Attributes(manifest.KindRecord, ""))
	return err
}

// EnsureRecord stores a copy of the index, unless the latest record says the same.
func (l *Ledger) EnsureRecord(ctx context.Context, repo manifest.Repo, index manifest.Index) error {
	latest, err := catalog.LatestRecord(ctx, l.Store, repo)
	if err != nil || latest.Lists(index) {
		return err
	}
	if index, err = l.notBehind(ctx, repo, latest, index); err != nil {
		return err
	}
	return l.record(ctx, repo, latest, index)
}

// refresh rewrites a mutable page from what render reads. It reads the page
// first: so of several that do this, the last one to swap shows the last state.
// If render has nothing to show, the page stays.
func (l *Ledger) refresh(ctx context.Context, key string, render func() ([]byte, error)) error {
	_, err := catalog.Page(key).Change(ctx, l.Store, func(now catalog.State[[]byte]) ([]byte, bool, error) {
		want, err := render()
		return want, want != nil && !bytes.Equal(now.Doc, want), err
	})
	return err
}

// refreshSegment rewrites the page of the segment that begins with an id, so that
// it shows the segment's current state.
func (l *Ledger) refreshSegment(ctx context.Context, repo manifest.Repo, first manifest.ID) error {
	return l.refresh(ctx, manifest.SegmentListKey(repo.Base, first), func() ([]byte, error) {
		now, err := l.Load(ctx, repo)
		if err != nil {
			return nil, err
		}
		ref, ok := now.Doc.SegmentOf(first)
		if !ok {
			return nil, nil
		}
		segment, err := catalog.Segment(ctx, catalog.From(l.Store), now.Doc.Repo, ref)
		if err != nil {
			return nil, err
		}
		return page.Bytes(func(w io.Writer) error { return page.WriteSegment(w, repo.Base, segment) })
	})
}
