package publisher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/reliance"
	"github.com/asof/asof/publisher/retain"
)

// pair is a fixture with several repos that are published together. Each of their
// remotes has a file "version" that identifies its state.
type pair struct {
	*fixture
	repos []Repo
	ups   []*fakeRemote
}

func newPair(t *testing.T, names ...string) *pair {
	t.Helper()
	p := &pair{fixture: newFixture(t, manifest.Full, nil)}
	p.pub.Concurrency = 1
	for _, name := range names {
		up := upstream(map[string]string{"version": "v1", "of": name})
		p.ups = append(p.ups, up)
		p.repos = append(p.repos, Repo{Repo: manifest.Repo{Name: name, Base: "base/" + name}, Remote: up})
	}
	return p
}

func (p *pair) together(opts PublishOptions) []Result {
	p.Helper()
	results, err := p.pub.PublishGroup(p.Context(), p.repos, opts)
	if err != nil {
		p.Fatal(err)
	}
	p.clock.add(10 * time.Second)
	return results
}

func (p *pair) advance(version string) {
	for _, up := range p.ups {
		up.set("version", version)
	}
}

func (p *pair) indexOf(i int) manifest.Index {
	p.Helper()
	ix, err := catalog.Index(p.repos[i].Repo).Load(p.Context(), p.store.Store)
	if err != nil {
		p.Fatal(err)
	}
	return ix.Doc
}

// version returns what a repo's checkpoint holds at an instant; empty unless
// final.
func (p *pair) version(i int, at manifest.ID) string {
	p.Helper()
	answer, err := catalog.NewHistory(p.store.Store, p.indexOf(i)).Resolve(p.Context(), manifest.At(at), manifest.MaxID)
	if err != nil {
		p.Fatal(err)
	}
	if !answer.Final || answer.Outcome != manifest.Found {
		return ""
	}
	return p.read(manifest.TreeKey(p.repos[i].Base, answer.ID, "version"))
}

// consistent checks that no two final answers differ up to an instant.
func (p *pair) consistent(to manifest.ID) {
	p.Helper()
	for at := to - 60; at <= to; at++ {
		seen := ""
		for i := range p.repos {
			v := p.version(i, at)
			if v == "" {
				continue
			}
			if seen != "" && v != seen {
				p.Errorf("%s: %s has %s, another one has %s", at, p.repos[i].Name, v, seen)
				return
			}
			seen = v
		}
	}
	// Everything published is whole.
	for _, repo := range p.repos {
		single := *p.fixture
		single.repo = repo
		single.check()
	}
}

func (p *pair) swapped(id manifest.ID) (n int) {
	for i := range p.repos {
		if _, ok := p.indexOf(i).Find(id); ok {
			n++
		}
	}
	return n
}

func TestPublishGroup(t *testing.T) {
	p := newPair(t, "c", "a", "b") // not in the order of their base paths
	now := manifest.IDOf(p.clock.Now())
	first := p.together(PublishOptions{})
	for i, r := range first {
		if r.Repo != p.repos[i].Name || r.Outcome != Published || r.Checkpoint.ID != now || r.Horizon != now {
			t.Errorf("%+v", r)
		}
	}
	p.ups[0].set("version", "v2")
	p.ups[2].set("version", "v2")
	second := p.together(PublishOptions{})
	id := second[0].Checkpoint.ID
	if second[1].Outcome != Unchanged || second[1].Checkpoint != first[1].Checkpoint || second[2].Checkpoint.ID != id || id <= first[0].Checkpoint.ID {
		t.Errorf("%+v", second)
	}
	for i := range p.repos {
		if ix := p.indexOf(i); ix.Horizon != id {
			t.Errorf("%s: horizon %s, want %s", ix.Repo, ix.Horizon, id)
		}
		if list := p.read(manifest.ListKey(p.repos[i].Base)); !strings.Contains(list, second[i].Checkpoint.ID.String()) {
			t.Errorf("the list of %s lacks %s", p.repos[i].Name, second[i].Checkpoint.ID)
		}
	}
	third := p.together(PublishOptions{})
	for i, r := range third {
		if r.Outcome != Unchanged || r.Horizon <= id || p.indexOf(i).Horizon != r.Horizon {
			t.Errorf("%+v", r)
		}
	}
	at := manifest.IDOf(p.clock.Now().Add(-time.Second))
	for _, r := range p.together(PublishOptions{Force: true, At: at}) {
		if r.Checkpoint.ID != at || r.Files.Uploaded > 0 {
			t.Errorf("%+v", r)
		}
	}
	if _, err := p.pub.PublishGroup(t.Context(), append(p.repos, p.repos[0]), PublishOptions{}); !errors.Is(err, ErrTwice) || err.Error() != "repo c is listed twice" {
		t.Error(err)
	}
}

