package publisher

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/rebuild"
	"github.com/asof/asof/publisher/reliance"
	"github.com/asof/asof/publisher/retain"
	"github.com/asof/asof/publisher/rollout"
)

// scene is a state of a store, and an operation that is to be disturbed there.
type scene struct {
	name    string
	prepare func(f *fixture)
	run     func(ctx context.Context, f *fixture, p *Publisher, repo Repo) error
	done    error // what it may say instead if it was done before; nil: nothing

	withdraws bool // it takes checkpoints out of the index
}

func scenes() []scene {
	change := func(f *fixture) {
		f.publish(PublishOptions{})
		f.up.set("2.iso", "changed")
		f.up.set("deep/er/new", "new")
		delete(f.up.files, "3.iso")
	}
	changed := func(f *fixture) {
		change(f)
		f.publish(PublishOptions{})
	}
	sealing := func(n int) func(f *fixture) {
		return func(f *fixture) {
			f.seals(3, 4)
			f.publishes(n)
			f.up.set("n", "new")
		}
	}
	return []scene{
		{name: "first publish", prepare: func(*fixture) {}, run: publishing(PublishOptions{})},
		{name: "publish with changes", prepare: change, run: publishing(PublishOptions{})},
		{name: "publish unchanged", prepare: func(f *fixture) { f.publish(PublishOptions{}) }, run: publishing(PublishOptions{})},
		{name: "first publish together", prepare: func(*fixture) {}, run: publishGroup},
		{name: "publish together", prepare: func(f *fixture) {
			if err := publishGroup(f.Context(), f, f.pub, f.repo); err != nil {
				f.Fatal(err)
			}
			f.clock.add(10 * time.Second)
			f.up.set("2.iso", "changed")
		}, run: publishGroup},
		{name: "sync", prepare: change, run: func(ctx context.Context, _ *fixture, p *Publisher, repo Repo) error {
			_, err := p.Sync(ctx, repo, SyncOptions{})
			return err
		}},
		{name: "publish what is staged", prepare: func(f *fixture) { change(f); f.sync() }, run: publishing(PublishOptions{NoSync: true}), done: ErrNothingStaged},
		{name: "publish old garbage again", prepare: func(f *fixture) {
			changed(f)
			f.prune(retain.Policy{Last: 1})
			for name := range f.up.files {
				delete(f.up.files, name)
			}
			maps.Copy(f.up.files, isos())
			f.clock.add(30 * day)
		}, run: publishing(PublishOptions{})},
		{name: "import", prepare: func(*fixture) {}, run: importPast},
		{name: "set a channel", prepare: changed, run: func(ctx context.Context, f *fixture, p *Publisher, repo Repo) error {
			return p.SetChannel(ctx, repo.Repo, "stable", f.all().Checkpoints[0].ID)
		}},
		{name: "drop a channel", prepare: func(f *fixture) {
			changed(f)
			if err := f.pub.SetChannel(f.Context(), f.repo.Repo, "stable", f.all().Checkpoints[0].ID); err != nil {
				f.Fatal(err)
			}
		}, run: func(ctx context.Context, _ *fixture, p *Publisher, repo Repo) error {
			return p.DropChannel(ctx, repo.Repo, "stable")
		}, done: manifest.ErrNoChannel},
		{name: "promote", prepare: changed, run: promoting},
		{name: "roll back", prepare: func(f *fixture) {
			f.publish(PublishOptions{})
			if err := promoting(f.Context(), f, f.pub, f.repo); err != nil {
				f.Fatal(err)
			}
			f.up.set("2.iso", "broken")
			f.publish(PublishOptions{})
			f.clock.add(10 * time.Second)
			if err := promoting(f.Context(), f, f.pub, f.repo); err != nil {
				f.Fatal(err)
			}
		}, run: func(ctx context.Context, f *fixture, p *Publisher, repo Repo) error {
			_, err := ringsOf(p).Rollback(ctx, "prod", f.all().Checkpoints[0].ID, "it is broken")
			return err
		}},
		{name: "prune", prepare: changed, run: pruning},
		{name: "drop what a channel names", prepare: named, run: dropping},
		{name: "undo a drop", prepare: func(f *fixture) {
			named(f)
			if err := dropping(f.Context(), f, f.pub, f.repo); err != nil {
				f.Fatal(err)
			}
			f.clock.add(time.Minute)
		}, run: undoing, done: retain.ErrPartlyGone},
		{name: "undo a drop late", prepare: func(f *fixture) {
			named(f)
			if err := dropping(f.Context(), f, f.pub, f.repo); err != nil {
				f.Fatal(err)
			}
			f.clock.add(30 * day)
		}, run: undoing, done: retain.ErrPartlyGone},
		{name: "free what was dropped", prepare: func(f *fixture) {
			named(f)
			if err := dropping(f.Context(), f, f.pub, f.repo); err != nil {
				f.Fatal(err)
			}
			f.clock.add(time.Minute)
		}, run: freeing},
		{name: "publish what is about to be freed", prepare: func(f *fixture) {
			changed(f)
			if err := dropping(f.Context(), f, f.pub, f.repo); err != nil {
				f.Fatal(err)
			}
			if _, _, err := reliance.GiveNotice(f.Context(), f.store, f.clock.Now(), f.keys(manifest.BlobPrefix)); err != nil {
				f.Fatal(err)
			}
			for name := range f.up.files {
				delete(f.up.files, name)
			}
			maps.Copy(f.up.files, isos())
			f.clock.add(time.Minute)
		}, run: publishing(PublishOptions{})},
		{name: "publish that seals", prepare: sealing(3), run: publishing(PublishOptions{})},
		{name: "publish that fills a segment and begins another", prepare: sealing(6), run: publishing(PublishOptions{})},
		{name: "prune in segments and behind them", prepare: sealing(8), run: pruning},
		{name: "rebuild", prepare: func(f *fixture) {
			f.seals(3, 4)
			f.publishes(5)
			f.keep()
			f.lose(manifest.RegistryKey, manifest.IndexKey(f.repo.Base), manifest.ListKey(f.repo.Base))
		}, run: rebuilding(false)},
		{name: "rebuild without records", prepare: func(f *fixture) {
			changed(f)
			f.keep()
			f.lose(append(f.keys(manifest.RecordPrefix(f.repo.Base)), manifest.IndexKey(f.repo.Base))...)
			f.replace(manifest.ListKey(f.repo.Base), "another design")
		}, run: rebuilding(true)},
		{name: "confirm what a publisher pruned", prepare: func(f *fixture) { sealing(8)(f); f.prunedByPublisher() }, run: func(ctx context.Context, _ *fixture, p *Publisher, repo Repo) error {
			_, err := retain.Confirm(ctx, tools(p), repo.Repo, retain.ChoiceOptions{Apply: true})
			return err
		}},
		{name: "undo what a publisher pruned", prepare: func(f *fixture) { sealing(8)(f); f.prunedByPublisher() }, run: func(ctx context.Context, _ *fixture, p *Publisher, repo Repo) error {
			_, err := retain.Undo(ctx, tools(p), repo.Repo, retain.ChoiceOptions{Apply: true})
			return err
		}},
		{name: "take back the future", prepare: func(f *fixture) {
			changed(f)
			f.hit(day, 1)
		}, run: takingBack, withdraws: true},
		{name: "take back the future of segments", prepare: func(f *fixture) {
			f.seals(3, 4)
			f.publishes(6)
			f.hit(day, 6)
		}, run: takingBack, withdraws: true},
		{name: "move", prepare: movable, run: moving},
		{name: "delete", prepare: func(f *fixture) {
			sealing(8)(f)
			f.prune(retain.Policy{Last: 6})
		}, run: deleting},
		{name: "delete what was moved", prepare: func(f *fixture) {
			movable(f)
			if err := moving(f.Context(), f, f.pub, f.repo); err != nil {
				f.Fatal(err)
			}
		}, run: deleting},
		{name: "gc", prepare: func(f *fixture) {
			changed(f)
			f.prune(retain.Policy{Last: 1})
			f.clock.add(30 * day)
		}, run: func(ctx context.Context, _ *fixture, p *Publisher, _ Repo) error {
			_, err := retain.Collect(ctx, tools(p), retain.CollectOptions{Apply: true})
			return err
		}},
	}
}

