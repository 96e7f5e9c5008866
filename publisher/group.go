package publisher

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/job"
	"github.com/asof/asof/publisher/ledger"
)

// Publishing several repos together takes several swaps, and a crash may come between
// two of them. These rules make the swaps look like one step to anyone who sees only
// final answers:
//
//   - Before the first swap, the publisher stores the group with each member, in the
//     order of their base paths. The group contains all checkpoints to commit.
//   - Then it fences every member's index and marks the group as pending there. A
//     publisher that has not seen the mark can't swap any more, and must look again.
//   - A publisher that sees a pending group finishes it first, if all objects of the
//     group still exist.
//
// So no member's horizon passes the group's id without the group's checkpoint. Until the
// last swap, a member's answer for that id is provisional.
//
// A group may be committed until its objects might be collected; see package reliance.

// errAbandoned means that no part of a group was committed, and none can be any more.
var errAbandoned = errors.New("the group is overtaken or too old")

// groups commits groups. A publisher reads indexes through it, so that it finishes
// pending groups first.
type groups struct {
	job.Env
	store  objstore.Store
	ledger *ledger.Ledger
}

// look reads a repo's index. If a publish of several repos was about to commit to
// it, look finishes that first.
func (g *groups) look(ctx context.Context, repo manifest.Repo) (ledger.State, error) {
	current, err := g.ledger.Load(ctx, repo)
	if err != nil || current.Doc.Pending == nil {
		return current, err
	}
	group, err := catalog.Group(repo.Base).Load(ctx, g.store)
	if err != nil || !g.mayCommit(group.Doc, current.Doc) {
		return current, err
	}
	if err := g.takeOver(ctx, group.Doc); err != nil && !errors.Is(err, errAbandoned) {
		return current, fmt.Errorf("finish the publish of several repos at %s: %w", group.Doc.ID, err)
	}
	return g.ledger.Load(ctx, repo)
}

// mayCommit reports whether a group may still be committed to a member. One that lies in
// the future is of a machine whose clock was ahead.
func (g *groups) mayCommit(group manifest.Group, member manifest.Index) bool {
	now := manifest.IDOf(g.Now())
	return group.ID <= now+manifest.MaxSkew && group.MayCommit(member.Horizon, now)
}

// takeOver finishes a group that another run prepared. That run may be dead and its
// objects collected. In that case the group is abandoned.
func (g *groups) takeOver(ctx context.Context, group manifest.Group) error {
	g.Log.Info("finishing a publish of several repos", "id", group.ID, "repos", len(group.Members))
	for _, m := range group.Members {
		current, over, err := g.memberState(ctx, group, m)
		if err != nil {
			return fmt.Errorf("repo %s: %w", m.Name, err)
		}
		if over || m.Checkpoint.ID != group.ID {
			continue
		}
		newest, _ := current.Doc.Newest()
		missing, err := catalog.Missing(ctx, g.store, g.Concurrency, m.Base, m.Checkpoint, newest)
		if err != nil {
			return fmt.Errorf("repo %s: %w", m.Name, err)
		}
		if missing != "" {
			g.Log.Warn("a publish of several repos is given up: what it stored is gone", "id", group.ID, "repo", m.Name, "key", missing)
			return fmt.Errorf("repo %s: %w: %s is gone", m.Name, errAbandoned, missing)
		}
	}
	if err := g.finish(ctx, group); err != nil {
		return err
	}
	if err := g.announce(ctx, group); err != nil {
		g.Log.Warn("a publish of several repos was finished", "id", group.ID, "error", err)
	}
	return nil
}

// finish commits whatever of a group is not committed yet. Any number of
// publishers may do this at the same time.
func (g *groups) finish(ctx context.Context, group manifest.Group) error {
	for _, m := range group.Members {
		if err := g.prepareMember(ctx, group, m); err != nil {
			return fmt.Errorf("repo %s: %w", m.Name, err)
		}
	}
	for _, m := range group.Members {
		if err := g.commitMember(ctx, group, m); err != nil {
			return fmt.Errorf("repo %s: %w", m.Name, err)
		}
	}
	return nil
}

