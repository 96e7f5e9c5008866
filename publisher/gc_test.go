package publisher

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/reliance"
	"github.com/asof/asof/publisher/retain"
)

const day = 24 * time.Hour

func (f *fixture) prune(policy retain.Policy) {
	f.Helper()
	if _, err := retain.Prune(f.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: policy, Reason: "old", Apply: true}); err != nil {
		f.Fatalf("prune: %v", err)
	}
}

func (f *fixture) collect(opts retain.CollectOptions) map[string]int {
	f.Helper()
	collection, err := retain.Collect(f.Context(), tools(f.pub), opts)
	if err != nil {
		f.Fatalf("collect: %v", err)
	}
	found := map[string]int{}
	for _, c := range collection.Deleted {
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
	decisions, err := retain.Prune(t.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 2}})
	if err != nil {
		t.Fatal(err)
	}
	if all := decided(t, decisions); len(all) != 4 || all[0].Keep || !all[3].Keep || decisions.Pruned() != 2 {
		t.Errorf("dry run: %+v", all)
	}
	if f.index().Generation != before.Generation {
		t.Error("a dry run changed the index")
	}
	f.prune(retain.Policy{Last: 2})
	after := f.history()
	for i, want := range []manifest.Outcome{manifest.Gone, manifest.Gone, manifest.Found, manifest.Found} {
		for _, at := range []manifest.ID{ids[i], ids[i] + 1} {
			if a, err := after.Resolve(t.Context(), manifest.At(at), manifest.MaxID); err != nil || a.Outcome != want || a.ID != ids[i] {
				t.Errorf("%s resolves to %+v, %v", at, a, err)
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
		found := f.collect(retain.CollectOptions{Apply: true})
		delete(found, "attempts, pins, records")
		if len(found) > 0 {
			t.Errorf("%s: %v", layout, found)
		}
		f.check()
		f.repo.Remote = nil
		f.publish(PublishOptions{NoSync: true}) // the staged revision is still there
		f.check()
	}
}

func TestCollect(t *testing.T) {
	for layout, want := range map[manifest.Layout]string{
		// The first tree and the one file of the attempt's; two files' contents
		// and the receipt, and the front page.
		manifest.Full: "map[attempts, pins, records:5 manifests:2 tree files:9]",
		manifest.Thin: "map[attempts, pins, records:5 blobs:3 manifests:2 tree files:1]",
	} {
		f := newFixture(t, layout, isos())
		f.publish(PublishOptions{})
		f.up.set("2.iso", "changed")
		kept := f.publish(PublishOptions{})
		// A killed attempt that will not be taken over.
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
		f.prune(retain.Policy{Last: 1})

		if found := f.collect(retain.CollectOptions{Apply: true}); len(found) > 0 {
			t.Errorf("%s: collected within the grace period: %v", layout, found)
		}
		f.clock.add(8 * day)
		dry := fmt.Sprint(f.collect(retain.CollectOptions{}))
		before := f.keys("")
		if got := fmt.Sprint(f.collect(retain.CollectOptions{Apply: true})); got != dry || got != want {
			t.Errorf("%s: collected %s, dry run %s, want %s", layout, got, dry, want)
		}
		if len(f.keys("")) >= len(before) {
			t.Errorf("%s: nothing is gone", layout)
		}
		if again := f.collect(retain.CollectOptions{Apply: true}); len(again) > 0 {
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

// tidying is a store in which killed writers left something.
type tidying struct {
	objstore.Store
	calls []string
}

func (s *tidying) Tidy(_ context.Context, before time.Time, apply bool) (int, int64, error) {
	s.calls = append(s.calls, fmt.Sprint(manifest.IDOf(before), " ", apply))
	if !apply && len(s.calls)%2 == 1 {
		return 3, 400, nil // with what is fresh
	}
	return 2, 345, nil
}

// What killed writers left is collected by the same rules as everything else.
// Only a store that can have such leftovers has a row for them.
func TestCollectUnfinished(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.publish(PublishOptions{})
	if all, err := retain.Collect(t.Context(), tools(f.pub), retain.CollectOptions{}); err != nil || len(all.Deleted) != 5 {
		t.Errorf("%+v, %v", all, err)
	}
	store := &tidying{Store: f.store}
	now := f.clock.Now()
	for _, opts := range []retain.CollectOptions{{}, {Apply: true}, {Apply: true, Exclusive: true}} {
		all, err := retain.Collect(t.Context(), tools(f.publisher(store)), opts)
		counts := all.Deleted
		if want := (retain.Collected{Kind: "unfinished writes", Objects: 2, Bytes: 345}); err != nil || counts[len(counts)-1] != want {
			t.Errorf("%+v, %v, want %+v", counts, err, want)
		}
		until := manifest.IDOf(now.Add(7 * day))
		want := []retain.Waiting{{Why: retain.Unreferenced, Kind: "unfinished writes", Objects: 1, Bytes: 55, Until: &until}}
		if opts.Exclusive {
			want = []retain.Waiting{}
		}
		if !reflect.DeepEqual(all.Waiting, want) {
			t.Errorf("waiting: %+v, want %+v", all.Waiting, want)
		}
	}
	week, none := manifest.IDOf(now.Add(-7*day)), manifest.IDOf(now)
	if want := []string{none.String() + " false", week.String() + " false", none.String() + " false", week.String() + " true", none.String() + " true"}; !slices.Equal(store.calls, want) {
		t.Errorf("asked for %q, want %q", store.calls, want)
	}
}

func TestCollectRefuses(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	if _, err := retain.Collect(t.Context(), tools(f.pub), retain.CollectOptions{}); !errors.Is(err, retain.ErrNoRegistry) {
		t.Error(err)
	}
	f.publish(PublishOptions{})
	if _, err := retain.Collect(t.Context(), tools(f.pub), retain.CollectOptions{Grace: time.Hour}); !errors.Is(err, retain.ErrShortGrace) {
		t.Error(err)
	}
	// What can't be read may refer to anything.
	f.up.set("1.iso", "changed")
	f.publish(PublishOptions{})
	f.prune(retain.Policy{Last: 1})
	f.clock.add(30 * day)
	f.store.take()
	for _, key := range f.keys(manifest.ManifestPrefix) {
		content := f.read(key)
		if err := f.store.Store.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		_, err := retain.Collect(t.Context(), tools(f.pub), retain.CollectOptions{})
		ops := f.store.take()
		if err != nil && slices.ContainsFunc(ops, func(op string) bool { return strings.HasPrefix(op, "delete ") }) {
			t.Errorf("without %s it deleted before it failed: %v", key, err)
		}
		f.put(key, content)
	}
}

// A run finds garbage again, and it is collected at the worst moment: at every
// operation of the run, with a rival publisher and without. Its checkpoint is
// whole all the same, even if the newest manifest has its leaves in a pruned
// checkpoint's manifest.
func TestCollectDuringPublish(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of publishes")
	}
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
		for i, pass := range tt.passes {
			for n := 0; ; n++ {
				if raceEnabled && (n/2+i)%len(passes) != 0 {
					continue // a sample of the moments
				}
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
						if _, err := other.Publish(t.Context(), rival, PublishOptions{AllowShrink: true}); err != nil {
							return err
						}
					}
					_, err := retain.Prune(t.Context(), tools(other), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 1}, Apply: true})
					if err == nil {
						_, err = retain.Collect(t.Context(), tools(other), retain.CollectOptions{Apply: true})
					}
					return err
				})
				_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{AllowShrink: true})
				if err != nil && pass > reliance.MinGrace {
					// After being held up that long, it may lose what it stored,
					// but must say so.
					f.check()
					_, err = f.pub.Publish(t.Context(), f.repo, PublishOptions{AllowShrink: true})
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

// A whole publish happens at every operation of a collection, and its checkpoint
// is whole. A deletion held up for longer than a batch may take is never made:
// its context has ended.
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
				if strings.HasPrefix(op, "delete ") && f.clock.Now().Sub(began) > reliance.BatchTime {
					return context.DeadlineExceeded
				}
				return nil
			})
			collection, err := retain.Collect(t.Context(), tools(f.pub), retain.CollectOptions{Apply: true})
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("%s, operation %d: %v", layout, n, err)
			}
			if slices.ContainsFunc(collection.Waiting, func(w retain.Waiting) bool { return w.Why.Confirmable() }) {
				t.Errorf("%s, operation %d: what is published meanwhile counts as lost: %+v", layout, n, collection.Waiting)
			}
			f.check()
			if !reached {
				break
			}
		}
	}
}

