package publisher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/job"
	"github.com/asof/asof/publisher/retain"
)

// publishersKey is a store with the rights of a publisher: it never deletes, and does
// not write what is the janitor's.
type publishersKey struct{ objstore.Store }

func (s publishersKey) may(key string) error {
	if strings.HasPrefix(key, manifest.JanitorPrefix) {
		return fmt.Errorf("%s: %w", key, objstore.ErrDenied)
	}
	return nil
}

func (s publishersKey) Create(ctx context.Context, key string, body objstore.Body, attr objstore.Attributes) error {
	if err := s.may(key); err != nil {
		return err
	}
	return s.Store.Create(ctx, key, body, attr)
}

func (s publishersKey) Copy(ctx context.Context, src, dst string, attr objstore.Attributes, vacant bool) error {
	if err := s.may(dst); err != nil {
		return err
	}
	return s.Store.Copy(ctx, src, dst, attr, vacant)
}

func (s publishersKey) Swap(ctx context.Context, key string, old objstore.Version, data []byte, attr objstore.Attributes) (objstore.Version, error) {
	if err := s.may(key); err != nil {
		return "", err
	}
	return s.Store.Swap(ctx, key, old, data, attr)
}

func (s publishersKey) Delete(_ context.Context, key string) error {
	return fmt.Errorf("%s: %w", key, objstore.ErrDenied)
}

// thief is a publisher whose key was stolen.
func (f *fixture) thief() *Publisher { return f.publisher(publishersKey{f.store.Store}) }

// prunedByPublisher prunes all but the newest without the janitor's rights.
func (f *fixture) prunedByPublisher() {
	f.Helper()
	d, err := retain.Prune(f.Context(), tools(f.thief()), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 1}, Apply: true})
	if err != nil || !d.Unreleased {
		f.Fatalf("%+v, %v", d, err)
	}
}

// forge writes another index, with all that follows from it, as only a publisher can.
func (f *fixture) forge(change func(index *manifest.Index)) {
	f.Helper()
	err := f.thief().ledger.Change(f.Context(), f.repo.Repo, func(index manifest.Index) (manifest.Index, error) {
		next, err := index.Fence()
		change(&next)
		return next, err
	})
	if err != nil {
		f.Fatal(err)
	}
}

// waits are what a collection says of the repo's checkpoints: why, and until when.
func (f *fixture) waits(collection retain.Collection) string {
	var lines []string
	for _, w := range collection.Waiting {
		if len(w.Checkpoints) == 0 {
			continue
		}
		until := "confirmed"
		if w.Until != nil {
			until = w.Until.String()
		}
		lines = append(lines, fmt.Sprintf("%s %s until %s", w.Why, w.Checkpoints, until))
	}
	return strings.Join(lines, "; ")
}

// publisherOf is the fixture with another publisher of the store below its own.
func (f *fixture) publisherOf(opts retain.Options) *fixture {
	other := *f
	other.pub = f.publisher(opts.Store)
	return &other
}

func (f *fixture) gc() retain.Collection {
	f.Helper()
	collection, err := retain.Collect(f.Context(), tools(f.pub), retain.CollectOptions{Apply: true})
	if err != nil {
		f.Fatal(err)
	}
	return collection
}

// whole holds that every object of some checkpoints is there.
func (f *fixture) whole(checkpoints []manifest.Checkpoint) {
	f.Helper()
	for _, c := range checkpoints {
		if key, err := catalog.Missing(f.Context(), f.store.Store, 4, f.repo.Base, c, manifest.Checkpoint{}); key != "" || err != nil {
			f.Errorf("%s: %s is gone, %v", c.ID, key, err)
		}
	}
}

// history of a fixture for thieves: six checkpoints, sealed in part.
func robbed(t *testing.T, layout manifest.Layout, noted bool) (*fixture, []manifest.Checkpoint) {
	t.Helper()
	f := newFixture(t, layout, isos())
	f.seals(3, 4)
	f.publishes(6)
	if noted {
		f.gc()
		f.clock.add(time.Hour)
	}
	f.publishes(2) // since gc
	return f, f.all().Checkpoints
}

