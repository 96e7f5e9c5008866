package publisher

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/readback"
	"github.com/asof/asof/publisher/rebuild"
	"github.com/asof/asof/publisher/retain"
	"github.com/asof/asof/publisher/rollout"
)

// ringScene has two repos with some checkpoints each, a minute apart.
func ringScene(t *testing.T) (f *fixture, other Repo, ids []manifest.ID) {
	f = newFixture(t, manifest.Thin, isos())
	other = otherThan(f.repo)
	for _, content := range []string{"one", "two", "three", "four"} {
		f.up.set("n", content)
		ids = append(ids, f.publish(PublishOptions{}).Checkpoint.ID)
		if _, err := f.pub.Publish(t.Context(), other, PublishOptions{}); err != nil {
			t.Fatal(err)
		}
		f.clock.add(time.Minute)
	}
	return f, other, ids
}

// settle publishes both repos, and makes what they have final in both.
func (f *fixture) settle(other Repo) {
	f.Helper()
	for range 2 {
		for _, repo := range []Repo{f.repo, other} {
			if _, err := f.pub.Publish(f.Context(), repo, PublishOptions{}); err != nil {
				f.Fatal(err)
			}
		}
		f.clock.add(time.Minute)
	}
}

func (f *fixture) ring(name string) manifest.Ring {
	f.Helper()
	state, err := ringsOf(f.pub).Read(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	ring, ok := state.Ring(name)
	if !ok {
		f.Fatalf("no ring %s", name)
	}
	return ring
}

func stands(r manifest.Ring) manifest.ID {
	s, _ := r.Now()
	return s.Time
}

// A ring follows what is final in both repos. Many at once move it once. A roll-back blocks
// what it stood for, in the repos that differ, until there is something newer.
func TestRings(t *testing.T) {
	f, other, _ := ringScene(t)
	f.settle(other)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := ringsOf(f.pub).Promote(t.Context(), nil, ""); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	limit := min(f.index().Horizon, f.everyRepo()[1].index().Horizon)
	if got := f.ring("canary"); stands(got) != limit || len(got.Stands) != 1 {
		t.Fatalf("canary: %+v, want %s", got, limit)
	}
	before := stands(f.ring("prod"))

	f.clock.add(time.Minute)
	f.up.set("n", "broken")
	bad := f.publish(PublishOptions{}).Checkpoint.ID
	steps, err := ringsOf(f.pub).Promote(t.Context(), []string{"prod", "canary"}, "")
	if err != nil || steps[0].Ring != "canary" || steps[0].Moves() || !strings.HasPrefix(steps[0].Why, "nothing later is final in other") {
		t.Fatalf("%+v, %v", steps, err)
	}
	f.settle(other)
	if steps, err = ringsOf(f.pub).Promote(t.Context(), nil, "nightly"); err != nil || !steps[1].Moves() || !slices.Equal(steps[1].Changed, []string{f.repo.Name, other.Name}) {
		t.Fatalf("%+v, %v", steps, err)
	}

	stop, err := ringsOf(f.pub).Rollback(t.Context(), "prod", 0, "it broke")
	if err != nil || stop.To != before || stop.Blocked[f.repo.Name] != bad || !slices.Equal(stop.Standing, []string{"canary"}) {
		t.Fatalf("%+v, %v", stop, err)
	}
	if _, err := ringsOf(f.pub).Rollback(t.Context(), "prod", 0, "it broke"); !errors.Is(err, rollout.ErrBack) {
		t.Errorf("again: %v", err)
	}
	prod := f.ring("prod")
	if stands(prod) != before || prod.Held == nil || prod.Held.Reason != "it broke" {
		t.Errorf("%+v", prod)
	}
	if _, err := ringsOf(f.pub).Set(t.Context(), "prod", limit, ""); !errors.Is(err, rollout.ErrHeld) && limit != before {
		t.Errorf("held: %v", err)
	}
	if err := ringsOf(f.pub).Resume(t.Context(), "prod", ""); err != nil {
		t.Fatal(err)
	}
	if steps, err = ringsOf(f.pub).Promote(t.Context(), []string{"prod"}, ""); err != nil || len(steps[0].Changed) > 0 || !strings.Contains(steps[0].Why, "is blocked since") {
		t.Errorf("a blocked checkpoint: %+v, %v", steps, err)
	}

	// Something newer in both lets them go on.
	f.clock.add(time.Minute)
	f.up.set("n", "mended")
	f.settle(other)
	if steps, err = ringsOf(f.pub).Promote(t.Context(), nil, ""); err != nil || !steps[0].Moves() || !steps[1].Moves() {
		t.Errorf("%+v, %v", steps, err)
	}
	var changes []string
	for change, err := range catalog.RolloutHistory(t.Context(), f.store.Store) {
		if err != nil {
			t.Fatal(err)
		}
		changes = append(changes, change.What+" "+change.Ring)
	}
	slices.Reverse(changes)
	if got := strings.Join(changes, ", "); got != "set , promote canary, promote prod, promote canary, promote prod, rollback prod, resume prod, promote canary, promote prod" {
		t.Error(got)
	}
}

// A second roll-back, after a resume, goes back further: to the last state with other checkpoints.
// A prune keeps them until then.
func TestRollbackTwice(t *testing.T) {
	f, _, ids := ringScene(t)
	rings := ringsOf(f.pub)
	for _, at := range []manifest.ID{ids[0], ids[1], ids[2]} {
		if _, err := rings.Set(t.Context(), "prod", at, ""); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []manifest.ID{ids[1], ids[0]} {
		stop, err := rings.Rollback(t.Context(), "prod", 0, "it broke")
		if err != nil || stop.To != want || stop.Blocked[f.repo.Name] != ids[2-i] {
			t.Fatalf("%+v, %v; want %s", stop, err, want)
		}
		if _, err := rings.Rollback(t.Context(), "prod", 0, "it broke"); !errors.Is(err, rollout.ErrBack) {
			t.Errorf("while it is held: %v", err)
		}
		if err := rings.Resume(t.Context(), "prod", ""); err != nil {
			t.Fatal(err)
		}
		// The ring's time moves on, up to what is blocked.
		if steps, err := rings.Promote(t.Context(), []string{"prod"}, ""); err != nil || len(steps[0].Changed) > 0 {
			t.Fatalf("%+v, %v", steps, err)
		}
		if _, err := retain.Prune(t.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 1}, Apply: true}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := rings.Rollback(t.Context(), "prod", 0, "it broke"); !errors.Is(err, manifest.ErrNothingBefore) {
		t.Error(err)
	}
}

// What a ring stands on, and what it would be rolled back to, is not pruned; and a name is a
// ring or a channel.
func TestRingsKeep(t *testing.T) {
	f, _, ids := ringScene(t)
	rings := ringsOf(f.pub)
	if _, err := rings.Set(t.Context(), "prod", ids[1], ""); err != nil {
		t.Fatal(err)
	}
	if _, err := rings.Set(t.Context(), "prod", ids[2]+5, ""); err != nil {
		t.Fatal(err)
	}
	prune := func(p retain.Policy) error {
		_, err := retain.Prune(t.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: p, Apply: true})
		return err
	}
	if err := prune(retain.Policy{Drop: []manifest.ID{ids[2]}}); !errors.Is(err, manifest.ErrInUse) || !strings.Contains(err.Error(), "ring prod stands on it") {
		t.Error(err)
	}
	if err := prune(retain.Policy{Last: 1}); err != nil {
		t.Fatal(err)
	}
	var left []manifest.ID
	for _, c := range f.all().Checkpoints {
		left = append(left, c.ID)
	}
	if !slices.Equal(left, ids[1:]) {
		t.Errorf("left: %s of %s", left, ids)
	}
	if err := f.pub.SetChannel(t.Context(), f.repo.Repo, "prod", ids[3]); !errors.Is(err, manifest.ErrTaken) {
		t.Error(err)
	}
	if r := f.verify(true); len(r.Problems) > 0 {
		t.Errorf("%+v", r.Problems)
	}

	// A prune that the rings did not see is found by both.
	index := f.index()
	forced, err := index.Prune(ids[2], manifest.IDOf(f.clock.Now()), "")
	if err != nil {
		t.Fatal(err)
	}
	document, err := forced.Encode()
	if err != nil {
		t.Fatal(err)
	}
	f.replace(manifest.IndexKey(f.repo.Base), string(document))
	if r := f.verify(true); !slices.ContainsFunc(r.Problems, func(p readback.Problem) bool {
		return strings.Contains(p.What, "ring prod stands for") && strings.Contains(p.What, "was pruned")
	}) {
		t.Errorf("%+v", r.Problems)
	}
	if _, err := rings.Set(t.Context(), "canary", ids[2], ""); !errors.Is(err, rollout.ErrNotAllowed) {
		t.Error(err)
	}

	// A lost register comes back as it was.
	was := f.ring("prod")
	f.lose(manifest.RolloutKey)
	if _, err := rings.Promote(t.Context(), nil, ""); !errors.Is(err, catalog.ErrLost) {
		t.Error(err)
	}
	report, err := rebuild.Run(t.Context(), f.rebuilding(rebuild.Options{Write: true}))
	if err != nil || report.Rings != rebuild.Rebuilt {
		t.Fatalf("%+v, %v", report, err)
	}
	if got := f.ring("prod"); stands(got) != stands(was) {
		t.Errorf("%+v, want %+v", got, was)
	}
}
