package catalog

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/manifest"
)

// sealedHistory is that of checkpoints 10, 20 (pruned), 30, … 100 in segments of
// three, but for the newest. It counts the segments that are read.
func sealedHistory(t *testing.T) (history *History, reads *int, store *memstore.Store) {
	t.Helper()
	ix := manifest.NewIndex("myfile")
	step := func(next manifest.Index, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		ix = next
	}
	for id := manifest.ID(10); id <= 100; id += 10 {
		step(ix.Append(manifest.Checkpoint{ID: id, Layout: manifest.Full}))
	}
	step(ix.Prune(20, 200, "gone"))
	ix, segments, err := ix.Seal(1, 3, manifest.Segment{})
	if err != nil {
		t.Fatal(err)
	}
	store = memstore.New(memstore.Options{})
	for _, s := range segments {
		if err := store.Create(t.Context(), manifest.SegmentKey(s.Ref.Digest), objstore.Bytes(s.Data), objstore.Attributes{}); err != nil {
			t.Fatal(err)
		}
	}
	history = NewHistory(store, ix)
	read := history.Read
	reads = new(int)
	history.Read = func(ctx context.Context, ref manifest.SegmentRef) (manifest.Segment, error) {
		*reads++
		return read(ctx, ref)
	}
	return history, reads, store
}

func TestHistory(t *testing.T) {
	h, reads, _ := sealedHistory(t)
	var ids []manifest.ID
	for part, err := range h.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range part.Checkpoints {
			ids = append(ids, c.ID)
		}
	}
	if want := []manifest.ID{10, 30, 40, 50, 60, 70, 80, 90, 100}; !slices.Equal(ids, want) || *reads != 3 {
		t.Errorf("%v in %d reads, want %v", ids, *reads, want)
	}

	*reads = 0
	for id := manifest.ID(1); id <= 110; id++ {
		_, listed, err := h.Find(t.Context(), id)
		_, pruned, err2 := h.FindPruned(t.Context(), id)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		if listed != slices.Contains(ids, id) || pruned != (id == 20) {
			t.Errorf("%d: listed %t, pruned %t", id, listed, pruned)
		}
	}
	if *reads != 3 {
		t.Errorf("looking up all ids in their order takes %d reads", *reads)
	}

	for at, want := range map[manifest.ID]manifest.Answer{
		5:  {Outcome: manifest.Before, ID: 10, Final: true},
		15: {Outcome: manifest.Found, ID: 10, Final: true},
		25: {Outcome: manifest.Gone, ID: 20, Final: true, Reason: "gone"},
		39: {Outcome: manifest.Found, ID: 30, Final: true},
		99: {Outcome: manifest.Found, ID: 90, Final: true},
		// Behind the horizon.
		101: {Outcome: manifest.Found, ID: 100},
	} {
		got, err := h.Resolve(t.Context(), at)
		if c := got.Checkpoint; c != nil && c.ID != got.ID {
			t.Errorf("%d: checkpoint %+v", at, c)
		}
		got.Checkpoint = nil
		if err != nil || got != want {
			t.Errorf("%d: %+v, %v, want %+v", at, got, err, want)
		}
	}
}

// A segment that is damaged hides its part of the history, and no other.
func TestHistoryDamaged(t *testing.T) {
	h, _, store := sealedHistory(t)
	key := manifest.SegmentKey(h.Index.Segments[1].Digest)
	if err := store.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	parts, failed := 0, 0
	for _, err := range h.All(t.Context()) {
		parts++
		if errors.Is(err, objstore.ErrNotFound) {
			failed++
		}
	}
	if parts != 4 || failed != 1 {
		t.Errorf("%d parts, of which %d failed", parts, failed)
	}
	if err := store.Create(t.Context(), key, objstore.Bytes([]byte("else")), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	_, err := h.Resolve(t.Context(), 55)
	if want := "read " + key + ": its content is not what its name says"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if _, _, err := h.Find(t.Context(), 10); err != nil {
		t.Error(err)
	}
}

func TestHistoryBefore(t *testing.T) {
	h, reads, _ := sealedHistory(t)
	for _, tt := range []struct{ id, want manifest.ID }{{200, 100}, {100, 90}, {95, 90}, {31, 30}, {30, 10}, {20, 10}, {10, manifest.NoTime}} {
		c, ok, err := h.Before(t.Context(), tt.id)
		if err != nil || ok != (tt.want != manifest.NoTime) || ok && c.ID != tt.want {
			t.Errorf("before %d: %d, %t, %v", tt.id, c.ID, ok, err)
		}
	}
	*reads = 0
	if _, _, err := h.Before(t.Context(), 200); err != nil || *reads != 0 {
		t.Errorf("%d reads for what the tail has, %v", *reads, err)
	}
}
