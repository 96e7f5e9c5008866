package publisher

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/readback"
	"github.com/asof/asof/publisher/retain"
)

// drop drops checkpoints of the fixture's repo.
func (f *fixture) drop(force, apply bool, ids ...manifest.ID) (*retain.Decisions, error) {
	f.Helper()
	return retain.Prune(f.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{
		Policy: retain.Policy{Drop: ids, Force: force}, Reason: "leaked", Apply: apply,
	})
}

// A checkpoint that is taken back is gone with its reason, wherever it stood, and takes
// nothing else along. Dropped again, it is said to be gone already.
func TestDrop(t *testing.T) {
	f := newFixture(t, manifest.Thin, isos())
	f.seals(3, 4)
	ids := f.publishes(8)
	if len(f.index().Segments) == 0 {
		t.Fatal("no segments")
	}
	before := f.index().Generation
	if d, err := f.drop(false, false, ids[1], ids[6]); err != nil || d.Pruned() != 2 || f.index().Generation != before {
		t.Fatalf("a dry run: %+v, %v", d, err)
	}
	for range 2 {
		d, err := f.drop(false, true, ids[6], ids[1])
		if err != nil || d.Unreleased || len(d.Drops) != 2 || d.Drops[0].Checkpoint.ID != ids[1] {
			t.Fatalf("%+v, %v", d, err)
		}
		f.clock.add(day)
	}
	if d, err := f.drop(false, true, ids[1]); err != nil || d.Pruned() != 0 || d.Drops[0].Pruned == nil || d.Drops[0].Pruned.Reason != "leaked" {
		t.Errorf("again: %+v, %v", d, err)
	}
	for i, id := range ids {
		want := manifest.Found
		if i == 1 || i == 6 {
			want = manifest.Gone
		}
		a, err := f.history().Resolve(t.Context(), manifest.At(id+1), manifest.MaxID)
		if err != nil || a.Outcome != want || a.ID != id || a.Reason != map[manifest.Outcome]string{manifest.Gone: "leaked"}[want] {
			t.Errorf("%d: %+v, %v", i, a, err)
		}
	}
	f.check()
}

// All that may not go is one error, and nothing goes then.
func TestDropRefuses(t *testing.T) {
	f, other, ids := ringScene(t)
	f.settle(other)
	if err := f.pub.SetChannel(t.Context(), f.repo.Repo, "stable", ids[0]); err != nil {
		t.Fatal(err)
	}
	for _, at := range []manifest.ID{ids[1], ids[2] + 5} {
		if _, err := ringsOf(f.pub).Set(t.Context(), "prod", at, ""); err != nil {
			t.Fatal(err)
		}
	}
	_, err := f.drop(false, true, append(slices.Clone(ids), 17)...)
	for _, want := range []string{
		fmt.Sprintf("drop %s: no such checkpoint", manifest.ID(17)),
		fmt.Sprintf("drop %s: in use: channel stable names it", ids[0]),
		fmt.Sprintf("drop %s: in use: ring prod would be rolled back to it", ids[1]),
		fmt.Sprintf("drop %s: in use: ring prod stands on it", ids[2]),
		fmt.Sprintf("drop %s: in use: it is the newest checkpoint", ids[3]),
	} {
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, manifest.ErrInUse) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
	if _, err := f.drop(true, true, ids[3]); !errors.Is(err, manifest.ErrInUse) {
		t.Errorf("the newest by force: %v", err)
	}
	if n := len(f.all().Pruned); n != 0 {
		t.Errorf("%d are gone", n)
	}

	// By force, what leads there breaks, and nothing else: the channel goes, the ring stays.
	d, err := f.drop(true, false, ids[0], ids[1], ids[2])
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(d.Drops[0].Channels, d.Drops[1].Back, d.Drops[2].Rings); got != "[stable] [prod] [prod]" {
		t.Errorf("what breaks: %s", got)
	}
	if _, err := f.drop(true, true, ids[0], ids[1], ids[2]); err != nil {
		t.Fatal(err)
	}
	rings, err := ringsOf(f.pub).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	history := f.history().WithRings(&rings.Rollout)
	for name, want := range map[string]manifest.Outcome{"stable": manifest.NoName, "prod": manifest.Gone} {
		if a, err := history.Resolve(t.Context(), manifest.When{Kind: manifest.WhenName, Name: name}, manifest.MaxID); err != nil || a.Outcome != want {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	// verify names the ring until it moves on.
	named := func() bool {
		return slices.ContainsFunc(f.verify(true).Problems, func(p readback.Problem) bool { return strings.Contains(p.What, "ring prod stands for") })
	}
	if !named() {
		t.Error("verify is silent about the ring")
	}
	f.settle(other)
	if _, err := ringsOf(f.pub).Promote(t.Context(), nil, ""); err != nil {
		t.Fatal(err)
	}
	if named() {
		t.Error("the ring has moved on, and verify still names it")
	}
}

// To drop one of two checkpoints with the same content takes nothing back: the others are
// named, in all repos, unless they go, too.
func TestDropNamesTwins(t *testing.T) {
	f, other, ids := ringScene(t)
	again := f.publish(PublishOptions{Force: true}).Checkpoint.ID // as ids[3]
	f.up.set("n", "five")
	f.publish(PublishOptions{})
	d, err := f.drop(false, false, ids[3])
	if err != nil {
		t.Fatal(err)
	}
	beside := &fixture{T: t, store: f.store, repo: other}
	twin := beside.all().Checkpoints[3].ID
	want := []retain.Twin{{Repo: f.repo.Name, ID: again}, {Repo: other.Name, ID: twin}}
	if !slices.Equal(d.Drops[0].Same, want) {
		t.Errorf("%v, want %v", d.Drops[0].Same, want)
	}
	for _, apply := range []bool{false, true} {
		if d, err = f.drop(false, apply, ids[3], again); err != nil || !slices.Equal(d.Drops[0].Same, want[1:]) {
			t.Errorf("both: %+v, %v", d.Drops, err)
		}
	}
}
