package publisher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
)

const day = 24 * time.Hour

func (f *fixture) prune(policy Policy) {
	f.Helper()
	if _, err := f.pub.Prune(f.Context(), f.repo, PruneOptions{Policy: policy, Reason: "old", Apply: true}); err != nil {
		f.Fatalf("prune: %v", err)
	}
}

func (f *fixture) collect(opts CollectOptions) map[string]int {
	f.Helper()
	counts, err := f.pub.Collect(f.Context(), opts)
	if err != nil {
		f.Fatalf("collect: %v", err)
	}
	found := map[string]int{}
	for _, c := range counts {
		if c.Objects > 0 {
			found[c.Kind] = c.Objects
		}
	}
	return found
}

func TestPrune(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	var ids []manifest.ID
	for i := range 4 {
		f.up.set("n", fmt.Sprint(i))
		ids = append(ids, f.publish(PublishOptions{}).Checkpoint.ID)
	}
	before := f.index()
	decisions, err := f.pub.Prune(t.Context(), f.repo, PruneOptions{Policy: Policy{Last: 2}})
	if err != nil {
		t.Fatal(err)
	}
	if all := decided(t, decisions); len(all) != 4 || all[0].Keep || !all[3].Keep || decisions.Pruned() != 2 {
		t.Errorf("dry run: %+v", all)
	}
	if f.index().Generation != before.Generation {
		t.Error("a dry run changed the index")
	}
	f.prune(Policy{Last: 2})
	after := manifest.NewTimeline(f.index())
	for i, want := range []manifest.Outcome{manifest.Gone, manifest.Gone, manifest.Found, manifest.Found} {
		for _, at := range []manifest.ID{ids[i], ids[i] + 1} {
			if a := after.Resolve(at); a.Outcome != want || a.ID != ids[i] {
				t.Errorf("%s resolves to %+v", at, a)
			}
		}
	}
	if list := f.read("checkpoints/myfile/index.html"); strings.Contains(list, `"`+ids[0].String()+"/") {
		t.Error("the list still links to a pruned checkpoint")
	}
	f.check()
}

func TestCollectNothing(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		f := newFixture(t, layout, isos())
		f.publish(PublishOptions{})
		f.sync()
		f.up.set("1.iso", "changed")
		f.publish(PublishOptions{})
		f.up.set("1.iso", "staged")
		f.sync()
		f.clock.add(30 * day)
		found := f.collect(CollectOptions{Apply: true})
		delete(found, "attempts and pins")
		if len(found) > 0 {
			t.Errorf("%s: %v", layout, found)
		}
		f.check()
		f.repo.Remote = nil
		f.publish(PublishOptions{NoSync: true}) // what was staged is still there
		f.check()
	}
}

func TestCollect(t *testing.T) {
	for layout, want := range map[manifest.Layout]string{
		// The first tree and the one file of the attempt's; two files' contents
		// and the receipt, and the front page.
		manifest.Full: "map[attempts and pins:3 manifests:2 tree files:9]",
		manifest.Thin: "map[attempts and pins:3 blobs:3 manifests:2 tree files:1]",
	} {
		f := newFixture(t, layout, isos())
		f.publish(PublishOptions{})
		f.up.set("2.iso", "changed")
		kept := f.publish(PublishOptions{})
		// An attempt that was killed, and will not be taken up.
		f.up.set("3.iso", "changed")
		f.up.set("4.iso", "new")
		f.pub.Concurrency = 1
		f.store.killAt(1, func(op string) bool {
			return strings.HasPrefix(op, "copy check") || strings.HasPrefix(op, "create check") || strings.HasPrefix(op, "create "+manifest.BlobPrefix)
		})
		if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{}); !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		f.store.heal()
		f.up.set("3.iso", "three")
		delete(f.up.files, "4.iso")
		f.prune(Policy{Last: 1})

		if found := f.collect(CollectOptions{Apply: true}); len(found) > 0 {
			t.Errorf("%s: collected within the grace period: %v", layout, found)
		}
		f.clock.add(8 * day)
		dry := fmt.Sprint(f.collect(CollectOptions{}))
		before := f.keys("")
		if got := fmt.Sprint(f.collect(CollectOptions{Apply: true})); got != dry || got != want {
			t.Errorf("%s: collected %s, dry run %s, want %s", layout, got, dry, want)
		}
		if len(f.keys("")) >= len(before) {
			t.Errorf("%s: nothing is gone", layout)
		}
		if again := f.collect(CollectOptions{Apply: true}); len(again) > 0 {
			t.Errorf("%s: collected again: %v", layout, again)
		}
		f.check()
		for _, key := range f.keys("checkpoints/myfile/2") {
			if !strings.HasPrefix(key, manifest.TreePrefix(f.repo.Base, kept.Checkpoint.ID)) {
				t.Errorf("%s: %s is left", layout, key)
			}
		}
	}
}

