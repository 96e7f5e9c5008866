package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

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
are named. asof unblock lets one through again; a newer checkpoint needs no word.`,
		Example: `  asof rollback prod --reason 'the new kernel does not boot'
  asof rollback prod --to 2025-03-18 --reason 'the new kernel does not boot'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return usage(errors.New("a roll-back needs a reason"), "add --reason: whoever looks at the ring next reads it")
			}
			var at manifest.ID
			var err error
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
			return a.printStop(stop, dry)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&to, "to", "", "the `TIME` to go back to (default what the ring stood for before)")
	flags.StringVar(&reason, "reason", "", "a line of text on why; the record keeps it")
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
	Standing []string               `json:"standing"` // rings on a blocked checkpoint
}

func (a *app) printStop(s rollout.Stop, dry bool) error {
	out := stopped{s.Ring, orNull(s.From), orNull(s.To), s.Blocked, append([]string{}, s.Standing...)}
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
	case dry:
		fmt.Fprintln(a.stderr, "nothing was moved; leave out --dry-run to do it")
	case s.Ring != "":
		fmt.Fprintf(a.stderr, "%s is held: asof resume %s lets it move again\n", s.Ring, s.Ring)
	}
	return nil
}

// newHoldCmd and newResumeCmd make the commands that keep a ring where it is, and end that.
func newHoldCmd(a *app) *cobra.Command {
	cmd := ringCmd(a, "hold RING --reason WHY", "Keep a ring where it is", `Keep a ring where it is until asof resume, whatever is due.`,
		`  asof hold prod --reason 'release freeze'`,
		func(ctx context.Context, rings *rollout.Rollout, name, reason string) error {
			if reason == "" {
				return usage(errors.New("a hold needs a reason"), "add --reason: whoever looks at the ring next reads it")
			}
			return rings.Hold(ctx, name, reason)
		})
	return cmd
}

func newResumeCmd(a *app) *cobra.Command {
	return ringCmd(a, "resume RING", "Let a held ring move again", `End the hold of a ring. It moves with the next asof promote, as far as the rules allow.
What a roll-back blocked stays blocked.`,
		`  asof resume prod`, func(ctx context.Context, rings *rollout.Rollout, name, reason string) error {
			return rings.Resume(ctx, name, reason)
		})
}

// ringCmd makes a command that changes one ring and prints nothing.
func ringCmd(a *app, use, short, long, example string, run func(ctx context.Context, rings *rollout.Rollout, name, reason string) error) *cobra.Command {
	var by who
	var reason string
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Example: example,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rings, err := a.rollout(cmd.Context(), by, false)
			if err != nil {
				return err
			}
			return run(cmd.Context(), rings, args[0], reason)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "a line of text on why; the record keeps it")
	by.add(cmd.Flags())
	return cmd
}

func newBlockCmd(a *app) *cobra.Command {
	return blockCmd(a, "block REPO TIME --reason WHY", "Keep rings from a checkpoint", `Keep every ring from the checkpoint that a time stands for. Rings that stand on it
are named, and stay: asof rollback puts them back.`, `  asof block debian latest --reason 'breaks the installer'`,
		func(ctx context.Context, rings *rollout.Rollout, repo string, id manifest.ID, reason string) error {
			if reason == "" {
				return usage(errors.New("a block needs a reason"), "add --reason: whoever waits for the ring reads it")
			}
			stop, err := rings.Block(ctx, repo, id, reason)
			if err != nil {
				return err
			}
			return a.printStop(stop, false)
		})
}

func newUnblockCmd(a *app) *cobra.Command {
	return blockCmd(a, "unblock REPO TIME", "Let rings have a checkpoint again", `Let rings have the checkpoint that a time stands for, and those that a roll-back
blocked with it in this repo.`, `  asof unblock debian 20250318T140338Z`,
		func(ctx context.Context, rings *rollout.Rollout, repo string, id manifest.ID, reason string) error {
			return rings.Unblock(ctx, repo, id, reason)
		})
}

// blockCmd makes a command about a checkpoint of a repo.
func blockCmd(a *app, use, short, long, example string, run func(ctx context.Context, rings *rollout.Rollout, repo string, id manifest.ID, reason string) error) *cobra.Command {
	var by who
	var reason string
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long + "\n\n" + whenHelp, Example: example,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeStored(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rings, err := a.rollout(cmd.Context(), by, false)
			if err != nil {
				return err
			}
			repo, answer, err := resolve(cmd.Context(), rings.Store, args[0], args[1])
			if err != nil {
				return err
			}
			return run(cmd.Context(), rings, repo.Name, answer.ID, strings.TrimSpace(reason))
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "a line of text on why; the record keeps it")
	by.add(cmd.Flags())
	return cmd
}
