package catalog

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/manifest"
)

// store holds a manifest of n files, and returns its root.
func store(t *testing.T, n int) (*memstore.Store, manifest.Root) {
	t.Helper()
	s := memstore.New(memstore.Options{})
	put := func(d manifest.Digest, data []byte) error {
		return s.Create(t.Context(), manifest.ManifestKey(d), objstore.Bytes(data), objstore.Attributes{})
	}
	b := manifest.NewBuilder(func(ref manifest.LeafRef, data []byte) error { return put(ref.Digest, data) })
	for i := range n {
		if err := b.Add(manifest.Entry{Path: fmt.Sprintf("%08d", i), Modified: manifest.NoTime}); err != nil {
			t.Fatal(err)
		}
	}
	root, err := b.Finish()
	if err == nil {
		err = put(root.Digest(), root.Encode())
	}
	if err != nil {
		t.Fatal(err)
	}
	return s, root
}

func TestEntries(t *testing.T) {
	for _, n := range []int{0, 1, 60_000} {
		s, want := store(t, n)
		root, err := Root(t.Context(), s, want.Digest())
		if err != nil || root.Digest() != want.Digest() {
			t.Fatal(err)
		}
		i := 0
		for e, err := range Entries(t.Context(), s, root) {
			if err != nil || e.Path != fmt.Sprintf("%08d", i) {
				t.Fatalf("entry %d is %q, %v", i, e.Path, err)
			}
			i++
		}
		if i != n {
			t.Errorf("%d entries, want %d", i, n)
		}
	}
}

func TestEntriesEnd(t *testing.T) {
	s, root := store(t, 60_000)
	if len(root.Leaves) < 12 {
		t.Fatalf("%d leaves are too few for this test", len(root.Leaves))
	}
	for range Entries(t.Context(), s, root) {
		break // nothing is left running
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range Entries(ctx, s, root) {
		cancel()
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("cancelled: %v", last)
	}
	if err := s.Delete(t.Context(), manifest.ManifestKey(root.Leaves[5].Digest)); err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	for _, err := range Entries(t.Context(), s, root) {
		if last = err; err == nil {
			n++
		}
	}
	var before int64
	for _, ref := range root.Leaves[:5] {
		before += ref.Files
	}
	if !errors.Is(last, objstore.ErrNotFound) || n != before {
		t.Errorf("a missing leaf: %d entries, want %d, then %v", n, before, last)
	}
}

func TestWrongContent(t *testing.T) {
	s, root := store(t, 10)
	key := manifest.ManifestKey(root.Leaves[0].Digest)
	if err := s.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), key, objstore.Bytes([]byte("something else")), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	for _, err := range Entries(t.Context(), s, root) {
		if want := "read " + key + ": its content is not what its name says"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := Root(t.Context(), s, root.Leaves[0].Digest); err == nil {
		t.Error("a root of other content was taken")
	}
}

func TestRegistersOfNothing(t *testing.T) {
	s := memstore.New(memstore.Options{})
	reg, version, err := Registry(t.Context(), s)
	if err != nil || version != "" || len(reg.Repos) > 0 {
		t.Errorf("%+v %q %v", reg, version, err)
	}
	repo := manifest.Repo{Name: "a", Base: "a"}
	index, version, err := Index(t.Context(), s, repo)
	if err != nil || version != "" || index.Generation != 0 {
		t.Errorf("%+v %q %v", index, version, err)
	}
	other, err := manifest.NewIndex("b").Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Swap(t.Context(), manifest.IndexKey("a"), "", other, objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Index(t.Context(), s, repo); err == nil || err.Error() != "a/checkpoints.json: the index belongs to repo b, not a" {
		t.Error(err)
	}
}
