package ledger

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// Withdraw takes back what a repo's index says of the future: see manifest.Index.Withdraw.
// It leaves a record of the index as it was, and one of what it made of it. Of objects it
// deletes nothing; only the pages of segments that are no more go. One swap does it: a crash
// leaves the old state, or the new one and at most such pages.
func (l *Ledger) Withdraw(ctx context.Context, repo manifest.Repo) error {
	unchecked := func(manifest.Index) error { return nil }
	err := l.change(ctx, repo, unchecked, func(index manifest.Index) (manifest.Index, error) {
		now := manifest.IDOf(l.Now())
		if !index.Future(now) {
			return index, nil
		}
		next, opened, err := WithoutFuture(ctx, l.Store, index, now)
		if err != nil {
			return index, err
		}
		if err := l.EnsureRecord(ctx, repo, index); err != nil {
			return index, err
		}
		for _, ref := range index.Segments[len(index.Segments)-len(opened):] {
			if err := l.keep(ctx, ref); err != nil {
				return index, err
			}
		}
		return l.Seal(ctx, next)
	})
	if err != nil {
		return err
	}
	return l.dropPages(ctx, repo)
}

// dropPages deletes the pages of segments that the index no longer has. A page is written
// behind its index, so the index that is read behind the pages knows all that stay.
func (l *Ledger) dropPages(ctx context.Context, repo manifest.Repo) error {
	var pages []string
	for info, err := range l.Store.List(ctx, manifest.SegmentListPrefix(repo.Base), "") {
		if err != nil {
			return err
		}
		pages = append(pages, info.Key)
	}
	if len(pages) == 0 {
		return nil
	}
	now, err := l.Load(ctx, repo)
	if err != nil {
		return err
	}
	for _, key := range pages {
		first, ok := manifest.ParseSegmentListName(path.Base(key))
		if ref, held := now.Doc.SegmentOf(first); !ok || held && ref.First == first {
			continue
		}
		if err := l.Store.Delete(ctx, key); err != nil {
			return fmt.Errorf("the page of a segment that is no more: %w", err)
		}
	}
	return nil
}

// WithoutFuture returns an index without what lies in the future, and the segments, the
// newest ones, that are no longer sealed in it.
func WithoutFuture(ctx context.Context, store objstore.Reader, index manifest.Index, now manifest.ID) (next manifest.Index, opened []manifest.Segment, err error) {
	history := catalog.NewHistory(store, index)
	for n := index.Opens(now); ; n++ {
		opened = make([]manifest.Segment, n)
		for i, ref := range index.Segments[len(index.Segments)-n:] {
			if opened[i], err = history.Segment(ctx, ref); err != nil {
				return index, nil, err
			}
		}
		next, err = index.Withdraw(now, opened)
		if !errors.Is(err, manifest.ErrNothingLeft) || n == len(index.Segments) {
			return next, opened, err
		}
	}
}
