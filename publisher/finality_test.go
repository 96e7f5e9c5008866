package publisher

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/rebuild"
	"github.com/asof/asof/publisher/retain"
)

// loseRegisters deletes all that changes: the registry, the index, and the pages; and
// the records with them, or not.
func (f *fixture) loseRegisters(records bool) {
	f.Helper()
	for _, key := range f.keys("") {
		page := strings.HasSuffix(key, ".html") && strings.Count(strings.TrimPrefix(key, f.repo.Base+"/"), "/") == 0
		record := strings.HasPrefix(key, manifest.RecordPrefix(f.repo.Base))
		if key == manifest.RegistryKey || key == manifest.IndexKey(f.repo.Base) || page || record && records {
			f.remove(key)
		}
	}
}

// answer is what an instant resolves to.
func (f *fixture) answer(at manifest.ID) manifest.Answer {
	f.Helper()
	a, err := f.history().Resolve(f.Context(), manifest.At(at), manifest.MaxID)
	if err != nil {
		f.Fatal(err)
	}
	return a
}

// neighbours is a repo whose second and third checkpoints of four are pruned and
// collected.
func neighbours(t *testing.T, layout manifest.Layout) (f *fixture, ids []manifest.ID) {
	t.Helper()
	f = newFixture(t, layout, isos())
	ids = f.publishes(4)
	if err := f.pub.SetChannel(t.Context(), f.repo.Repo, "stable", ids[0]); err != nil {
		t.Fatal(err)
	}
	f.prune(retain.Policy{Last: 1, IDs: ids[:1]})
	f.clock.add(30 * day)
	f.collect(retain.CollectOptions{Apply: true})
	for _, id := range ids[1:3] {
		if keys := f.keys(manifest.TreePrefix(f.repo.Base, id)); len(keys) > 0 {
			t.Fatalf("%q are left", keys)
		}
	}
	return f, ids
}

// Two neighbours are pruned and collected, and then every register is lost. Records
// bring back what answered 410, with its reason, and the channels.
func TestRebuildNeighbours(t *testing.T) {
	for _, layout := range layouts {
		f, ids := neighbours(t, layout)
		f.loseRegisters(false)
		r := f.rebuild(rebuild.Options{Write: true}).Repos[0]
		if !r.Recorded || len(r.Unknown) > 0 || r.Checkpoints != 2 || r.Pruned != 2 {
			t.Errorf("%s: %+v", layout, r)
		}
		for _, id := range ids[1:3] {
			for _, at := range []manifest.ID{id, id + 5} {
				if a := f.answer(at); a.Outcome != manifest.Gone || a.ID != id || a.Reason != "old" || !a.Final {
					t.Errorf("%s: %s resolves to %+v", layout, at, a)
				}
			}
		}
		index := f.index()
		if index.Channels["stable"] != ids[0] || index.Horizon != manifest.IDOf(f.clock.Now()) {
			t.Errorf("%s: %+v", layout, index)
		}
		f.followed()
	}
}

// If the records are lost as well, nobody knows what was published between the first
// checkpoint and the one before the last. The report says so, and the answer is 410.
func TestRebuildUnknown(t *testing.T) {
	for _, layout := range layouts {
		f, ids := neighbours(t, layout)
		f.loseRegisters(true)
		r := f.rebuild(rebuild.Options{Write: true, Newest: []manifest.ID{ids[0], ids[3]}}).Repos[0]
		if want := []rebuild.Stretch{{From: ids[0] + 1, To: ids[2] - 1}}; r.Recorded || !slices.Equal(r.Unknown, want) {
			t.Errorf("%s: %+v, want %+v", layout, r, want)
		}
		for at := ids[0]; at <= ids[3]; at++ {
			switch a := f.answer(at); {
			case at == ids[0] || at == ids[3]:
				if a.Outcome != manifest.Found || a.ID != at {
					t.Errorf("%s: %s resolves to %+v", layout, at, a)
				}
			case a.Outcome != manifest.Gone || a.Reason == "" || !a.Final:
				t.Errorf("%s: %s resolves to %+v", layout, at, a)
			}
		}
		f.followed()

		// The first is gone, too: then nothing is known from the beginning.
		f.prune(retain.Policy{Last: 1})
		f.clock.add(30 * day)
		f.collect(retain.CollectOptions{Apply: true})
		f.loseRegisters(true)
		r = f.rebuild(rebuild.Options{Write: true, Newest: ids[3:]}).Repos[0]
		if want := []rebuild.Stretch{{From: manifest.MinID, To: ids[2] - 1}}; !slices.Equal(r.Unknown, want) {
			t.Errorf("%s: %+v, want %+v", layout, r, want)
		}
		for _, at := range []manifest.ID{manifest.MinID, ids[0], ids[1], ids[2]} {
			if a := f.answer(at); a.Outcome != manifest.Gone {
				t.Errorf("%s: %s resolves to %+v", layout, at, a)
			}
		}
		f.followed()
	}
}

