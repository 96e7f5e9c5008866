package publisher

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/reliance"
	"github.com/asof/asof/publisher/retain"
)

// freeable is a store whose first checkpoint was dropped a minute ago. It has one file with a
// later one, one with another repo, and two alone; upstream has returned to it.
func freeable(t *testing.T, layout manifest.Layout) (f *fixture, dropped manifest.Checkpoint) {
	t.Helper()
	f = newFixture(t, layout, isos())
	f.up.set("secret", "secret")
	dropped = f.publish(PublishOptions{}).Checkpoint
	for name := range f.up.files {
		if name != "1.iso" {
			f.up.set(name, "other "+name)
		}
	}
	f.publish(PublishOptions{})
	beside := otherThan(f.repo)
	beside.Layout, beside.Remote = manifest.Thin, upstream(map[string]string{"2": isos()["2.iso"]})
	if _, err := f.pub.Publish(t.Context(), beside, PublishOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.drop(false, true, dropped.ID); err != nil {
		t.Fatal(err)
	}
	maps.Copy(f.up.files, isos())
	f.up.set("secret", "secret")
	f.clock.add(time.Minute)
	f.store.take()
	return f, dropped
}

func (f *fixture) freed(what retain.FreeOptions) retain.Freed {
	f.Helper()
	freed, err := retain.Free(f.Context(), tools(f.pub), f.repo.Repo, what)
	if err != nil {
		f.Fatal(err)
	}
	return freed
}

// What only a dropped checkpoint has is deleted at once, and nothing else. A dry run says the
// same, and changes nothing.
func TestFree(t *testing.T) {
	for _, layout := range layouts {
		f, dropped := freeable(t, layout)
		before := f.keys("")
		dry := f.freed(retain.FreeOptions{})
		if !slices.Equal(f.keys(""), before) {
			t.Errorf("%s: a dry run changes the store", layout)
		}
		did := f.freed(retain.FreeOptions{Apply: true})
		if dry.Trees != did.Trees || dry.Pool != did.Pool || dry.Shared != did.Shared || did.Left.Objects > 0 || len(did.Checkpoints) != 1 || did.Checkpoints[0].ID != dropped.ID {
			t.Errorf("%s: a dry run says\n%+v\nand it does\n%+v", layout, dry, did)
		}
		if keys := f.keys(manifest.TreePrefix(f.repo.Base, dropped.ID)); len(keys) > 0 {
			t.Errorf("%s: %q are left", layout, keys)
		}
		there := func(content string) bool {
			return slices.Contains(f.keys(manifest.BlobPrefix), manifest.BlobKey(manifest.Sum([]byte(content))))
		}
		if there("secret") || layout == manifest.Thin && (!there(isos()["1.iso"]) || !there(isos()["2.iso"]) || there(isos()["3.iso"])) {
			t.Errorf("%s: left are %q", layout, f.keys(manifest.BlobPrefix))
		}
		for _, f := range f.everyRepo() {
			f.check()
			if r := f.verify(true); len(r.Problems) > 0 {
				t.Errorf("%s: %+v", layout, r.Problems)
			}
		}
		// Manifests wait for the grace period; so it may be asked again.
		if again := f.freed(retain.FreeOptions{IDs: []manifest.ID{dropped.ID}, Apply: true}); again.Trees.Objects+again.Pool.Objects > 0 {
			t.Errorf("%s: again: %+v", layout, again)
		}
		f.clock.add(8 * day)
		f.collect(retain.CollectOptions{Apply: true})
		if slices.Contains(f.keys(""), manifest.ManifestKey(dropped.Manifest)) || len(f.keys(manifest.NoticePrefix)) > 0 {
			t.Errorf("%s: the manifest, or a notice, is left", layout)
		}
		f.publish(PublishOptions{})
		f.check()
	}
}

func TestFreeRefuses(t *testing.T) {
	f, dropped := freeable(t, manifest.Thin)
	newest, _ := f.index().Newest()
	free := func(ids ...manifest.ID) error {
		_, err := retain.Free(t.Context(), tools(f.pub), f.repo.Repo, retain.FreeOptions{IDs: ids, Apply: true})
		return err
	}
	if err := free(newest.ID); !errors.Is(err, retain.ErrListed) {
		t.Error(err)
	}
	if err := free(17); !errors.Is(err, manifest.ErrNoCheckpoint) {
		t.Error(err)
	}
	// Not what a publisher pruned.
	again := f.publish(PublishOptions{}).Checkpoint.ID
	f.up.set("n", "n")
	f.publish(PublishOptions{})
	d, err := retain.Prune(t.Context(), tools(f.thief()), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Drop: []manifest.ID{again}}, Apply: true})
	if err != nil || !d.Unreleased {
		t.Fatalf("%+v, %v", d, err)
	}
	if err := free(again); !errors.Is(err, retain.ErrWaits) {
		t.Error(err)
	}
	// Not while a claim is open, and nothing is left of the attempt at it.
	f.up.set("n", "killed")
	f.store.killAt(0, func(op string) bool { return strings.HasPrefix(op, "create "+manifest.BlobPrefix) })
	if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{}); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	f.store.heal()
	before := f.keys("")
	var open *retain.OpenClaimsError
	if err := free(); !errors.As(err, &open) || len(open.Open) != 1 || open.Open[0].Repo != f.repo.Name || open.Open[0].ID != f.claimed() {
		t.Errorf("%v", err)
	}
	records := func(key string) bool { return strings.Contains(key, "/records/") }
	if after := slices.DeleteFunc(f.keys(""), records); !slices.Equal(after, slices.DeleteFunc(before, records)) {
		t.Errorf("it leaves %q, there was %q", after, before)
	}
	if dry := f.freed(retain.FreeOptions{}); len(dry.Open) != 1 {
		t.Errorf("a dry run: %+v", dry)
	}
	if promised := f.freed(retain.FreeOptions{Exclusive: true}); len(promised.Open) != 0 || len(promised.Checkpoints) != 1 || promised.Checkpoints[0].ID != dropped.ID {
		t.Errorf("%+v", promised)
	}
	// The next publish ends the claim.
	f.publish(PublishOptions{})
	if err := free(); err != nil {
		t.Error(err)
	}
	f.check()
}

