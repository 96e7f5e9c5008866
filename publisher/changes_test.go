package publisher

import (
	"strings"
	"testing"

	"github.com/asof/asof/manifest"
)

// A checkpoint counts what is not as in the one before, also when that one is
// pruned later, and when nothing is left.
func TestChanges(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		f := newFixture(t, layout, map[string]string{"a": "1", "b/c": "2", "d": "3"})
		holds := func(opts PublishOptions, want manifest.Changes) {
			t.Helper()
			c := f.publish(opts).Checkpoint
			if listed, _ := f.index().Newest(); c.Changes != want || listed != c {
				t.Errorf("%s: %+v, listed %+v, want %+v", layout, c, listed, want)
			}
		}
		holds(PublishOptions{}, manifest.Changes{Added: 3})
		f.up.files = map[string]string{"0": "1", "b/c": "2", "d": "changed", "e": "2"}
		holds(PublishOptions{}, manifest.Changes{Added: 2, Removed: 1, Changed: 1})
		holds(PublishOptions{Force: true}, manifest.Changes{})
		f.up.files = map[string]string{}
		holds(PublishOptions{Empty: true}, manifest.Changes{Removed: 4})
		f.check()
	}
}

// Who is overtaken by another checkpoint publishes behind that one, and counts
// from there; nothing is uploaded again.
func TestOvertakenCountsAnew(t *testing.T) {
	f := newFixture(t, manifest.Thin, map[string]string{"a": "1", "b": "1"})
	f.publish(PublishOptions{})
	f.up.set("a", "2")
	f.up.set("b", "2")
	other := f.repo
	other.Remote = upstream(map[string]string{"a": "2", "b": "1"})
	done := false
	f.store.before = func(op string) error {
		if done || !strings.HasPrefix(op, "swap checkpoints/myfile/checkpoints.json") {
			return nil
		}
		done = true
		_, err := f.publisher(f.store.Store).Publish(t.Context(), other, PublishOptions{})
		return err
	}
	f.store.take()
	c := f.publish(PublishOptions{}).Checkpoint
	uploads := 0
	for _, op := range f.store.take() {
		if strings.HasPrefix(op, "create "+manifest.BlobKey(manifest.Sum([]byte("2")))) {
			uploads++
		}
	}
	if want := (manifest.Changes{Changed: 1}); c.Changes != want || uploads != 1 {
		t.Errorf("%+v with %d uploads, want %+v with 1", c, uploads, want)
	}
	if n := len(f.index().Checkpoints); n != 3 {
		t.Errorf("%d checkpoints", n)
	}
	f.check()
}
