package publisher

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/rebuild"
	"github.com/asof/asof/publisher/retain"
)

// replaced is a history in which a thief put the newest checkpoint's content in the place of
// two others. A collection has seen that.
func replaced(t *testing.T, layout manifest.Layout) (*fixture, []manifest.Checkpoint) {
	f, before := robbed(t, layout, true)
	newest, _ := f.index().Newest()
	f.forge(func(index *manifest.Index) {
		for i := range index.Checkpoints[:2] {
			index.Checkpoints[i].Manifest, index.Checkpoints[i].Pages = newest.Manifest, newest.Pages
		}
	})
	f.clock.add(time.Hour)
	f.gc()
	f.clock.add(time.Hour)
	return f, before
}

// Once history is put right, no key of a publisher deletes what is listed: not by what was
// said of the forgery.
func TestReplacedAndPutRight(t *testing.T) {
	for _, layout := range layouts {
		for name, putRight := range map[string]func(f *fixture) error{
			"the janitor undoes it": func(f *fixture) error {
				_, err := retain.Undo(t.Context(), tools(f.pub), f.repo.Repo, retain.ChoiceOptions{Apply: true})
				return err
			},
			"a publisher undoes it, and the janitor confirms": func(f *fixture) error {
				if _, err := retain.Undo(t.Context(), tools(f.thief()), f.repo.Repo, retain.ChoiceOptions{Apply: true}); err != nil {
					return err
				}
				_, err := retain.Confirm(t.Context(), tools(f.pub), f.repo.Repo, retain.ChoiceOptions{Apply: true})
				return err
			},
		} {
			f, before := replaced(t, layout)
			if err := putRight(f); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if after := f.all().Checkpoints; !slices.Equal(after, before) {
				t.Fatalf("%s: back are\n%+v\nwant\n%+v", name, after, before)
			}
			// The janitor can go on: nothing contradicts, and nothing waits.
			if _, err := retain.Prune(t.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 8}}); err != nil {
				t.Errorf("%s: prune: %v", name, err)
			}
			if waits := f.waits(f.gc()); waits != "" {
				t.Errorf("%s: %s", name, waits)
			}
			if _, err := retain.Prune(t.Context(), tools(f.thief()), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 1}, Apply: true}); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				f.collect(retain.CollectOptions{Apply: true, Exclusive: true})
				f.clock.add(30 * day)
				f.gc()
			}
			f.whole(before)
		}
	}
}

// What stands in the place of another is not taken for true if its own receipt says that it
// is another checkpoint.
func TestConfirmLooksAtReceipts(t *testing.T) {
	f, before := replaced(t, manifest.Full)
	if _, err := retain.Confirm(t.Context(), tools(f.pub), f.repo.Repo, retain.ChoiceOptions{Apply: true}); !errors.Is(err, retain.ErrContradicts) {
		t.Errorf("%v", err)
	}
	f.clock.add(30 * day)
	f.gc()
	f.whole(before)
}

// What is inserted into final history stops the janitor until somebody decides: it goes
// without a tombstone, so that its times are what they were, or it is history.
func TestInserted(t *testing.T) {
	insert := func(f *fixture) (forged manifest.Checkpoint) {
		f.forge(func(index *manifest.Index) {
			forged = index.Checkpoints[0]
			forged.ID -= 5
			index.Checkpoints = slices.Insert(slices.Clone(index.Checkpoints), 0, forged)
		})
		f.clock.add(time.Hour)
		return forged
	}
	stops := func(f *fixture) {
		t.Helper()
		_, collected := retain.Collect(t.Context(), tools(f.pub), retain.CollectOptions{})
		_, applied := retain.Collect(t.Context(), tools(f.pub), retain.CollectOptions{Apply: true})
		_, pruned := retain.Prune(t.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 1}, Apply: true})
		for what, err := range map[string]error{"gc": collected, "gc --apply": applied, "prune": pruned} {
			if !errors.Is(err, retain.ErrContradicts) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	f, before := robbed(t, manifest.Full, true)
	f.clock.add(time.Hour)
	f.gc()
	f.clock.add(time.Hour)
	forged := insert(f)
	stops(f)
	held, err := retain.Undo(t.Context(), tools(f.pub), f.repo.Repo, retain.ChoiceOptions{})
	if err != nil || len(held) != 1 || held[0].Why != retain.Inserted || held[0].Checkpoint != forged {
		t.Fatalf("%+v, %v", held, err)
	}
	if _, err := retain.Undo(t.Context(), tools(f.thief()), f.repo.Repo, retain.ChoiceOptions{Apply: true}); err != nil {
		t.Fatal(err)
	}
	if all := f.all(); !slices.Equal(all.Checkpoints, before) || len(all.Pruned) > 0 {
		t.Errorf("%+v", all)
	}
	if waits := f.waits(f.gc()); waits != "" {
		t.Error(waits)
	}
	f.followed()

	forged = insert(f)
	stops(f)
	if _, err := retain.Confirm(t.Context(), tools(f.pub), f.repo.Repo, retain.ChoiceOptions{IDs: []manifest.ID{forged.ID}, Apply: true}); err != nil {
		t.Fatal(err)
	}
	f.gc()
	if _, listed, err := f.history().Find(t.Context(), forged.ID); err != nil || !listed {
		t.Errorf("it is listed: %t, %v", listed, err)
	}
}

// A count of changes that somebody wrote by hand to its end is damage: a rebuild counts on
// from the records before it, and resolvers never took it.
func TestUsedUpIndex(t *testing.T) {
	const last = 1<<53 - 1
	for _, generation := range []int64{last, last - 1<<20 + 1, last - 1<<20} {
		for _, recorded := range []bool{false, true} {
			f := newFixture(t, manifest.Thin, isos())
			f.publishes(3)
			before := f.all()
			forged := f.index()
			forged.Generation = generation
			data, err := forged.Encode()
			if err != nil {
				t.Fatal(err)
			}
			f.replace(manifest.IndexKey(f.repo.Base), string(data))
			if recorded {
				f.put(manifest.RecordKey(f.repo.Base, generation), string(data))
			}
			f.up.set("more", "more")
			if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{}); !errors.Is(err, catalog.ErrDamaged) || !errors.Is(err, manifest.ErrUsedUp) {
				t.Errorf("%d: publish: %v", generation, err)
			}
			newest := before.Checkpoints[2].ID // a publish may have got as far as its swap
			f.rebuild(rebuild.Options{Write: true, Newest: []manifest.ID{newest}})
			if after := f.all(); !reflect.DeepEqual(after, before) || f.index().UsedUp(true) {
				t.Errorf("%d: %+v\nwas\n%+v", generation, after, before)
			}
			f.publish(PublishOptions{})
			f.publish(PublishOptions{})
			f.followed()
		}
	}
}
