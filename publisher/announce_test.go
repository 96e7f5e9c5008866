package publisher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/ledger"
	"github.com/asof/asof/publisher/retain"
)

// told notes each announcement, and what the store holds at that moment.
type told struct {
	f    *fixture
	got  []string
	fail error
}

func (a *told) Announce(ctx context.Context, c ledger.Announcement) error {
	stored, err := a.f.pub.ledger.Load(ctx, a.f.repo.Repo)
	if err != nil {
		return err
	}
	a.got = append(a.got, fmt.Sprintf("%s generation %d of %d, horizon only: %t", c.Repo.Base, c.Index.Generation, stored.Doc.Generation, c.HorizonOnly))
	return a.fail
}

// Every change is announced, after it is committed; a failure undoes nothing.
func TestAnnounce(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	a := &told{f: f}
	f.pub.ledger.Announcer, f.pub.Announcer = a, a
	want := func(lines ...string) {
		t.Helper()
		if !slices.Equal(a.got, lines) {
			t.Errorf("told %q, want %q", a.got, lines)
		}
		a.got = nil
	}
	f.publish(PublishOptions{})
	want("checkpoints/myfile generation 1 of 1, horizon only: false")
	f.clock.add(time.Hour)
	f.publish(PublishOptions{})
	want("checkpoints/myfile generation 2 of 2, horizon only: true")

	a.fail = errors.New("nobody is there")
	f.up.set("1.iso", "another")
	f.clock.add(time.Hour)
	r, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{})
	if !errors.Is(err, ledger.ErrNotAnnounced) || !errors.Is(err, a.fail) || r.Outcome != Published || r.Checkpoint.Files != 5 {
		t.Errorf("%+v, %v", r, err)
	}
	want("checkpoints/myfile generation 3 of 3, horizon only: false")
	decisions, err := retain.Prune(t.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 1}, Apply: true})
	if !errors.Is(err, ledger.ErrNotAnnounced) || decisions.Listed != 2 {
		t.Errorf("%+v, %v", decisions, err)
	}
	want("checkpoints/myfile generation 4 of 4, horizon only: false")
	if _, err := retain.Prune(t.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 1}}); err != nil {
		t.Error(err)
	}
	want()
	f.check()
}

// Repos that are published together are announced one by one. If one can't be
// announced, all are committed all the same.
func TestAnnounceGroup(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	other := Repo{Repo: manifest.Repo{Name: "other", Base: "other"}, Remote: upstream(map[string]string{"a": "b"})}
	a := &told{f: f, fail: errors.New("nobody is there")}
	f.pub.ledger.Announcer, f.pub.Announcer = a, a
	for range 2 {
		results, err := f.pub.PublishGroup(t.Context(), []Repo{f.repo, other}, PublishOptions{})
		if !errors.Is(err, ledger.ErrNotAnnounced) || len(results) != 2 || len(a.got) != 2 {
			t.Errorf("%+v, %v, told %q", results, err, a.got)
		}
		a.got = nil
		f.clock.add(time.Hour)
	}
	f.check()
}