func TestCollectRefuses(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	if _, err := f.pub.Collect(t.Context(), CollectOptions{}); !errors.Is(err, ErrNoRegistry) {
		t.Error(err)
	}
	f.publish(PublishOptions{})
	if _, err := f.pub.Collect(t.Context(), CollectOptions{Grace: time.Hour}); !errors.Is(err, ErrShortGrace) {
		t.Error(err)
	}
	// What can't be read may refer to anything.
	f.up.set("1.iso", "changed")
	f.publish(PublishOptions{})
	f.prune(Policy{Last: 1})
	f.clock.add(30 * day)
	f.store.take()
	for _, key := range f.keys(manifest.ManifestPrefix) {
		content := f.read(key)
		if err := f.store.Store.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		_, err := f.pub.Collect(t.Context(), CollectOptions{})
		ops := f.store.take()
		if err != nil && slices.ContainsFunc(ops, func(op string) bool { return strings.HasPrefix(op, "delete ") }) {
			t.Errorf("without %s it deleted before it failed: %v", key, err)
		}
		f.put(key, content)
	}
}

// Garbage that a run meets again is collected at the worst moment, at every
// operation of the run, with a rival publisher and without: the checkpoint it
// commits is whole all the same. So it is if the newest manifest has its leaves
// in that of a pruned checkpoint.
func TestCollectDuringPublish(t *testing.T) {
	passes := []time.Duration{0, 30 * time.Hour, 60 * time.Hour, 200 * time.Hour}
	for _, tt := range []struct {
		name    string
		fixture func(*testing.T) *fixture
		passes  []time.Duration
	}{
		{"full", func(t *testing.T) *fixture { return garbageFixture(t, manifest.Full) }, passes},
		{"thin", func(t *testing.T) *fixture { return garbageFixture(t, manifest.Thin) }, passes},
		{"sources", sourcesFixture, []time.Duration{0, 200 * time.Hour}},
	} {
		for _, pass := range tt.passes {
			for n := 0; ; n++ {
				f := tt.fixture(t)
				reached := false
				f.store.at(n/2, func(string) error {
					reached = true
					f.clock.add(pass)
					other := f.publisher(f.store.Store)
					if n%2 == 1 {
						// A rival commits first, and what this run builds on is pruned.
						rival := f.repo
						rival.Remote = upstream(map[string]string{"rival": "rival"})
						if _, err := other.Publish(t.Context(), rival, PublishOptions{}); err != nil {
							return err
						}
					}
					_, err := other.Prune(t.Context(), f.repo, PruneOptions{Policy: Policy{Last: 1}, Apply: true})
					if err == nil {
						_, err = other.Collect(t.Context(), CollectOptions{Apply: true})
					}
					return err
				})
				_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{})
				if err != nil && pass > minGrace {
					// Held up for so long it may lose what it stored, and must say so.
					f.check()
					_, err = f.pub.Publish(t.Context(), f.repo, PublishOptions{})
				}
				if err != nil {
					t.Fatalf("%s, %s, operation %d: %v", tt.name, pass, n/2, err)
				}
				f.check()
				if t.Failed() {
					t.Fatalf("%s, %s, operation %d", tt.name, pass, n/2)
				}
				if !reached {
					break
				}
			}
		}
	}
}

