package ledger

import (
	"context"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/reliance"
)

// Seal makes room in an index that is about to be swapped: if its tail is long,
// the older half goes into segments. They are stored before the index (invariant
// 1): a crash leaves a segment that no index names.
func (l *Ledger) Seal(ctx context.Context, next manifest.Index) (manifest.Index, error) {
	if next.Tail().Len() <= l.Tail {
		return next, nil
	}
	var open manifest.Segment
	ref, ok := next.Open(l.Segment)
	if ok {
		var err error
		if open, err = catalog.Segment(ctx, catalog.From(l.Store), next.Repo, ref); err != nil {
			return next, err
		}
		if err := l.keep(ctx, ref); err != nil {
			return next, err
		}
	}
	sealed, segments, err := next.Seal(l.Tail/2, l.Segment, open)
	if err != nil {
		return next, err
	}
	return sealed, l.PutSegments(ctx, segments...)
}

// Reseal replaces the segment with the same first id, in an index that is about
// to be swapped.
func (l *Ledger) Reseal(ctx context.Context, next manifest.Index, segment manifest.Segment) (manifest.Index, error) {
	first, _ := segment.Bounds()
	if ref, ok := next.SegmentOf(first); ok {
		if err := l.keep(ctx, ref); err != nil {
			return next, err
		}
	}
	resealed, sealed, err := next.Reseal(segment)
	if err != nil {
		return next, err
	}
	return resealed, l.PutSegments(ctx, sealed)
}

// Rewrite puts another history in the place of an index's, which is about to be swapped.
func (l *Ledger) Rewrite(ctx context.Context, next manifest.Index, all manifest.Segment) (manifest.Index, error) {
	for _, ref := range next.Segments {
		if err := l.keep(ctx, ref); err != nil {
			return next, err
		}
	}
	rewritten, segments, err := next.Rewrite(all, l.Tail, l.Segment)
	if err != nil {
		return next, err
	}
	return rewritten, l.PutSegments(ctx, segments...)
}

// PutSegments stores segments that an index is about to name.
func (l *Ledger) PutSegments(ctx context.Context, segments ...manifest.SealedSegment) error {
	rely := reliance.New(l.Store, l.Env)
	for _, s := range segments {
		if err := rely.Put(ctx, manifest.KindSegment, manifest.SegmentKey(s.Ref.Digest), objstore.Bytes(s.Data)); err != nil {
			return err
		}
	}
	return rely.Settle(ctx)
}

// keep pins a segment that is about to be replaced: a resolver may use the old
// index for the grace period.
func (l *Ledger) keep(ctx context.Context, ref manifest.SegmentRef) error {
	return reliance.Pin(ctx, l.Store, l.Now(), []string{manifest.SegmentKey(ref.Digest)})
}
