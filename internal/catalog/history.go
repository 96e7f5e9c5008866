package catalog

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/asof/asof/manifest"
)

// Segment reads a segment of a repo's index.
func Segment(ctx context.Context, s Store, repo string, ref manifest.SegmentRef) (manifest.Segment, error) {
	key := manifest.SegmentKey(ref.Digest)
	data, err := readNamed(ctx, s, key, ref.Digest, ref.Size)
	if err != nil {
		return manifest.Segment{}, err
	}
	segment, err := manifest.ParseSegment(data, repo, ref)
	if err != nil {
		return manifest.Segment{}, fmt.Errorf("%s: %w", key, err)
	}
	return segment, nil
}

// AnySegment reads a segment to which no index need refer.
func AnySegment(ctx context.Context, s Store, digest manifest.Digest) (manifest.Segment, error) {
	key := manifest.SegmentKey(digest)
	data, err := readNamed(ctx, s, key, digest, manifest.MaxSegmentSize)
	if err != nil {
		return manifest.Segment{}, err
	}
	segment, err := manifest.ParseAnySegment(data)
	if err != nil {
		err = corrupt(key, "%v", err)
	}
	return segment, err
}

// History is all that an index lists, sealed or not. It holds one segment in
// memory, the one read last: looking things up in the order of their ids reads
// each once. It is for one goroutine.
type History struct {
	Index manifest.Index
	// Read reads a segment of the index.
	Read func(context.Context, manifest.SegmentRef) (manifest.Segment, error)

	timeline *manifest.Timeline
	ref      manifest.SegmentRef // of segment
	segment  manifest.Segment
}

// NewHistory is the history of an index whose segments a store holds.
func NewHistory(s Store, index manifest.Index) *History {
	return &History{Index: index, Read: func(ctx context.Context, ref manifest.SegmentRef) (manifest.Segment, error) {
		return Segment(ctx, s, index.Repo, ref)
	}}
}

// All yields the segments, the oldest first, and then the index's own tail. Where
// a segment can't be read it yields the error, and goes on behind it.
func (h *History) All(ctx context.Context) iter.Seq2[manifest.Segment, error] {
	return func(yield func(manifest.Segment, error) bool) {
		for _, ref := range h.Index.Segments {
			if !yield(h.Segment(ctx, ref)) {
				return
			}
		}
		yield(h.Index.Tail(), nil)
	}
}

// Backward yields the same, the newest part first. It ends with an error.
func (h *History) Backward(ctx context.Context) iter.Seq2[manifest.Segment, error] {
	return func(yield func(manifest.Segment, error) bool) {
		if !yield(h.Index.Tail(), nil) {
			return
		}
		for _, ref := range slices.Backward(h.Index.Segments) {
			segment, err := h.Segment(ctx, ref)
			if !yield(segment, err) || err != nil {
				return
			}
		}
	}
}

// Segment reads one segment of the index.
func (h *History) Segment(ctx context.Context, ref manifest.SegmentRef) (manifest.Segment, error) {
	if h.ref == ref {
		return h.segment, nil
	}
	segment, err := h.Read(ctx, ref)
	if err == nil {
		h.ref, h.segment = ref, segment
	}
	return segment, err
}

// part is what holds an id if anything does: a segment, or the tail.
func (h *History) part(ctx context.Context, id manifest.ID) (manifest.Segment, error) {
	if ref, ok := h.Index.SegmentOf(id); ok {
		return h.Segment(ctx, ref)
	}
	return h.Index.Tail(), nil
}

// Find is the checkpoint with the very id.
func (h *History) Find(ctx context.Context, id manifest.ID) (manifest.Checkpoint, bool, error) {
	part, err := h.part(ctx, id)
	c, ok := part.Find(id)
	return c, ok, err
}

// FindPruned is the tombstone with the very id.
func (h *History) FindPruned(ctx context.Context, id manifest.ID) (manifest.Tombstone, bool, error) {
	part, err := h.part(ctx, id)
	t, ok := part.FindPruned(id)
	return t, ok, err
}

// Before is the newest checkpoint that is listed and older than an id.
func (h *History) Before(ctx context.Context, id manifest.ID) (manifest.Checkpoint, bool, error) {
	older := func(part manifest.Segment) (manifest.Checkpoint, bool) {
		i, _ := slices.BinarySearchFunc(part.Checkpoints, id, func(c manifest.Checkpoint, id manifest.ID) int { return cmp.Compare(c.ID, id) })
		if i == 0 {
			return manifest.Checkpoint{}, false
		}
		return part.Checkpoints[i-1], true
	}
	c, ok := older(h.Index.Tail())
	for _, ref := range slices.Backward(h.Index.Segments) {
		if ok {
			break
		}
		part, err := h.Segment(ctx, ref)
		if err != nil {
			return c, false, err
		}
		c, ok = older(part)
	}
	return c, ok, nil
}

// Resolve finds the newest checkpoint at or before an instant.
func (h *History) Resolve(ctx context.Context, at manifest.ID) (manifest.Answer, error) {
	if h.timeline == nil {
		h.timeline = manifest.NewTimeline(h.Index)
	}
	answer := h.timeline.Resolve(at)
	if answer.Outcome != manifest.InSegment {
		return answer, nil
	}
	segment, err := h.Segment(ctx, *answer.Segment)
	if err != nil {
		return manifest.Answer{}, err
	}
	return segment.Timeline().Resolve(at), nil
}
