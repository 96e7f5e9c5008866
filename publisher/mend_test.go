package publisher

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/job"
	"github.com/asof/asof/publisher/mend"
	"github.com/asof/asof/publisher/readback"
)

// overtaking is a store in which somebody swaps a register between any load and swap of
// another, and changes an object before it is mended.
type overtaking struct {
	memstore.Headed
	swaps int
}

func (s *overtaking) Load(ctx context.Context, key string, have objstore.Version) ([]byte, objstore.Version, error) {
	data, version, err := s.Headed.Load(ctx, key, have)
	if err == nil && s.swaps > 0 {
		s.swaps--
		_, err = s.Headed.Swap(ctx, key, version, append(slices.Clone(data), ' '), objstore.Attributes{})
	}
	return data, version, err
}

// Headers are mended while others swap registers, and never at the cost of their swaps.
// What is gone or right is left alone.
func TestMendHeaders(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.publish(PublishOptions{})
	s := &overtaking{Headed: memstore.Headed{Store: f.store.Store.(*memstore.Store)}}
	report := func() readback.Report {
		t.Helper()
		r, err := readback.Verify(t.Context(), readback.Options{Store: s, Env: f.pub.Env}, f.repo.Repo, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := report(); !r.Whole() {
		t.Fatalf("as published: %+v", r)
	}
	c, _ := f.index().Newest()
	index, file := manifest.IndexKey(f.repo.Base), manifest.TreeKey(f.repo.Base, c.ID, "1.iso")
	for _, key := range []string{index, file, manifest.ManifestKey(c.Manifest)} {
		h, _, err := s.Headers(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Mend(t.Context(), key, h.Version, objstore.Attributes{ContentType: "x/y"}); err != nil {
			t.Fatal(err)
		}
	}
	r := report()
	var keys []string
	for _, p := range r.Headers {
		keys = append(keys, p.Key)
	}
	if want := []string{manifest.ManifestKey(c.Manifest), file, index}; !slices.Equal(keys, want) || len(r.Problems) > 0 {
		t.Fatalf("got %q, %+v, want %q", keys, r.Problems, want)
	}
	if r.Headers[1].Checkpoint == nil || *r.Headers[1].Checkpoint != c.ID || r.Headers[0].Checkpoint != nil {
		t.Errorf("%+v", r.Headers)
	}

	before := f.read(index)
	s.swaps = 3
	opts := mend.Options{Store: s, Env: job.Env{RetryDelay: 1}}
	n, err := mend.Headers(t.Context(), opts, f.repo.Base, append(keys, file+".gone", manifest.ListKey(f.repo.Base)))
	if n != 3 || err != nil {
		t.Errorf("%d are mended, %v", n, err)
	}
	if got := f.read(index); got != before+strings.Repeat(" ", 3) {
		t.Errorf("a swap was undone: %q", got)
	}
	for _, key := range keys {
		if got, err := f.store.Store.(*memstore.Store).Attributes(t.Context(), key); err != nil || got.ContentType == "x/y" {
			t.Errorf("%s: %+v, %v", key, got, err)
		}
	}
	if _, err := mend.Headers(t.Context(), opts, f.repo.Base, []string{"other/checkpoints.json"}); err == nil {
		t.Error("mended another repo")
	}
	if _, err := mend.Headers(t.Context(), mend.Options{Store: f.store}, f.repo.Base, keys); !errors.Is(err, mend.ErrNoHeaders) {
		t.Errorf("a store without headers: %v", err)
	}
}