// Whatever a thief of a publisher's key writes, the janitor deletes nothing that was
// ever published, and says what it keeps. Undo brings it back.
func TestPublishersKeyDeletesNothing(t *testing.T) {
	prune := (*fixture).prunedByPublisher
	hide := func(f *fixture) {
		f.forge(func(index *manifest.Index) {
			index.Segments, index.Checkpoints = nil, index.Checkpoints[len(index.Checkpoints)-1:]
		})
	}
	for name, tt := range map[string]struct {
		attack func(f *fixture)
		why    retain.Why
		kept   int // how many wait
	}{
		"prunes": {prune, retain.NotReleased, 7},
		"prunes, with old tombstones": {func(f *fixture) {
			prune(f)
			f.forge(func(index *manifest.Index) {
				for i := range index.Pruned {
					index.Pruned[i].At = index.Pruned[i].ID
				}
			})
		}, retain.NotReleased, 7},
		"prunes, and forges tombstones of others": {func(f *fixture) {
			prune(f)
			f.forge(func(index *manifest.Index) {
				for i := range index.Pruned {
					index.Pruned[i].Manifest, index.Pruned[i].Pages = manifest.Digest{}, manifest.Digest{}
				}
			})
		}, retain.NotReleased, 7},
		"hides": {hide, retain.Hidden, 7},
		"hides, as if it had never finished": {func(f *fixture) {
			hide(f)
			for i := range 9 {
				f.forge(func(index *manifest.Index) { index.Horizon += manifest.ID(i) }) // more records
			}
		}, retain.Hidden, 7},
		"hides, and publishes on": {func(f *fixture) {
			hide(f)
			f.clock.add(time.Minute)
			f.up.set("more", "more")
			if _, err := f.thief().Publish(t.Context(), f.repo, PublishOptions{}); err != nil {
				t.Fatal(err)
			}
		}, retain.Hidden, 7},
		"replaces": {func(f *fixture) {
			newest, _ := f.index().Newest()
			f.forge(func(index *manifest.Index) {
				for i := range index.Checkpoints {
					index.Checkpoints[i].Manifest, index.Checkpoints[i].Pages = newest.Manifest, newest.Pages
				}
				index.Segments = nil
			})
		}, "", 7},
	} {
		for _, layout := range layouts {
			for _, noted := range []bool{false, true} {
				t.Run(fmt.Sprint(name, "/", layout, "/noted=", noted), func(t *testing.T) {
					f, before := robbed(t, layout, noted)
					tt.attack(f)
					for range 3 {
						f.clock.add(30 * day)
						collection := f.gc()
						waiting := 0
						for _, w := range collection.Waiting {
							if w.Why.Confirmable() && (tt.why == "" || w.Why == tt.why) && w.Until == nil && w.Repo == "myfile" {
								waiting += len(w.Checkpoints)
							}
						}
						if waiting != tt.kept {
							t.Errorf("%d wait: %s", waiting, f.waits(collection))
						}
						f.whole(before)
					}
					back, err := retain.Undo(t.Context(), tools(f.thief()), f.repo.Repo, retain.ChoiceOptions{Apply: true})
					if err != nil || len(back) != tt.kept {
						t.Fatalf("%d are back, %v", len(back), err)
					}
					if after := f.all().Checkpoints; !slices.Equal(after[:len(before)], before) {
						t.Errorf("back are\n%+v\nwant\n%+v", after, before)
					}
					f.clock.add(30 * day)
					// What was forged in the place of another was listed once, too.
					if waits := f.waits(f.gc()); waits != "" && !strings.HasPrefix(waits, string(retain.Replaced)) {
						t.Errorf("listed again, and still %s", waits)
					}
					if _, err := retain.Confirm(t.Context(), tools(f.pub), f.repo.Repo, retain.ChoiceOptions{Apply: true}); err != nil {
						t.Error(err)
					}
					for range 2 {
						f.clock.add(30 * day)
						if waits := f.waits(f.gc()); waits != "" {
							t.Errorf("confirmed, and still %s", waits)
						}
					}
					f.check()
					if r := f.verify(false); len(r.Problems) > 0 {
						t.Errorf("%+v", r.Problems)
					}
				})
			}
		}
	}
}

