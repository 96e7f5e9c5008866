package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Errors of changes to a rollout.
var (
	// ErrNoRing: the rollout has no ring of that name.
	ErrNoRing = errors.New("no such ring")
	// ErrNothingBefore: a ring stood for nothing earlier than what it stands for.
	ErrNothingBefore = errors.New("it stood for nothing before")
	// ErrNotBlocked: no block keeps rings from the checkpoint.
	ErrNotBlocked = errors.New("not blocked")
)

// RingRule is what a configuration says of a ring.
type RingRule struct {
	Name  string
	After int64 // seconds
}

// Set gives the rollout its members, and its rings in their order. Rings that are there keep
// what they stand for. Rings that the rules leave out stay, behind the others. A rollout that
// has all that already is returned as it is.
func (r Rollout) Set(members []string, rules []RingRule, by Stamp) (Rollout, error) {
	next := r.next()
	next.Members = slices.Sorted(slices.Values(members))
	next.Rings = nil
	for _, rule := range rules {
		ring, _ := r.Ring(rule.Name)
		ring.Name, ring.After = rule.Name, rule.After
		next.Rings = append(next.Rings, ring)
	}
	for _, ring := range r.Rings {
		if _, ok := next.Ring(ring.Name); !ok {
			next.Rings = append(next.Rings, ring)
		}
	}
	sameRule := func(a, b Ring) bool { return a.Name == b.Name && a.After == b.After }
	if slices.Equal(next.Members, r.Members) && slices.EqualFunc(next.Rings, r.Rings, sameRule) {
		return r, nil
	}
	return r.become(next, RingChange{What: RingsSet, Stamp: by})
}

// Move moves a ring to a time, forwards or backwards. The caller knows that it may.
func (r Rollout) Move(name string, to ID, by Stamp) (Rollout, error) {
	return r.change(RingChange{What: RingMoved, Ring: name, To: to, Stamp: by}, func(ring *Ring) error {
		ring.stand(Stand{to, by})
		return nil
	})
}

// Extend moves a ring to a later time at which every member has the checkpoint that it has
// now. That is not recorded.
func (r Rollout) Extend(name string, to ID) (Rollout, error) {
	next := r.next()
	i := next.ringAt(name)
	if i < 0 {
		return r, fmt.Errorf("%s: %w", name, ErrNoRing)
	}
	n := len(next.Rings[i].Stands) - 1
	if n < 0 || to <= next.Rings[i].Stands[n].Time {
		return r, fmt.Errorf("ring %s does not stand for a time before %s", name, to)
	}
	next.Rings[i].Stands[n].Time = to
	if err := next.check(); err != nil {
		return r, err
	}
	return next, nil
}

// Rollback puts a ring back to an earlier time and holds it there. wrong blocks what it stood
// for: the repos whose checkpoint is another one by then. Nothing is blocked where there are
// none.
func (r Rollout) Rollback(name string, to ID, wrong []string, by Stamp) (Rollout, error) {
	ring, _ := r.Ring(name)
	from, ok := ring.Now()
	if ok && to >= from.Time {
		return r, fmt.Errorf("ring %s stands for %s, not for a time after %s", name, from.Time, to)
	}
	return r.change(RingChange{What: RingBack, Ring: name, To: to, Stamp: by}, func(ring *Ring) error {
		if !ok {
			return ErrNothingBefore
		}
		ring.stand(Stand{to, by})
		ring.Held = &Hold{by}
		return nil
	}, Block{slices.Sorted(slices.Values(wrong)), to, from.Time, by})
}

// Before returns the last time that the ring stood for and that is before a checkpoint. Where
// that is the newest checkpoint of all that it stands for now, a roll-back leads there.
func (r Ring) Before(id ID) (Stand, error) {
	for _, s := range slices.Backward(r.Stands) {
		if s.Time < id {
			return s, nil
		}
	}
	return Stand{}, fmt.Errorf("ring %s: %w", r.Name, ErrNothingBefore)
}

// Hold keeps a ring where it is, with a new reason if it is held already.
func (r Rollout) Hold(name string, by Stamp) (Rollout, error) {
	return r.change(RingChange{What: RingHeld, Ring: name, Stamp: by}, func(ring *Ring) error {
		ring.Held = &Hold{by}
		return nil
	})
}

// Resume ends a hold. A ring that is not held is returned as it is.
func (r Rollout) Resume(name string, by Stamp) (Rollout, error) {
	if ring, ok := r.Ring(name); ok && ring.Held == nil {
		return r, nil
	}
	return r.change(RingChange{What: RingResumed, Ring: name, Stamp: by}, func(ring *Ring) error {
		ring.Held = nil
		return nil
	})
}

