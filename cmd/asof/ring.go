package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/rollout"
)

func newRingCmd(a *app) *cobra.Command {
	var by who
	var remove bool
	var reason string
	cmd := &cobra.Command{
		Use:   "ring [RING]",
		Short: "Show the rings, or the history of one",
		Long: `Show the rings: movable names for a time that holds for all repos of the store, or for
those of rollout.repos. For each: its time, since when and by whom, whether it is held,
what it would move to, and the checkpoint that it stands for in each repo. With a name,
show every recorded change of that ring, the latest first.

A client uses a ring's name in place of a time, as it uses a channel's: /debian/prod/…
and /security/prod/… are of one moment. asof promote moves rings.`,
		Example: `  asof ring
  asof ring prod
  asof ring -o json
  asof ring early --delete --reason 'three rings are enough'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if remove && len(args) == 0 {
				return usage(fmt.Errorf("--delete takes the name of a ring"), "asof ring RING --delete")
			}
			rings, err := a.rollout(cmd.Context(), by, false)
			if err != nil {
				return err
			}
			switch {
			case remove:
				return rings.Delete(cmd.Context(), args[0], reason)
			case len(args) == 1:
				return a.printRing(cmd.Context(), rings, args[0])
			}
			return a.printRings(cmd.Context(), rings)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&remove, "delete", false, "take the ring away; take it out of asof.yaml first")
	flags.StringVar(&reason, "reason", "", "a line of text on why; the record keeps it")
	by.add(flags)
	return cmd
}

// ringsShown are the rings of a store as they are printed.
type ringsShown struct {
	Rings  []ringShown  `json:"rings"`
	Absent []string     `json:"absent"` // repos without a say
	Blocks []blockShown `json:"blocks"`
}

type ringShown struct {
	Name   string       `json:"name"`
	After  string       `json:"after"`
	Time   *manifest.ID `json:"time"` // null: it stands for nothing yet
	Since  *manifest.ID `json:"since"`
	By     string       `json:"by,omitempty"`
	Reason string       `json:"reason,omitempty"`
	Held   *holdShown   `json:"held"`
	Due    *manifest.ID `json:"due"`  // what it would move to now; null: it stays
	Next   *manifest.ID `json:"next"` // when time alone lets it move on
	Why    string       `json:"why"`
	Repos  []standShown `json:"repos"`
}

type holdShown struct {
	Since  manifest.ID `json:"since"`
	By     string      `json:"by"`
	Reason string      `json:"reason"`
}

// standShown is what a ring stands for in a repo.
type standShown struct {
	Repo       string       `json:"repo"`
	Checkpoint *manifest.ID `json:"checkpoint"` // null: there is none
	Behind     int64        `json:"behind_seconds"`
	Note       string       `json:"note,omitempty"`
}

type blockShown struct {
	Repos   []string    `json:"repos"`
	After   manifest.ID `json:"after"`
	Through manifest.ID `json:"through"`
	At      manifest.ID `json:"at"`
	By      string      `json:"by"`
	Reason  string      `json:"reason"`
}

func (a *app) printRings(ctx context.Context, rings *rollout.Rollout) error {
	state, err := rings.Read(ctx)
	if err != nil {
		return err
	}
	shown := ringsShown{Rings: []ringShown{}, Absent: append([]string{}, state.Absent...), Blocks: []blockShown{}}
	for _, ring := range state.Rings {
		one, err := showRing(ctx, state, ring)
		if err != nil {
			return err
		}
		shown.Rings = append(shown.Rings, one)
	}
	for _, b := range state.Blocks {
		shown.Blocks = append(shown.Blocks, blockShown{b.Repos, b.After, b.Through, b.At, b.By, b.Reason})
	}
	if err := a.print(shown, func(t *table) { ringTables(t, shown) }); err != nil {
		return err
	}
	if len(shown.Rings) == 0 {
		fmt.Fprintln(a.stderr, "there are no rings; rollout.rings in asof.yaml makes them")
	}
	for _, name := range shown.Absent {
		fmt.Fprintf(a.stderr, "%s has no say: it has no checkpoint, is retired, or is not in the store\n", name)
	}
	return nil
}

func showRing(ctx context.Context, state rollout.State, ring manifest.Ring) (ringShown, error) {
	due, err := state.Due(ctx, ring.Name, state.Members, state.Now)
	if err != nil {
		return ringShown{}, err
	}
	one := ringShown{Name: ring.Name, After: (time.Duration(ring.After) * time.Second).String(), Due: orNull(due.To), Next: orNull(due.Next), Why: due.Why, Repos: []standShown{}}
	if ring.Held != nil {
		one.Held = &holdShown{ring.Held.At, ring.Held.By, ring.Held.Reason}
		one.Why = heldText(ring.Held)
	}
	stands, ok := ring.Now()
	if !ok {
		return one, nil
	}
	one.Time, one.Since, one.By, one.Reason = &stands.Time, &stands.At, stands.By, stands.Reason
	for _, h := range state.Members {
		stand, err := showStand(ctx, h.WithRings(&state.Rollout), ring.Name, state.Now)
		if err != nil {
			return one, err
		}
		one.Repos = append(one.Repos, stand)
	}
	return one, nil
}

func showStand(ctx context.Context, h *manifest.History, ring string, now manifest.ID) (standShown, error) {
	stand := standShown{Repo: h.Index.Repo}
	answer, err := h.Resolve(ctx, manifest.When{Kind: manifest.WhenName, Name: ring}, now)
	if err != nil {
		return stand, err
	}
	switch answer.Outcome {
	case manifest.Found:
		stand.Checkpoint = &answer.ID
		if newest, ok := h.Index.Newest(); ok {
			stand.Behind = int64(newest.ID - answer.ID)
		}
	case manifest.Gone:
		stand.Note = answer.ID.String() + " is pruned"
	case manifest.Before:
		stand.Note = "the first is " + answer.ID.String()
	case manifest.Unset:
		stand.Note = "its time is not final there"
	}
	return stand, nil
}

func ringTables(t *table, shown ringsShown) {
	t.row("RING", "AFTER", "TIME", "SINCE", "BY", "WOULD MOVE TO", "NEXT", "WHY")
	for _, r := range shown.Rings {
		t.row(r.Name, r.After, orDash(r.Time), orDash(r.Since), orText(r.By, "-"), orDash(r.Due), orDash(r.Next), orText(r.Why, "-"))
	}
	for _, r := range shown.Rings {
		if len(r.Repos) == 0 {
			continue
		}
		t.section()
		t.row(r.Name, "CHECKPOINT", "BEHIND THE NEWEST BY")
		for _, s := range r.Repos {
			behind := "-"
			if s.Behind > 0 {
				behind = seconds(time.Duration(s.Behind) * time.Second)
			}
			t.row(s.Repo, orText(s.Note, orDash(s.Checkpoint)), behind)
		}
	}
	if len(shown.Blocks) > 0 {
		t.section()
		t.row("BLOCKED", "AFTER", "THROUGH", "SINCE", "BY", "REASON")
		for _, b := range shown.Blocks {
			for _, repo := range b.Repos {
				t.row(repo, b.After, b.Through, b.At, b.By, orText(b.Reason, "-"))
			}
		}
	}
}

// ringChange is a recorded change as it is printed.
type ringChange struct {
	At     manifest.ID  `json:"at"`
	What   string       `json:"what"`
	From   *manifest.ID `json:"from"`
	To     *manifest.ID `json:"to"`
	By     string       `json:"by"`
	Reason string       `json:"reason"`
}

func (a *app) printRing(ctx context.Context, rings *rollout.Rollout, name string) error {
	list := []ringChange{}
	for change, err := range catalog.RolloutHistory(ctx, rings.Store) {
		if err != nil {
			return err
		}
		if change.Ring == name {
			list = append(list, ringChange{change.At, change.What, orNull(change.From), orNull(change.To), change.By, change.Reason})
		}
	}
	state, err := rings.Read(ctx)
	if err != nil {
		return err
	}
	if _, known := state.Ring(name); !known && len(list) == 0 {
		return fmt.Errorf("%s: %w", name, manifest.ErrNoRing)
	}
	return a.print(list, func(t *table) {
		t.row("AT", "WHAT", "FROM", "TO", "BY", "REASON")
		for _, c := range list {
			t.row(c.At, c.What, orDash(c.From), orDash(c.To), c.By, orText(c.Reason, "-"))
		}
	})
}
