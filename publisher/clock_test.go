package publisher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/job"
	"github.com/asof/asof/publisher/rebuild"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/retain"
)

// dated is a store with a clock of its own, of which the first answer tells.
type dated struct {
	*traced
	now func() time.Time
}

func (d dated) Time(bool) (time.Time, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now(), len(d.ops) > 0
}

// state is all that the store holds.
func (f *fixture) state() map[string]string {
	f.Helper()
	all := map[string]string{}
	for _, key := range f.keys("") {
		all[key] = f.read(key)
	}
	return all
}

// commands are all that write to a store, and what they say first where a repo is named.
func commands() map[string]func(ctx context.Context, f *fixture, p *Publisher) error {
	publish := func(opts PublishOptions) func(context.Context, *fixture, *Publisher) error {
		return func(ctx context.Context, f *fixture, p *Publisher) error {
			_, err := p.Publish(ctx, f.repo, opts)
			return err
		}
	}
	return map[string]func(context.Context, *fixture, *Publisher) error{
		"publish":   publish(PublishOptions{}),
		"force":     publish(PublishOptions{Force: true}),
		"at a time": publish(PublishOptions{At: manifest.IDOf(newClock("20250318T140400Z").Now())}),
		"staged":    publish(PublishOptions{NoSync: true}),
		"dry run": func(ctx context.Context, f *fixture, p *Publisher) error {
			dry, _ := p.DryRun()
			_, err := dry.Publish(ctx, f.repo, PublishOptions{})
			return err
		},
		"first": func(ctx context.Context, f *fixture, p *Publisher) error {
			_, err := p.Publish(ctx, otherThan(f.repo), PublishOptions{})
			return err
		},
		"together": func(ctx context.Context, f *fixture, p *Publisher) error { return publishGroup(ctx, f, p, f.repo) },
		"sync": func(ctx context.Context, f *fixture, p *Publisher) error {
			_, err := p.Sync(ctx, f.repo, SyncOptions{})
			return err
		},
		"import": func(ctx context.Context, f *fixture, p *Publisher) error {
			_, err := p.Horizon(ctx, f.repo)
			return err
		},
		"channel": func(ctx context.Context, f *fixture, p *Publisher) error {
			return p.SetChannel(ctx, f.repo.Repo, "stable", f.all().Checkpoints[0].ID)
		},
		"prune": func(ctx context.Context, f *fixture, p *Publisher) error { return pruning(ctx, f, p, f.repo) },
		"prune, only shown": func(ctx context.Context, f *fixture, p *Publisher) error {
			_, err := retain.Prune(ctx, tools(p), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 1}})
			return err
		},
		"gc": func(ctx context.Context, _ *fixture, p *Publisher) error {
			_, err := retain.Collect(ctx, tools(p), retain.CollectOptions{Apply: true})
			return err
		},
		"rebuild": func(ctx context.Context, f *fixture, p *Publisher) error {
			opts := f.rebuilding(rebuild.Options{Write: true, Future: true})
			opts.Store, opts.Env = p.Store, p.Env
			_, err := rebuild.Run(ctx, opts)
			return err
		},
	}
}

// clocked is a repo with two checkpoints and something staged, in a store with a clock.
func clocked(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t, manifest.Thin, isos())
	f.publishes(2)
	f.up.set("n", "staged")
	f.sync()
	f.up.set("n", "changed")
	f.pub = f.publisher(dated{f.store, f.clock.Now})
	f.store.take()
	return f
}

// A machine whose clock is not the store's writes nothing, whatever the command.
func TestClockOfTheStore(t *testing.T) {
	for _, off := range []struct {
		ahead time.Duration
		says  string
	}{
		{2*time.Minute + time.Second, "2m1s ahead of"},
		{24 * time.Hour, "24h0m0s ahead of"},
		{10 * 365 * day, "10 years ahead of"},
		{-3 * day, "3 days behind"},
		{newClock("19700101T000000Z").Now().Sub(newClock("20250318T140430Z").Now()), "55 years behind"},
	} {
		for name, do := range commands() {
			t.Run(off.says+"/"+name, func(t *testing.T) {
				f := clocked(t)
				before := f.state()
				err := do(t.Context(), f, f.publisherAhead(off.ahead))
				other, ok := errors.AsType[*job.OtherClockError](err)
				if !ok || !errors.Is(err, job.ErrClock) {
					t.Fatalf("%v", err)
				}
				now := f.clock.Now()
				want := fmt.Sprintf("this machine's clock is %s the store's: the time is %s here, and %s there", off.says, manifest.IDOf(now.Add(off.ahead)), manifest.IDOf(now))
				if other.Error() != want || !strings.HasSuffix(err.Error(), want) {
					t.Errorf("it says\n%s\nwant\n%s", err, want)
				}
				if other.Hint() != "set the clock that is wrong, here or at the store, and run it again" {
					t.Errorf("hint %q", other.Hint())
				}
				if after := f.state(); !maps.Equal(after, before) {
					t.Error("something was written")
				}
			})
		}
	}
}

