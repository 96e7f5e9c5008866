package manifest

import (
	"context"
	"slices"
)

// Board is what the rings of a store stand for at a moment, and what comes next. Its JSON form
// is what `asof ring -o json` prints and what /-/rings answers.
type Board struct {
	Rings  []BoardRing `json:"rings"`  // in the order of the rollout
	Absent []string    `json:"absent"` // repos without a say, ascending
	Blocks []Block     `json:"blocks"`
}

// BoardRing is a ring on a board. A time is none, and left out, where there is none.
type BoardRing struct {
	Name   string `json:"name"`
	After  int64  `json:"after"`          // seconds
	Time   ID     `json:"time,omitempty"` // none: it stands for nothing yet
	Since  ID     `json:"since,omitempty"`
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	Held   *Hold  `json:"held,omitempty"`
	Due    ID     `json:"due,omitempty"` // what it may move to now; if it is held, once it is not
	// Same: every member has the checkpoint at Due that it has now.
	Same  bool       `json:"same,omitempty"`
	Next  ID         `json:"next,omitempty"` // when time alone lets it move on
	Why   string     `json:"why,omitempty"`  // why it moves no further
	Repos []Standing `json:"repos"`          // in the order of the members
	of    string     // the repo that Why speaks of
}

// Standing is what a ring stands for in a repo.
type Standing struct {
	Repo       string `json:"repo"`
	Checkpoint ID     `json:"checkpoint,omitempty"`
	// Behind is how far, in seconds, the checkpoint lies before the repo's newest.
	Behind int64  `json:"behind"`
	Note   string `json:"note,omitempty"` // why there is no checkpoint
}

// Board says what the rings stand for in the repos of a store, given by their histories.
func (r Rollout) Board(ctx context.Context, all []*History, now ID) (Board, error) {
	members := r.MembersOf(all)
	b := Board{Rings: []BoardRing{}, Absent: r.Absent(all), Blocks: append([]Block{}, r.Blocks...)}
	for _, ring := range r.Rings {
		due, err := r.Due(ctx, ring.Name, members, now)
		if err != nil {
			return Board{}, err
		}
		row := BoardRing{Name: ring.Name, After: ring.After, Held: ring.Held, Due: due.To, Same: due.Same, Next: due.Next, Why: due.Why, Repos: []Standing{}, of: due.Repo}
		if stands, ok := ring.Now(); ok {
			row.Time, row.Since, row.By, row.Reason = stands.Time, stands.At, stands.By, stands.Reason
			for _, h := range members {
				standing, err := h.WithRings(&r).standing(ctx, ring.Name)
				if err != nil {
					return Board{}, err
				}
				row.Repos = append(row.Repos, standing)
			}
		}
		b.Rings = append(b.Rings, row)
	}
	return b, nil
}

func (h *History) standing(ctx context.Context, ring string) (Standing, error) {
	s := Standing{Repo: h.Index.Repo}
	answer, err := h.atRing(ctx, ring)
	switch answer.Outcome {
	case Found:
		newest, _ := h.Index.Newest()
		s.Checkpoint, s.Behind = answer.ID, int64(newest.ID-answer.ID)
	case Gone:
		s.Note = answer.ID.String() + " is pruned"
	case Before:
		s.Note = "the first is " + answer.ID.String()
	case Empty:
		s.Note = "there is none"
	case Unset:
		s.Note = "the ring's time is not final there"
	}
	return s, err
}

// Absent names the repos without a say, ascending: members that have no checkpoint, are
// retired, or are not among all.
func (r Rollout) Absent(all []*History) []string {
	names := slices.Clone(r.Members)
	for _, h := range all {
		if r.Holds(h.Index.Repo) && (h.Index.Retired == nil || len(r.Members) > 0) {
			names = append(names, h.Index.Repo)
		}
	}
	slices.Sort(names)
	for _, h := range r.MembersOf(all) {
		names = slices.DeleteFunc(names, func(name string) bool { return name == h.Index.Repo })
	}
	return append([]string{}, slices.Compact(names)...)
}

// Of is the board of one repo.
func (b Board) Of(repo string) Board {
	return b.only(func(name string) bool { return name == repo })
}

// Public is the board for the public, or for those who may read some repos only: it tells
// nothing of the others, nor who has done something.
func (b Board) Public(mayRead func(repo string) bool) Board {
	b = b.only(mayRead)
	for i := range b.Rings {
		ring := &b.Rings[i]
		ring.By = ""
		if ring.Held != nil {
			held := *ring.Held
			held.By = ""
			ring.Held = &held
		}
		if ring.of != "" && !mayRead(ring.of) {
			ring.of, ring.Why = "", "another repository holds it back"
		}
	}
	for i := range b.Blocks {
		b.Blocks[i].By = ""
	}
	return b
}

// only is a copy that names some repos only, but for what Why says.
func (b Board) only(keep func(repo string) bool) Board {
	drop := func(repo string) bool { return !keep(repo) }
	next := Board{Rings: []BoardRing{}, Absent: slices.DeleteFunc(append([]string{}, b.Absent...), drop), Blocks: []Block{}}
	for _, ring := range b.Rings {
		ring.Repos = slices.DeleteFunc(append([]Standing{}, ring.Repos...), func(s Standing) bool { return drop(s.Repo) })
		next.Rings = append(next.Rings, ring)
	}
	for _, block := range b.Blocks {
		block.Repos = slices.DeleteFunc(slices.Clone(block.Repos), drop)
		if len(block.Repos) > 0 {
			next.Blocks = append(next.Blocks, block)
		}
	}
	return next
}
