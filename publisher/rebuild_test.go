package publisher

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/miniotest"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/storeurl"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/rebuild"
	"github.com/asof/asof/publisher/retain"
)

func (f *fixture) rebuild(opts rebuild.Options) rebuild.Report {
	f.Helper()
	report, err := rebuild.Run(f.Context(), f.rebuilding(opts))
	if err != nil {
		f.Fatalf("rebuild: %v", err)
	}
	return report
}

// rebuilding completes options for the fixture's store.
func (f *fixture) rebuilding(opts rebuild.Options) rebuild.Options {
	opts.Store, opts.Env, opts.Announcer = f.pub.Store, f.pub.Env, f.pub.Announcer
	opts.Tail, opts.Segment = f.tail, f.fill
	return opts
}

// lose deletes a register, as only a disaster does.
func (f *fixture) lose(keys ...string) {
	f.Helper()
	for _, key := range keys {
		if err := f.store.Store.Delete(f.Context(), key); err != nil {
			f.Fatal(err)
		}
	}
}

// crash publishes up to the index, and no further.
func (f *fixture) crash() {
	f.Helper()
	f.pub.Concurrency = 1
	f.store.killAt(0, func(op string) bool { return op == "swap "+manifest.IndexKey(f.repo.Base) })
	if _, err := f.pub.Publish(f.Context(), f.repo, PublishOptions{}); !errors.Is(err, errKilled) {
		f.Fatal(err)
	}
	f.store.heal()
	f.clock.add(10 * time.Second)
}

// proven verifies the repo, and returns the unfinished trees.
func (f *fixture) proven() []manifest.ID {
	f.Helper()
	r := f.verify(false)
	if len(r.Problems) > 0 {
		f.Errorf("after rebuilding: %+v", r.Problems)
	}
	return r.Unfinished
}

// Everything is lost except the objects, and comes back as it was.
func TestRebuild(t *testing.T) {
	for _, layout := range layouts {
		f := newFixture(t, layout, isos())
		f.repo.Remote = &guidedRemote{f.up, "a key"} // so that entries have a usage
		f.up.held = 2                                // and are partial
		f.publishes(2)
		f.up.set("n", "crashed")
		f.crash()
		f.publishes(3)
		f.prune(retain.Policy{Last: 3})
		f.clock.add(30 * day)
		f.publish(PublishOptions{}) // the horizon
		before := f.all()
		f.collect(retain.CollectOptions{Apply: true})
		crashed := f.proven()

		if r := f.rebuild(rebuild.Options{Write: true}); r.Registry != rebuild.Intact || len(r.Repos) != 1 || r.Repos[0].Index != rebuild.Intact || r.Repos[0].Checkpoints != 3 {
			t.Errorf("nothing is lost: %+v", r)
		}
		f.clock.add(time.Hour)
		f.lose(manifest.RegistryKey, manifest.IndexKey(f.repo.Base), manifest.ListKey(f.repo.Base))
		keys := f.keys("")
		dry := f.rebuild(rebuild.Options{})
		if !slices.Equal(f.keys(""), keys) {
			t.Errorf("%s: a dry run wrote", layout)
		}
		done := f.rebuild(rebuild.Options{Write: true})
		if !reflect.DeepEqual(dry, done) || done.Registry != rebuild.Rebuilt || done.Repos[0].Index != rebuild.Rebuilt || done.Repos[0].Repo != f.repo.Repo {
			t.Errorf("%s: %+v, dry run %+v", layout, done, dry)
		}
		after := f.all()
		if !reflect.DeepEqual(after.Checkpoints, before.Checkpoints) || !after.Checkpoints[0].Usage {
			t.Errorf("%s: the checkpoints are\n%+v, want\n%+v", layout, after.Checkpoints, before.Checkpoints)
		}
		if !slices.Equal(after.Pruned, before.Pruned) || len(after.Pruned) != 2 {
			t.Errorf("%s: pruned are %+v, want %+v", layout, after.Pruned, before.Pruned)
		}
		if h := f.index().Horizon; h != manifest.IDOf(f.clock.Now()) {
			t.Errorf("%s: horizon %s", layout, h)
		}
		if got := f.proven(); !slices.Equal(got, crashed) {
			t.Errorf("%s: unfinished %v, want %v", layout, got, crashed)
		}
		f.clock.add(time.Minute)
		f.publishes(1)
		f.proven()
	}
}

