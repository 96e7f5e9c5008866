package publisher

import (
	"bytes"
	"context"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
)

// seal makes room in an index that is about to be swapped: when its tail has
// grown long, the older half goes into segments. Those are stored before the
// index is (invariant 1): a crash leaves a segment that no index names.
func (p *Publisher) seal(ctx context.Context, next manifest.Index) (manifest.Index, error) {
	if next.Tail().Len() <= p.tail {
		return next, nil
	}
	rely := p.newReliance()
	var open manifest.Segment
	ref, ok := next.Open(p.fill)
	if ok {
		var err error
		if open, err = catalog.Segment(ctx, p.Store, next.Repo, ref); err != nil {
			return next, err
		}
		if err := p.keep(ctx, ref); err != nil {
			return next, err
		}
	}
	sealed, segments, err := next.Seal(p.tail/2, p.fill, open)
	if err != nil {
		return next, err
	}
	for _, s := range segments {
		if err := p.putSegment(ctx, rely, s); err != nil {
			return next, err
		}
	}
	return sealed, p.settle(ctx, rely)
}

// pruneSegments puts tombstones into the segments of an index, for the checkpoints
// there that do not stay. It returns the index to be swapped in, whose tail is as it
// was.
func (p *Publisher) pruneSegments(ctx context.Context, d *Decisions, at manifest.ID, reason string) (next manifest.Index, err error) {
	next = d.history.Index
	rely := p.newReliance()
	for _, ref := range next.Segments {
		if d.keepsAll(ref) {
			continue
		}
		segment, err := d.history.Segment(ctx, ref)
		if err != nil {
			return next, err
		}
		if segment, err = segment.Prune(d.gone(segment.Checkpoints), at, reason); err != nil {
			return next, err
		}
		resealed, s, err := next.Reseal(segment)
		if err != nil {
			return next, err
		}
		if err := p.keep(ctx, ref); err != nil {
			return next, err
		}
		if err := p.putSegment(ctx, rely, s); err != nil {
			return next, err
		}
		next = resealed
	}
	return next, p.settle(ctx, rely)
}

// keep pins a segment whose place another is about to take: a resolver may go on
// by the index as it was for the grace period.
func (p *Publisher) keep(ctx context.Context, ref manifest.SegmentRef) error {
	return p.pin(ctx, []string{manifest.SegmentKey(ref.Digest)})
}

func (p *Publisher) putSegment(ctx context.Context, rely *reliance, s manifest.SealedSegment) error {
	return p.putNamed(ctx, rely, manifest.KindSegment, manifest.SegmentKey(s.Ref.Digest), objstore.Bytes(s.Data))
}

// refreshSegmentList makes the page of the segment that begins with an id show
// the segment as it is now.
func (p *Publisher) refreshSegmentList(ctx context.Context, repo Repo, first manifest.ID) error {
	return p.refreshPage(ctx, manifest.SegmentListKey(repo.Base, first), func() ([]byte, error) {
		s, err := p.loadIndex(ctx, repo)
		if err != nil {
			return nil, err
		}
		ref, ok := s.index.SegmentOf(first)
		if !ok {
			return nil, nil
		}
		segment, err := catalog.Segment(ctx, p.Store, s.index.Repo, ref)
		if err != nil {
			return nil, err
		}
		return renderSegment(repo.Base, segment)
	})
}

func renderSegment(base string, segment manifest.Segment) ([]byte, error) {
	var buf bytes.Buffer
	err := page.WriteSegment(&buf, base, segment)
	return buf.Bytes(), err
}
