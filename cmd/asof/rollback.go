package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/rollout"
)

func newRollbackCmd(a *app) *cobra.Command {
	var by who
	var to, reason string
	var dry bool
	cmd := &cobra.Command{
		Use:   "rollback RING --reason WHY",
		Short: "Put a ring back, for all repos at once, and hold it there",
		Long: `Put a ring back to what it stood for before, or to a time, for all repos at once, and
hold it there until asof resume. The checkpoints that it stood for are blocked, in every
repo that has another one then: no ring enters them again, and rings that stand on them
are named. asof unblock lets one through again; a newer checkpoint needs no word. With
--dry-run, also say what would change in each repo.`,
		Example: `  asof rollback prod --reason 'the new kernel does not boot'
  asof rollback prod --to 2025-03-18 --reason 'the new kernel does not boot'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := needReason("a roll-back", reason)
			if err != nil {
				return err
			}
			var at manifest.ID
			if to != "" {
				if at, err = parseRingTime(to); err != nil {
					return err
				}
			}
			rings, err := a.rollout(cmd.Context(), by, dry)
			if err != nil {
				return err
			}
			stop, err := rings.Rollback(cmd.Context(), args[0], at, reason)
			if err != nil {
				return err
			}
			return a.printStop(cmd.Context(), rings, stop)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&to, "to", "", "the `TIME` to go back to (default what the ring stood for before)")
	flags.StringVar(&reason, "reason", "", reasonHelp)
	flags.BoolVar(&dry, "dry-run", false, "only say what would be done")
	by.add(flags)
	return cmd
}

// stopped is a roll-back or a block, as it is printed.
type stopped struct {
	Ring     string                 `json:"ring,omitempty"`
	From     *manifest.ID           `json:"from,omitempty"`
	To       *manifest.ID           `json:"to,omitempty"`
	Blocked  map[string]manifest.ID `json:"blocked"`
	Standing []string               `json:"standing"`          // rings on a blocked checkpoint
	Changes  []json.RawMessage      `json:"changes,omitempty"` // of a dry run, as asof diff prints them
}

func (a *app) printStop(ctx context.Context, rings *rollout.Rollout, s rollout.Stop) error {
	out := stopped{s.Ring, orNull(s.From), orNull(s.To), s.Blocked, append([]string{}, s.Standing...), nil}
	var unread error
	if rings.Dry && a.output == "json" {
		out.Changes, unread = a.moveJSON(ctx, rings, s.Step)
	}
	err := a.print(out, func(t *table) {
		if s.Ring != "" {
			t.row("RING", "FROM", "TO")
			t.row(s.Ring, s.From, s.To)
			t.section()
		}
		t.row("BLOCKED", "CHECKPOINT")
		for _, repo := range slices.Sorted(maps.Keys(s.Blocked)) {
			t.row(repo, s.Blocked[repo])
		}
	})
	if err != nil {
		return err
	}
	for _, ring := range s.Standing {
		fmt.Fprintf(a.stderr, "ring %s stands on a blocked checkpoint: asof rollback %s puts it back\n", ring, ring)
	}
	switch {
	case rings.Dry:
		if a.output != "json" {
			unread = a.printMove(ctx, rings, s.Step)
		}
		fmt.Fprintln(a.stderr, "nothing was moved; leave out --dry-run to do it")
	case s.Ring != "":
		fmt.Fprintf(a.stderr, "%s is held: asof resume %s lets it move again\n", s.Ring, s.Ring)
	}
	return unread
}
