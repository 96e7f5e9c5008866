package publisher

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/readback"
	"github.com/asof/asof/publisher/retain"
)

// clone is a pair of its own in the same state.
func (p *pair) clone() *pair {
	c := &pair{fixture: p.fixture.clone(), repos: slices.Clone(p.repos)}
	c.pub.Concurrency = 1
	for i, up := range p.ups {
		c.ups = append(c.ups, upstream(map[string]string{}))
		for path, content := range up.files {
			c.ups[i].set(path, content)
		}
		c.repos[i].Remote = c.ups[i]
	}
	return c
}

// whole proves both repos. Killed behind its commit, a publish leaves a list that lags
// until the next command on that very repo.
func (p *pair) whole(what string, lists bool) {
	p.Helper()
	for _, repo := range p.repos {
		single := *p.fixture
		single.repo = repo
		if single.index().Generation == 0 {
			continue
		}
		problems := slices.DeleteFunc(single.verify(false).Problems, func(problem readback.Problem) bool {
			return !lists && problem.Key == manifest.ListKey(repo.Base)
		})
		if len(problems) > 0 {
			p.Errorf("%s: %s: %+v", what, repo.Name, problems)
		}
	}
}

// A publish of several repos is killed before it writes anything, and all garbage collected at
// once. Whoever publishes a member then commits nothing that is not whole.
func TestGroupKilledAndCollected(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of publishes")
	}
	alone := func(i int) func(p *pair) error {
		return func(p *pair) error {
			_, err := p.pub.Publish(p.Context(), p.repos[i], PublishOptions{})
			return err
		}
	}
	together := func(p *pair) error {
		_, err := p.pub.PublishGroup(p.Context(), p.repos, PublishOptions{})
		return err
	}
	for _, layout := range layouts {
		for _, first := range []bool{true, false} {
			prepared := newPair(t, "a", "b")
			for i := range prepared.repos {
				prepared.repos[i].Layout = layout
			}
			if !first {
				prepared.together(PublishOptions{})
				prepared.advance("v2")
			}
			pending := 0
			for n := 0; ; n++ {
				killed := prepared.clone()
				killed.store.killAt(n, func(op string) bool {
					return !strings.HasPrefix(op, "load ") && !strings.HasPrefix(op, "open ") && !strings.HasPrefix(op, "stat ") && !strings.HasPrefix(op, "list ")
				})
				err := together(killed)
				if err == nil {
					break
				}
				if !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
				killed.store.heal()
				killed.clock.add(time.Minute)
				if killed.indexOf(0).Pending != nil {
					pending++
				}
				for name, next := range map[string]func(*pair) error{"a alone": alone(0), "b alone": alone(1), "together": together} {
					what := fmt.Sprintf("%s, first %t, killed at write %d, then %s", layout, first, n, name)
					p := killed.clone()
					if _, err := retain.Collect(t.Context(), tools(p.pub), retain.CollectOptions{Exclusive: true, Apply: true}); err != nil && !errors.Is(err, retain.ErrNoRegistry) {
						t.Fatalf("%s: collect: %v", what, err)
					}
					p.clock.add(time.Minute)
					if err := next(p); err != nil {
						t.Fatalf("%s: %v", what, err)
					}
					p.whole(what, false)
					if err := errors.Join(alone(0)(p), alone(1)(p)); err != nil {
						t.Fatalf("%s: %v", what, err)
					}
					p.whole(what, true)
					if t.Failed() {
						t.FailNow()
					}
				}
			}
			if pending == 0 {
				t.Error("never was a group pending")
			}
		}
	}
}

// pendingPair is a pair for which a group was prepared, and not committed to any.
func pendingPair(t *testing.T, layout manifest.Layout) *pair {
	t.Helper()
	p := newPair(t, "a", "b")
	for i := range p.repos {
		p.repos[i].Layout = layout
	}
	p.together(PublishOptions{})
	p.advance("v2")
	p.store.killAt(4, func(op string) bool { return strings.HasPrefix(op, "swap ") })
	if _, err := p.pub.PublishGroup(t.Context(), p.repos, PublishOptions{}); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	p.store.heal()
	p.clock.add(time.Minute)
	if p.swapped(p.groupOf(0)) > 0 || p.indexOf(0).Pending == nil || p.indexOf(1).Pending == nil {
		t.Fatal("it is not pending")
	}
	return p
}

// objects are the keys of all that a member of a group refers to.
func (p *pair) objects(c manifest.Checkpoint, repo Repo) map[string]bool {
	keys := map[string]bool{manifest.TreeKey(repo.Base, c.ID, manifest.IndexPage): true}
	for _, name := range []manifest.Digest{c.Manifest, c.Pages} {
		keys[manifest.ManifestKey(name)] = true
		for e, err := range p.manifest(name).Entries(p.Context()) {
			if err != nil {
				p.Fatal(err)
			}
			keys[c.Place(repo.Base).Key(e.Path, e.SHA256)] = true
		}
	}
	return keys
}

