package catalog

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/asof/asof/manifest"
)

// counting counts what is read from a store.
type counting struct {
	Store
	opens int
}

func (c *counting) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	c.opens++
	return c.Store.Open(ctx, key, offset, length)
}

func TestFinder(t *testing.T) {
	const files = 60_000
	s, root := store(t, files)
	if len(root.Leaves) <= recentLeaves {
		t.Fatalf("%d leaves are too few for this test", len(root.Leaves))
	}
	c := &counting{Store: s}
	f := NewFinder(c, root.Digest())
	for i := range files {
		path := fmt.Sprintf("%08d", i)
		if e, ok, err := f.Find(t.Context(), path); err != nil || !ok || e.Path != path {
			t.Fatalf("%s: %+v, %v, %v", path, e, ok, err)
		}
	}
	if want := 1 + len(root.Leaves); c.opens != want {
		t.Errorf("%d reads, want %d: the root and each leaf once", c.opens, want)
	}
	for _, path := range []string{"", "00000001x", "0000000", "99999999", "z"} {
		if e, ok, err := f.Find(t.Context(), path); ok || err != nil {
			t.Errorf("%q: %+v, %v", path, e, err)
		}
	}
	if len(f.recent) != recentLeaves {
		t.Errorf("%d leaves are remembered", len(f.recent))
	}
	if _, _, err := NewFinder(c, manifest.Sum([]byte("another"))).Find(t.Context(), "a"); err == nil {
		t.Error("a manifest that is not there was found")
	}
}