// A tree that a killed publish left does not come back. The tree after it shows
// that; if there is none, the latest record does, or the user must say.
func TestRebuildLeavesOutWhatWasNeverPublished(t *testing.T) {
	for _, layout := range layouts {
		f := newFixture(t, layout, isos())
		first := f.publishes(2)
		f.up.set("n", "crashed")
		f.crash()
		crashed := f.proven()
		last := f.publishes(1)[0]
		index, list := manifest.IndexKey(f.repo.Base), manifest.ListKey(f.repo.Base)
		loseRecords := func() { f.lose(f.keys(manifest.RecordPrefix(f.repo.Base))...) }
		f.lose(index)
		if r := f.rebuild(rebuild.Options{}); !slices.Equal(r.Repos[0].Uncommitted, crashed) || *r.Repos[0].Newest != last {
			t.Errorf("%s: by the record: %+v", layout, r)
		}
		f.lose(list)
		loseRecords()
		_, err := rebuild.Run(t.Context(), f.rebuilding(rebuild.Options{Write: true}))
		if _, ok := errors.AsType[*rebuild.AmbiguousError](err); !ok || !strings.Contains(err.Error(), crashed[0].String()+", "+last.String()) {
			t.Errorf("%s: %v", layout, err)
		}
		if _, err := rebuild.Run(t.Context(), f.rebuilding(rebuild.Options{Newest: []manifest.ID{last, first[0]}})); !errors.Is(err, rebuild.ErrBadNewest) {
			t.Errorf("%s: a newest that is none: %v", layout, err)
		}
		f.rebuild(rebuild.Options{Newest: []manifest.ID{last}, Write: true})
		if got, want := f.ids(), append(first, last); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", layout, got, want)
		}
		f.lose(index, list)
		loseRecords()
		f.rebuild(rebuild.Options{Newest: []manifest.ID{first[1]}, Write: true})
		if got := f.ids(); !slices.Equal(got, first) {
			t.Errorf("%s: without the last: %v, want %v", layout, got, first)
		}
		f.lose(index, list)
		loseRecords()
		f.rebuild(rebuild.Options{Newest: []manifest.ID{last}, Write: true})
		next := f.publishes(1)
		f.lose(index, list)
		r := f.rebuild(rebuild.Options{Write: true})
		if !slices.Equal(r.Repos[0].Uncommitted, crashed) || !slices.Equal(f.ids(), append(append(first, last), next...)) {
			t.Errorf("%s: %+v, %v", layout, r, f.ids())
		}
		f.proven()

		// Without the record, the last one may or may not have been published.
		f.up.set("n", "crashed again")
		f.crash()
		f.lose(index)
		_, err = rebuild.Run(t.Context(), f.rebuilding(rebuild.Options{Write: true}))
		if _, ok := errors.AsType[*rebuild.AmbiguousError](err); !ok || !strings.HasSuffix(err.Error(), " may never have been published: no record of the index lists it") {
			t.Errorf("%s: %v", layout, err)
		}
		f.rebuild(rebuild.Options{Newest: next, Write: true})
		if got, want := f.ids(), append(append(first, last), next...); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", layout, got, want)
		}
	}
}

func (f *fixture) ids() (ids []manifest.ID) {
	f.Helper()
	for _, c := range f.all().Checkpoints {
		ids = append(ids, c.ID)
	}
	return ids
}