// Up to two minutes, clocks may differ: all commands do what they do.
func TestClockAsGoodAsTheStores(t *testing.T) {
	for _, off := range []time.Duration{-2 * time.Minute, 2 * time.Minute} {
		for name, do := range commands() {
			if name == "at a time" || name == "sync" {
				continue // what is chosen, or staged, may lie above the clock that is behind
			}
			f := clocked(t)
			if err := do(t.Context(), f, f.publisherAhead(off)); err != nil {
				t.Errorf("%s off, %s: %v", off, name, err)
			}
			f.verify(false)
		}
	}
}

// A clock that is set while a publish is at work: nothing is written from then on.
func TestClockThatIsSet(t *testing.T) {
	f := clocked(t)
	var ahead time.Duration
	p := f.publisher(dated{f.store, f.clock.Now})
	p.Concurrency = 1
	p.Options.Now = func() time.Time { return f.clock.Now().Add(ahead) }
	p = New(p.Options)
	f.store.mu.Lock()
	f.store.before = func(op string) error {
		if strings.HasPrefix(op, "create "+manifest.AttemptPrefix(f.repo.Base)) {
			ahead = 24 * time.Hour
		}
		return nil
	}
	f.store.mu.Unlock()
	before := f.index()
	if _, err := p.Publish(t.Context(), f.repo, PublishOptions{}); !errors.Is(err, job.ErrClock) {
		t.Errorf("%v", err)
	}
	if after := f.index(); !reflect.DeepEqual(after, before) {
		t.Errorf("the index is %+v", after)
	}
}

// datedRemote is an upstream that tells what time it is.
type datedRemote struct {
	*fakeRemote
	now func() time.Time
}

func (r *datedRemote) Capture(ctx context.Context, prev remote.Previous) (remote.Capture, error) {
	c, err := r.fakeRemote.Capture(ctx, prev)
	return &datedCapture{c, r.now}, err
}

type datedCapture struct {
	remote.Capture
	now func() time.Time
}

func (c *datedCapture) Date() (time.Time, string, bool) { return c.now(), "upstream.example", true }

// An upstream's clock decides only where the store has none, and the user says nothing.
func TestClockOfUpstream(t *testing.T) {
	for _, tt := range []struct {
		off          time.Duration
		store, trust bool
		fails        bool
	}{
		{off: 2 * time.Minute},
		{off: -2 * time.Minute},
		{off: 2*time.Minute + time.Second, fails: true},
		{off: -day, fails: true},
		{off: -day, store: true},
		{off: day, store: true},
		{off: -day, trust: true},
	} {
		for name, do := range commands() {
			if !slices.Contains([]string{"publish", "force", "dry run", "first", "together", "sync"}, name) {
				continue
			}
			t.Run(fmt.Sprintf("%+v/%s", tt, name), func(t *testing.T) {
				f := newFixture(t, manifest.Full, isos())
				f.publishes(2)
				f.up.set("n", "changed")
				f.repo.Remote = &datedRemote{f.up, func() time.Time { return f.clock.Now().Add(tt.off) }}
				// A new grace must not be written, either.
				hour := time.Hour
				f.repo.Grace = &hour
				p := f.pub
				if tt.store {
					p = f.publisher(dated{f.store, f.clock.Now})
				}
				p.TrustClock = tt.trust
				before := f.state()
				err := do(t.Context(), f, p)
				if !tt.fails {
					if err != nil {
						t.Error(err)
					}
					return
				}
				other, ok := errors.AsType[*job.OtherClockError](err)
				if !ok || other.Whose != "upstream.example's" || !strings.Contains(other.Hint(), "--trust-clock") {
					t.Fatalf("%v", err)
				}
				if after := f.state(); !maps.Equal(after, before) {
					t.Error("something was written")
				}
			})
		}
	}
}

