package main

import (
	"testing"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/readback"
)

// Each problem has the hint that mends it, and several have each hint once.
func TestVerifyHints(t *testing.T) {
	const base = "team/tools"
	id := manifest.ID(manifest.MinID)
	digest := manifest.Digest{1}
	hints := mending()
	for _, tt := range []struct {
		key, what string
		want      int
	}{
		{manifest.IndexKey(base), "the horizon 21000101T000000Z lies in the future: the time now is 20250318T140338Z", wrongTime},
		{manifest.RegistryKey, "missing", wrongRegister},
		{manifest.IndexKey(base), "checkpoint index: no id", wrongRegister},
		{manifest.SegmentKey(digest), "missing", wrongSegment},
		{manifest.ListKey(base), "missing", wrongList},
		{manifest.SegmentListKey(base, id), "it does not show its segment", wrongPage},
		{manifest.FrontKey, "missing", wrongPage},
		{manifest.FolderKey("team"), "missing", wrongPage},
		{manifest.NoteKey(base), "no note", wrongNote},
		{manifest.TreeKey(base, id, "a/index.html"), "missing", wrongContent},
		{manifest.TreeKey(base, id, "a"), "stray: the checkpoint does not name it", stray},
		{base + "/notes.txt", "stray: nothing of a repo stands here", stray},
		{manifest.BlobKey(digest), "content does not match: …", wrongContent},
		{manifest.ManifestKey(digest), "missing", wrongContent},
	} {
		if got := hintFor(base, []readback.Problem{{Key: tt.key, What: tt.what}}); got != hints[tt.want] {
			t.Errorf("%s: %s: %q, want %q", tt.key, tt.what, got, hints[tt.want])
		}
	}
	twice := []readback.Problem{{Key: manifest.BlobKey(digest)}, {Key: manifest.RegistryKey}, {Key: manifest.ManifestKey(digest)}}
	if got, want := hintFor(base, twice), hints[wrongRegister]+"; "+hints[wrongContent]; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