// The zero id can't be claimed.
func TestClaimNone(t *testing.T) {
	p := newPair(t, "a")
	if err := p.pub.claims.createAttempt(t.Context(), "a", manifest.Attempt{Layout: manifest.Full}); err == nil {
		t.Error("it is claimed")
	}
	if got := p.keys(manifest.PrivatePrefix); len(got) > 0 {
		t.Error(got)
	}
}

// The requests of a commit: what is written down, and when.
func TestPublishGroupRequests(t *testing.T) {
	p := newPair(t, "a", "b")
	p.together(PublishOptions{})
	p.advance("v2")
	p.store.take()
	p.together(PublishOptions{})
	var swaps []string
	for _, op := range p.store.take() {
		if key, ok := strings.CutPrefix(op, "swap "); ok {
			swaps = append(swaps, key)
		}
	}
	want := []string{
		".asof/repos/base/a/together.json", "base/a/checkpoints.json", // the fence
		".asof/repos/base/b/together.json", "base/b/checkpoints.json",
		"base/a/checkpoints.json", "base/a/index.html",
		"base/b/checkpoints.json", "base/b/index.html",
	}
	if !slices.Equal(swaps, want) {
		t.Errorf("%q", swaps)
	}
}

func TestPublishGroupAllOrNothing(t *testing.T) {
	p := newPair(t, "a", "b")
	p.together(PublishOptions{})
	before := []manifest.Index{p.indexOf(0), p.indexOf(1)}
	p.advance("v2")
	p.ups[1].wrong["version"] = "v3"
	_, err := p.pub.PublishGroup(t.Context(), p.repos, PublishOptions{})
	if !errors.Is(err, objstore.ErrMismatch) || !strings.HasPrefix(err.Error(), "repo b: version: ") {
		t.Error(err)
	}
	for i, ix := range before {
		if now := p.indexOf(i); now.Generation != ix.Generation {
			t.Errorf("%s: generation %d", ix.Repo, now.Generation)
		}
	}
	// Mended, the same command finishes under the id that was claimed.
	claimed := manifest.IDOf(p.clock.Now())
	p.clock.add(time.Minute)
	p.ups[1].wrong = map[string]string{}
	for _, r := range p.together(PublishOptions{}) {
		if r.Checkpoint.ID != claimed {
			t.Errorf("%s: id %s, want %s", r.Repo, r.Checkpoint.ID, claimed)
		}
	}
}

// killed publishes a pair together, and dies at the nth swap after the first
// publish. It reports whether it died.
func killed(t *testing.T, n int) (*pair, bool) {
	t.Helper()
	p := newPair(t, "a", "b")
	p.together(PublishOptions{})
	p.advance("v2")
	p.store.killAt(n, func(op string) bool { return strings.HasPrefix(op, "swap ") })
	_, err := p.pub.PublishGroup(t.Context(), p.repos, PublishOptions{})
	if err != nil && !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	p.store.heal()
	p.clock.add(time.Minute)
	return p, err != nil
}

// groupOf returns the id of the last group that was written down with a repo.
func (p *pair) groupOf(i int) manifest.ID {
	g, err := catalog.Group(p.repos[i].Base).Load(p.Context(), p.store.Store)
	if err != nil {
		p.Fatal(err)
	}
	return g.Doc.ID
}