// A store that was hit: every command refuses to build on it, and says how it is mended.
// Then it is mended, and published to at once. No final answer changes.
func TestTakeBackTheFuture(t *testing.T) {
	for _, ahead := range []time.Duration{2*time.Minute + time.Second, day, 10 * 365 * day} {
		for _, layout := range layouts {
			t.Run(fmt.Sprint(ahead, "/", layout), func(t *testing.T) {
				f := newFixture(t, layout, isos())
				good := f.publishes(3)
				content := f.index()
				if err := f.pub.SetChannel(t.Context(), f.repo.Repo, "stable", good[1]); err != nil {
					t.Fatal(err)
				}
				bad := f.hit(ahead, 2)
				f.clock.add(-20 * time.Second) // the time that hit took
				f.keep()
				before := f.state()
				for name, do := range commands() {
					if name == "at a time" || name == "first" || name == "gc" || name == "rebuild" || name == "together" {
						continue
					}
					err := do(t.Context(), f, f.pub)
					future, ok := errors.AsType[*job.FutureError](err)
					if !ok || !strings.Contains(future.Hint(), "asof rebuild --future") {
						t.Errorf("%s: %v", name, err)
					}
				}
				if after := f.state(); !maps.Equal(after, before) {
					t.Error("something was written")
				}
				now := manifest.IDOf(f.clock.Now())
				report := f.rebuild(rebuild.Options{})
				if r := report.Repos[0]; r.Index != rebuild.Ahead || r.Future == nil || r.Checkpoints != 5 {
					t.Errorf("it is said to be %+v", r)
				}
				dry := f.rebuild(rebuild.Options{Future: true})
				want := rebuild.Future{Now: now, Horizon: bad[1], Checkpoints: bad, Channels: []string{"ahead"}}
				if r := dry.Repos[0]; r.Index != rebuild.Withdrawn || !reflect.DeepEqual(*r.Future, want) || r.Checkpoints != 3 {
					t.Errorf("a dry run says %+v, %+v, want %+v", r, r.Future, want)
				}
				_, err := rebuild.Run(t.Context(), f.rebuilding(rebuild.Options{Future: true, Write: true}))
				if !errors.Is(err, rebuild.ErrUnconfirmed) {
					t.Errorf("with a clock that nothing confirms: %v", err)
				}
				_, err = rebuild.Run(t.Context(), f.rebuilding(rebuild.Options{Future: true, Write: true, Time: now + 121}))
				if !errors.Is(err, job.ErrClock) {
					t.Errorf("with another time than the user's: %v", err)
				}
				if after := f.state(); !maps.Equal(after, before) {
					t.Error("something was written")
				}
				f.rebuild(rebuild.Options{Future: true, Write: true, Time: now + 60})
				index := f.index()
				if got := f.ids(); !slices.Equal(got, good) || index.Horizon != now+manifest.MaxSkew || !maps.Equal(index.Channels, map[string]manifest.ID{"stable": good[1]}) {
					t.Errorf("left are %s, and %+v", got, index)
				}
				f.followed()
				f.keepsAnswers()
				// What it was is on record.
				was, err := catalog.LatestRecord(t.Context(), f.store.Store, f.repo.Repo)
				if err != nil || !was.Lists(index) {
					t.Errorf("the record is %+v, %v", was, err)
				}
				f.lose(manifest.RecordKey(f.repo.Base, index.Generation))
				was, err = catalog.LatestRecord(t.Context(), f.store.Store, f.repo.Repo)
				if newest, _ := was.Newest(); err != nil || newest.ID != bad[1] {
					t.Errorf("the record before is %+v, %v", was, err)
				}
				// Again, there is nothing to do but to write the record.
				if r := f.rebuild(rebuild.Options{Future: true, Write: true}).Repos[0]; r.Index != rebuild.Intact || r.Future != nil {
					t.Errorf("again: %+v", r)
				}
				// The same content is published at the right time, not at the id that
				// was claimed for it, and from what the tree there holds.
				opens := f.up.opens
				r := f.publish(PublishOptions{})
				id := now + manifest.MaxSkew + 1
				if id == bad[0] {
					id++ // that one is taken
				}
				if r.Outcome != Published || r.Checkpoint.ID != id || f.up.opens != opens {
					t.Errorf("published %+v, with %d files read", r, f.up.opens-opens)
				}
				if r.Checkpoint.Content == content.Checkpoints[2].Content {
					t.Error("it is the content of before")
				}
				f.followed()
				f.keepsAnswers()
				f.clock.add(ahead)
				f.publishes(2)
				// The janitor does not believe the index that they may go.
				held, err := retain.Confirm(t.Context(), tools(f.pub), f.repo.Repo, retain.ChoiceOptions{Apply: true})
				if err != nil || len(held) != len(bad) {
					t.Errorf("released %+v, %v", held, err)
				}
				f.clock.add(30 * day)
				f.collect(retain.CollectOptions{Apply: true})
				for _, id := range bad {
					if keys := f.keys(manifest.TreePrefix(f.repo.Base, id)); len(keys) > 0 {
						t.Errorf("gc left %s", keys)
					}
				}
				f.followed()
				f.keepsAnswers()
			})
		}
	}
}

