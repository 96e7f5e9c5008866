package revision

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// capture is one of files without content.
type capture []remote.File

func (c capture) Files() []remote.File { return c }

func (c capture) Open(context.Context, remote.File) (remote.Content, error) {
	return remote.Content{}, nil
}

func (c capture) Modified(context.Context, remote.File) (time.Time, error) { return time.Time{}, nil }

func (c capture) Close() error { return nil }

// A part of a revision has the manifest of its files, and each keeps its phase.
func TestPart(t *testing.T) {
	at := time.Date(2025, time.March, 18, 14, 3, 38, 0, time.UTC)
	files := capture{
		{Path: "a", Size: 1, SHA256: manifest.Sum([]byte("a")), Modified: at},
		{Path: "my.list", Size: 2, SHA256: manifest.Sum([]byte("b")), Phase: remote.Root},
		{Path: "z", Size: 3, SHA256: manifest.Sum([]byte("c"))},
	}
	rev, err := New(files, manifest.IDOf(at))
	if err != nil {
		t.Fatal(err)
	}
	whole := rev.Root
	for _, wanted := range []string{"a my.list z", "a my.list", "my.list", ""} {
		var want capture
		part, err := rev.Part(func(f remote.File) bool {
			in := slices.Contains(strings.Fields(wanted), f.Path)
			if in {
				want = append(want, f)
			}
			return in
		})
		if err != nil {
			t.Fatal(err)
		}
		alone, err := New(want, rev.At)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(part.Files, want) || !slices.Equal(part.Entries, alone.Entries) || part.Root.Name != alone.Root.Name || part.At != rev.At {
			t.Errorf("%q: %+v, want %+v", wanted, part, alone)
		}
	}
	if len(rev.Files) != 3 || len(rev.Entries) != 3 || rev.Root.Name != whole.Name {
		t.Errorf("the revision itself is now %+v", rev)
	}
}
