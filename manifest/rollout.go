package manifest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

const rolloutFormat = "asof.rollout/1"

// Bounds of a rollout.
const (
	MaxRollout = 16 << 20             // bytes of its document
	MaxRings   = 32                   //
	MaxAfter   = 366 * 24 * time.Hour // between two rings
	maxBy      = 200                  // bytes
	maxStands  = 256                  // of a ring
	maxBlocks  = 4096
)

// Rollout is a store's register of rings. A ring is a movable name for a time that holds for
// all members: in each of them it stands for the checkpoint of that time. The register changes
// only by its methods, which return a changed copy.
type Rollout struct {
	Generation int64 // counts all changes; 0: never written
	// Recorded counts the changes that are recorded, each as the whole register with its Last.
	// A ring's time that moves on while nothing changes in any member is none.
	Recorded int64
	Last     RingChange
	Members  []string // names of repos, ascending; none: all repos of the store
	Rings    []Ring   // in the order of the rollout
	Blocks   []Block  // in the order in which they were made
}

// Ring is one ring of a rollout.
type Ring struct {
	Name string `json:"name"`
	// After is for how long, in seconds, the ring before must have stood for what this one
	// moves to. The first ring has no such rule.
	After int64 `json:"after"`
	Held  *Hold `json:"held,omitempty"` // nil: it moves
	// Stands are what the ring stood for lately, oldest first; the last one is what it
	// stands for. Of a long past some are left out.
	Stands []Stand `json:"stands"`
}

// Stand is what a ring stood for from some moment on.
type Stand struct {
	// Time is what the ring stood for. While no member has a new checkpoint, it moves on.
	Time ID `json:"time"`
	Stamp
}

// Stamp says when something was done, by whom and why.
type Stamp struct {
	At     ID     `json:"at"`
	By     string `json:"by,omitempty"`     // one line of text; empty only on a public Board
	Reason string `json:"reason,omitempty"` // the same
}

// Hold keeps a ring where it is.
type Hold struct{ Stamp }

// Block keeps rings from checkpoints: those of some repos whose ids are after one time and at
// or before another.
type Block struct {
	Repos   []string `json:"repos"` // names, ascending
	After   ID       `json:"after"`
	Through ID       `json:"through"`
	Stamp
}

// RingChange is a recorded change of a rollout.
type RingChange struct {
	What string `json:"what"` // one of the words below
	Ring string `json:"ring,omitempty"`
	Repo string `json:"repo,omitempty"`
	From ID     `json:"from,omitempty"` // the ring's time before, if it moved
	To   ID     `json:"to,omitempty"`   // the ring's time; for a repo the checkpoint's id
	Stamp
}

// What a RingChange can be.
const (
	RingsSet      = "set" // rings, their order, rules or members
	RingMoved     = "promote"
	RingBack      = "rollback"
	RingHeld      = "hold"
	RingResumed   = "resume"
	RingDeleted   = "delete"
	RepoBlocked   = "block"
	RepoUnblocked = "unblock"
)

// rolloutHead is the opening line, with its members in order.
type rolloutHead struct {
	Format     string      `json:"format"`
	Generation int64       `json:"generation"`
	Recorded   int64       `json:"recorded"`
	Last       *RingChange `json:"last,omitempty"`
	Members    []string    `json:"members,omitempty"`
}

// Encode returns the rollout's canonical form: JSON with one line a ring or block.
func (r Rollout) Encode() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("rollout: %w", err)
	}
	head := rolloutHead{rolloutFormat, r.Generation, r.Recorded, nil, r.Members}
	if r.Recorded > 0 {
		head.Last = &r.Last
	}
	b, err := appendHead(nil, head)
	if err != nil {
		return nil, err
	}
	b = appendList(b, "rings", r.Rings, ",\n", appendJSON)
	b = appendList(b, "blocks", r.Blocks, "}\n", appendJSON)
	if len(b) > MaxRollout {
		return nil, fmt.Errorf("rollout: larger than %d bytes", MaxRollout)
	}
	return b, nil
}

// appendJSON appends what json.Marshal writes. What was checked can be written.
func appendJSON[T any](b []byte, e T) []byte {
	line, _ := json.Marshal(e)
	return append(b, line...)
}

// ParseRollout reads the canonical form only.
func ParseRollout(data []byte) (Rollout, error) {
	r, err := parseRollout(data)
	if err != nil {
		return Rollout{}, fmt.Errorf("rollout: %w", err)
	}
	return r, nil
}

func parseRollout(data []byte) (r Rollout, err error) {
	d, err := openDocument(data, MaxRollout, rolloutFormat)
	if err != nil {
		return r, err
	}
	var head rolloutHead
	if err := d.head(&head); err != nil {
		return r, err
	}
	r.Generation, r.Recorded, r.Members = head.Generation, head.Recorded, head.Members
	if (head.Last != nil) != (r.Recorded > 0) {
		return r, fmt.Errorf("%d changes are recorded, and the last one is not as it must be", r.Recorded)
	}
	if head.Last != nil {
		r.Last = *head.Last
	}
	if r.Rings, err = readList(d, "rings", ",", slowly[Ring]); err != nil {
		return r, err
	}
	if r.Blocks, err = readList(d, "blocks", "}", slowly[Block]); err != nil {
		return r, err
	}
	if err := d.end(); err != nil {
		return r, err
	}
	return r, r.check()
}

