package manifest

import (
	"errors"
	"fmt"
	"slices"
)

// SealedSegment is a segment ready to be stored under SegmentKey of its digest.
// It must be stored before an index that refers to it is swapped in (invariant
// 1).
type SealedSegment struct {
	Ref  SegmentRef
	Data []byte
}

// errOtherSegment: the given segment is not the one that the index names.
var errOtherSegment = errors.New("the index has another segment there")

// Tail returns the newest stretch of history, held by the index itself.
func (ix Index) Tail() Segment { return Segment{ix.Repo, ix.Checkpoints, ix.Pruned} }

// Count returns how many checkpoints are listed, and how many are pruned.
func (ix Index) Count() (listed, pruned int) {
	listed, pruned = len(ix.Checkpoints), len(ix.Pruned)
	for _, ref := range ix.Segments {
		listed, pruned = listed+ref.Checkpoints, pruned+ref.Pruned
	}
	return listed, pruned
}

// SegmentOf returns the segment whose ids span an id: the only one that can hold
// it.
func (ix Index) SegmentOf(id ID) (SegmentRef, bool) {
	i := ix.segment(id)
	if i < 0 {
		return SegmentRef{}, false
	}
	return ix.Segments[i], true
}

func (ix Index) segment(id ID) int {
	return slices.IndexFunc(ix.Segments, func(ref SegmentRef) bool { return ref.Holds(id) })
}

// Open returns the newest segment if it has room among fill entries. Seal needs
// it.
func (ix Index) Open(fill int) (SegmentRef, bool) {
	if len(ix.Segments) == 0 {
		return SegmentRef{}, false
	}
	ref := ix.Segments[len(ix.Segments)-1]
	return ref, ref.Checkpoints+ref.Pruned < fill
}

// Seal moves all but the newest keep entries of the tail, at least one, into
// segments of up to fill entries. open is the segment that Open named, or the
// zero value if there was none; a longer one replaces it. Seal returns the
// segments to store before the index.
func (ix Index) Seal(keep, fill int, open Segment) (Index, []SealedSegment, error) {
	tail := ix.Tail()
	excess := tail.Len() - max(keep, 1)
	if excess <= 0 {
		return ix, nil, nil
	}
	old, tail := tail.cut(excess)
	next := ix.next()
	if open.Len() > 0 {
		last := len(next.Segments) - 1
		if sealed, err := open.seal(); err != nil || last < 0 || next.Segments[last] != sealed.Ref {
			return ix, nil, errors.Join(errOtherSegment, err)
		}
		next.Segments = next.Segments[:last]
		old.Checkpoints = slices.Concat(open.Checkpoints, old.Checkpoints)
		old.Pruned = slices.Concat(open.Pruned, old.Pruned)
	}
	var documents []SealedSegment
	for old.Len() > 0 {
		var full Segment
		full, old = old.cut(max(fill, 1))
		sealed, err := full.seal()
		if err != nil {
			return ix, nil, err
		}
		documents, next.Segments = append(documents, sealed), append(next.Segments, sealed.Ref)
	}
	next.Checkpoints, next.Pruned = append([]Checkpoint(nil), tail.Checkpoints...), append([]Tombstone(nil), tail.Pruned...)
	next, err := ix.become(next)
	if err != nil {
		return ix, nil, err
	}
	return next, documents, nil
}

// Reseal replaces a segment by the one that Prune made from it. The new segment
// must be stored before the index. A checkpoint that a channel names must still
// be listed.
func (ix Index) Reseal(s Segment) (Index, SealedSegment, error) {
	sealed, err := s.seal()
	if err != nil {
		return ix, SealedSegment{}, err
	}
	ref := sealed.Ref
	i := ix.segment(ref.First)
	if i < 0 || ix.Segments[i].First != ref.First || ix.Segments[i].Last != ref.Last ||
		ix.Segments[i].Checkpoints+ix.Segments[i].Pruned != s.Len() {
		return ix, SealedSegment{}, errOtherSegment
	}
	for _, name := range ix.channelNames() {
		id := ix.Channels[name]
		if _, listed := s.Find(id); ref.Holds(id) && !listed {
			return ix, SealedSegment{}, fmt.Errorf("%s is %w: channel %s names it", id, ErrInUse, name)
		}
	}
	next := ix.next()
	next.Segments[i] = ref
	next, err = ix.become(next)
	return next, sealed, err
}

// Rewrite returns the index with another history, whole, in the place of its own. If
// that has more than tail entries, the older ones are sealed into segments of up to fill
// entries, which are to be stored before the index.
func (ix Index) Rewrite(all Segment, tail, fill int) (Index, []SealedSegment, error) {
	next := ix.next()
	next.Segments, next.Checkpoints, next.Pruned = nil, all.Checkpoints, all.Pruned
	if newest, ok := next.Newest(); ok {
		next = next.upTo(max(next.Horizon, newest.ID))
	}
	if all.Len() > tail {
		sealed, segments, err := next.Seal(tail/2, fill, Segment{})
		if err != nil {
			return ix, nil, err
		}
		return sealed, segments, nil
	}
	next, err := ix.become(next)
	return next, nil, err
}

func (s Segment) seal() (SealedSegment, error) {
	data, err := s.Encode()
	if err != nil {
		return SealedSegment{}, err
	}
	return SealedSegment{s.ref(data), data}, nil
}
