package catalog

import (
	"fmt"
	"testing"

	"github.com/asof/asof/manifest"
)

func TestFinder(t *testing.T) {
	const files = 80_000
	s := newStore(t)
	root := s.build(numbered(files), none)
	f := NewFinder(From(s), root.Name)
	for i := range files {
		path := fmt.Sprintf("some/directory/%08d", i)
		if e, ok, err := f.Find(t.Context(), path); err != nil || !ok || e.Path != path {
			t.Fatalf("%s: %+v, %v, %v", path, e, ok, err)
		}
	}
	// The first 4 MiB come with the root.
	_, size := root.Own()
	if reads := len(s.take()); reads > 3+int(size-spanSize)/stretchSize {
		t.Errorf("%d reads", reads)
	}
	for _, path := range []string{"", "some/directory/00000001x", "some/directory/0000000", "some/directory/99999999", "z"} {
		if e, ok, err := f.Find(t.Context(), path); ok || err != nil {
			t.Errorf("%q: %+v, %v", path, e, err)
		}
	}
	if len(f.recent) != recentStretches {
		t.Errorf("%d stretches are remembered", len(f.recent))
	}
	if _, _, err := NewFinder(From(s), manifest.Sum([]byte("another"))).Find(t.Context(), "a"); err == nil {
		t.Error("a manifest that is not there was found")
	}
}
