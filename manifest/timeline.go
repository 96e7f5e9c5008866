package manifest

// Timeline answers which checkpoint an instant resolves to. It is made once
// from an index, is immutable, and allocates nothing when asked.
type Timeline struct {
	ids     []ID    // of listed and pruned checkpoints, ascending
	heads   []ID    // every stride-th of ids, few enough for a processor's cache
	listed  []int32 // position in checkpoints; -1: pruned
	index   Index
	horizon ID
}

const stride = 64

// Outcome is the kind of an answer.
type Outcome uint8

const (
	Found  Outcome = iota // a checkpoint
	Gone                  // the checkpoint that was meant is pruned
	Before                // the instant lies before the first checkpoint
	Empty                 // there are no checkpoints
)

// Answer is what an instant resolves to.
type Answer struct {
	Outcome    Outcome
	ID         ID         // of the checkpoint: found, pruned, or (Before) the first listed one
	Checkpoint Checkpoint // of Found
	Final      bool       // the answer can never change (invariant 4)
}

// NewTimeline makes the timeline of an index.
func NewTimeline(ix Index) Timeline {
	t := Timeline{index: ix, horizon: ix.Horizon}
	n := len(ix.Checkpoints) + len(ix.Pruned)
	t.ids, t.listed = make([]ID, 0, n), make([]int32, 0, n)
	pruned := ix.Pruned
	for i, c := range ix.Checkpoints {
		for len(pruned) > 0 && pruned[0].ID < c.ID {
			t.ids, t.listed = append(t.ids, pruned[0].ID), append(t.listed, -1)
			pruned = pruned[1:]
		}
		t.ids, t.listed = append(t.ids, c.ID), append(t.listed, int32(i))
	}
	for _, p := range pruned {
		t.ids, t.listed = append(t.ids, p.ID), append(t.listed, -1)
	}
	for i := 0; i < n; i += stride {
		t.heads = append(t.heads, t.ids[i])
	}
	return t
}

// Index is the index that the timeline was made from.
func (t Timeline) Index() Index { return t.index }

// Resolve finds the newest checkpoint at or before the instant.
func (t Timeline) Resolve(at ID) Answer {
	i := t.search(at)
	final := at <= t.horizon
	if i >= 0 {
		return t.answer(i, final)
	}
	if len(t.index.Checkpoints) == 0 {
		return Answer{Outcome: Empty}
	}
	return Answer{Outcome: Before, ID: t.index.Checkpoints[0].ID, Final: final}
}

// Latest finds the newest checkpoint.
func (t Timeline) Latest() Answer {
	if len(t.ids) == 0 {
		return Answer{Outcome: Empty}
	}
	return t.answer(len(t.ids)-1, false)
}

// Exact reports whether an instant is the very id of a listed or pruned checkpoint.
func (t Timeline) Exact(at ID) bool {
	i := t.search(at)
	return i >= 0 && t.ids[i] == at
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
	low, high := 0, len(ids)
	for low < high {
		if middle := (low + high) / 2; ids[middle] <= at {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

func (t *Timeline) answer(i int, final bool) Answer {
	a := Answer{Outcome: Gone, ID: t.ids[i], Final: final}
	if at := t.listed[i]; at >= 0 {
		a.Outcome, a.Checkpoint = Found, t.index.Checkpoints[at]
	}
	return a
}