// A registry without the repo, or with another base path, makes gc stop.
func TestPublishersKeyOnTheRegistry(t *testing.T) {
	for name, repos := range map[string][]manifest.Repo{
		"gone":    {},
		"moved":   {{Name: "myfile", Base: "elsewhere"}},
		"around":  {{Name: "all", Base: "checkpoints"}},
		"renamed": {{Name: "yours", Base: "checkpoints/myfile"}},
	} {
		for _, noted := range []bool{false, true} {
			f, before := robbed(t, manifest.Thin, noted)
			f.clock.add(30 * day)
			registry, err := catalog.Registry().Load(t.Context(), f.store.Store)
			if err != nil {
				t.Fatal(err)
			}
			next := registry.Doc
			next.Generation++
			next.Repos = repos
			if _, err := catalog.Registry().Swap(t.Context(), publishersKey{f.store.Store}, registry, next); err != nil {
				t.Fatal(err)
			}
			if _, err := retain.Collect(t.Context(), tools(f.pub), retain.CollectOptions{Apply: true}); err == nil || name != "renamed" && !errors.Is(err, catalog.ErrLost) {
				t.Errorf("%s: %v", name, err)
			}
			f.whole(before)
		}
	}
}

// False attempts and records keep more, and never less.
func TestPublishersKeyOnRecordsAndAttempts(t *testing.T) {
	for _, noted := range []bool{false, true} {
		f, before := robbed(t, manifest.Full, noted)
		// An unfinished tree, and a record that lists it.
		id := f.index().Horizon + 1
		f.put(manifest.TreeKey(f.repo.Base, id, "index.html"), "unfinished")
		f.forge(func(index *manifest.Index) {
			index.Checkpoints = append(index.Checkpoints, manifest.Checkpoint{ID: id, Layout: manifest.Full}, manifest.Checkpoint{ID: id + 1, Layout: manifest.Full})
			index.Horizon = id + 1
		})
		f.forge(func(index *manifest.Index) { index.Checkpoints = index.Checkpoints[:len(index.Checkpoints)-2] })
		for _, c := range before {
			_ = f.store.Store.Create(t.Context(), manifest.AttemptKey(f.repo.Base, c.ID), objstore.Bytes([]byte("x")), objstore.Attributes{})
		}
		f.clock.add(30 * day)
		if waits := f.waits(f.gc()); waits != fmt.Sprintf("no longer listed [%s] until confirmed", id) {
			t.Errorf("noted %v: %s", noted, waits)
		}
		f.whole(before)
		f.check()
	}
}

// The janitor's prune needs no confirmation. gc says until when it waits.
func TestJanitorPrunes(t *testing.T) {
	for _, layout := range layouts {
		f, before := robbed(t, layout, true)
		pruned := manifest.IDOf(f.clock.Now())
		f.prune(retain.Policy{Last: 6})
		ids := []manifest.ID{before[0].ID, before[1].ID}
		if got, want := f.waits(f.gc()), fmt.Sprintf("pruned %s until %s", ids, manifest.IDOf(pruned.Time().Add(7*day))); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		f.whole(before)
		f.clock.add(8 * day)
		if waits := f.waits(f.gc()); waits != "" {
			t.Error(waits)
		}
		for _, id := range ids {
			if keys := f.keys(manifest.TreePrefix(f.repo.Base, id)); len(keys) > 0 {
				t.Errorf("%s are left", keys)
			}
		}
		f.whole(before[2:])
		f.gc() // forgets the release
		note, err := catalog.Note(f.repo.Repo).Load(t.Context(), f.store.Store)
		if err != nil || len(note.Doc.Released) > 0 || len(note.Doc.Held) > 0 {
			t.Errorf("%+v, %v", note.Doc, err)
		}
		if waits := f.waits(f.gc()); waits != "" {
			t.Error(waits)
		}
	}
}

