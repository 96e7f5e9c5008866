package publisher

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// Several repos that are published together are committed by several swaps, and
// a crash may fall between two of them. These rules make one step of them, for
// every final answer:
//
//   - Before the first swap the group, with all that will be committed, is
//     written down with each member, in the order of their base paths.
//   - Then every member's index is fenced, and says that a group is pending. From
//     there on a publisher that did not see that can't swap, and has to look again.
//   - Whoever looks at such an index finishes the group first.
//
// So no member's horizon passes the group's id without the group's checkpoint:
// until the last swap, what a member answers for that id is provisional.
//
// A group may be committed until it might be collected; see reliance.go.

// errAbandoned: a group can't be committed any more, and no part of it was.
var errAbandoned = errors.New("the group is overtaken or too old")

// look reads a repo's index. Where a publish of several repos was about to commit
// to it, that is finished first.
func (p *Publisher) look(ctx context.Context, repo Repo) (state, error) {
	current, err := p.loadIndex(ctx, repo)
	if err != nil || current.index.Pending == nil {
		return current, err
	}
	group, _, err := p.loadGroup(ctx, repo.Base)
	if err != nil || !p.pending(group, current) {
		return current, err
	}
	p.Log.Info("finishing a publish of several repos", "id", group.ID, "repos", len(group.Members))
	if err := p.finish(ctx, group); err != nil && !errors.Is(err, errAbandoned) {
		return current, fmt.Errorf("finish the publish of several repos at %s: %w", group.ID, err)
	}
	return p.loadIndex(ctx, repo)
}

// pending reports whether a group may still be committed to a member.
func (p *Publisher) pending(group manifest.Together, member state) bool {
	return group.ID > member.index.Horizon && p.inTime(group)
}

func (p *Publisher) inTime(group manifest.Together) bool { return manifest.IDOf(p.Now()) < group.Until }

func (p *Publisher) loadGroup(ctx context.Context, base string) (manifest.Together, objstore.Version, error) {
	key := manifest.TogetherKey(base)
	data, version, err := p.Store.Load(ctx, key, "")
	if errors.Is(err, objstore.ErrNotFound) {
		return manifest.Together{}, "", nil
	}
	if err != nil {
		return manifest.Together{}, "", err
	}
	group, err := manifest.ParseTogether(data)
	if err != nil {
		return manifest.Together{}, "", fmt.Errorf("%s: %w", key, err)
	}
	return group, version, nil
}

// finish commits a group, as far as it is not committed yet. Any number of
// publishers may do so at the same time.
func (p *Publisher) finish(ctx context.Context, group manifest.Together) error {
	for _, m := range group.Members {
		if err := p.prepareMember(ctx, group, m); err != nil {
			return err
		}
	}
	for _, m := range group.Members {
		if err := p.commitMember(ctx, group, m); err != nil {
			return fmt.Errorf("repo %s: %w", m.Name, err)
		}
	}
	return nil
}

func repoOf(m manifest.Member) Repo { return Repo{Name: m.Name, Base: m.Base} }

// prepareMember writes the group down with a member, and fences its index.
func (p *Publisher) prepareMember(ctx context.Context, group manifest.Together, m manifest.Member) error {
	if over, err := p.announce(ctx, group, m); over || err != nil {
		return err
	}
	for {
		current, over, err := p.memberState(ctx, group, m)
		if over || err != nil {
			return err
		}
		next, err := current.index.Announce(group.ID)
		if err != nil {
			return err
		}
		if _, err = p.swapIndex(ctx, repoOf(m), current, next); !errors.Is(err, objstore.ErrChanged) {
			return err
		}
	}
}

// announce writes the group down with a member, unless it is over there.
// Another group that stands there is finished first.
func (p *Publisher) announce(ctx context.Context, group manifest.Together, m manifest.Member) (over bool, err error) {
	data, err := group.Encode()
	if err != nil {
		return false, err
	}
	for {
		current, over, err := p.memberState(ctx, group, m)
		if over || err != nil {
			return over, err
		}
		there, version, err := p.loadGroup(ctx, m.Base)
		if err != nil || reflect.DeepEqual(there, group) {
			return false, err
		}
		if p.pending(there, current) {
			if err = p.finish(ctx, there); err == nil {
				continue // which may have moved the horizon
			}
			if !errors.Is(err, errAbandoned) {
				return false, err
			}
		}
		_, err = objstore.Update(ctx, p.Store, manifest.TogetherKey(m.Base), version, data, attributes(manifest.KindTogether, ""))
		if !errors.Is(err, objstore.ErrChanged) {
			return false, err
		}
	}
}

// memberState reads a member's index. It is over for it where the answer for
// the group's id is final and as planned. The group is abandoned where that
// can't come about any more.
func (p *Publisher) memberState(ctx context.Context, group manifest.Together, m manifest.Member) (current state, over bool, err error) {
	if current, err = p.loadIndex(ctx, repoOf(m)); err != nil {
		return current, false, err
	}
	answer := manifest.NewTimeline(current.index).Resolve(group.ID)
	planned := answer.ID == m.Checkpoint.ID
	if answer.Outcome == manifest.InSegment { // sealed long ago, and so as planned
		planned = true
	}
	newest, ok := current.index.Newest()
	builtOn := !ok && m.Previous == nil || ok && m.Previous != nil && newest.ID == *m.Previous
	switch {
	case answer.Final && planned:
		return current, true, nil
	case answer.Final, !builtOn, !p.inTime(group):
		return current, false, fmt.Errorf("repo %s: %w", m.Name, errAbandoned)
	}
	return current, false, nil
}

func (p *Publisher) commitMember(ctx context.Context, group manifest.Together, m manifest.Member) error {
	for {
		current, over, err := p.memberState(ctx, group, m)
		if err != nil {
			return err
		}
		if !over {
			var next manifest.Index
			if m.Checkpoint.ID == group.ID {
				if next, err = current.index.Append(m.Checkpoint); err == nil {
					next, err = p.seal(ctx, next)
				}
			} else {
				next, err = current.index.MoveHorizon(group.ID)
			}
			if err != nil {
				return err
			}
			current, err = p.swapIndex(ctx, repoOf(m), current, next)
			if errors.Is(err, objstore.ErrChanged) {
				continue
			}
			if err != nil {
				return err
			}
		}
		return p.refreshList(ctx, repoOf(m), current.index)
	}
}