// Delete takes a ring away.
func (r Rollout) Delete(name string, by Stamp) (Rollout, error) {
	next := r.next()
	i := next.ringAt(name)
	if i < 0 {
		return r, fmt.Errorf("%s: %w", name, ErrNoRing)
	}
	now, _ := next.Rings[i].Now()
	next.Rings = slices.Delete(next.Rings, i, i+1)
	return r.become(next, RingChange{What: RingDeleted, Ring: name, From: now.Time, Stamp: by})
}

// Block keeps rings from a checkpoint. One that is blocked gets no second block.
func (r Rollout) Block(repo string, id ID, by Stamp) (Rollout, error) {
	if _, blocked := r.Blocked(repo, id); blocked {
		return r, nil
	}
	next := r.next()
	next.Blocks = append(next.Blocks, Block{[]string{repo}, id - 1, id, by})
	return r.become(next, RingChange{What: RepoBlocked, Repo: repo, To: id, Stamp: by})
}

// Unblock lets rings have a checkpoint of a repo again, and all others that were blocked with
// it in this repo.
func (r Rollout) Unblock(repo string, id ID, by Stamp) (Rollout, error) {
	if _, blocked := r.Blocked(repo, id); !blocked {
		return r, fmt.Errorf("%s %s: %w", repo, id, ErrNotBlocked)
	}
	next := r.next()
	next.Blocks = nil
	for _, b := range r.Blocks {
		if b.Covers(repo, id) {
			b.Repos = slices.DeleteFunc(slices.Clone(b.Repos), func(name string) bool { return name == repo })
		}
		if len(b.Repos) > 0 {
			next.Blocks = append(next.Blocks, b)
		}
	}
	return r.become(next, RingChange{What: RepoUnblocked, Repo: repo, To: id, Stamp: by})
}

// Blocked returns the first block that keeps rings from a checkpoint.
func (r Rollout) Blocked(repo string, id ID) (Block, bool) {
	for _, b := range r.Blocks {
		if b.Covers(repo, id) {
			return b, true
		}
	}
	return Block{}, false
}

// blocks reports whether some block keeps rings from all checkpoints of a repo that another one
// would.
func (r Rollout) blocks(repo string, other Block) bool {
	return slices.ContainsFunc(r.Blocks, func(b Block) bool {
		return b.Covers(repo, other.After+1) && b.Covers(repo, other.Through)
	})
}

// Covers reports whether the block keeps rings from a checkpoint of a repo.
func (b Block) Covers(repo string, id ID) bool {
	_, named := slices.BinarySearch(b.Repos, repo)
	return named && id > b.After && id <= b.Through
}

// change changes one ring, and adds blocks.
func (r Rollout) change(what RingChange, change func(*Ring) error, blocks ...Block) (Rollout, error) {
	next := r.next()
	i := next.ringAt(what.Ring)
	if i < 0 {
		return r, fmt.Errorf("%s: %w", what.Ring, ErrNoRing)
	}
	now, _ := next.Rings[i].Now()
	if !what.To.IsZero() {
		what.From = now.Time
	}
	if err := change(&next.Rings[i]); err != nil {
		return r, fmt.Errorf("ring %s: %w", what.Ring, err)
	}
	for _, b := range blocks {
		b.Repos = slices.DeleteFunc(b.Repos, func(repo string) bool { return r.blocks(repo, b) })
		if len(b.Repos) > 0 {
			next.Blocks = append(next.Blocks, b)
		}
	}
	return r.become(next, what)
}

func (r Rollout) next() Rollout {
	r.Generation++
	r.Members = slices.Clone(r.Members)
	r.Rings = slices.Clone(r.Rings)
	for i := range r.Rings {
		r.Rings[i].Stands = slices.Clone(r.Rings[i].Stands)
	}
	r.Blocks = slices.Clone(r.Blocks)
	return r
}

// become returns next with one more recorded change if it is valid, or else the rollout
// unchanged.
func (r Rollout) become(next Rollout, what RingChange) (Rollout, error) {
	next.Recorded++
	next.Last = what
	if err := next.check(); err != nil {
		return r, err
	}
	return next, nil
}

// stand adds what the ring stands for from now on. Where there is too much, it forgets the
// stand that is missed least: the one whose neighbours are nearest, as compared with its age.
func (r *Ring) stand(s Stand) {
	if last, ok := r.Now(); ok && s.At < last.At {
		s.At = last.At // a clock that went back
	}
	if r.Stands = append(r.Stands, s); len(r.Stands) <= maxStands {
		return
	}
	missed := func(i int) float64 {
		return float64(r.Stands[i+1].At-r.Stands[i-1].At) / float64(1+s.At-r.Stands[i].At)
	}
	least := 1
	for i := 2; i < len(r.Stands)-1; i++ {
		if cmp.Less(missed(i), missed(least)) {
			least = i
		}
	}
	r.Stands = slices.Delete(r.Stands, least, least+1)
}
