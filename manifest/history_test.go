package manifest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
)

// longHistory has checkpoints 10, 20 (pruned), 30, … 100, in segments of three
// except the newest. All of the last segment, 70 to 90, is pruned. It notes the
// segments that are read, by their first id, and can't read one of them.
type longHistory struct {
	*History
	read []ID
	lost ID
}

var errLost = errors.New("lost")

func newLongHistory(t *testing.T) *longHistory {
	t.Helper()
	ix := NewIndex("myfile")
	step := func(next Index, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		ix = next
	}
	for id := ID(10); id <= 100; id += 10 {
		step(ix.Append(checkpoint(id)))
	}
	step(ix.Prune(20, 200, "gone"))
	sealed := sealedSegments{}
	ix = sealed.seal(t, ix, 1, 3)
	for _, id := range []ID{70, 80, 90} {
		step(sealed.prune(t, ix, id, 200))
	}
	h := &longHistory{lost: -1}
	h.History = NewHistory(ix, func(_ context.Context, ref SegmentRef) (*Timeline, error) {
		h.read = append(h.read, ref.First)
		if ref.First == h.lost {
			return nil, errLost
		}
		return sealed.read(t, ix, ref).Timeline(), nil
	})
	return h
}

// wantReads checks which segments were read since the last call.
func (h *longHistory) wantReads(t *testing.T, want ...ID) {
	t.Helper()
	if !slices.Equal(h.read, want) {
		t.Errorf("segments %d were read, want %d", h.read, want)
	}
	h.read = nil
}

// drain returns the ids that a sequence yields, and the last error.
func drain(checkpoints iter.Seq2[Checkpoint, error]) (ids []ID, err error) {
	for c, e := range checkpoints {
		if e != nil {
			err = e
		} else {
			ids = append(ids, c.ID)
		}
	}
	return ids, err
}

func TestHistoryFromUntil(t *testing.T) {
	h := newLongHistory(t)
	for _, tt := range []struct {
		name string
		got  iter.Seq2[Checkpoint, error]
		want []ID
		read []ID // segments without a listed checkpoint in the range are not read
	}{
		{"all", h.From(t.Context(), MinID), []ID{10, 30, 40, 50, 60, 100}, []ID{10, 40}},
		{"from a listed one", h.From(t.Context(), 50), []ID{50, 60, 100}, []ID{40}},
		{"from between two", h.From(t.Context(), 51), []ID{60, 100}, []ID{40}},
		{"from the tail", h.From(t.Context(), 100), []ID{100}, nil},
		{"from behind all", h.From(t.Context(), 101), nil, nil},
		{"all backward", h.Until(t.Context(), MaxID), []ID{100, 60, 50, 40, 30, 10}, []ID{40, 10}},
		{"until a listed one", h.Until(t.Context(), 50), []ID{50, 40, 30, 10}, []ID{40, 10}},
		{"until between two", h.Until(t.Context(), 49), []ID{40, 30, 10}, []ID{40, 10}},
		{"until a pruned one", h.Until(t.Context(), 20), []ID{10}, []ID{10}},
		{"until before all", h.Until(t.Context(), 9), nil, nil},
	} {
		if ids, err := drain(tt.got); err != nil || !slices.Equal(ids, tt.want) {
			t.Errorf("%s: %d, %v, want %d", tt.name, ids, err, tt.want)
		}
		h.wantReads(t, tt.read...)
	}
}

func TestHistoryNeighbours(t *testing.T) {
	h := newLongHistory(t)
	type find func(context.Context, ID) (Checkpoint, bool, error)
	first := func(ctx context.Context, _ ID) (Checkpoint, bool, error) { return h.First(ctx) }
	for _, tt := range []struct {
		name     string
		find     find
		id, want ID // want 0: none
		read     []ID
	}{
		{"before", h.Before, 200, 100, nil},
		{"before", h.Before, 100, 60, []ID{40}},
		{"before", h.Before, 85, 60, []ID{40}},
		{"before", h.Before, 31, 30, []ID{10}},
		{"before", h.Before, 30, 10, []ID{10}},
		{"before", h.Before, 10, 0, []ID{}},
		{"after", h.After, 9, 10, []ID{10}},
		{"after", h.After, 10, 30, []ID{10}},
		{"after", h.After, 60, 100, nil},
		{"after", h.After, 99, 100, nil},
		{"after", h.After, 100, 0, nil},
		{"first", first, 0, 10, []ID{10}},
	} {
		c, ok, err := tt.find(t.Context(), tt.id)
		if err != nil || c.ID != tt.want || ok != (tt.want != 0) {
			t.Errorf("%s %d: %d, %t, %v, want %d", tt.name, tt.id, c.ID, ok, err, tt.want)
		}
		h.wantReads(t, tt.read...)
	}
	if _, ok, err := NewHistory(NewIndex("a"), nil).First(t.Context()); ok || err != nil {
		t.Errorf("an empty history has a first checkpoint: %v", err)
	}
}

func TestHistoryFind(t *testing.T) {
	h := newLongHistory(t)
	listed, pruned := []ID{10, 30, 40, 50, 60, 100}, []ID{20, 70, 80, 90}
	for id := ID(1); id <= 110; id++ {
		c, isListed, err := h.Find(t.Context(), id)
		tomb, isPruned, err2 := h.FindPruned(t.Context(), id)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		if isListed != slices.Contains(listed, id) || isListed && c != checkpoint(id) {
			t.Errorf("%d: listed %t, %+v", id, isListed, c)
		}
		if isPruned != slices.Contains(pruned, id) || isPruned && (tomb.ID != id || tomb.At != 200) {
			t.Errorf("%d: pruned %t, %+v", id, isPruned, tomb)
		}
	}
}

// A segment that can't be read ends an ordered walk through the history. Only All
// goes on, so that no other part is hidden.
func TestHistoryUnreadable(t *testing.T) {
	h := newLongHistory(t)
	h.lost = 40
	parts := func(seq iter.Seq2[Segment, error]) (firsts []ID, failed int) {
		for part, err := range seq {
			if err != nil {
				failed++
				continue
			}
			first, _ := part.Bounds()
			firsts = append(firsts, first)
		}
		return firsts, failed
	}
	if got, failed := parts(h.All(t.Context())); !slices.Equal(got, []ID{10, 70, 100}) || failed != 1 {
		t.Errorf("all: %d, %d failed", got, failed)
	}
	if got, failed := parts(h.Backward(t.Context())); !slices.Equal(got, []ID{100, 70}) || failed != 1 {
		t.Errorf("backward: %d, %d failed", got, failed)
	}
	if ids, err := drain(h.From(t.Context(), MinID)); err != errLost || !slices.Equal(ids, []ID{10, 30}) {
		t.Errorf("from: %d, %v", ids, err)
	}
	if ids, err := drain(h.Until(t.Context(), MaxID)); err != errLost || !slices.Equal(ids, []ID{100}) {
		t.Errorf("until: %d, %v", ids, err)
	}
	if _, ok, err := h.Find(t.Context(), 50); ok || err != errLost {
		t.Errorf("find: %t, %v", ok, err)
	}
	if _, ok, err := h.Before(t.Context(), 70); ok || err != errLost {
		t.Errorf("before: %t, %v", ok, err)
	}
}