// A damaged index is replaced, and another repo's is not touched. Tombstones in
// segments keep their reasons, and stay even if nothing was collected.
func TestRebuildFromSegments(t *testing.T) {
	f := newFixture(t, manifest.Thin, isos())
	f.seals(3, 4)
	other := *f
	other.repo = Repo{Repo: manifest.Repo{Name: "other", Base: "other"}, Remote: upstream(map[string]string{"a": "1"}), Layout: manifest.Full}
	other.publish(PublishOptions{})
	untouched := other.index()
	f.publishes(12)
	if _, err := retain.Prune(t.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 6}, Reason: "old", Apply: true}); err != nil {
		t.Fatal(err)
	}
	before, index := f.all(), f.index()
	if len(index.Segments) == 0 || len(before.Pruned) != 6 {
		t.Fatalf("%+v", index)
	}
	_, version, err := f.store.Store.Load(t.Context(), manifest.IndexKey(f.repo.Base), "")
	if err == nil {
		_, err = f.store.Store.Swap(t.Context(), manifest.IndexKey(f.repo.Base), version, []byte("{}"), objstore.Attributes{})
	}
	if err != nil {
		t.Fatal(err)
	}
	if r := f.rebuild(rebuild.Options{Repos: []string{"other"}, Write: true}); len(r.Repos) != 1 || r.Repos[0].Index != rebuild.Intact {
		t.Errorf("%+v", r)
	}
	f.rebuild(rebuild.Options{Repos: []string{"myfile"}, Write: true})
	if after := f.all(); !reflect.DeepEqual(after, before) {
		t.Errorf("it is\n%+v\nwant\n%+v", after, before)
	}
	if now := f.index(); now.Generation <= index.Generation || len(now.Segments) == 0 {
		t.Errorf("%+v", now)
	}
	if !reflect.DeepEqual(other.index(), untouched) {
		t.Error("the index of the other repo is another")
	}
	f.proven()
	f.publishes(5)
	f.proven()
	if _, err := rebuild.Run(t.Context(), f.rebuilding(rebuild.Options{Repos: []string{"nobody's"}})); !errors.Is(err, objstore.ErrNotFound) {
		t.Errorf("an unknown repo: %v", err)
	}
}

// As long as a register is lost, no command takes it for an empty one.
func TestLostRegister(t *testing.T) {
	for _, tt := range []struct {
		name string
		lose func(f *fixture)
		do   map[string]func(f *fixture) error
	}{
		{"index", func(f *fixture) { f.lose(manifest.IndexKey(f.repo.Base)) }, map[string]func(f *fixture) error{
			"publish": func(f *fixture) error {
				_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{})
				return err
			},
			"sync": func(f *fixture) error {
				_, err := f.pub.Sync(t.Context(), f.repo, SyncOptions{})
				return err
			},
			"channel": func(f *fixture) error {
				return f.pub.SetChannel(t.Context(), f.repo.Repo, "stable", manifest.IDOf(f.clock.Now()))
			},
			"prune": func(f *fixture) error {
				_, err := retain.Prune(t.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 1}, Apply: true})
				return err
			},
			"prune, only shown": func(f *fixture) error {
				_, err := retain.Prune(t.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 1}})
				return err
			},
			"horizon": func(f *fixture) error {
				_, err := f.pub.Horizon(t.Context(), f.repo)
				return err
			},
			"collect": collectAll,
		}},
		{"registry", func(f *fixture) { f.lose(manifest.RegistryKey) }, map[string]func(f *fixture) error{
			"publish of a new repo": publishNew,
			"sync of a new repo": func(f *fixture) error {
				_, err := f.pub.Sync(t.Context(), newRepo(f), SyncOptions{})
				return err
			},
		}},
		{"registry, for an earlier one", func(f *fixture) {
			one, err := manifest.Registry{}.Add(manifest.Repo{Name: "earlier", Base: "earlier"})
			if err != nil {
				t.Fatal(err)
			}
			data, err := one.Encode()
			if err != nil {
				t.Fatal(err)
			}
			f.replace(manifest.RegistryKey, string(data))
		}, map[string]func(f *fixture) error{"collect": collectAll}},
	} {
		for name, do := range tt.do {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				f := newFixture(t, manifest.Thin, isos())
				f.publishes(2)
				f.clock.add(30 * day)
				tt.lose(f)
				before := f.keys("")
				if err := do(f); !errors.Is(err, catalog.ErrLost) {
					t.Errorf("%v, want %v", err, catalog.ErrLost)
				}
				if got := f.keys(""); !slices.Equal(got, before) {
					t.Errorf("the store has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(before, "\n"))
				}
			})
		}
	}
}

func newRepo(f *fixture) Repo {
	repo := f.repo
	repo.Repo = manifest.Repo{Name: "new", Base: "new"}
	return repo
}

func publishNew(f *fixture) error {
	_, err := f.pub.Publish(f.Context(), newRepo(f), PublishOptions{})
	return err
}

func collectAll(f *fixture) error {
	_, err := retain.Collect(f.Context(), tools(f.pub), retain.CollectOptions{Apply: true})
	return err
}