// What others pruned goes once the janitor has confirmed it: a grace period after that.
func TestConfirm(t *testing.T) {
	for _, layout := range layouts {
		f, before := robbed(t, layout, true)
		thief := tools(f.thief())
		if _, err := retain.Prune(t.Context(), thief, f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 5}, Reason: "junk", Apply: true}); err != nil {
			t.Fatal(err)
		}
		f.clock.add(30 * day)
		f.gc()
		confirm := func(opts retain.Options, choice retain.ChoiceOptions) []retain.Held {
			t.Helper()
			held, err := retain.Confirm(t.Context(), opts, f.repo.Repo, choice)
			if err != nil {
				t.Fatal(err)
			}
			return held
		}
		if _, err := retain.Confirm(t.Context(), thief, f.repo.Repo, retain.ChoiceOptions{Apply: true}); !errors.Is(err, objstore.ErrDenied) {
			t.Errorf("a publisher confirms: %v", err)
		}
		if _, err := retain.Confirm(t.Context(), tools(f.pub), f.repo.Repo, retain.ChoiceOptions{IDs: []manifest.ID{before[7].ID}, Apply: true}); !errors.Is(err, retain.ErrNotHeld) {
			t.Errorf("what is listed is confirmed: %v", err)
		}
		held := confirm(tools(f.pub), retain.ChoiceOptions{})
		if len(held) != 3 || held[0].Why != retain.NotReleased || held[0].Pruned.Reason != "junk" || held[0].Checkpoint != before[0] {
			t.Errorf("%+v", held)
		}
		if got := confirm(tools(f.pub), retain.ChoiceOptions{IDs: []manifest.ID{before[1].ID}, Apply: true}); len(got) != 1 {
			t.Errorf("%+v", got)
		}
		released := manifest.IDOf(f.clock.Now())
		want := fmt.Sprintf("pruned [%s] until %s; pruned, not released [%s %s] until confirmed", before[1].ID, manifest.IDOf(released.Time().Add(7*day)), before[0].ID, before[2].ID)
		f.clock.add(6 * day)
		if got := f.waits(f.gc()); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		f.whole(before)
		f.clock.add(2 * day)
		f.gc()
		if keys := f.keys(manifest.TreePrefix(f.repo.Base, before[1].ID)); len(keys) > 0 {
			t.Errorf("%s are left", keys)
		}
		f.whole([]manifest.Checkpoint{before[0], before[2]})
		confirm(tools(f.pub), retain.ChoiceOptions{Apply: true})
		f.clock.add(8 * day)
		f.gc()
		if keys := f.keys(manifest.TreePrefix(f.repo.Base, before[0].ID)); len(keys) > 0 {
			t.Errorf("%s are left", keys)
		}
		f.whole(before[3:])
	}
}

// An old store has tombstones, and no note of who made them.
func TestCollectWithoutNote(t *testing.T) {
	f, before := robbed(t, manifest.Thin, true)
	f.prune(retain.Policy{Last: 7})
	f.clock.add(8 * day)
	f.gc() // the first is collected
	f.prune(retain.Policy{Last: 5})
	f.lose(manifest.NoteKey(f.repo.Base))
	f.clock.add(30 * day)
	want := fmt.Sprintf("pruned, not released [%s %s] until confirmed", before[1].ID, before[2].ID)
	for range 2 {
		if got := f.waits(f.gc()); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		f.clock.add(30 * day)
	}
	f.whole(before[1:])
}

// deaf is a store that takes no notes, as with an earlier janitor's rights.
type deaf struct{ objstore.Store }

func (s deaf) Swap(ctx context.Context, key string, old objstore.Version, data []byte, attr objstore.Attributes) (objstore.Version, error) {
	if err := publishersKey(s).may(key); err != nil {
		return "", err
	}
	return s.Store.Swap(ctx, key, old, data, attr)
}