// A group of which something is gone, whatever it is, is given up with a warning, and
// what is published in its place is whole. Those who verify name what is missing.
func TestGroupWithoutAnObject(t *testing.T) {
	for _, layout := range layouts {
		prepared := pendingPair(t, layout)
		group, err := catalog.Group(prepared.repos[1].Base).Load(t.Context(), prepared.store.Store)
		if err != nil {
			t.Fatal(err)
		}
		newest, _ := prepared.indexOf(1).Newest()
		before := prepared.objects(newest, prepared.repos[1])
		checked := 0
		for key := range prepared.objects(group.Doc.Members[1].Checkpoint, prepared.repos[1]) {
			if before[key] {
				continue // without it the newest checkpoint would not be whole either
			}
			checked++
			p := prepared.clone()
			p.remove(key)
			single := *p.fixture
			single.repo = p.repos[1]
			if r := single.verify(false); !slices.ContainsFunc(r.Problems, func(problem readback.Problem) bool { return problem.Key == key && problem.What == "missing" }) {
				t.Errorf("%s: verify without %s: %+v", layout, key, r.Problems)
			}
			var log strings.Builder
			env := p.pub.Env
			env.Log = slog.New(slog.NewTextHandler(&log, nil))
			pub := New(Options{Store: p.store, Env: env})
			if _, err := pub.Publish(t.Context(), p.repos[0], PublishOptions{}); err != nil {
				t.Fatal(err)
			}
			if _, listed := p.indexOf(1).Find(group.Doc.ID); listed {
				t.Errorf("%s: without %s the group is committed", layout, key)
			}
			if want := "a publish of several repos is given up: what it stored is gone"; !strings.Contains(log.String(), want) || !strings.Contains(log.String(), "key="+key) {
				t.Errorf("%s: the log is %s, want %q and %s", layout, log.String(), want, key)
			}
			p.clock.add(time.Minute)
			p.together(PublishOptions{})
			p.whole(string(layout)+" without "+key, true)
			for i := range p.repos {
				if now, _ := p.indexOf(i).Newest(); now.ID <= newest.ID {
					t.Errorf("%s: without %s nothing is published in the group's place", layout, key)
				}
			}
		}
		if checked < 5 {
			t.Errorf("%s: %d objects", layout, checked)
		}
	}
}

// Whatever kind of document refers to a checkpoint or to a manifest: without its
// manifest nothing is collected, and those who verify name it.
func TestEveryRootIsGoneBy(t *testing.T) {
	prepared := pendingPair(t, manifest.Thin)
	f := *prepared.fixture
	f.repo = prepared.repos[1]
	f.up = prepared.ups[1]
	f.seals(3, 4)
	f.up.set("staged", "staged")
	f.sync()
	segmented := newFixture(t, manifest.Thin, isos())
	segmented.seals(3, 4)
	segmented.publishes(5)
	seen := map[manifest.Kind]bool{}
	for _, f := range []*fixture{&f, segmented} {
		roots := catalog.RootsOf{Store: f.store.Store, Repo: f.repo.Repo, History: f.history(), Now: manifest.IDOf(f.clock.Now())}
		for root, err := range roots.All(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			seen[root.By] = true
			key := ""
			if root.Segment != nil {
				key = manifest.SegmentKey(root.Segment.Digest)
			} else {
				key = manifest.ManifestKey(root.Manifests()[0])
			}
			c := f.clone()
			c.remove(key)
			c.store.take()
			if _, err := retain.Collect(t.Context(), tools(c.pub), retain.CollectOptions{Exclusive: true, Apply: true}); err == nil {
				t.Errorf("kind %d: without %s it collects", root.By, key)
			}
			if ops := c.store.take(); slices.ContainsFunc(ops, func(op string) bool { return strings.HasPrefix(op, "delete ") }) {
				t.Errorf("kind %d: without %s it deletes: %q", root.By, key, ops)
			}
			if r := c.verify(false); !slices.ContainsFunc(r.Problems, func(problem readback.Problem) bool { return problem.Key == key }) {
				t.Errorf("kind %d: verify without %s: %+v", root.By, key, r.Problems)
			}
		}
	}
	for _, kind := range []manifest.Kind{manifest.KindIndex, manifest.KindSegment, manifest.KindStaged, manifest.KindGroup} {
		if !seen[kind] {
			t.Errorf("kind %d refers to nothing", kind)
		}
	}
}
