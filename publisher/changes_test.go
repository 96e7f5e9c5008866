package publisher

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/retain"
)

// A checkpoint counts the changes since the one before, even if that one is
// pruned later, or if nothing is left.
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
		holds(PublishOptions{AllowShrink: true}, manifest.Changes{Removed: 4})
		f.check()
	}
}

// A publish that is overtaken commits after the other checkpoint and counts
// changes from there. It uploads nothing again.
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

// The receipt says what the checkpoint is, what came before, and what changed.
func TestReceipt(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		f := newFixture(t, layout, map[string]string{"a": "1", "b/c": "22", "d": "3"})
		first := f.publish(PublishOptions{}).Checkpoint
		f.up.files = map[string]string{"b/c": "changed", "d": "3", "e": "22"}
		second := f.publish(PublishOptions{}).Checkpoint

		r := f.receipt(first)
		if r.Checkpoint(first.Pages, false) != first || r.Previous != nil || r.Growth != 4 || len(r.List) != 3 || r.Repo != "myfile" || r.Base != "checkpoints/myfile" {
			t.Errorf("%s: the first: %+v", layout, r)
		}
		r = f.receipt(second)
		before := manifest.Previous{ID: first.ID, Manifest: first.Manifest, Pages: first.Pages, Layout: layout}
		if r.Checkpoint(second.Pages, false) != second || *r.Previous != before || r.Growth != 6 || !r.Complete {
			t.Errorf("%s: the second: %+v", layout, r)
		}
		of := func(text string) *manifest.FileDigest {
			return &manifest.FileDigest{Size: int64(len(text)), SHA256: manifest.Sum([]byte(text))}
		}
		want := []manifest.Change{
			manifest.NewChange("a", of("1"), nil), manifest.NewChange("b/c", of("22"), of("changed")), manifest.NewChange("e", nil, of("22")),
		}
		if !reflect.DeepEqual(r.List, want) {
			t.Errorf("%s: %+v", layout, r.List)
		}
		front := f.read(manifest.TreeKey(f.repo.Base, second.ID, "index.html"))
		for _, part := range []string{second.Manifest.String(), first.ID.String(), "b/c"} {
			if !strings.Contains(front, part) {
				t.Errorf("%s: the front page lacks %s:\n%s", layout, part, front)
			}
		}
	}
}

// Only the first of very many changes are listed, but all are counted.
func TestLongReceipt(t *testing.T) {
	f := newFixture(t, manifest.Thin, many(manifest.MaxListedChanges+1))
	r := f.receipt(f.publish(PublishOptions{}).Checkpoint)
	if len(r.List) != manifest.MaxListedChanges || r.Complete || r.Added != manifest.MaxListedChanges+1 {
		t.Errorf("%d of %d, complete: %t", len(r.List), r.Added, r.Complete)
	}
}

// receipt returns a checkpoint's receipt.
func (f *fixture) receipt(c manifest.Checkpoint) manifest.Receipt {
	f.Helper()
	e := f.page(c, manifest.ChangesPath)
	r, err := manifest.ParseReceipt([]byte(f.read(c.Place(f.repo.Base).Key(e.Path, e.SHA256))))
	if err != nil {
		f.Fatal(err)
	}
	return r
}

// Upstream's own front page is in the tree, even of a thin checkpoint, and only
// there, however it got into the store.
func TestOwnFrontPage(t *testing.T) {
	f := newFixture(t, manifest.Thin, map[string]string{"index.html": "own", "same": "own", "d/index.html": "further down"})
	own := manifest.BlobKey(manifest.Sum([]byte("own")))
	front := func(c manifest.Checkpoint) string { return manifest.TreeKey(f.repo.Base, c.ID, "index.html") }
	first := f.publish(PublishOptions{}).Checkpoint
	delete(f.up.files, "same")
	f.up.set("other", "x")
	f.store.take()
	second := f.publish(PublishOptions{})
	if ops := f.store.take(); !slices.Contains(ops, "copy "+front(first)+" "+front(second.Checkpoint)) || second.Files.Copied != 1 {
		t.Errorf("what did not change was not copied: %+v\n%s", second, strings.Join(ops, "\n"))
	}
	f.up.set("index.html", "own, changed")
	f.sync()
	third := f.publish(PublishOptions{NoSync: true}).Checkpoint
	for c, want := range map[manifest.Checkpoint]string{first: "own", second.Checkpoint: "own", third: "own, changed"} {
		if got := f.read(front(c)); got != want {
			t.Errorf("%s: %q, want %q", c.ID, got, want)
		}
		if got, want := f.keys(manifest.TreePrefix(f.repo.Base, c.ID)), []string{front(c)}; !slices.Equal(got, want) {
			t.Errorf("the tree is %q", got)
		}
	}

	// Killed after the front page, and run again: it is not uploaded again.
	f.up.set("index.html", "the last")
	f.pub.Concurrency = 1
	f.store.killAt(0, func(op string) bool { return strings.HasPrefix(op, "create "+manifest.ManifestPrefix) })
	if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{}); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	f.store.heal()
	if r := f.publish(PublishOptions{}); r.Files.Uploaded != 0 {
		t.Errorf("run again: %+v", r.Files)
	}
	f.check()
	if r := f.verify(false); len(r.Problems) > 0 {
		t.Errorf("%+v", r.Problems)
	}

	// The pool has it only while another file of a checkpoint has the same
	// content.
	f.prune(retain.Policy{Last: 1})
	f.clock.add(30 * day)
	f.collect(retain.CollectOptions{Apply: true})
	if slices.Contains(f.keys(manifest.BlobPrefix), own) {
		t.Error("a front page is left in the pool")
	}
	f.check()
}

// A chosen id can't be finished if its tree was begun after another checkpoint:
// the objects there name the earlier one.
func TestChosenIDBegunBehindAnother(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		f := newFixture(t, layout, map[string]string{"a": "1"})
		f.publish(PublishOptions{})
		f.clock.add(time.Minute)
		at := manifest.IDOf(f.clock.Now())
		f.up.set("a", "2")
		f.crash()
		other := f.repo
		other.Remote = upstream(map[string]string{"a": "other"})
		before := at - 10
		if _, err := f.pub.Publish(t.Context(), other, PublishOptions{At: before}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{At: at}); !errors.Is(err, ErrBadID) {
			t.Errorf("%s: %v", layout, err)
		}
		if r := f.publish(PublishOptions{}); r.Checkpoint.ID == at || r.Checkpoint.Changed != 1 {
			t.Errorf("%s: %+v", layout, r.Checkpoint)
		}
		f.check()
		f.proven()
	}
}
