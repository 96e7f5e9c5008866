package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/rollout"
)

func newPromoteCmd(a *app) *cobra.Command {
	var by who
	var to, reason string
	var dry bool
	cmd := &cobra.Command{
		Use:   "promote [RING]…",
		Short: "Move the rings that are due",
		Long: `Move every ring that is due, in their order, as far as the rules allow, and say why the
others stay. The first ring follows the newest time that is final in all repos. Any other
one follows what the ring before has stood for since its "after". No ring enters a time
at which a repo's checkpoint is blocked or pruned. Run it from a timer: it is safe to run
twice, and at once.

With --to, move one ring to a later time by hand, whatever the rings before stand for.
With --dry-run, also say what would change in each repo: packages where it has them, and
files. The text is cut off; the JSON is whole.`,
		Example: `  asof promote
  asof promote canary early
  asof promote prod --to 20250318T140338Z --reason 'CVE-2025-0001'
  asof promote --dry-run`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			rings, err := a.rollout(cmd.Context(), by, dry)
			if err != nil {
				return err
			}
			if to == "" {
				steps, err := rings.Promote(cmd.Context(), args, reason)
				if err != nil {
					return err
				}
				return a.printSteps(cmd.Context(), rings, steps)
			}
			if len(args) != 1 {
				return usage(fmt.Errorf("--to moves one ring, not %d", len(args)), "asof promote RING --to "+to)
			}
			at, err := parseRingTime(to)
			if err != nil {
				return err
			}
			step, err := rings.Set(cmd.Context(), args[0], at, reason)
			if err != nil {
				return err
			}
			return a.printSteps(cmd.Context(), rings, []rollout.Step{step})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&to, "to", "", "move one ring to this `TIME`, by hand")
	flags.StringVar(&reason, "reason", "", reasonHelp)
	flags.BoolVar(&dry, "dry-run", false, "only say what would be done")
	by.add(flags)
	return cmd
}

// step is what a ring does, as it is printed.
type step struct {
	Ring    string       `json:"ring"`
	From    *manifest.ID `json:"from"` // null: it stood for nothing yet
	To      *manifest.ID `json:"to"`
	Moves   bool         `json:"moves"`
	Changed []string     `json:"changed"` // repos whose checkpoint is another one
	Held    bool         `json:"held"`
	Next    *manifest.ID `json:"next"` // null: not known
	Why     string       `json:"why"`
	// Changes are those of a dry run, for each of Changed as asof diff prints them.
	Changes []json.RawMessage `json:"changes,omitempty"`
}

func orNull(id manifest.ID) *manifest.ID {
	if id.IsZero() {
		return nil
	}
	return &id
}

func stepOf(s rollout.Step) step {
	why := s.Why
	if s.Held != nil {
		why = heldText(s.Held)
	}
	changed := s.Changed
	if changed == nil {
		changed = []string{}
	}
	return step{s.Ring, orNull(s.From), orNull(s.To), s.Moves(), changed, s.Held != nil, orNull(s.Next), why, nil}
}

func heldText(h *manifest.Hold) string {
	text := fmt.Sprintf("held since %s by %s", h.At, h.By)
	if h.Reason != "" {
		text += ": " + h.Reason
	}
	return text
}

func (a *app) printSteps(ctx context.Context, rings *rollout.Rollout, steps []rollout.Step) error {
	list := []step{}
	var unread []error
	for _, s := range steps {
		shown := stepOf(s)
		if rings.Dry && a.output == "json" {
			var err error
			shown.Changes, err = a.moveJSON(ctx, rings, s)
			unread = append(unread, err)
		}
		list = append(list, shown)
	}
	if len(list) == 0 {
		fmt.Fprintln(a.stderr, "there are no rings; rollout.rings in asof.yaml makes them")
	}
	err := a.print(list, func(t *table) {
		t.row("RING", "FROM", "TO", "CHANGES IN", "NEXT", "WHY NOT FURTHER")
		for _, s := range list {
			to := "stays"
			if s.Moves {
				to = s.To.String()
			}
			t.row(s.Ring, orDash(s.From), to, orText(strings.Join(s.Changed, ", "), "-"), orDash(s.Next), orText(s.Why, "-"))
		}
	})
	if err != nil {
		return err
	}
	told := map[string]bool{"": true}
	for _, s := range steps {
		if !told[s.Advice] {
			fmt.Fprintln(a.stderr, "hint:", s.Advice)
			told[s.Advice] = true
		}
	}
	if rings.Dry {
		for _, s := range steps {
			if a.output != "json" {
				unread = append(unread, a.printMove(ctx, rings, s))
			}
		}
		fmt.Fprintln(a.stderr, "nothing was moved; leave out --dry-run to do it")
	}
	return errors.Join(unread...)
}
