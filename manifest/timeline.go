package manifest

import (
	"cmp"
	"slices"
)

// Timeline answers which checkpoint an instant resolves to. It is made once
// from an index or a segment, is immutable, and allocates nothing when asked.
type Timeline struct {
	ids     []ID    // of listed and pruned checkpoints, ascending
	heads   []ID    // every stride-th of ids, few enough for a processor's cache
	entries []int32 // position in checkpoints, or of a tombstone, as ^position; nil: in step with ids
	tail    Segment
	starts  []ID // of index.Segments
	index   Index
}

const stride = 64

// Outcome is the kind of an answer.
type Outcome uint8

const (
	Found     Outcome = iota // a checkpoint
	Gone                     // the checkpoint that was meant is pruned
	Before                   // the instant lies before the first checkpoint
	Empty                    // there are no checkpoints
	InSegment                // a segment knows: its own timeline answers
)

// Answer is what an instant resolves to.
type Answer struct {
	Outcome    Outcome
	Final      bool        // the answer can never change (invariant 4)
	ID         ID          // of the checkpoint: found, pruned, or (Before) the first listed one
	Checkpoint *Checkpoint // of Found; it is the timeline's own and must not be changed
	Reason     string      // of Gone, maybe empty
	Segment    *SegmentRef // of InSegment
}

// NewTimeline makes the timeline of an index.
func NewTimeline(ix Index) *Timeline {
	t := newTimeline(ix.Tail())
	t.index = ix
	t.starts = make([]ID, len(ix.Segments))
	for i, ref := range ix.Segments {
		t.starts[i] = ref.First
	}
	return t
}

// Timeline is the timeline of a sealed segment. All that it answers is final, as
// a segment lies before the horizon.
func (s Segment) Timeline() *Timeline {
	t := newTimeline(s)
	t.index = Index{Repo: s.Repo, Horizon: MaxID}
	return t
}

func newTimeline(tail Segment) *Timeline {
	t := &Timeline{tail: tail, ids: tail.ids()}
	if len(tail.Pruned) > 0 {
		t.entries = make([]int32, len(t.ids))
		listed, pruned := int32(0), int32(0)
		for i, id := range t.ids {
			if int(listed) < len(tail.Checkpoints) && tail.Checkpoints[listed].ID == id {
				t.entries[i] = listed
				listed++
			} else {
				t.entries[i] = ^pruned
				pruned++
			}
		}
	}
	for i := 0; i < len(t.ids); i += stride {
		t.heads = append(t.heads, t.ids[i])
	}
	return t
}

// Index is the index that the timeline was made from.
func (t *Timeline) Index() Index { return t.index }

// Resolve finds the newest checkpoint at or before the instant.
func (t *Timeline) Resolve(at ID) Answer {
	if i := t.search(at); i >= 0 {
		return t.answer(i, at <= t.index.Horizon)
	}
	if ref := t.segment(at); ref != nil {
		return Answer{Outcome: InSegment, Segment: ref, Final: true}
	}
	if len(t.tail.Checkpoints) == 0 {
		return Answer{Outcome: Empty}
	}
	return Answer{Outcome: Before, ID: t.tail.Checkpoints[0].ID, Final: at <= t.index.Horizon}
}

// segment is the one that knows an instant before the tail: the newest that
// begins at or before it. For an instant before all of them it is the first in
// which a checkpoint is listed.
func (t *Timeline) segment(at ID) *SegmentRef {
	if i := upTo(t.starts, at); i > 0 {
		return &t.index.Segments[i-1]
	}
	for i := range t.index.Segments {
		if t.index.Segments[i].Checkpoints > 0 {
			return &t.index.Segments[i]
		}
	}
	return nil
}

// Latest finds the newest checkpoint.
func (t *Timeline) Latest() Answer {
	if len(t.ids) == 0 {
		return Answer{Outcome: Empty}
	}
	return t.answer(len(t.ids)-1, false)
}

// From is the listed checkpoints at or behind an instant, ascending, as far as
// the timeline holds them itself. The caller must not change them.
func (t *Timeline) From(at ID) []Checkpoint {
	i, _ := slices.BinarySearchFunc(t.tail.Checkpoints, at, func(c Checkpoint, at ID) int { return cmp.Compare(c.ID, at) })
	return t.tail.Checkpoints[i:]
}

// search is the position of the newest id at or before the instant, or -1.
func (t *Timeline) search(at ID) int {
	head := upTo(t.heads, at) - 1
	if head < 0 {
		return -1
	}
	block := t.ids[head*stride:]
	return head*stride + upTo(block[:min(stride, len(block))], at) - 1
}

// upTo counts the ids at or before the instant.
func upTo(ids []ID, at ID) int {
	// Without a branch to predict: every half is as likely as the other.
	low := 0
	for n := len(ids); n > 0; {
		half := (n + 1) / 2
		if ids[low+half-1] <= at {
			low += half
		}
		n -= half
	}
	return low
}

func (t *Timeline) answer(i int, final bool) Answer {
	entry := i
	if t.entries != nil {
		entry = int(t.entries[i])
	}
	if entry < 0 {
		return Answer{Outcome: Gone, ID: t.ids[i], Reason: t.tail.Pruned[^entry].Reason, Final: final}
	}
	return Answer{Outcome: Found, ID: t.ids[i], Checkpoint: &t.tail.Checkpoints[entry], Final: final}
}
