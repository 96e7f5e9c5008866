package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/page"
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
	flags.StringVar(&reason, "reason", "", reasonHelp)
	by.add(flags)
	return cmd
}

func (a *app) printRings(ctx context.Context, rings *rollout.Rollout) error {
	state, err := rings.Read(ctx)
	if err != nil {
		return err
	}
	board, err := state.Board(ctx, state.All, state.Now)
	if err != nil {
		return err
	}
	if err := a.print(board, func(t *table) { ringTables(t, board) }); err != nil {
		return err
	}
	if len(board.Rings) == 0 {
		fmt.Fprintln(a.stderr, "there are no rings; rollout.rings in asof.yaml makes them")
	}
	for _, name := range board.Absent {
		fmt.Fprintf(a.stderr, "%s has no say: it has no checkpoint, is retired, or is not in the store\n", name)
	}
	return nil
}

func ringTables(t *table, board manifest.Board) {
	t.row("RING", "AFTER", "TIME", "SINCE", "BY", "WOULD MOVE TO", "NEXT", "WHY")
	for _, r := range board.Rings {
		why, due := r.Why, r.Due
		if r.Held != nil {
			why = heldText(r.Held)
		}
		if r.Same {
			due = 0
		}
		t.row(r.Name, page.Span(r.After), orDash(orNull(r.Time)), orDash(orNull(r.Since)), orText(r.By, "-"), orDash(orNull(due)), orDash(orNull(r.Next)), orText(why, "-"))
	}
	for _, r := range board.Rings {
		if len(r.Repos) == 0 {
			continue
		}
		t.section()
		t.row(r.Name, "CHECKPOINT", "BEHIND THE NEWEST BY")
		for _, s := range r.Repos {
			behind := "-"
			if s.Behind > 0 {
				behind = page.Span(s.Behind)
			}
			t.row(s.Repo, orText(s.Note, s.Checkpoint.String()), behind)
		}
	}
	if len(board.Blocks) > 0 {
		t.section()
		t.row("BLOCKED", "AFTER", "THROUGH", "SINCE", "BY", "REASON")
		for _, b := range board.Blocks {
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
