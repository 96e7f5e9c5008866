package publisher

import (
	"testing"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/transfer"
)

// Content shared by several paths is read from upstream once, in both layouts.
func TestTwins(t *testing.T) {
	for layout, want := range map[manifest.Layout]transfer.Stats{
		manifest.Full: {Uploaded: 2, Copied: 3, UploadedBytes: 8},
		manifest.Thin: {Uploaded: 2, Reused: 3, UploadedBytes: 8},
	} {
		f := newFixture(t, layout, map[string]string{"a": "same", "b": "same", "c/a": "same", "dists/InRelease": "root", "dists/Release": "root"})
		r := f.publish(PublishOptions{})
		if r.Files != want || f.up.opens != 2 {
			t.Errorf("%s: %+v, want %+v; upstream was read %d times", layout, r.Files, want, f.up.opens)
		}
		f.check()
	}
}
