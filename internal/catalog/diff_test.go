package catalog

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/manifest"
)

// opened counts the objects that were read.
type opened struct {
	objstore.Store
	n atomic.Int64
}

func (o *opened) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	o.n.Add(1)
	return o.Store.Open(ctx, key, offset, length)
}

func build(t *testing.T, s objstore.Store, files map[string]string) manifest.Root {
	t.Helper()
	b := manifest.NewBuilder(func(ref manifest.LeafRef, data []byte) error {
		_, err := objstore.Put(t.Context(), s, manifest.ManifestKey(ref.Digest), objstore.Bytes(data), objstore.Attributes{})
		return err
	})
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if err := b.Add(manifest.Entry{Path: path, Size: int64(len(files[path])), SHA256: manifest.Sum([]byte(files[path]))}); err != nil {
			t.Fatal(err)
		}
	}
	root, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// Diff agrees with a comparison of the two maps.
func TestDiff(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 10, 5000} {
		for range 5 {
			s := memstore.New(memstore.Options{})
			from, to := map[string]string{}, map[string]string{}
			for i := range n {
				from[fmt.Sprint(i)] = "x"
			}
			maps.Copy(to, from)
			want := map[string]string{}
			for range 1 + n/20 {
				path := fmt.Sprint(random.IntN(n + 10))
				switch _, ok := to[path]; {
				case !ok:
					to[path] = "new"
				case random.IntN(2) == 0:
					delete(to, path)
				default:
					to[path] += "y"
				}
			}
			for path := range from {
				if now, ok := to[path]; !ok {
					want[path] = "removed"
				} else if now != from[path] {
					want[path] = "changed"
				}
			}
			for path := range to {
				if _, ok := from[path]; !ok {
					want[path] = "added"
				}
			}
			got, last := map[string]string{}, ""
			for c, err := range Diff(t.Context(), s, build(t, s, from), build(t, s, to)) {
				if err != nil {
					t.Fatal(err)
				}
				if c.Path <= last {
					t.Errorf("%s is out of order", c.Path)
				}
				last = c.Path
				switch {
				case c.Old == nil:
					got[c.Path] = "added"
				case c.New == nil:
					got[c.Path] = "removed"
				default:
					got[c.Path] = "changed"
				}
			}
			if !maps.Equal(got, want) {
				t.Fatalf("%d files: got %d changes, want %d", n, len(got), len(want))
			}
		}
	}
}

// A small change in a large manifest reads the leaves that it touched.
func TestDiffReadsWhatDiffers(t *testing.T) {
	s := &opened{Store: memstore.New(memstore.Options{})}
	files := map[string]string{}
	for i := range 50_000 {
		files[fmt.Sprintf("%05d", i)] = "x"
	}
	from := build(t, s, files)
	files["20000"] = "changed"
	delete(files, "40000")
	to := build(t, s, files)
	s.n.Store(0)
	n := 0
	for _, err := range Diff(t.Context(), s, from, to) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 2 || s.n.Load() != 4 {
		t.Errorf("%d changes, %d objects read of %d leaves", n, s.n.Load(), len(from.Leaves))
	}
	s.n.Store(0)
	for c, err := range Diff(t.Context(), s, to, to) {
		t.Errorf("%+v, %v", c, err)
	}
	if s.n.Load() != 0 {
		t.Errorf("%d objects read for the same manifest", s.n.Load())
	}
}
