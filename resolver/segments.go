package resolver

import (
	"bytes"
	"context"
	"fmt"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
)

// sealed is a segment of an index, as the cache keeps it.
type sealed struct {
	repo     string
	ref      manifest.SegmentRef
	timeline *manifest.Timeline
}

// segments reads the segments of a repo's index, through the cache.
func (m *manifests) segments(repo string) manifest.ReadSegment {
	return func(ctx context.Context, ref manifest.SegmentRef) (*manifest.Timeline, error) {
		s, err := fetch(ctx, m, cacheKey{ref.Digest, asSegment}, func(ctx context.Context) (sealed, int64, error) {
			s, err := catalog.Segment(ctx, m.read, repo, ref)
			// Parsed, an entry takes less than its line.
			return sealed{repo, ref, s.Timeline()}, ref.Size, err
		})
		if err == nil && (s.repo != repo || s.ref != ref) {
			err = fmt.Errorf("segment %s: %w", ref.Digest, errCorrupt) // two indexes, of which one lies
		}
		return s.timeline, err
	}
}

// segmentList is the page that lists a segment's checkpoints.
func (m *manifests) segmentList(ctx context.Context, repo *repo, ref manifest.SegmentRef) (document, error) {
	return fetch(ctx, m, cacheKey{ref.Digest, asSegmentList}, func(ctx context.Context) (document, int64, error) {
		s, err := catalog.Segment(ctx, m.read, repo.history.Index.Repo, ref)
		if err != nil {
			return document{}, 0, err
		}
		var b bytes.Buffer
		err = page.WriteSegment(&b, repo.base, s)
		return document{manifest.KindList.ContentType(""), b.Bytes(), manifest.Sum(b.Bytes())}, int64(b.Cap()), err
	})
}
