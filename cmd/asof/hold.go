package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/asof/asof/publisher/rollout"
)

func newHoldCmd(a *app) *cobra.Command {
	return ringCmd(a, "hold RING --reason WHY", "Keep a ring where it is", `Keep a ring where it is until asof resume, whatever is due.`,
		`  asof hold prod --reason 'release freeze'`,
		func(ctx context.Context, rings *rollout.Rollout, name, reason string) error {
			if err := needReason("a hold", reason); err != nil {
				return err
			}
			return rings.Hold(ctx, name, reason)
		})
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
	cmd.Flags().StringVar(&reason, "reason", "", reasonHelp)
	by.add(cmd.Flags())
	return cmd
}