// A collection killed at any deletion leaves every checkpoint whole, and the next
// one ends with the same store.
func TestCollectKilled(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		clean := garbageFixture(t, layout)
		clean.collect(retain.CollectOptions{Apply: true})
		want := clean.keys("")
		for n := 0; ; n++ {
			f := garbageFixture(t, layout)
			f.pub.Concurrency = 1
			f.store.killAt(n, func(op string) bool { return strings.HasPrefix(op, "delete ") })
			_, err := retain.Collect(t.Context(), tools(f.pub), retain.CollectOptions{Apply: true})
			f.store.heal()
			f.check()
			f.collect(retain.CollectOptions{Apply: true})
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
// upstream returns to the content of a pruned checkpoint, and a killed attempt
// left some of it too.
func garbageFixture(t *testing.T, layout manifest.Layout) *fixture {
	t.Helper()
	f := newFixture(t, layout, isos())
	f.publish(PublishOptions{}) // the state that comes back
	for name := range isos() {
		f.up.set(name, "other "+name)
	}
	f.publish(PublishOptions{})
	f.prune(retain.Policy{Last: 1})
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

// sourcesFixture is a store whose newest manifest has most of its leaves in the
// manifest of a checkpoint pruned long ago. The next publish needs them too.
func sourcesFixture(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t, manifest.Thin, many(4000))
	source := f.publish(PublishOptions{}).Checkpoint
	f.up.set("d1/00001", "changed")
	c := f.publish(PublishOptions{}).Checkpoint
	if got := f.root(c).Sources; !slices.Equal(got, []manifest.Digest{source.Manifest}) {
		t.Fatalf("sources %v, want %s", got, source.Manifest)
	}
	f.prune(retain.Policy{Last: 1})
	f.up.set("d2/00002", "changed")
	f.clock.add(30 * day)
	f.store.take()
	return f
}

// A manifest stays as long as another has leaves in its object, and no longer.
func TestCollectSources(t *testing.T) {
	f := sourcesFixture(t)
	manifests := f.keys(manifest.ManifestPrefix)
	if found := f.collect(retain.CollectOptions{Apply: true}); found["manifests"] != 1 { // the first one of pages
		t.Errorf("collected %v", found)
	}
	f.check()
	f.publish(PublishOptions{})
	f.prune(retain.Policy{Last: 1})
	f.clock.add(30 * day)
	f.collect(retain.CollectOptions{Apply: true})
	f.check()
	if n := len(f.root(f.index().Checkpoints[0]).Sources); n != 2 {
		t.Errorf("%d sources", n)
	}
	f.up.files = isos()
	f.publish(PublishOptions{AllowShrink: true})
	f.prune(retain.Policy{Last: 1})
	f.clock.add(30 * day)
	f.collect(retain.CollectOptions{Apply: true})
	f.check()
	for _, key := range manifests {
		if slices.Contains(f.keys(manifest.ManifestPrefix), key) {
			t.Errorf("%s is left", key)
		}
	}
}

// A grace period belongs to what was deleted, not to how long a run looks back: a
// tombstone that a shorter one has cleaned up is no error for a longer one.
func TestCollectWithAnotherGrace(t *testing.T) {
	for _, layout := range layouts {
		for name, collect := range map[string]func(f *fixture){
			"none, and at once": func(f *fixture) {
				f.clock.add(time.Minute)
				f.collect(retain.CollectOptions{Apply: true, Exclusive: true})
			},
			"the shortest on day 5": func(f *fixture) {
				f.clock.add(5 * day)
				f.collect(retain.CollectOptions{Apply: true, Grace: reliance.MinGrace})
				f.clock.add(day)
			},
		} {
			f := newFixture(t, layout, isos())
			first := f.publish(PublishOptions{}).Checkpoint
			f.up.set("2.iso", "changed")
			f.publish(PublishOptions{})
			f.prune(retain.Policy{Last: 1})
			collect(f)
			if keys := f.keys(manifest.TreePrefix(f.repo.Base, first.ID)); len(keys) > 0 {
				t.Fatalf("%s, %s: %q are left", layout, name, keys)
			}
			for _, apply := range []bool{false, true} {
				f.collect(retain.CollectOptions{Apply: apply}) // fails the test with an error
			}
			if r := f.verify(false); len(r.Problems) > 0 {
				t.Errorf("%s, %s: %+v", layout, name, r.Problems)
			}
		}
	}
}
