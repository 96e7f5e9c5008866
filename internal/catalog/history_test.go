package catalog

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/manifest"
)

// counting is a store that counts the objects that are opened.
type counting struct {
	*memstore.Store
	opened int
}

func (c *counting) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	c.opened++
	return c.Store.Open(ctx, key, offset, length)
}

// sealedHistory has checkpoints 10, 20 (pruned), 30, … 100, in segments of three
// except the newest.
func sealedHistory(t *testing.T) (*manifest.History, *counting) {
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
	store := &counting{Store: memstore.New(memstore.Options{})}
	for _, s := range segments {
		if err := store.Create(t.Context(), manifest.SegmentKey(s.Ref.Digest), objstore.Bytes(s.Data), objstore.Attributes{}); err != nil {
			t.Fatal(err)
		}
	}
	return NewHistory(store, ix), store
}

// Any lookups in the order of ids read each segment once. Lookups in the tail
// read none.
func TestHistoryKeepsLast(t *testing.T) {
	h, store := sealedHistory(t)
	for id := manifest.ID(1); id <= 110; id++ {
		_, listed, err := h.Find(t.Context(), id)
		_, pruned, err2 := h.FindPruned(t.Context(), id)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		if listed != (id <= 100 && id%10 == 0 && id != 20) || pruned != (id == 20) {
			t.Errorf("%d: listed %t, pruned %t", id, listed, pruned)
		}
		a, err := h.Resolve(t.Context(), manifest.At(id), 200)
		if want := min(id/10*10, 100); err != nil || id >= 10 && a.ID != want {
			t.Errorf("%d resolves to %+v, %v", id, a, err)
		}
	}
	if store.opened != 3 {
		t.Errorf("%d segments were read, want each of 3 once", store.opened)
	}
	store.opened = 0
	if _, _, err := h.Before(t.Context(), 200); err != nil || store.opened != 0 {
		t.Errorf("%d reads for what the tail has, %v", store.opened, err)
	}
}

// A damaged segment hides its own part of the history, and no other.
func TestHistoryDamaged(t *testing.T) {
	h, store := sealedHistory(t)
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
	_, err := h.Resolve(t.Context(), manifest.At(55), 200)
	if want := "read " + key + ": content does not match its name: sha256 is " + manifest.Sum([]byte("else")).String(); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if _, _, err := h.Find(t.Context(), 10); err != nil {
		t.Error(err)
	}
}
