package publisher

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/retain"
)

// decided returns all decisions.
func decided(t *testing.T, d *retain.Decisions) (all []retain.Decision) {
	t.Helper()
	for decision, err := range d.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, decision)
	}
	return all
}

// The decisions on a history in segments are the same. One segment is read at a
// time, and pruning leaves a segment alone if everything in it stays.
func TestPolicyOnSegments(t *testing.T) {
	f := newFixture(t, manifest.Thin, map[string]string{})
	f.seals(4, 5)
	ids := f.publishes(40)
	policy := retain.Policy{Last: 7, IDs: []manifest.ID{ids[0], ids[21]}}
	var want []string
	for i, id := range ids {
		keep := i >= 33 || i == 0 || i == 21
		want = append(want, fmt.Sprint(id, keep))
	}
	holds := func(d *retain.Decisions, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, decision := range decided(t, d) {
			got = append(got, fmt.Sprint(decision.ID, decision.Keep))
		}
		if !slices.Equal(got, want) || d.Listed != 40 || d.Pruned() != 31 {
			t.Errorf("%d of %d go: %q", d.Pruned(), d.Listed, got)
		}
	}
	if len(f.index().Segments) < 6 {
		t.Fatalf("%d segments", len(f.index().Segments))
	}
	holds(retain.Prune(t.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: policy}))
	holds(retain.Prune(t.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: policy, Apply: true})) // unchanged
	var left []manifest.ID
	for _, c := range f.all().Checkpoints {
		left = append(left, c.ID)
	}
	if !slices.Equal(left, append([]manifest.ID{ids[0], ids[21]}, ids[33:]...)) {
		t.Errorf("left are %v", left)
	}
	f.store.take()
	if _, err := retain.Prune(t.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: policy, Apply: true}); err != nil {
		t.Fatal(err)
	}
	for _, op := range f.store.take() {
		if verb, _, _ := strings.Cut(op, " "); verb == "create" || verb == "swap" {
			t.Errorf("with nothing to prune it asked for %s", op)
		}
	}
}

func indexOf(t *testing.T, ids ...string) manifest.Index {
	t.Helper()
	ix := manifest.NewIndex("myfile")
	for _, s := range ids {
		id, err := manifest.ParseID(s)
		if err == nil {
			ix, err = ix.Append(manifest.Checkpoint{ID: id, Layout: manifest.Full})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return ix
}

func TestPolicy(t *testing.T) {
	ix := indexOf(t,
		"20231231T235959Z", "20240101T000000Z", // a Sunday and a Monday: two days, weeks, months, years
		"20250301T060000Z", "20250301T063000Z", "20250301T070000Z",
		"20250317T120000Z", "20250318T120000Z", "20250318T140338Z")
	ix, err := ix.SetChannel("stable", ix.Checkpoints[2].ID, ix.Horizon)
	if err != nil {
		t.Fatal(err)
	}
	days := func(s string) retain.Span {
		span, err := retain.ParseSpan(s)
		if err != nil {
			t.Fatal(err)
		}
		return span
	}
	none := ""
	for _, c := range []struct {
		name   string
		policy retain.Policy
		want   []string // what keeps each
	}{
		{"last 1", retain.Policy{Last: 1}, []string{none, none, "channel", none, none, none, none, "newest last"}},
		{"last 3", retain.Policy{Last: 3}, []string{none, none, "channel", none, none, "last", "last", "newest last"}},
		{"hourly 2", retain.Policy{Hourly: 2}, []string{none, none, "channel", none, none, none, "hourly", "newest hourly"}},
		{"daily 2", retain.Policy{Daily: 2}, []string{none, none, "channel", none, none, "daily", none, "newest daily"}},
		{"daily 3", retain.Policy{Daily: 3}, []string{none, none, "channel", none, "daily", "daily", none, "newest daily"}},
		{"weekly 3", retain.Policy{Weekly: 3}, []string{none, "weekly", "channel", none, "weekly", none, none, "newest weekly"}},
		{"monthly 3", retain.Policy{Monthly: 3}, []string{"monthly", "monthly", "channel", none, none, none, none, "newest monthly"}},
		{"yearly 9", retain.Policy{Yearly: 9}, []string{"yearly", "yearly", "channel", none, none, none, none, "newest yearly"}},
		{"within", retain.Policy{Within: days("1d12h")}, []string{none, none, "channel", none, none, "within", "within", "newest within"}},
		{"ids", retain.Policy{IDs: []manifest.ID{ix.Checkpoints[0].ID}}, []string{"named", none, "channel", none, none, none, none, "newest"}},
	} {
		decisions, err := c.policy.Decide(t.Context(), catalog.NewHistory(nil, ix))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range decided(t, decisions) {
			if d.Keep != (len(d.Reasons) > 0) {
				t.Errorf("%s: %s: keep is %t for %q", c.name, d.ID, d.Keep, d.Reasons)
			}
			got = append(got, strings.Join(d.Reasons, " "))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
	for _, bad := range []retain.Policy{{}, {Last: -1}, {IDs: []manifest.ID{1}}} {
		if _, err := bad.Decide(t.Context(), catalog.NewHistory(nil, ix)); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
	if _, err := (retain.Policy{}).Decide(t.Context(), catalog.NewHistory(nil, ix)); !errors.Is(err, retain.ErrNoPolicy) {
		t.Error(err)
	}
}

func TestParseSpan(t *testing.T) {
	for s, want := range map[string]retain.Span{
		"30d": {Days: 30}, "2w": {Days: 14}, "2w1d": {Days: 15}, "12h": {Hours: 12}, "1y6m": {Years: 1, Months: 6},
	} {
		if got, err := retain.ParseSpan(s); err != nil || got != want {
			t.Errorf("%s: %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "30", "d", "1d1w", "1d2d", "-1d", "1.5d", "0d", "1 d", "99999999d", "1s"} {
		if span, err := retain.ParseSpan(s); err == nil {
			t.Errorf("%q was taken for %+v", s, span)
		}
	}
}