// A whole publish happens at every operation of a collection: what it commits
// is whole. A deletion that was held up for longer than a batch may take is
// never made: its context has ended.
func TestPublishDuringCollect(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		for n := 0; ; n++ {
			f := garbageFixture(t, layout)
			reached := false
			f.store.at(n, func(op string) error {
				reached = true
				began := f.clock.Now()
				if _, err := f.publisher(f.store.Store).Publish(t.Context(), f.repo, PublishOptions{}); err != nil {
					t.Fatalf("%s, operation %d: %v", layout, n, err)
				}
				if strings.HasPrefix(op, "delete ") && f.clock.Now().Sub(began) > batchTime {
					return context.DeadlineExceeded
				}
				return nil
			})
			_, err := f.pub.Collect(t.Context(), CollectOptions{Apply: true})
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("%s, operation %d: %v", layout, n, err)
			}
			f.check()
			if !reached {
				break
			}
		}
	}
}

// A collection that is killed at any deletion leaves every checkpoint whole, and
// the next one ends with the same store.
func TestCollectKilled(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		clean := garbageFixture(t, layout)
		clean.collect(CollectOptions{Apply: true})
		want := clean.keys("")
		for n := 0; ; n++ {
			f := garbageFixture(t, layout)
			f.pub.Concurrency = 1
			f.store.killAt(n, func(op string) bool { return strings.HasPrefix(op, "delete ") })
			_, err := f.pub.Collect(t.Context(), CollectOptions{Apply: true})
			f.store.heal()
			f.check()
			f.collect(CollectOptions{Apply: true})
			f.check()
			if got := f.keys(""); !slices.Equal(got, want) {
				t.Fatalf("%s, killed at deletion %d: %d objects are left, want %d", layout, n, len(got), len(want))
			}
			if err == nil {
				break
			}
		}
	}
}

// garbageFixture is a store full of old garbage that the next publish wants:
// upstream goes back to what a pruned checkpoint had, and a killed attempt left
// some of it too.
func garbageFixture(t *testing.T, layout manifest.Layout) *fixture {
	t.Helper()
	f := newFixture(t, layout, isos())
	f.publish(PublishOptions{}) // the state that comes back
	for name := range isos() {
		f.up.set(name, "other "+name)
	}
	f.publish(PublishOptions{})
	f.prune(Policy{Last: 1})
	for name, content := range isos() {
		f.up.set(name, content)
	}
	f.up.set("new", "new")
	f.pub.Concurrency = 1
	f.store.killAt(3, func(op string) bool {
		return strings.HasPrefix(op, "create "+manifest.BlobPrefix) || strings.HasPrefix(op, "create checkpoints/") || strings.HasPrefix(op, "copy ")
	})
	if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{}); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	f.store.heal()
	f.clock.add(30 * day)
	f.store.take()
	return f
}

// sourcesFixture is a store whose newest manifest has most of its leaves in that
// of a checkpoint that was pruned long ago. The next publish wants them too.
func sourcesFixture(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t, manifest.Thin, many(4000))
	source := f.publish(PublishOptions{}).Checkpoint
	f.up.set("d1/00001", "changed")
	c := f.publish(PublishOptions{}).Checkpoint
	if got := f.root(c).Sources; !slices.Equal(got, []manifest.Digest{source.Manifest}) {
		t.Fatalf("sources %v, want %s", got, source.Manifest)
	}
	f.prune(Policy{Last: 1})
	f.up.set("d2/00002", "changed")
	f.clock.add(30 * day)
	f.store.take()
	return f
}

// A manifest stays as long as another has leaves in it, and no longer.
func TestCollectSources(t *testing.T) {
	f := sourcesFixture(t)
	manifests := f.keys(manifest.ManifestPrefix)
	if found := f.collect(CollectOptions{Apply: true}); found["manifests"] != 1 { // the first one of pages
		t.Errorf("collected %v", found)
	}
	f.check()
	f.publish(PublishOptions{})
	f.prune(Policy{Last: 1})
	f.clock.add(30 * day)
	f.collect(CollectOptions{Apply: true})
	f.check()
	if n := len(f.root(f.index().Checkpoints[0]).Sources); n != 2 {
		t.Errorf("%d sources", n)
	}
	f.up.files = isos()
	f.publish(PublishOptions{})
	f.prune(Policy{Last: 1})
	f.clock.add(30 * day)
	f.collect(CollectOptions{Apply: true})
	f.check()
	for _, key := range manifests {
		if slices.Contains(f.keys(manifest.ManifestPrefix), key) {
			t.Errorf("%s is left", key)
		}
	}
}