// prepareMember stores the group with a member and fences the member's index.
func (g *groups) prepareMember(ctx context.Context, group manifest.Group, m manifest.Member) error {
	if over, err := g.writeDown(ctx, group, m); over || err != nil {
		return err
	}
	for {
		current, over, err := g.memberState(ctx, group, m)
		if over || err != nil {
			return err
		}
		next, err := current.Doc.Prepare(group.ID)
		if err != nil {
			return err
		}
		if _, err = g.ledger.Swap(ctx, m.Repo, current, next); !errors.Is(err, objstore.ErrChanged) {
			return err
		}
	}
}

// writeDown stores the group with a member, unless the group is over for that member. If
// it finds another group there, it finishes that one first.
func (g *groups) writeDown(ctx context.Context, group manifest.Group, m manifest.Member) (over bool, err error) {
	register := catalog.Group(m.Base)
	for {
		current, over, err := g.memberState(ctx, group, m)
		if over || err != nil {
			return over, err
		}
		there, err := register.Load(ctx, g.store)
		if err != nil || reflect.DeepEqual(there.Doc, group) {
			return false, err
		}
		if g.mayCommit(there.Doc, current.Doc) {
			if err = g.takeOver(ctx, there.Doc); err == nil {
				continue // that may have moved the horizon
			}
			if !errors.Is(err, errAbandoned) {
				return false, err
			}
		}
		_, err = register.Swap(ctx, g.store, there, group)
		if !errors.Is(err, objstore.ErrChanged) {
			return false, err
		}
	}
}

// memberState reads a member's index. The group is over for the member if the
// answer for the group's id is final and as planned. The group is abandoned if
// that answer is no longer possible.
func (g *groups) memberState(ctx context.Context, group manifest.Group, m manifest.Member) (current ledger.State, over bool, err error) {
	if current, err = g.ledger.Load(ctx, m.Repo); err != nil {
		return current, false, err
	}
	answer, err := catalog.NewHistory(g.store, current.Doc).Resolve(ctx, manifest.At(group.ID), group.ID)
	if err != nil {
		return current, false, err
	}
	planned := answer.ID == m.Checkpoint.ID
	newest, ok := current.Doc.Newest()
	builtOn := !ok && m.Previous == nil || ok && m.Previous != nil && newest.ID == *m.Previous
	switch {
	case answer.Final && planned:
		return current, true, nil
	case answer.Final, !builtOn, manifest.IDOf(g.Now()) >= group.Until:
		return current, false, errAbandoned
	}
	return current, false, nil
}

func (g *groups) commitMember(ctx context.Context, group manifest.Group, m manifest.Member) error {
	shown, err := g.ledger.Shown(ctx, m.Repo)
	if err != nil {
		return err
	}
	for {
		current, over, err := g.memberState(ctx, group, m)
		if err != nil {
			return err
		}
		committed := current
		if !over {
			var next manifest.Index
			if m.Checkpoint.ID == group.ID {
				if next, err = current.Doc.Append(m.Checkpoint); err == nil {
					next, err = g.ledger.Seal(ctx, next)
				}
			} else {
				next, err = current.Doc.MoveHorizon(group.ID)
			}
			if err != nil {
				return err
			}
			committed, err = g.ledger.Swap(ctx, m.Repo, current, next)
			if errors.Is(err, objstore.ErrChanged) {
				continue
			}
			if err != nil {
				return err
			}
		}
		return g.ledger.Follow(ctx, m.Repo, shown, current.Doc, committed.Doc)
	}
}

// announce announces all changes of a group. If one can't be announced, it
// goes on with the others.
func (g *groups) announce(ctx context.Context, group manifest.Group) error {
	if g.ledger.Announcer == nil {
		return nil
	}
	var failures []error
	for _, m := range group.Members {
		current, err := g.ledger.Load(ctx, m.Repo)
		if err == nil {
			err = g.ledger.Announce(ctx, ledger.Announcement{Repo: m.Repo, Index: current.Doc, HorizonOnly: m.Checkpoint.ID != group.ID})
		} else {
			err = fmt.Errorf("%w: %w", ledger.ErrNotAnnounced, err)
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("repo %s: %w", m.Name, err))
		}
	}
	return errors.Join(failures...)
}
