package publisher

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/reliance"
)

const (
	secondTree = "checkpoints/myfile/20250318T140340Z/"
	thirdTree  = "checkpoints/myfile/20250318T140341Z/"
)

// copies returns the copied files among operations, and how often the tree was
// listed.
func copies(ops []string, tree string) (files []string, lists int) {
	for _, op := range ops {
		switch f := strings.Fields(op); {
		case f[0] == "copy":
			files = append(files, strings.TrimPrefix(f[2], tree))
		case op == "list "+tree:
			lists++
		}
	}
	slices.Sort(files)
	return files, lists
}

// Below a new, empty id claimed for this very content, upstream's files are
// copied without a look. Pages show times, so they are copied with one.
func TestCopiesWithoutALook(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.publish(PublishOptions{})
	f.store.take()
	f.up.set("2.iso", "two, changed")
	f.publish(PublishOptions{})
	files, lists := copies(f.store.take(), secondTree)
	if want := []string{"1.iso", "3.iso", "PULP_MANIFEST", "sub/4.iso", "sub/index.html"}; !slices.Equal(files, want) || lists != 1 {
		t.Errorf("copied %q after %d looks at the tree, want %q after one", files, lists, want)
	}
	if want := []string{secondTree + "sub/index.html"}; !slices.Equal(f.store.looked, want) {
		t.Errorf("looked at %q, want %q", f.store.looked, want)
	}
	f.check()
}

// A resumed tree holds what its claim announces. Missing files are copied without
// a look, and existing ones not at all.
func TestCopiesIntoAResumedTree(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.pub.Concurrency = 1
	f.publish(PublishOptions{})
	f.up.set("2.iso", "two, changed")
	f.store.killAt(2, func(op string) bool { return strings.HasPrefix(op, "copy ") })
	if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{}); err == nil {
		t.Fatal("not killed")
	}
	f.store.heal()
	f.store.take()
	f.clock.add(time.Hour)
	f.publish(PublishOptions{})
	files, lists := copies(f.store.take(), secondTree)
	if want := []string{"PULP_MANIFEST", "sub/4.iso", "sub/index.html"}; !slices.Equal(files, want) || lists != 2 {
		t.Errorf("copied %q after %d lists, want %q after two", files, lists, want)
	}
	if want := []string{secondTree + "sub/index.html"}; !slices.Equal(f.store.looked, want) {
		t.Errorf("looked at %q, want %q", f.store.looked, want)
	}
	f.check()
}

// Unexpected objects below a new id are never overwritten.
func TestCopiesMeetAStranger(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.publish(PublishOptions{})
	f.put(secondTree+"1.iso", "a stranger")
	f.up.set("2.iso", "two, changed")
	if r := f.publish(PublishOptions{}); manifest.TreePrefix(r.Base, r.Checkpoint.ID) != thirdTree {
		t.Errorf("published %s, want the next id", r.Checkpoint.ID)
	}
	if got := f.read(secondTree + "1.iso"); got != "a stranger" {
		t.Errorf("the stranger holds %q", got)
	}
	f.check()
}

// A publisher that was held up until its claim may have been collected looks
// again.
func TestCopiesOnAnOldClaim(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.pub.Concurrency = 1
	f.publish(PublishOptions{})
	f.up.set("2.iso", "two, changed")
	held := false
	f.store.before = func(op string) error {
		if !held && strings.HasPrefix(op, "copy ") {
			held = true
			f.clock.add(reliance.Fresh)
		}
		return nil
	}
	f.publish(PublishOptions{})
	if !slices.Contains(f.store.looked, secondTree+"3.iso") {
		t.Errorf("looked at %q, want at all that was copied into the first claim's tree", f.store.looked)
	}
	f.check()
}

// All repos share blobs, so a copy into the pool looks first.
func TestCopiesIntoThePool(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.publish(PublishOptions{})
	f.repo.Layout = manifest.Thin
	f.publish(PublishOptions{Force: true})
	files, _ := copies(f.store.take(), "")
	slices.Sort(f.store.looked)
	if !slices.Equal(f.store.looked, files) || len(files) < 5 {
		t.Errorf("copied %q, looked at %q", files, f.store.looked)
	}
	f.check()
}