// ringsOf are two rings of the store that a publisher writes to.
func ringsOf(p *Publisher) *rollout.Rollout {
	return rollout.New(rollout.Options{Store: p.Store, Env: p.Env, Rings: []manifest.RingRule{{Name: "canary"}, {Name: "prod"}}, By: "ci"})
}

func promoting(ctx context.Context, _ *fixture, p *Publisher, _ Repo) error {
	_, err := ringsOf(p).Promote(ctx, nil, "")
	return err
}

func publishing(opts PublishOptions) func(context.Context, *fixture, *Publisher, Repo) error {
	return func(ctx context.Context, _ *fixture, p *Publisher, repo Repo) error {
		_, err := p.Publish(ctx, repo, opts)
		return err
	}
}

// otherThan is a second repo of the same remote.
func otherThan(repo Repo) Repo {
	repo.Name, repo.Base = "other", "checkpoints/other"
	return repo
}

// publishGroup publishes two repos of the same remote.
func publishGroup(ctx context.Context, _ *fixture, p *Publisher, repo Repo) error {
	_, err := p.PublishGroup(ctx, []Repo{repo, otherThan(repo)}, PublishOptions{})
	return err
}

// importPast publishes the past states that are not published yet, as asof import
// does.
func importPast(ctx context.Context, f *fixture, p *Publisher, repo Repo) error {
	horizon, err := p.Horizon(ctx, repo)
	past := manifest.IDOf(newClock("20250318T100000Z").Now())
	for i, content := range []string{"one", "one", "two"} {
		at := past + manifest.ID(60*i)
		if err != nil || at <= horizon {
			continue
		}
		f.up.set("imported", content)
		_, err = p.Publish(ctx, repo, PublishOptions{At: at})
	}
	return err
}