// claimed is the newest claim of the fixture's repo.
func (f *fixture) claimed() manifest.ID {
	keys := f.keys(manifest.AttemptPrefix(f.repo.Base))
	id, err := manifest.ParseAttemptKey(f.repo.Base, keys[len(keys)-1])
	if err != nil {
		f.Fatal(err)
	}
	return id
}

// What is stored after the notice stays, and what is pinned; that is said, and the next run
// may take it.
func TestFreeLeaves(t *testing.T) {
	f, _ := freeable(t, manifest.Thin)
	pinned, stored := manifest.BlobKey(manifest.Sum([]byte("secret"))), manifest.BlobKey(manifest.Sum([]byte(isos()["3.iso"])))
	if err := reliance.Pin(t.Context(), f.store, f.clock.Now(), []string{pinned}); err != nil {
		t.Fatal(err)
	}
	f.store.at(0, func(string) error { return nil })
	once := false
	f.store.mu.Lock()
	f.store.before = func(op string) error {
		if !once && op == "list "+manifest.BlobPrefix {
			once = true
			if err := f.store.Store.Delete(t.Context(), stored); err != nil {
				return err
			}
			f.put(stored, isos()["3.iso"])
		}
		return nil
	}
	f.store.mu.Unlock()
	if freed := f.freed(retain.FreeOptions{Apply: true}); freed.Left.Objects != 2 {
		t.Errorf("%+v", freed)
	}
	f.store.heal()
	for _, key := range []string{pinned, stored} {
		if !slices.Contains(f.keys(manifest.BlobPrefix), key) {
			t.Errorf("%s is gone", key)
		}
	}
	f.clock.add(time.Minute)
	if freed := f.freed(retain.FreeOptions{Apply: true}); freed.Pool.Objects != 1 || freed.Left.Objects != 1 {
		t.Errorf("the next run: %+v", freed)
	}
}