// A collection that can't write its note deletes nothing.
func TestCollectCantNote(t *testing.T) {
	f, _ := robbed(t, manifest.Thin, true)
	f.prune(retain.Policy{Last: 1})
	f.clock.add(30 * day)
	f.store.take()
	if _, err := retain.Collect(t.Context(), tools(f.publisher(deaf{f.store})), retain.CollectOptions{Apply: true}); !errors.Is(err, objstore.ErrDenied) {
		t.Error(err)
	}
	if ops := f.store.take(); slices.ContainsFunc(ops, func(op string) bool { return strings.HasPrefix(op, "delete ") }) {
		t.Errorf("it deleted: %q", ops)
	}
}

// A note that can't be read stops the janitor. Without it, what was pruned waits.
func TestDamagedNote(t *testing.T) {
	f, before := robbed(t, manifest.Full, true)
	f.prune(retain.Policy{Last: 7})
	if r := f.verify(false); len(r.Problems) > 0 {
		t.Errorf("%+v", r.Problems)
	}
	key := manifest.NoteKey(f.repo.Base)
	f.replace(key, "{}")
	_, collecting := retain.Collect(t.Context(), tools(f.pub), retain.CollectOptions{Apply: true})
	_, pruning := retain.Prune(t.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 1}, Apply: true})
	for _, err := range []error{collecting, pruning} {
		if damaged, ok := errors.AsType[*catalog.DamagedError](err); !ok || damaged.Key != key {
			t.Error(err)
		}
	}
	if r := f.verify(false); len(r.Problems) != 1 || r.Problems[0].Key != key {
		t.Errorf("%+v", r.Problems)
	}
	f.lose(key)
	f.clock.add(30 * day)
	if got, want := f.waits(f.gc()), fmt.Sprintf("pruned, not released [%s] until confirmed", before[0].ID); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	f.whole(before)
}

// Rules about a forged history would keep what is forged, and release the rest.
func TestPruneRefusesForgedHistory(t *testing.T) {
	for name, tt := range map[string]struct {
		forge func(index *manifest.Index)
		says  string
	}{
		"hidden":        {func(index *manifest.Index) { index.Segments = nil }, "is no longer listed, and was not pruned"},
		"from the tail": {func(index *manifest.Index) { index.Checkpoints = index.Checkpoints[1:] }, "is no longer listed, and was not pruned"},
		"replaced": {func(index *manifest.Index) {
			index.Checkpoints[0].Pages = index.Checkpoints[1].Pages
		}, "was another one"},
		"inserted": {func(index *manifest.Index) {
			c := index.Checkpoints[0]
			c.ID++
			index.Checkpoints = slices.Insert(index.Checkpoints, 1, c)
		}, "was not there when all up to"},
		"from the future": {func(index *manifest.Index) {
			c := index.Checkpoints[0]
			c.ID = manifest.MaxID
			index.Checkpoints, index.Horizon = append(index.Checkpoints, c), manifest.MaxID
		}, "in the future"},
	} {
		f := newFixture(t, manifest.Full, isos())
		f.seals(3, 4)
		f.publishes(8)
		f.gc()
		f.clock.add(time.Hour)
		f.publishes(1)
		f.forge(tt.forge)
		for _, apply := range []bool{false, true} {
			if apply && name != "inserted" && name != "from the future" {
				f.gc() // which has noted the forged history, too
			}
			_, err := retain.Prune(t.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 1}, Apply: apply})
			want := retain.ErrContradicts
			if name == "from the future" {
				want = job.ErrClock
			}
			if !errors.Is(err, want) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: %v", name, err)
			}
		}
		note, err := catalog.Note(f.repo.Repo).Load(t.Context(), f.store.Store)
		if err != nil || len(note.Doc.Released) > 0 {
			t.Errorf("%s: released %+v, %v", name, note.Doc.Released, err)
		}
	}
}