// A publish of several repos by a machine whose clock was ahead, killed at any swap. Nobody
// finishes it, neither now nor when its time has come.
func TestTakeBackTheFutureOfAGroup(t *testing.T) {
	for n := 0; ; n++ {
		p := newPair(t, "a", "b")
		p.together(PublishOptions{})
		p.advance("v2")
		p.store.killAt(n, func(op string) bool { return strings.HasPrefix(op, "swap ") })
		_, err := p.publisherAhead(day).PublishGroup(t.Context(), p.repos, PublishOptions{})
		if err == nil {
			return
		}
		p.store.heal()
		p.clock.add(time.Minute)
		bad := p.groupOf(0)
		for i := range p.repos {
			if _, err := p.pub.Publish(t.Context(), p.repos[i], PublishOptions{At: 1}); errors.Is(err, job.ErrClock) || !errors.Is(err, ErrBadID) {
				t.Errorf("killed at swap %d: an id that can't be: %v", n, err)
			}
		}
		p.rebuild(rebuild.Options{Future: true, Write: true, Time: manifest.IDOf(p.clock.Now())})
		if bad > manifest.IDOf(p.clock.Now()) && p.swapped(bad) != 0 {
			t.Errorf("killed at swap %d: %s is still there", n, bad)
		}
		p.advance("v1") // as it was before
		p.together(PublishOptions{})
		p.clock.add(day)
		p.together(PublishOptions{})
		now := manifest.IDOf(p.clock.Now())
		p.consistent(now)
		for i := range p.repos {
			ix := p.indexOf(i)
			if newest, _ := ix.Newest(); len(ix.Checkpoints) != 1 || ix.Pending != nil || p.version(i, newest.ID) != "v1" {
				t.Errorf("killed at swap %d: repo %d is %+v", n, i, ix)
			}
		}
	}
}

// A publish that was killed before its commit, and a sync, by a machine whose clock was
// ahead. Neither its id nor what it staged is taken over; what it stored is.
func TestLeftByAClockAhead(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.publishes(1)
	f.up.set("ahead", "content")
	ahead := f.publisherAhead(day)
	if _, err := ahead.Sync(t.Context(), f.repo, SyncOptions{}); err != nil {
		t.Fatal(err)
	}
	ahead.Concurrency = 1
	f.store.killAt(0, func(op string) bool { return op == "swap "+manifest.IndexKey(f.repo.Base) })
	if _, err := ahead.Publish(t.Context(), f.repo, PublishOptions{}); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	f.store.heal()
	_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{NoSync: true})
	if !errors.Is(err, ErrNothingStaged) || !strings.Contains(err.Error(), "lies in the future: sync again") {
		t.Errorf("what is staged: %v", err)
	}
	opens := f.up.opens
	for i, opts := range []PublishOptions{{}, {NoSync: true}} {
		if opts.NoSync {
			f.up.set("ahead", "again")
			f.sync()
			opens++
		}
		if r := f.publish(opts); r.Outcome != Published || r.Checkpoint.ID > manifest.IDOf(f.clock.Now()) || f.up.opens != opens {
			t.Errorf("%d: published %+v, with %d files read", i, r, f.up.opens-opens)
		}
	}
	f.followed()
}

// The machine whose clock is ahead is still at work: what it publishes right before the
// swap is taken back as well.
func TestTakeBackMeetsOthers(t *testing.T) {
	f := newFixture(t, manifest.Thin, isos())
	good := f.publishes(2)
	f.hit(day, 1)
	other := *f
	other.store = trace(f.store.Store)
	other.pub = other.publisher(other.store)
	f.store.mu.Lock()
	met := false
	f.store.before = func(op string) error {
		if op == "swap "+manifest.IndexKey(f.repo.Base) && !met {
			met = true
			other.up.set("ahead", "once more")
			if _, err := other.publisherAhead(day).Publish(t.Context(), f.repo, PublishOptions{}); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	f.store.mu.Unlock()
	f.rebuild(rebuild.Options{Future: true, Write: true, Time: manifest.IDOf(f.clock.Now())})
	f.store.heal()
	if got := f.ids(); !met || !slices.Equal(got, good) {
		t.Errorf("left are %s, want %s", got, good)
	}
	f.followed()
	f.publishes(1)
	f.followed()
}