// movable has a history of all kinds: segments, tombstones, a channel, two equal checkpoints
// in a row.
func movable(f *fixture) {
	f.seals(3, 4)
	ids := f.publishes(7)
	if err := f.pub.SetChannel(f.Context(), f.repo.Repo, "stable", ids[2]); err != nil {
		f.Fatal(err)
	}
	f.publish(PublishOptions{Force: true})
	f.prune(retain.Policy{Last: 3, IDs: []manifest.ID{ids[0]}})
}

// moving moves the fixture's repo to the other one's place.
func moving(ctx context.Context, _ *fixture, p *Publisher, repo Repo) error {
	_, err := p.Move(ctx, repo.Repo, otherThan(repo), MoveOptions{Redirect: true})
	return err
}

func deleting(ctx context.Context, _ *fixture, p *Publisher, repo Repo) error {
	_, err := retain.Delete(ctx, tools(p), repo.Repo, retain.DeleteOptions{Apply: true})
	return err
}

func pruning(ctx context.Context, _ *fixture, p *Publisher, repo Repo) error {
	_, err := retain.Prune(ctx, tools(p), repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 1}, Apply: true})
	return err
}

// named has a segment with the oldest checkpoint, which a channel names.
func named(f *fixture) {
	f.seals(3, 4)
	ids := f.publishes(6)
	if err := f.pub.SetChannel(f.Context(), f.repo.Repo, "stable", ids[0]); err != nil {
		f.Fatal(err)
	}
}

// dropping takes back the oldest checkpoint that there ever was.
func dropping(ctx context.Context, f *fixture, p *Publisher, repo Repo) error {
	_, err := retain.Prune(ctx, tools(p), repo.Repo, retain.PruneOptions{Policy: retain.Policy{Drop: []manifest.ID{f.oldest()}, Force: true}, Reason: "leaked", Apply: true})
	return err
}

// undoing lists what dropping took back again.
func undoing(ctx context.Context, f *fixture, p *Publisher, repo Repo) error {
	_, err := retain.Undo(ctx, tools(p), repo.Repo, retain.ChoiceOptions{IDs: []manifest.ID{f.oldest()}, Apply: true})
	return err
}

// freeing deletes what dropping took back.
func freeing(ctx context.Context, _ *fixture, p *Publisher, repo Repo) error {
	_, err := retain.Free(ctx, tools(p), repo.Repo, retain.FreeOptions{Apply: true})
	return err
}

// oldest is the oldest id in the repo's history, listed or pruned.
func (f *fixture) oldest() manifest.ID {
	oldest, _ := f.all().Bounds()
	return oldest
}

// hit publishes n checkpoints on a machine whose clock is ahead, and points a channel to
// the last.
func (f *fixture) hit(ahead time.Duration, n int) (ids []manifest.ID) {
	f.Helper()
	p := f.publisherAhead(ahead)
	for i := range n {
		f.up.set("ahead", fmt.Sprint(i))
		r, err := p.Publish(f.Context(), f.repo, PublishOptions{})
		if err != nil {
			f.Fatal(err)
		}
		ids = append(ids, r.Checkpoint.ID)
		f.clock.add(10 * time.Second)
	}
	if err := p.SetChannel(f.Context(), f.repo.Repo, "ahead", ids[n-1]); err != nil {
		f.Fatal(err)
	}
	return ids
}

// publisherAhead is a publisher on a machine whose clock is ahead.
func (f *fixture) publisherAhead(ahead time.Duration) *Publisher {
	right := *f.pub
	right.Now = func() time.Time { return f.clock.Now().Add(ahead) }
	p := New(right.Options)
	p.ledger.Tail, p.ledger.Segment = f.pub.ledger.Tail, f.pub.ledger.Segment
	return p
}

func takingBack(ctx context.Context, f *fixture, p *Publisher, _ Repo) error {
	opts := f.rebuilding(rebuild.Options{Write: true, Future: true, Time: manifest.IDOf(f.clock.Now())})
	opts.Store, opts.Env = p.Store, p.Env
	_, err := rebuild.Run(ctx, opts)
	return err
}

// rebuilding is told which checkpoint is the newest, or finds out.
func rebuilding(told bool) func(context.Context, *fixture, *Publisher, Repo) error {
	return func(ctx context.Context, f *fixture, p *Publisher, _ Repo) error {
		opts := f.rebuilding(rebuild.Options{Write: true})
		opts.Store, opts.Env = p.Store, p.Env
		if told {
			for was, id := range f.kept {
				if was.repo == f.repo.Name {
					opts.Newest = []manifest.ID{max(id, slices.Max(append(opts.Newest, id)))}
				}
			}
		}
		_, err := rebuild.Run(ctx, opts)
		return err
	}
}
