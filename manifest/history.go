package manifest

import (
	"cmp"
	"context"
	"iter"
	"slices"
)

// History is everything that an index lists: its sealed segments, oldest first,
// then its own tail. It reads a segment only when it needs it. It is immutable,
// and safe for concurrent use if its reader is.
type History struct {
	Index Index

	read   ReadSegment
	rings  *Rollout // nil: none
	tail   *Timeline
	starts []ID // the first id of each segment
}

// ReadSegment reads a segment that an index refers to, and checks it against the
// reference (ParseSegment). The caller of NewHistory provides it, and decides
// what to keep in memory. History returns its errors unchanged.
type ReadSegment func(context.Context, SegmentRef) (*Timeline, error)

// NewHistory returns the history of an index. read reads its segments.
func NewHistory(ix Index, read ReadSegment) *History {
	h := &History{Index: ix, read: read, tail: ix.Tail().Timeline(), starts: make([]ID, len(ix.Segments))}
	for i, ref := range ix.Segments {
		h.starts[i] = ref.First
	}
	return h
}

// WithRings returns the same history, in which the names of rings stand for something. The
// rollout must not change any more.
func (h *History) WithRings(rings *Rollout) *History {
	next := *h
	next.rings = rings
	return &next
}

// ring returns the ring with a name, if it holds for the repo.
func (h *History) ring(name string) (Ring, bool) {
	if h.rings == nil || !h.rings.Holds(h.Index.Repo) {
		return Ring{}, false
	}
	return h.rings.Ring(name)
}

// Rings returns the rings that hold for the repo and stand for something, in their order.
func (h *History) Rings() (rings []Ring) {
	if h.rings == nil || !h.rings.Holds(h.Index.Repo) {
		return nil
	}
	for _, ring := range h.rings.Rings {
		if _, ok := ring.Now(); ok {
			rings = append(rings, ring)
		}
	}
	return rings
}

// RingMark is a ring on a repo's list of checkpoints.
type RingMark struct {
	Ring string
	Time ID
	ID   ID // the checkpoint that it stands for; none: it stands in a segment
}

// RingMarks returns the rings that lead to a checkpoint of the repo, as far as the index alone
// tells. It reads no segment.
func (h *History) RingMarks() (marks []RingMark) {
	for _, ring := range h.Rings() {
		now, _ := ring.Now()
		if now.Time > h.Index.Horizon || !h.isRing(ring.Name) {
			continue
		}
		answer, ok := h.tail.newest(now.Time)
		if ok && answer.Outcome == Found || !ok && upTo(h.starts, now.Time) > 0 {
			marks = append(marks, RingMark{ring.Name, now.Time, answer.ID})
		}
	}
	return marks
}

// RingStand is a time that a ring stands for, or would stand for after a roll-back.
type RingStand struct {
	Ring    string
	Time    ID
	Current bool // false: a roll-back would bring it back
}

// RingsOn returns the stands that lead to a checkpoint, or did before it was pruned.
func (h *History) RingsOn(ctx context.Context, id ID) (on []RingStand, err error) {
	for _, ring := range h.Rings() {
		now, _ := ring.Now()
		answer, err := h.at(ctx, now.Time)
		if err != nil {
			return nil, err
		}
		if answer.Outcome == Before {
			continue
		}
		if answer.ID == id {
			on = append(on, RingStand{ring.Name, now.Time, true})
			continue
		}
		before, err := ring.Before(answer.ID)
		if err != nil {
			continue // it stood for nothing before
		}
		if answer, err = h.at(ctx, before.Time); err != nil {
			return nil, err
		}
		if answer.ID == id && answer.Outcome != Before {
			on = append(on, RingStand{ring.Name, before.Time, false})
		}
	}
	return on, nil
}

// Segment reads one segment of the index.
func (h *History) Segment(ctx context.Context, ref SegmentRef) (Segment, error) {
	t, err := h.read(ctx, ref)
	if err != nil {
		return Segment{}, err
	}
	return t.segment, nil
}

// All yields the segments, oldest first, then the tail. If a segment can't be
// read, it yields the error in its place and goes on.
func (h *History) All(ctx context.Context) iter.Seq2[Segment, error] {
	return h.forward(ctx, func(SegmentRef) bool { return true })
}