// refusedOpen passes over what Free says while a publish has an open claim.
func refusedOpen(err error) error {
	if _, open := errors.AsType[*retain.OpenClaimsError](err); open {
		return nil
	}
	return err
}

// A run finds again what was dropped just now, and that is freed at the worst moment: at every
// operation of the run. The run's checkpoint is whole.
func TestFreeDuringPublish(t *testing.T) {
	runs := map[string]func(f *fixture) error{
		"publish": func(f *fixture) error {
			_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{})
			return err
		},
		"together": func(f *fixture) error { return publishGroup(t.Context(), f, f.pub, f.repo) },
		"publish what is staged": func(f *fixture) error {
			if _, err := f.pub.Sync(t.Context(), f.repo, SyncOptions{}); err != nil {
				return err
			}
			_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{NoSync: true})
			if errors.Is(err, ErrNothingStaged) { // it says that it is gone
				_, err = f.pub.Publish(t.Context(), f.repo, PublishOptions{})
			}
			return err
		},
	}
	for name, run := range runs {
		for _, layout := range layouts {
			done, refused := 0, 0
			for n := 0; ; n++ {
				f, _ := freeable(t, layout)
				f.pub.Concurrency = 1
				reached := false
				f.store.at(n, func(string) error {
					reached = true
					freed, err := retain.Free(t.Context(), tools(f.publisher(f.store.Store)), f.repo.Repo, retain.FreeOptions{Apply: true})
					if err == nil && freed.Pool.Objects+freed.Trees.Objects > 0 {
						done++
					}
					if refusedOpen(err) == nil && err != nil {
						refused++
					}
					return refusedOpen(err)
				})
				err := run(f)
				f.store.heal()
				if err != nil {
					t.Fatalf("%s, %s, operation %d: %v", name, layout, n, err)
				}
				f.check()
				if t.Failed() {
					t.Fatalf("%s, %s, operation %d", name, layout, n)
				}
				if !reached {
					break
				}
			}
			if done == 0 || refused == 0 {
				t.Errorf("%s, %s: freed at %d operations, refused at %d", name, layout, done, refused)
			}
		}
	}
}

// A whole run happens at every operation of freeing, or is killed in it and resumed later.
func TestPublishDuringFree(t *testing.T) {
	for _, killed := range []bool{false, true} {
		for _, layout := range layouts {
			for n := 0; ; n++ {
				f, _ := freeable(t, layout)
				f.pub.Concurrency = 1
				reached := false
				f.store.at(n, func(op string) error {
					reached = true
					began := f.clock.Now()
					other := f.publisher(f.store.Store)
					if killed {
						dying := trace(f.store.Store)
						dying.killAt(1, func(op string) bool {
							return strings.HasPrefix(op, "create "+manifest.ManifestPrefix)
						})
						other = f.publisher(dying)
					}
					if _, err := other.Publish(t.Context(), f.repo, PublishOptions{}); err != nil && !errors.Is(err, errKilled) {
						t.Fatalf("%s, operation %d: %v", layout, n, err)
					}
					if strings.HasPrefix(op, "delete ") && f.clock.Now().Sub(began) > reliance.BatchTime {
						return context.DeadlineExceeded
					}
					return nil
				})
				_, err := retain.Free(t.Context(), tools(f.pub), f.repo.Repo, retain.FreeOptions{Apply: true})
				f.store.heal()
				if refusedOpen(err) != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("%s, operation %d: %v", layout, n, err)
				}
				f.publish(PublishOptions{})
				f.check()
				if t.Failed() {
					t.Fatalf("%s, killed %t, operation %d", layout, killed, n)
				}
				if !reached {
					break
				}
			}
		}
	}
}