// slowly leaves every line to the slow way of reading.
func slowly[T any]([]byte) (none T, ok bool) { return none, false }

// check reports the first rule that a rollout breaks.
func (r Rollout) check() error {
	if r.Generation < 0 || r.Generation > maxNumber || r.Recorded < 0 || r.Recorded > r.Generation {
		return fmt.Errorf("%d changes of %d are recorded: no such numbers", r.Recorded, r.Generation)
	}
	if len(r.Rings) > MaxRings || len(r.Blocks) > maxBlocks {
		return fmt.Errorf("%d rings and %d blocks are more than %d and %d", len(r.Rings), len(r.Blocks), MaxRings, maxBlocks)
	}
	if r.Recorded > 0 {
		if err := r.Last.check(); err != nil {
			return fmt.Errorf("last change: %w", err)
		}
	}
	if err := checkRepoNames(r.Members); err != nil {
		return fmt.Errorf("members: %w", err)
	}
	names := map[string]bool{}
	for _, ring := range r.Rings {
		if names[ring.Name] {
			return fmt.Errorf("ring %s: %w", ring.Name, ErrTaken)
		}
		names[ring.Name] = true
		if err := ring.check(); err != nil {
			return fmt.Errorf("ring %.80q: %w", ring.Name, err)
		}
	}
	for _, b := range r.Blocks {
		if err := b.check(); err != nil {
			return fmt.Errorf("block: %w", err)
		}
	}
	return nil
}

func (r Ring) check() error {
	if err := CheckRing(r.Name); err != nil {
		return err
	}
	if r.After < 0 || r.After > int64(MaxAfter/time.Second) {
		return fmt.Errorf("after %d seconds: not within 0 and %d", r.After, int64(MaxAfter/time.Second))
	}
	if len(r.Stands) > maxStands {
		return fmt.Errorf("it stood for %d times, more than %d", len(r.Stands), maxStands)
	}
	if r.Held != nil {
		if err := r.Held.check(); err != nil {
			return err
		}
	}
	for i, s := range r.Stands {
		if !s.Time.Valid() {
			return fmt.Errorf("it stood for %s: no such time", s.Time)
		}
		if i > 0 && s.At < r.Stands[i-1].At {
			return fmt.Errorf("it stood for %s out of order", s.Time)
		}
		if err := s.check(); err != nil {
			return err
		}
	}
	return nil
}

func (b Block) check() error {
	if len(b.Repos) == 0 || !b.After.Valid() || !b.Through.Valid() || b.After >= b.Through {
		return fmt.Errorf("after %s through %s in %d repos: no checkpoint can be that", b.After, b.Through, len(b.Repos))
	}
	return cmp.Or(checkRepoNames(b.Repos), b.Stamp.check())
}

func (c RingChange) check() error {
	if !slices.Contains([]string{RingsSet, RingMoved, RingBack, RingHeld, RingResumed, RingDeleted, RepoBlocked, RepoUnblocked}, c.What) {
		return fmt.Errorf("%.80q is no change", c.What)
	}
	if c.Ring != "" {
		if err := CheckRing(c.Ring); err != nil {
			return err
		}
	}
	if c.Repo != "" {
		if err := CheckBase(c.Repo); err != nil {
			return err
		}
	}
	for _, id := range []ID{c.From, c.To} {
		if !id.IsZero() && !id.Valid() {
			return id.check()
		}
	}
	return c.Stamp.check()
}

func (s Stamp) check() error {
	switch {
	case !s.At.Valid():
		return s.At.check()
	case s.By == "" || len(s.By) > maxBy || checkReason(s.By) != nil:
		return fmt.Errorf("by %.80q: not one line of 1 to %d bytes", s.By, maxBy)
	}
	return checkReason(s.Reason)
}

// CheckRing reports why a name can't be a ring's. What may be a ring may be a channel.
func CheckRing(name string) error {
	if err := CheckChannel(name); err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	return nil
}

// checkRepoNames makes sure that names ascend.
func checkRepoNames(names []string) error {
	for i, name := range names {
		if err := CheckBase(name); err != nil {
			return err
		}
		if i > 0 && strings.Compare(name, names[i-1]) <= 0 {
			return fmt.Errorf("%s is out of order", name)
		}
	}
	return nil
}

// UsedUp reports whether the rollout counts more changes than any can have had.
func (r Rollout) UsedUp() bool { return r.Generation > maxNumber-spare }

// Ring returns the ring with a name.
func (r Rollout) Ring(name string) (Ring, bool) {
	i := r.ringAt(name)
	if i < 0 {
		return Ring{}, false
	}
	return r.Rings[i], true
}

func (r Rollout) ringAt(name string) int {
	return slices.IndexFunc(r.Rings, func(ring Ring) bool { return ring.Name == name })
}

// Holds reports whether the rings hold for a repo.
func (r Rollout) Holds(repo string) bool {
	_, named := slices.BinarySearch(r.Members, repo)
	return len(r.Members) == 0 || named
}

// Now returns what the ring stands for; ok is false before it first moves.
func (r Ring) Now() (s Stand, ok bool) {
	if len(r.Stands) == 0 {
		return Stand{}, false
	}
	return r.Stands[len(r.Stands)-1], true
}