// Backward yields the tail and then the segments, newest first. It stops after an
// error.
func (h *History) Backward(ctx context.Context) iter.Seq2[Segment, error] {
	return h.backward(ctx, func(SegmentRef) bool { return true })
}

// From yields the listed checkpoints at or after an instant, oldest first. It stops
// after an error.
func (h *History) From(ctx context.Context, at ID) iter.Seq2[Checkpoint, error] {
	return func(yield func(Checkpoint, error) bool) {
		for part, err := range h.forward(ctx, func(ref SegmentRef) bool { return ref.Checkpoints > 0 && ref.Last >= at }) {
			if err != nil {
				yield(Checkpoint{}, err)
				return
			}
			i, _ := searchCheckpoints(part.Checkpoints, at)
			for _, c := range part.Checkpoints[i:] {
				if !yield(c, nil) {
					return
				}
			}
		}
	}
}

// Until yields the listed checkpoints at or before an instant, newest first. It
// stops after an error.
func (h *History) Until(ctx context.Context, at ID) iter.Seq2[Checkpoint, error] {
	return func(yield func(Checkpoint, error) bool) {
		for part, err := range h.backward(ctx, func(ref SegmentRef) bool { return ref.Checkpoints > 0 && ref.First <= at }) {
			if err != nil {
				yield(Checkpoint{}, err)
				return
			}
			i, _ := searchCheckpoints(part.Checkpoints, at+1)
			for _, c := range slices.Backward(part.Checkpoints[:i]) {
				if !yield(c, nil) {
					return
				}
			}
		}
	}
}

// First returns the oldest listed checkpoint.
func (h *History) First(ctx context.Context) (Checkpoint, bool, error) {
	return first(h.From(ctx, MinID))
}

// Before returns the newest listed checkpoint that is older than an id.
func (h *History) Before(ctx context.Context, id ID) (Checkpoint, bool, error) {
	return first(h.Until(ctx, id-1))
}

// After returns the oldest listed checkpoint that is newer than an id.
func (h *History) After(ctx context.Context, id ID) (Checkpoint, bool, error) {
	return first(h.From(ctx, id+1))
}

func first(checkpoints iter.Seq2[Checkpoint, error]) (Checkpoint, bool, error) {
	for c, err := range checkpoints {
		return c, err == nil, err
	}
	return Checkpoint{}, false, nil
}

// Find returns the listed checkpoint with exactly this id.
func (h *History) Find(ctx context.Context, id ID) (Checkpoint, bool, error) {
	part, err := h.around(ctx, id)
	c, ok := part.Find(id)
	return c, ok, err
}

// FindPruned returns the tombstone with exactly this id.
func (h *History) FindPruned(ctx context.Context, id ID) (Tombstone, bool, error) {
	part, err := h.around(ctx, id)
	t, ok := part.FindPruned(id)
	return t, ok, err
}

// around returns the only part that can hold an id: a segment, or else the tail.
func (h *History) around(ctx context.Context, id ID) (Segment, error) {
	if ref, ok := h.Index.SegmentOf(id); ok {
		return h.Segment(ctx, ref)
	}
	return h.tail.segment, nil
}

// forward yields the wanted segments, oldest first, then the tail.
func (h *History) forward(ctx context.Context, wanted func(SegmentRef) bool) iter.Seq2[Segment, error] {
	return func(yield func(Segment, error) bool) {
		for _, ref := range h.Index.Segments {
			if wanted(ref) && !yield(h.Segment(ctx, ref)) {
				return
			}
		}
		yield(h.tail.segment, nil)
	}
}

// backward yields the tail and then the wanted segments, newest first. It stops
// after an error.
func (h *History) backward(ctx context.Context, wanted func(SegmentRef) bool) iter.Seq2[Segment, error] {
	return func(yield func(Segment, error) bool) {
		if !yield(h.tail.segment, nil) {
			return
		}
		for _, ref := range slices.Backward(h.Index.Segments) {
			if !wanted(ref) {
				continue
			}
			if segment, err := h.Segment(ctx, ref); !yield(segment, err) || err != nil {
				return
			}
		}
	}
}

// searchCheckpoints returns the position of an id, or where it would be inserted.
func searchCheckpoints(list []Checkpoint, id ID) (position int, ok bool) {
	return slices.BinarySearchFunc(list, id, func(c Checkpoint, id ID) int { return cmp.Compare(c.ID, id) })
}