// What is about to be deleted can't tell any more that it was pruned: so a collection
// records the index first, where a prune was killed before it did.
func TestCollectRecordsFirst(t *testing.T) {
	for _, layout := range layouts {
		f := newFixture(t, layout, isos())
		f.publishes(2)
		f.store.killAt(0, func(op string) bool { return strings.HasPrefix(op, "create "+manifest.RecordPrefix(f.repo.Base)) })
		opts := retain.PruneOptions{Policy: retain.Policy{Last: 1}, Reason: "old", Apply: true}
		if _, err := retain.Prune(t.Context(), tools(f.pub), f.repo.Repo, opts); !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		f.store.heal()
		f.clock.add(30 * day)
		before := f.all()
		f.collect(retain.CollectOptions{Apply: true})
		f.loseRegisters(false)
		f.rebuild(rebuild.Options{Write: true})
		if got := f.all(); !reflect.DeepEqual(got, before) || got.Pruned[0].Reason != "old" {
			t.Errorf("%s: there is\n%+v\nwant\n%+v", layout, got, before)
		}
	}
}

// Two rebuilds in one second, and changes between them: each index is a later one.
func TestRebuildTwice(t *testing.T) {
	f := newFixture(t, manifest.Thin, isos())
	ids := f.publishes(2)
	for _, id := range []manifest.ID{ids[0], ids[1], ids[0]} {
		f.loseRegisters(false)
		f.rebuild(rebuild.Options{Write: true})
		generation := f.index().Generation
		if err := f.pub.SetChannel(t.Context(), f.repo.Repo, "stable", id); err != nil {
			t.Fatal(err)
		}
		f.loseRegisters(false)
		f.rebuild(rebuild.Options{Write: true})
		if index := f.index(); index.Generation <= generation || index.Channels["stable"] != id {
			t.Errorf("%+v follows generation %d", index, generation)
		}
	}
	f.followed()
}

// Whatever happens to a repo, in whatever order: an instant that resolved to a
// checkpoint for good resolves to that one, or is gone. It is never another one's.
func TestFinalAnswersStay(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	for seed := range uint64(rounds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			l := life{newFixture(t, layouts[seed%2], map[string]string{"a": "1"}), rand.New(rand.NewPCG(seed, 17)), map[manifest.ID]manifest.ID{}}
			if seed%3 == 0 {
				l.seals(3, 4)
			}
			l.publishes(2)
			var done []string
			for range 25 {
				done = append(done, l.anything())
				l.keepsAnswers()
				if t.Failed() {
					t.Fatalf("after %s", strings.Join(done, ", "))
				}
				l.keep()
			}
			l.publishes(1)
			l.followed()
			if t.Failed() {
				t.Fatalf("after %s", strings.Join(done, ", "))
			}
		})
	}
}

// life is what happens to a repo.
type life struct {
	*fixture
	random *rand.Rand
	killed map[manifest.ID]manifest.ID // whole trees that were not committed: which one they follow
}

// anything does one of the things that happen, and says what.
func (l life) anything() string {
	l.Helper()
	ids := l.ids()
	published := slices.Clone(ids)
	for _, t := range l.all().Pruned {
		published = append(published, t.ID)
	}
	slices.Sort(published)
	some := ids[l.random.IntN(len(ids))]
	switch l.random.IntN(11) {
	case 0, 1, 2:
		return "publish " + l.publishes(1)[0].String()
	case 3:
		l.publish(PublishOptions{}) // whether anything is new or not
		return "publish"
	case 4:
		l.up.set("n", l.clock.Now().String()+" killed")
		l.crash()
		id := manifest.IDOf(l.clock.Now().Add(-10 * time.Second))
		l.killed[id] = ids[len(ids)-1]
		l.up.set("n", l.clock.Now().String())
		return "a killed publish " + id.String()
	case 5, 6:
		l.prune(retain.Policy{Last: 1 + l.random.IntN(3), IDs: []manifest.ID{some}})
		return "prune all but the last and " + some.String()
	case 7:
		if err := l.pub.SetChannel(l.Context(), l.repo.Repo, "stable", some); err != nil {
			l.Fatal(err)
		}
		return "channel " + some.String()
	case 8:
		l.clock.add(time.Minute)
		l.collect(retain.CollectOptions{Apply: true, Exclusive: true})
		return "collect"
	case 9:
		before := l.all()
		channels := l.index().Channels
		l.loseRegisters(false)
		l.recover(published)
		if got := l.all(); !reflect.DeepEqual(got, before) || !maps.Equal(l.index().Channels, channels) {
			l.Errorf("there is %+v, channels %v\nwant %+v, channels %v", got, l.index().Channels, before, channels)
		}
		return "lose the registers and rebuild"
	}
	l.loseRegisters(true)
	l.recover(published)
	return "lose records as well and rebuild"
}

// recover rebuilds the index. Where that depends on what nothing in the store tells,
// somebody knows.
func (l life) recover(published []manifest.ID) {
	l.Helper()
	_, err := rebuild.Run(l.Context(), l.rebuilding(rebuild.Options{Write: true}))
	if doubt, ok := errors.AsType[*rebuild.AmbiguousError](err); ok {
		var said []manifest.ID
		followed := map[manifest.ID]bool{}
		for i, id := range published {
			if strings.Contains(doubt.Error(), id.String()) {
				said = append(said, id)
				followed[published[max(i-1, 0)]] = true
			}
		}
		for id, before := range l.killed {
			if strings.Contains(doubt.Error(), id.String()) && !followed[before] && !slices.Contains(said, before) {
				said = append(said, before)
			}
		}
		_, err = rebuild.Run(l.Context(), l.rebuilding(rebuild.Options{Write: true, Newest: said}))
		if err != nil {
			err = fmt.Errorf("%v; said are %v: %w", doubt, said, err)
		}
	}
	if err != nil {
		l.Fatal(err)
	}
	l.clock.add(10 * time.Second)
}
