package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/rollout"
)

func newBlockCmd(a *app) *cobra.Command {
	return blockCmd(a, "block REPO TIME --reason WHY", "Keep rings from a checkpoint", `Keep every ring from the checkpoint that a time stands for. Rings that stand on it
are named, and stay: asof rollback puts them back.`, `  asof block debian latest --reason 'breaks the installer'`,
		func(ctx context.Context, rings *rollout.Rollout, repo string, id manifest.ID, reason string) error {
			if err := needReason("a block", reason); err != nil {
				return err
			}
			stop, err := rings.Block(ctx, repo, id, reason)
			if err != nil {
				return err
			}
			return a.printStop(ctx, rings, stop)
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
	cmd.Flags().StringVar(&reason, "reason", "", reasonHelp)
	by.add(cmd.Flags())
	return cmd
}