// If a publish is killed between any two swaps, the next one finishes it under
// the same id.
func TestPublishGroupKilled(t *testing.T) {
	half := 0
	for n := 0; ; n++ {
		for name, next := range map[string]func(p *pair) error{
			"again": func(p *pair) error {
				_, err := p.pub.PublishGroup(t.Context(), p.repos, PublishOptions{})
				return err
			},
			"others too": func(p *pair) error {
				more := append(slices.Clone(p.repos), Repo{Repo: manifest.Repo{Name: "0", Base: "base/0"}, Remote: p.ups[0]})
				_, err := p.pub.PublishGroup(t.Context(), more, PublishOptions{})
				return err
			},
			"a alone, b moved on, then b": func(p *pair) error {
				p.ups[1].set("version", "v3")
				if _, err := p.pub.Publish(t.Context(), p.repos[0], PublishOptions{}); err != nil {
					return err
				}
				_, err := p.pub.Publish(t.Context(), p.repos[1], PublishOptions{})
				return err
			},
			"b alone, and moved on": func(p *pair) error {
				p.ups[1].set("version", "v3")
				_, err := p.pub.Publish(t.Context(), p.repos[1], PublishOptions{})
				return err
			},
		} {
			p, died := killed(t, n)
			if !died {
				if half == 0 {
					t.Error("never was one swapped and the other not")
				}
				return
			}
			id := p.groupOf(0)
			swapped := p.swapped(id)
			p.consistent(manifest.IDOf(p.clock.Now()))
			if err := next(p); err != nil {
				t.Fatalf("killed at swap %d, %s: %v", n, name, err)
			}
			if swapped == 1 {
				half++
				if p.swapped(id) != 2 {
					t.Errorf("killed at swap %d, %s: it is not finished", n, name)
				}
			}
			if swapped > 0 || name == "again" {
				p.consistent(id)
				if p.version(0, id) == "" && swapped > 0 {
					t.Errorf("killed at swap %d, %s: the answer for %s is not final", n, name, id)
				}
			}
			if name == "again" {
				p.consistent(manifest.IDOf(p.clock.Now()))
				if newest, _ := p.indexOf(1).Newest(); p.version(0, newest.ID) != "v2" || p.version(1, newest.ID) != "v2" {
					t.Errorf("killed at swap %d: %s and %s", n, p.version(0, newest.ID), p.version(1, newest.ID))
				}
			}
		}
	}
}

// A publisher of one repo is held up before its swap, while a group is partly
// committed. It can't make an answer final that contradicts the group.
func TestPublishGroupFencesOthers(t *testing.T) {
	for n := 0; ; n++ {
		p := newPair(t, "a", "b")
		p.together(PublishOptions{})
		slow := trace(p.store.Store)
		other := p.publisher(slow)
		var died bool
		slow.at(3, func(op string) error { // its swap: it has seen v1, and so no change
			if op != "swap base/b/checkpoints.json" {
				t.Fatal(op)
			}
			p.advance("v2")
			p.store.killAt(n, func(op string) bool { return strings.HasPrefix(op, "swap ") })
			_, err := p.pub.PublishGroup(t.Context(), p.repos, PublishOptions{})
			died = errors.Is(err, errKilled)
			p.store.heal()
			p.clock.add(time.Minute)
			return nil
		})
		if _, err := other.Publish(t.Context(), p.repos[1], PublishOptions{}); err != nil {
			t.Fatal(err)
		}
		p.consistent(p.groupOf(0))
		if !died {
			return
		}
		p.clock.add(time.Minute)
		p.together(PublishOptions{})
		p.consistent(p.groupOf(0))
	}
}