// A prune and a collection happen at every operation of each other, while somebody
// publishes: nobody is told of a forged history, and everything is whole.
func TestPruneDuringCollect(t *testing.T) {
	for n := 0; ; n++ {
		f, before := robbed(t, manifest.Full, true)
		other := tools(f.publisher(f.store.Store))
		reached := false
		f.store.at(n, func(string) error {
			reached = true
			f.publisherOf(other).publishes(1)
			_, err := retain.Collect(t.Context(), other, retain.CollectOptions{Apply: true})
			return err
		})
		if _, err := retain.Prune(t.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 4}, Apply: true}); err != nil {
			t.Fatalf("operation %d: %v", n, err)
		}
		f.store.heal()
		if waits := f.waits(f.gc()); strings.Contains(waits, "confirmed") || reached && !strings.HasPrefix(waits, "pruned [") {
			t.Errorf("operation %d: %s", n, waits)
		}
		f.whole(before[5:])
		if !reached {
			break
		}
	}
}

// All requests of a collection behind one publish. The janitor's note costs a listing
// of notes, some to see that no repo is hidden; and of each repo a read, a swap, a
// listing of records and a read of each record since the last time.
func TestCollectRequests(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.pub.Concurrency = 1
	f.publishes(2)
	f.clock.add(8 * day)
	f.gc()
	f.clock.add(2 * time.Hour)
	f.publishes(1)
	f.clock.add(time.Hour)
	f.store.take()
	f.gc()
	var got []string
	for _, op := range f.store.take() {
		op = strings.NewReplacer("checkpoints/myfile", "BASE").Replace(op)
		if strings.HasPrefix(op, "open "+manifest.ManifestPrefix) {
			op = "open a manifest"
		}
		if before, _, ok := strings.Cut(op, "/records/9"); ok {
			op = before + "/records/"
		}
		got = append(got, op)
	}
	want := []string{
		"load asof.json", "list .asof/janitor/", "list .asof/repos/", "list .asof/repos/", "list .asof/repos/",
		"load .asof/janitor/BASE/note.json", "list .asof/repos/BASE/records/",
		"load BASE/index.html", "load BASE/checkpoints.json", "swap BASE/checkpoints.json",
		"list .asof/repos/BASE/records/", "open .asof/repos/BASE/records/", // is there one
		"list BASE/", "list BASE/", "list BASE/", "list BASE/", // one for each tree, and one
		"open .asof/repos/BASE/records/", "open .asof/repos/BASE/records/",
		"open a manifest", "open a manifest", "open a manifest", "open a manifest", "open a manifest", "open a manifest",
		"load .asof/repos/BASE/staged.json", "load .asof/repos/BASE/together.json",
		"load .asof/janitor/BASE/note.json", "swap .asof/janitor/BASE/note.json",
		"list .asof/repos/BASE/attempts/", "list .asof/pool/sha256/", "list .asof/manifests/sha256/", "list .asof/segments/sha256/",
		"list .asof/repos/BASE/attempts/", "list .asof/repos/BASE/records/", "list .asof/pins/",
		"delete .asof/repos/BASE/records/", "list .asof/pins/", "list .asof/janitor/.notices/", "list .asof/probe/",
	}
	if !slices.Equal(got, want) {
		t.Errorf("requests\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What a killed publish left waits until its attempt is old enough, and so do objects
// to which nothing refers.
func TestCollectSaysUntilWhen(t *testing.T) {
	f := newFixture(t, manifest.Thin, isos())
	f.publish(PublishOptions{})
	f.up.set("2.iso", "changed")
	f.pub.Concurrency = 1
	id := manifest.IDOf(f.clock.Now())
	f.store.killAt(1, func(op string) bool { return strings.HasPrefix(op, "create "+manifest.ManifestPrefix) })
	if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{}); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	f.store.heal()
	until := manifest.IDOf(id.Time().Add(7 * day))
	var got []string
	for _, w := range f.gc().Waiting {
		got = append(got, fmt.Sprint(w.Repo, w.Why, w.Kind, w.Checkpoints, w.Objects, *w.Until))
	}
	// The file, the receipt and the manifest; the front page is in the tree.
	want := []string{
		fmt.Sprint("", retain.Unreferenced, "blobs", []manifest.ID(nil), 2, until),
		fmt.Sprint("", retain.Unreferenced, "manifests", []manifest.ID(nil), 1, until),
		fmt.Sprint("myfile", retain.Unfinished, "", []manifest.ID{id}, 0, until),
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
