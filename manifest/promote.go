package manifest

import (
	"context"
	"fmt"
	"slices"
)

// Due says what a ring may move to by the rules.
type Due struct {
	To ID // later than what the ring stands for; none: it stays
	// Same: every member has the checkpoint at To that it has now.
	Same bool
	// Next is when time alone lets the ring move on, as far as that is known; none: it is not.
	Next ID
	Bar  // why the ring stays, or moves no further
}

// Bar is what keeps a ring from a time. The zero value: nothing does.
type Bar struct {
	Why  string
	Repo string // the member that Why speaks of; empty: none
	// Checkpoint is the one of Repo that no ring may enter, as it is blocked or pruned; none: that is
	// not why.
	Checkpoint ID
}

// Members are the histories of a rollout's members. Those of repos that are retired, or were
// never published, have no say.
type Members []*History

// MembersOf picks the members of a rollout.
func (r Rollout) MembersOf(all []*History) (members Members) {
	for _, h := range all {
		if r.Holds(h.Index.Repo) && h.Index.Retired == nil && !h.Index.Horizon.IsZero() {
			members = append(members, h)
		}
	}
	return members
}

// Limit returns the newest time that is final in every member, and the first member that has
// nothing later. It is none without members.
func (m Members) Limit() (limit ID, by string) {
	for _, h := range m {
		if limit.IsZero() || h.Index.Horizon < limit {
			limit, by = h.Index.Horizon, h.Index.Repo
		}
	}
	return limit, by
}

// Due says what a ring may move to at a moment.
//
// The first ring may stand for the newest time that is final in all members; any other for
// what the ring before has stood for since its After, and for nothing later than what that one
// stands for now. No ring enters a time at which a member's checkpoint is blocked or pruned,
// or later than now.
func (r Rollout) Due(ctx context.Context, name string, members Members, now ID) (Due, error) {
	i := r.ringAt(name)
	if i < 0 {
		return Due{}, fmt.Errorf("%s: %w", name, ErrNoRing)
	}
	ring := r.Rings[i]
	limit, by := members.Limit()
	if limit.IsZero() {
		return Due{Bar: Bar{Why: "no member has a checkpoint"}}, nil
	}
	final := Bar{Why: "nothing later is final in " + by, Repo: by}
	due := Due{To: min(limit, now), Bar: final}
	stood, ok := ring.Now()
	if i > 0 {
		due = r.Rings[i-1].baked(ID(ring.After), stood.Time, now)
		if due.To > limit {
			due.To, due.Bar = limit, final
		}
	}
	if due.To > stood.Time {
		to, bar, err := r.enter(ctx, members, due.To, stood.Time)
		if err != nil {
			return Due{}, err
		}
		if due.To = to; bar.Why != "" {
			due.Bar = bar
		}
	}
	if due.To <= stood.Time {
		due.To = 0
		return due, nil
	}
	if !ok {
		return due, nil
	}
	differ, err := members.Differ(ctx, stood.Time, due.To)
	due.Same = len(differ) == 0
	return due, err
}

// baked says what the ring has stood for since a while, in seconds, and when that will be more.
func (r Ring) baked(after, than, now ID) (due Due) {
	current, ok := r.Now()
	if !ok {
		return Due{Bar: Bar{Why: r.Name + " stands for nothing yet"}}
	}
	due.Why = fmt.Sprintf("%s stands for nothing later", r.Name)
	for _, s := range r.Stands {
		switch {
		case s.Time > current.Time || s.Time <= than:
		case s.At+after <= now:
			due.To = max(due.To, s.Time)
		case due.Next.IsZero():
			due.Next = s.At + after
			due.Why = fmt.Sprintf("%s has stood for %s since %s only", r.Name, s.Time, s.At)
		}
	}
	return due
}

// enter returns the newest time up to an instant that a ring may enter, or one that is not
// later than the floor, and what keeps it from later ones.
func (r Rollout) enter(ctx context.Context, members Members, to, floor ID) (at ID, last Bar, err error) {
	for again := true; again && to > floor; {
		again = false
		for _, h := range members {
			for to > floor {
				bar, err := r.bar(ctx, h, to)
				if err != nil {
					return 0, last, err
				}
				if bar.Why == "" {
					break
				}
				to, last, again = bar.Checkpoint-1, bar, true
			}
		}
	}
	return to, last, nil
}

// bar says what keeps rings from the checkpoint that a member has at an instant.
func (r Rollout) bar(ctx context.Context, h *History, at ID) (Bar, error) {
	answer, err := h.at(ctx, at)
	if err != nil || answer.Outcome != Found && answer.Outcome != Gone {
		return Bar{}, err
	}
	repo := h.Index.Repo
	name := fmt.Sprintf("%s %s", repo, answer.ID)
	if answer.Outcome == Gone {
		return Bar{name + " is pruned", repo, answer.ID}, nil
	}
	if b, blocked := r.Blocked(repo, answer.ID); blocked {
		why := fmt.Sprintf("%s is blocked since %s", name, b.At)
		if b.Reason != "" {
			why += ": " + b.Reason
		}
		return Bar{why, repo, answer.ID}, nil
	}
	return Bar{}, nil
}

// MayEnter says what keeps every ring from a time.
func (r Rollout) MayEnter(ctx context.Context, members Members, at, now ID) (Bar, error) {
	switch limit, by := members.Limit(); {
	case limit.IsZero():
		return Bar{Why: "no member has a checkpoint"}, nil
	case at > limit:
		return Bar{Why: fmt.Sprintf("it is not final in %s, whose horizon is %s", by, limit), Repo: by}, nil
	case at > now:
		return Bar{Why: "it lies in the future"}, nil
	}
	for _, h := range members {
		if bar, err := r.bar(ctx, h, at); err != nil || bar.Why != "" {
			return bar, err
		}
	}
	return Bar{}, nil
}

// Differ returns the names of the members that have another checkpoint at one instant than at
// the other, ascending.
func (m Members) Differ(ctx context.Context, a, b ID) (names []string, err error) {
	for _, h := range m {
		one, err := h.at(ctx, a)
		if err != nil {
			return nil, err
		}
		two, err := h.at(ctx, b)
		if err != nil {
			return nil, err
		}
		if one.Outcome != two.Outcome || one.ID != two.ID {
			names = append(names, h.Index.Repo)
		}
	}
	slices.Sort(names)
	return names, nil
}