// A new store, and one that lost what nothing else shows.
func TestRebuildNothing(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	if r := f.rebuild(rebuild.Options{Write: true}); len(r.Repos) != 0 || len(f.keys("")) > 0 {
		t.Errorf("%+v, %q", r, f.keys(""))
	}
	f.sync() // registers the repo
	if r := f.rebuild(rebuild.Options{Write: true}); r.Repos[0].Index != rebuild.Nothing || r.Registry != rebuild.Intact {
		t.Errorf("%+v", r)
	}
	if _, err := f.store.Store.Swap(t.Context(), manifest.IndexKey(f.repo.Base), "", []byte("{}"), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	if _, err := rebuild.Run(t.Context(), f.rebuilding(rebuild.Options{Write: true})); !errors.Is(err, catalog.ErrCorrupt) {
		t.Errorf("nothing to rebuild it from: %v", err)
	}
}

// A history too long for the index alone, with the default limits: it is sealed,
// resolved, listed, pruned, proved and rebuilt.
func TestLongHistory(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of publishes")
	}
	if raceEnabled {
		t.Skip("minutes with the race detector: make test runs it without")
	}
	f := newFixture(t, manifest.Thin, map[string]string{"a": "1"})
	ids := f.publishes(2*manifest.TailEntries + 10)
	index := f.index()
	if len(index.Segments) != 1 || index.Tail().Len() > manifest.TailEntries {
		t.Fatalf("%d segments, %d entries in the tail", len(index.Segments), index.Tail().Len())
	}
	if got := f.ids(); !slices.Equal(got, ids) {
		t.Errorf("%d of %d checkpoints are listed", len(got), len(ids))
	}
	for _, i := range []int{0, 1, 300, manifest.TailEntries, len(ids) - 2} {
		a, err := f.history().Resolve(t.Context(), manifest.At(ids[i]+1), manifest.MaxID)
		if err != nil || a.ID != ids[i] || !a.Final {
			t.Errorf("%s resolves to %+v, %v", ids[i]+1, a, err)
		}
	}
	keep := 2 * manifest.TailEntries // so that some in the segment are pruned
	if _, err := retain.Prune(t.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: keep}, Reason: "old", Apply: true}); err != nil {
		t.Fatal(err)
	}
	if a, err := f.history().Resolve(t.Context(), manifest.At(ids[3]), manifest.MaxID); err != nil || a.Outcome != manifest.Gone || a.Reason != "old" {
		t.Errorf("a pruned one resolves to %+v, %v", a, err)
	}
	f.proven()
	before := f.all()
	f.lose(manifest.RegistryKey, manifest.IndexKey(f.repo.Base))
	f.rebuild(rebuild.Options{Write: true})
	if after := f.all(); !reflect.DeepEqual(after, before) || len(after.Checkpoints) != keep {
		t.Errorf("%d checkpoints and %d pruned, want %d and %d", len(after.Checkpoints), len(after.Pruned), len(before.Checkpoints), len(before.Pruned))
	}
	f.proven()
	f.publishes(1)
	f.proven()
}

// Large trees are skipped, even between other repos, and on a real server.
func TestRebuildOfMany(t *testing.T) {
	server := miniotest.Start(t)
	server.Setenv(t)
	real, err := storeurl.Open(t.Context(), "minio://"+server.Endpoint+"/"+server.NewBucket(t), storeurl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{"memory": 2000, "minio": 20} {
		f := newFixture(t, manifest.Full, nil)
		if name == "minio" {
			f.store = trace(real)
			f.pub = f.publisher(f.store)
		}
		var repos []Repo
		for _, base := range []string{"a/b", "a/b+", "c", "d/e/f"} {
			layout := layouts[len(repos)%2]
			repos = append(repos, Repo{Repo: manifest.Repo{Name: "of-" + strings.ReplaceAll(base, "/", "-"), Base: base}, Layout: layout, Remote: upstream(many(size))})
		}
		before := map[string]manifest.Segment{}
		lost := []string{manifest.RegistryKey}
		for _, repo := range repos {
			f.repo, f.up = repo, repo.Remote.(*fakeRemote)
			f.publishes(3)
			before[repo.Name] = f.all()
			lost = append(lost, manifest.IndexKey(repo.Base))
		}
		f.lose(lost...)
		if r := f.rebuild(rebuild.Options{Write: true}); len(r.Repos) != len(repos) {
			t.Errorf("%s: %+v", name, r)
		}
		for _, repo := range repos {
			f.repo = repo
			if after := f.all(); !reflect.DeepEqual(after, before[repo.Name]) {
				t.Errorf("%s: %s is\n%+v\nwant\n%+v", name, repo.Name, after, before[repo.Name])
			}
			f.proven()
		}
	}
}