// Another publisher runs before any one operation of a group's publish.
func TestPublishGroupMeetsOthers(t *testing.T) {
	for name, intrude := range map[string]func(p *pair) error{
		"one repo, unchanged": func(p *pair) error {
			repo := p.repos[1]
			repo.Remote = upstream(map[string]string{"version": "v1", "of": "b"})
			_, err := p.publisher(p.store.Store).Publish(p.Context(), repo, PublishOptions{})
			return err
		},
		"the same group": func(p *pair) error {
			_, err := p.publisher(p.store.Store).PublishGroup(p.Context(), p.repos, PublishOptions{})
			return err
		},
		"a part of it and another": func(p *pair) error {
			up := upstream(map[string]string{"version": "v2"})
			_, err := p.publisher(p.store.Store).PublishGroup(p.Context(), []Repo{p.repos[1], {Repo: manifest.Repo{Name: "c", Base: "base/c"}, Remote: up}}, PublishOptions{})
			return err
		},
		"a collection": func(p *pair) error {
			_, err := retain.Collect(p.Context(), tools(p.publisher(p.store.Store)), retain.CollectOptions{Apply: true})
			return err
		},
	} {
		for n := 0; ; n++ {
			p := newPair(t, "a", "b")
			p.together(PublishOptions{})
			p.advance("v2")
			came := false
			p.store.at(n, func(string) error {
				came = true
				p.clock.add(2 * time.Second)
				return intrude(p)
			})
			results, err := p.pub.PublishGroup(t.Context(), p.repos, PublishOptions{})
			if err != nil {
				t.Fatalf("%s, before operation %d: %v", name, n, err)
			}
			if !came {
				break
			}
			if name != "a part of it and another" { // which publishes b without a
				p.consistent(results[0].Checkpoint.ID)
			}
			if p.groupOf(0) == 0 {
				t.Errorf("%s, before operation %d: no group", name, n)
			}
		}
	}
}

// Many publishers of overlapping groups at once: all succeed, and no final
// answers differ.
func TestPublishGroupRace(t *testing.T) {
	p := newPair(t, "a", "b", "c")
	p.together(PublishOptions{})
	p.advance("v2")
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			repos := slices.Clone(p.repos)
			if i%2 == 1 {
				slices.Reverse(repos)
			}
			if _, err := p.publisher(p.store.Store).PublishGroup(t.Context(), repos, PublishOptions{Force: i == 5}); err != nil {
				t.Errorf("publisher %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	p.consistent(manifest.IDOf(p.clock.Now()))
	if p.version(0, p.groupOf(0)) != "v2" {
		t.Error("v2 is not published")
	}
}

// A group that is too old to be committed is left alone.
func TestPublishGroupTooOld(t *testing.T) {
	for n := range 6 {
		p, _ := killed(t, n)
		p.clock.add(reliance.Fresh)
		p.advance("v3")
		results := p.together(PublishOptions{})
		for i, r := range results {
			if r.Outcome != Published || p.version(i, r.Checkpoint.ID) != "v3" {
				t.Errorf("killed at swap %d: %+v", n, r)
			}
		}
	}
}

func TestPublishGroupCancelled(t *testing.T) {
	p := newPair(t, "a", "b")
	ctx, cancel := context.WithCancel(t.Context())
	p.store.at(9, func(string) error { cancel(); return ctx.Err() })
	if _, err := p.pub.PublishGroup(ctx, p.repos, PublishOptions{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := fmt.Sprint(p.keys("base/")); strings.Contains(got, "checkpoints.json") {
		t.Error(got)
	}
}

// If somebody else adds a checkpoint to a member before the group is written
// down, the group ends: its receipt about the checkpoint before would be wrong.
func TestGroupOvertaken(t *testing.T) {
	p := newPair(t, "a", "b")
	p.together(PublishOptions{})
	p.advance("v2")
	other := p.repos[1]
	other.Remote = upstream(map[string]string{"version": "v2", "of": "somebody else"})
	done := false
	p.store.before = func(op string) error {
		if done || op != "swap "+manifest.GroupKey("base/a") {
			return nil
		}
		done = true
		_, err := p.publisher(p.store.Store).Publish(t.Context(), other, PublishOptions{})
		return err
	}
	results := p.together(PublishOptions{})
	if a, b := results[0].Checkpoint, results[1].Checkpoint; a.ID != b.ID || a.Changed != 1 || b.Changed != 1 {
		t.Errorf("%+v, %+v", a, b)
	}
	for i, want := range []int{2, 3} {
		p.repo = p.repos[i]
		list := p.indexOf(i).Checkpoints
		if len(list) != want {
			t.Errorf("%s has %d checkpoints, want %d", p.repo.Name, len(list), want)
		}
		for j, c := range list[1:] {
			if r := p.receipt(c); r.Previous == nil || r.Previous.ID != list[j].ID {
				t.Errorf("%s: %s follows %+v, want %s", p.repo.Name, c.ID, r.Previous, list[j].ID)
			}
		}
		p.check()
	}
}