// A move of the whole repo meets it, too: what it has copied is whole.
func TestFreeDuringMove(t *testing.T) {
	for n := 0; ; n++ {
		f := newFixture(t, manifest.Thin, isos())
		f.up.set("secret", "secret")
		dropped := f.publish(PublishOptions{}).Checkpoint
		delete(f.up.files, "secret")
		f.publishes(2)
		f.store.take()
		reached := false
		f.store.at(n, func(string) error {
			reached = true
			other := f.publisher(f.store.Store)
			_, err := retain.Prune(t.Context(), tools(other), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Drop: []manifest.ID{dropped.ID}}, Apply: true})
			if err == nil {
				f.clock.add(time.Minute)
				_, err = retain.Free(t.Context(), tools(other), f.repo.Repo, retain.FreeOptions{Apply: true})
			}
			if errors.Is(err, manifest.ErrNoCheckpoint) || errors.Is(err, manifest.ErrRetired) {
				err = nil // moved already
			}
			return refusedOpen(err)
		})
		f.pub.Concurrency = 1
		_, err := f.pub.Move(t.Context(), f.repo.Repo, otherThan(f.repo), MoveOptions{Redirect: true})
		f.store.heal()
		if err != nil { // it may say that it was overtaken; what is listed is whole
			t.Logf("operation %d: %v", n, err)
		}
		beside := f.everyRepo()[1]
		if beside.index().Generation > 0 {
			beside.check()
		}
		if t.Failed() {
			t.Fatalf("operation %d", n)
		}
		if !reached {
			break
		}
	}
}

// A drop is undone at every operation of freeing it, and freed at every operation of the undo:
// the checkpoint is listed and whole, or gone for good.
func TestUndoAgainstFree(t *testing.T) {
	for _, layout := range layouts {
		for _, first := range []string{"free", "undo"} {
			back := 0
			for n := 0; ; n++ {
				f, dropped := freeable(t, layout)
				f.pub.Concurrency = 1
				run := map[string]func(p *Publisher) error{
					"free": func(p *Publisher) error {
						_, err := retain.Free(t.Context(), tools(p), f.repo.Repo, retain.FreeOptions{IDs: []manifest.ID{dropped.ID}, Apply: true})
						return err
					},
					"undo": func(p *Publisher) error {
						_, err := retain.Undo(t.Context(), tools(p), f.repo.Repo, retain.ChoiceOptions{IDs: []manifest.ID{dropped.ID}, Apply: true})
						return err
					},
				}
				accepted := func(err error) bool {
					return err == nil || errors.Is(err, retain.ErrPartlyGone) || errors.Is(err, retain.ErrListed) || errors.Is(err, retain.ErrWaits) ||
						errors.Is(err, context.DeadlineExceeded) || errors.Is(err, objstore.ErrChanged)
				}
				other := map[string]string{"free": "undo", "undo": "free"}[first]
				reached := false
				f.store.at(n, func(op string) error {
					reached = true
					began := f.clock.Now()
					if err := run[other](f.publisher(f.store.Store)); !accepted(err) {
						t.Errorf("%s: %v", other, err)
					}
					if strings.HasPrefix(op, "delete ") && f.clock.Now().Sub(began) > reliance.BatchTime {
						return context.DeadlineExceeded
					}
					return nil
				})
				err := run[first](f.pub)
				f.store.heal()
				if !accepted(err) {
					t.Errorf("%s: %v", first, err)
				}
				if _, listed := f.index().Find(dropped.ID); listed {
					back++
				}
				f.check()
				f.clock.add(30 * day)
				f.collect(retain.CollectOptions{Apply: true})
				f.check()
				if t.Failed() {
					t.Fatalf("%s, %s first, operation %d", layout, first, n)
				}
				if !reached {
					break
				}
			}
			if back == 0 {
				t.Errorf("%s, %s first: it never came back", layout, first)
			}
		}
	}
}
