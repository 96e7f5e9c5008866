package manifest

// Timeline is a segment, or the tail of an index, prepared for searches by
// instant. It is immutable. A search allocates no memory.
type Timeline struct {
	segment Segment
	ids     []ID    // ids of checkpoints and tombstones, ascending
	heads   []ID    // every stride-th of ids, few enough for a processor's cache
	entries []int32 // position in segment.Checkpoints, or ^position in segment.Pruned; nil: nothing is pruned
}

const stride = 64

// Timeline makes the segment searchable.
func (s Segment) Timeline() *Timeline {
	t := &Timeline{segment: s, ids: s.ids()}
	if len(s.Pruned) > 0 {
		t.entries = make([]int32, len(t.ids))
		listed, pruned := int32(0), int32(0)
		for i, id := range t.ids {
			if int(listed) < len(s.Checkpoints) && s.Checkpoints[listed].ID == id {
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

// newest returns the newest checkpoint or tombstone at or before an instant.
func (t *Timeline) newest(at ID) (answer Answer, ok bool) {
	head := upTo(t.heads, at) - 1
	if head < 0 {
		return Answer{}, false
	}
	block := t.ids[head*stride:]
	i := head*stride + upTo(block[:min(stride, len(block))], at) - 1
	entry := i
	if t.entries != nil {
		entry = int(t.entries[i])
	}
	if entry < 0 {
		return Answer{Outcome: Gone, ID: t.ids[i], Reason: t.segment.Pruned[^entry].Reason}, true
	}
	return Answer{Outcome: Found, ID: t.ids[i], Checkpoint: &t.segment.Checkpoints[entry]}, true
}

// upTo counts the ids at or before an instant.
func upTo(ids []ID, at ID) int {
	// No branch to predict: either half is equally likely.
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
