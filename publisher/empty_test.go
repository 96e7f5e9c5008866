package publisher

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote/dir"
)

// A remote that lists its files lists none in the empty tree, which still has to be
// meant.
func TestPublishEmptyListing(t *testing.T) {
	f := newFixture(t, manifest.Full, nil)
	folder := t.TempDir()
	r, err := dir.New(dir.Options{Path: folder, Manifest: true})
	if err != nil {
		t.Fatal(err)
	}
	f.repo.Remote = r
	if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{}); !errors.Is(err, ErrEmptyRevision) {
		t.Errorf("got %v", err)
	}
	for _, opts := range []PublishOptions{{NoSync: true, Empty: true}, {Empty: true}} {
		result, err := f.pub.Publish(t.Context(), f.repo, opts)
		if err != nil || result.Checkpoint.Files != 1 {
			t.Errorf("%+v, %v", result, err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "f"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	result, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{})
	if err != nil || result.Outcome != Published || result.Checkpoint.Files != 2 {
		t.Errorf("%+v, %v", result, err)
	}
}
