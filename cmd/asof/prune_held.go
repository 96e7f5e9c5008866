package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/ledger"
	"github.com/asof/asof/publisher/retain"
)

// heldCheckpoint is a checkpoint that waits, as it is printed.
type heldCheckpoint struct {
	Checkpoint manifest.ID         `json:"checkpoint"`
	Manifest   manifest.Digest     `json:"manifest"`
	Why        retain.Why          `json:"why"`
	Pruned     *manifest.Tombstone `json:"pruned"`
}

// pruneHeld releases checkpoints that wait for it, or lists them again.
func (a *app) pruneHeld(cmd *cobra.Command, args []string, undo, apply bool) error {
	choice := retain.ChoiceOptions{Apply: apply}
	for _, s := range args[1:] {
		id, err := manifest.ParseID(s)
		if err != nil {
			return usage(err, "")
		}
		choice.IDs = append(choice.IDs, id)
	}
	tools, err := a.janitor(cmd.Context())
	if err != nil {
		return err
	}
	repo, _, err := findRepo(cmd.Context(), tools.Store, args[0])
	if err != nil {
		return err
	}
	act, done, would := retain.Confirm, "released %s for asof gc, after its grace period", "would release %s; add --apply to do it, for good"
	if undo {
		act, done, would = retain.Undo, "listed %s again", "would list %s again; add --apply to do it"
	}
	held, err := act(cmd.Context(), tools, repo, choice)
	if slices.ContainsFunc(held, func(h retain.Held) bool { return h.Why == retain.Replaced || h.Why == retain.Inserted }) {
		done, would = "the index is right about %s", "would accept what the index says of %s; add --apply to do it, for good"
		if undo {
			done, would = "put %s right", "would put %s right; add --apply to do it"
		}
	}
	if err != nil {
		err = fmt.Errorf("prune %s: %w", args[0], err)
	}
	if err != nil && !errors.Is(err, ledger.ErrNotAnnounced) {
		return err
	}
	return errors.Join(err, a.printHeld(held, apply, done, would))
}

func (a *app) printHeld(held []retain.Held, applied bool, done, would string) error {
	list := []heldCheckpoint{}
	for _, h := range held {
		list = append(list, heldCheckpoint{h.Checkpoint.ID, h.Checkpoint.Manifest, h.Why, h.Pruned})
	}
	if len(list) > 0 || a.output == "json" {
		if err := a.print(struct {
			Applied     bool             `json:"applied"`
			Checkpoints []heldCheckpoint `json:"checkpoints"`
		}{applied, list}, func(t *table) {
			t.row("CHECKPOINT", "STATE", "PRUNED", "REASON")
			for _, h := range list {
				at, reason := "-", ""
				if h.Pruned != nil {
					at, reason = h.Pruned.At.String(), h.Pruned.Reason
				}
				t.row(h.Checkpoint, h.Why, at, reason)
			}
		}); err != nil {
			return err
		}
	}
	switch n := count(int64(len(list)), "checkpoint", "checkpoints"); {
	case len(list) == 0:
		fmt.Fprintln(a.stderr, "nothing waits")
	case applied:
		fmt.Fprintf(a.stderr, done+"\n", n)
	default:
		fmt.Fprintf(a.stderr, would+"\n", n)
	}
	return nil
}
