package manifest

import (
	"errors"
	"fmt"
)

// A repo that was deleted, or moved to another base path, keeps its index. The index says
// what became of it, so that its addresses answer for good: nothing else is ever published
// there.

// Retired says what became of a repo that is no longer in use.
type Retired struct {
	At ID `json:"at"`
	// To is the base path of the repo to which its addresses lead. Empty: they answer that
	// it is gone.
	To     string `json:"to,omitempty"`
	Reason string `json:"reason"` // one line of text, which everybody may read; may be empty
}

// ErrRetired: the repo is no longer in use, so nothing is published there.
var ErrRetired = errors.New("the repo is retired")

// RetiredError is an ErrRetired that says what became of the repo.
type RetiredError struct {
	Repo string // its name
	Retired
}

func (e *RetiredError) Error() string { return "repo " + e.Repo + " " + e.What() }

// Unwrap returns ErrRetired.
func (e *RetiredError) Unwrap() error { return ErrRetired }

// What says what became of the repo, as the end of a sentence.
func (r Retired) What() string {
	what := "was deleted"
	if r.To != "" {
		what = "now stands at " + r.To + "/"
	}
	if r.Reason != "" {
		what += ": " + r.Reason
	}
	return what
}

// InUse returns a *RetiredError if the repo is retired.
func (ix Index) InUse() error {
	if ix.Retired == nil {
		return nil
	}
	return &RetiredError{ix.Repo, *ix.Retired}
}

// Retire says what becomes of the repo. Nothing can be added from then on. It drops the
// channels, and a publish of several repos that was about to commit. A repo that is retired
// already can be retired again, to another place or with another reason.
func (ix Index) Retire(what Retired) (Index, error) {
	next := ix.next()
	next.Retired, next.Channels, next.Moved, next.Pending = &what, nil, nil, nil
	return ix.become(next)
}

// Revive takes a retirement back, as long as the newest checkpoint is still listed. Channels
// do not come back.
func (ix Index) Revive() (Index, error) {
	if ix.Retired == nil {
		return ix, nil
	}
	if _, ok := ix.Newest(); !ok {
		return ix, fmt.Errorf("%w, and its checkpoints are gone", ix.InUse())
	}
	next := ix.next()
	next.Retired = nil
	return ix.become(next)
}

// Clear replaces the checkpoints of a retired repo's tail by tombstones, the newest too.
func (ix Index) Clear(at ID, reason string) (Index, error) {
	if ix.Retired == nil {
		return ix, fmt.Errorf("the newest checkpoint is %w", ErrInUse)
	}
	tail := ix.Tail()
	ids := make([]ID, len(tail.Checkpoints))
	for i, c := range tail.Checkpoints {
		ids[i] = c.ID
	}
	tail, err := tail.Prune(ids, at, reason)
	if err != nil {
		return ix, err
	}
	next := ix.next()
	next.Checkpoints, next.Pruned = tail.Checkpoints, tail.Pruned
	return ix.become(next)
}

// checkRetired reports the first rule that a retired repo's index breaks.
func (ix Index) checkRetired() error {
	r := ix.Retired
	switch {
	case r == nil:
		return nil
	case !r.At.Valid():
		return fmt.Errorf("retired at: %w", r.At.check())
	case ix.Channels != nil || ix.Moved != nil || ix.Pending != nil:
		return errors.New("a retired repo has channels, or a pending id")
	}
	if r.To != "" {
		if err := CheckBase(r.To); err != nil {
			return fmt.Errorf("retired to: %w", err)
		}
	}
	if err := checkReason(r.Reason); err != nil {
		return fmt.Errorf("retired: %w", err)
	}
	return nil
}
