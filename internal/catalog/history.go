package catalog

import (
	"context"

	"github.com/asof/asof/manifest"
)

// Segment reads a segment of a repo's index.
func Segment(ctx context.Context, read Reader, repo string, ref manifest.SegmentRef) (manifest.Segment, error) {
	data, err := readNamed(ctx, read, manifest.SegmentKey(ref.Digest), ref.Digest, ref.Size)
	if err != nil {
		return manifest.Segment{}, err
	}
	segment, err := manifest.ParseSegment(data, repo, ref)
	if err != nil {
		err = unreadable(manifest.SegmentKey(ref.Digest), err)
	}
	return segment, err
}

// AnySegment reads a segment without a reference from an index.
func AnySegment(ctx context.Context, read Reader, digest manifest.Digest) (manifest.Segment, error) {
	data, err := readNamed(ctx, read, manifest.SegmentKey(digest), digest, manifest.MaxSegmentSize)
	if err != nil {
		return manifest.Segment{}, err
	}
	segment, err := manifest.ParseAnySegment(data)
	if err != nil {
		err = unreadable(manifest.SegmentKey(digest), err)
	}
	return segment, err
}

// readNamed reads an object of at most limit bytes and checks it against the
// digest in its name.
func readNamed(ctx context.Context, read Reader, key string, d manifest.Digest, limit int64) ([]byte, error) {
	data, err := read(ctx, key, 0, limit+1)
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, corrupt(key, "larger than %d bytes", limit)
	}
	if sum := manifest.Sum(data); sum != d {
		return nil, corrupt(key, "content does not match its name: sha256 is %s", sum)
	}
	return data, nil
}

// NewHistory returns the history of an index, with segments from a store. It is
// for one goroutine: see KeepLast.
func NewHistory(s Store, index manifest.Index) *manifest.History {
	return manifest.NewHistory(index, KeepLast(func(ctx context.Context, ref manifest.SegmentRef) (manifest.Segment, error) {
		return Segment(ctx, From(s), index.Repo, ref)
	}))
}

// KeepLast keeps only the last segment in memory. So lookups in the order of ids
// read each segment once. It is for one goroutine.
func KeepLast(read func(context.Context, manifest.SegmentRef) (manifest.Segment, error)) manifest.ReadSegment {
	var (
		last     manifest.SegmentRef
		timeline *manifest.Timeline // of last
	)
	return func(ctx context.Context, ref manifest.SegmentRef) (*manifest.Timeline, error) {
		if timeline != nil && ref == last {
			return timeline, nil
		}
		segment, err := read(ctx, ref)
		if err != nil {
			return nil, err
		}
		last, timeline = ref, segment.Timeline()
		return timeline, nil
	}
}
