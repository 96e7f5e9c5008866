package rollout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/asof/asof/manifest"
)

// Step is what a ring does, or would do.
type Step struct {
	Ring string
	From manifest.ID // what it stood for; none: nothing yet
	To   manifest.ID // what it stands for then; as From if it stays
	// Changed are the members, by name, whose checkpoint is another one at To.
	Changed []string
	Held    *manifest.Hold // nil: it is not held
	Next    manifest.ID    // when time alone lets it move on; none: not known
	Why     string         // why it stays, or moves no further
	Advice  string         // what lets it move further; empty: time, or what Why says
}

// Moves reports whether the ring's time changes.
func (s Step) Moves() bool { return s.To != s.From }

// ErrHeld: a ring is held where it is.
var ErrHeld = errors.New("held")

// ErrNotAllowed: a ring may not enter a time.
var ErrNotAllowed = errors.New("no ring may stand there")

// RefusedError says why a ring does not move. It is an ErrHeld or ErrNotAllowed.
type RefusedError struct {
	Ring   string
	To     manifest.ID
	Why    string
	Kind   error
	Advice string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("ring %s to %s: %v: %s", e.Ring, e.To, e.Kind, e.Why)
}

func (e *RefusedError) Unwrap() error { return e.Kind }

// Hint says what the user can do.
func (e *RefusedError) Hint() string { return e.Advice }

// Promote moves every ring that is due, in their order, as far as the rules allow. Run twice,
// or by many at once, it moves them once. With names, only these.
func (r *Rollout) Promote(ctx context.Context, names []string, reason string) (steps []Step, err error) {
	chosen, err := r.choose(ctx, names)
	if err != nil {
		return nil, err
	}
	for _, name := range chosen {
		var step Step
		_, _, err := r.change(ctx, func(s State) (next manifest.Rollout, err error) {
			next, step, err = s.promote(ctx, name, r.stamp(reason))
			return next, err
		})
		if err == nil && step.Moves() {
			err = r.landed(ctx, name)
		}
		if err != nil {
			return steps, err
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// choose returns the rings with these names in their order, or all.
func (r *Rollout) choose(ctx context.Context, names []string) (chosen []string, err error) {
	state, err := r.Read(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, ok := state.Ring(name); !ok {
			return nil, fmt.Errorf("%s: %w", name, manifest.ErrNoRing)
		}
	}
	for _, ring := range state.Rings {
		if len(names) == 0 || slices.Contains(names, ring.Name) {
			chosen = append(chosen, ring.Name)
		}
	}
	return chosen, nil
}

// promote moves a ring as far as the rules allow.
func (s State) promote(ctx context.Context, name string, by manifest.Stamp) (manifest.Rollout, Step, error) {
	ring, _ := s.Ring(name)
	stood, ok := ring.Now()
	step := Step{Ring: name, From: stood.Time, To: stood.Time, Held: ring.Held}
	due, err := s.Due(ctx, name, s.Members, s.Now)
	if err != nil {
		return s.Rollout, step, err
	}
	step.Next, step.Why, step.Advice = due.Next, due.Why, s.advice(due.Bar)
	if ring.Held != nil || due.To.IsZero() {
		return s.Rollout, step, nil
	}
	step.To = due.To
	if due.Same {
		next, err := s.Extend(name, due.To)
		return next, step, err
	}
	if ok {
		if step.Changed, err = s.Members.Differ(ctx, step.From, step.To); err != nil {
			return s.Rollout, step, err
		}
	}
	next, err := s.Move(name, due.To, by)
	return next, step, err
}

// Set moves a ring to a later time, by hand: the rings before it need not have stood for it.
func (r *Rollout) Set(ctx context.Context, name string, to manifest.ID, reason string) (step Step, err error) {
	_, _, err = r.change(ctx, func(s State) (next manifest.Rollout, err error) {
		next, step, err = s.set(ctx, name, to, r.stamp(reason))
		return next, err
	})
	if err == nil && step.Moves() {
		err = r.landed(ctx, name)
	}
	return step, err
}

func (s State) set(ctx context.Context, name string, to manifest.ID, by manifest.Stamp) (manifest.Rollout, Step, error) {
	ring, ok := s.Ring(name)
	if !ok {
		return s.Rollout, Step{}, fmt.Errorf("%s: %w", name, manifest.ErrNoRing)
	}
	stood, moved := ring.Now()
	step := Step{Ring: name, From: stood.Time, To: to}
	switch {
	case moved && to == stood.Time:
		return s.Rollout, step, nil
	case ring.Held != nil:
		return s.Rollout, step, &RefusedError{name, to, because(ring.Held.Stamp), ErrHeld, "asof resume " + name}
	case moved && to < stood.Time:
		return s.Rollout, step, &RefusedError{name, to, "it stands for the later " + stood.Time.String(), ErrNotAllowed,
			fmt.Sprintf("asof rollback %s --to %s --reason … puts it back, and holds it there", name, to)}
	}
	if err := s.mayEnter(ctx, name, to); err != nil {
		return s.Rollout, step, err
	}
	var err error
	if moved {
		if step.Changed, err = s.Members.Differ(ctx, stood.Time, to); err != nil {
			return s.Rollout, step, err
		}
	}
	next, err := s.Move(name, to, by)
	return next, step, err
}

func (s State) mayEnter(ctx context.Context, name string, to manifest.ID) error {
	bar, err := s.MayEnter(ctx, s.Members, to, s.Now)
	if err == nil && bar.Why != "" {
		err = &RefusedError{name, to, bar.Why, ErrNotAllowed, cmp.Or(s.advice(bar), "asof ring shows the rings, and what is blocked")}
	}
	return err
}

// advice says how rings get past what keeps them from a checkpoint; empty: nothing does but time.
func (s State) advice(bar manifest.Bar) string {
	if bar.Checkpoint.IsZero() {
		return ""
	}
	if _, blocked := s.Blocked(bar.Repo, bar.Checkpoint); blocked {
		return fmt.Sprintf("asof unblock %s %s lets rings have it", bar.Repo, bar.Checkpoint)
	}
	return undo(bar.Repo, bar.Checkpoint)
}

func undo(repo string, id manifest.ID) string {
	return fmt.Sprintf("asof prune %s --undo %s brings it back", repo, id)
}

// because says who did something, when and why.
func because(s manifest.Stamp) string {
	text := fmt.Sprintf("since %s by %s", s.At, s.By)
	if s.Reason != "" {
		text += ": " + s.Reason
	}
	return text
}

// landed makes sure that nothing that a ring stands for was pruned while it moved there. A
// prune looks at the rings after its swap, too, so one of both sees the other.
func (r *Rollout) landed(ctx context.Context, name string) error {
	state, err := r.Read(ctx)
	if err != nil {
		return err
	}
	ring, _ := state.Ring(name)
	stands, ok := ring.Now()
	if !ok {
		return nil
	}
	for _, h := range state.Members {
		answer, err := h.Resolve(ctx, manifest.At(stands.Time), state.Now)
		if err != nil {
			return err
		}
		if answer.Outcome == manifest.Gone {
			return &RefusedError{name, stands.Time, fmt.Sprintf("%s %s was pruned meanwhile", h.Index.Repo, answer.ID), ErrNotAllowed,
				undo(h.Index.Repo, answer.ID)}
		}
	}
	return nil
}
