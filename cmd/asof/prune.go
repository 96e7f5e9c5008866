package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
)

func newPruneCmd(a *app) *cobra.Command {
	var opts publisher.PruneOptions
	var within string
	var ids []string
	cmd := &cobra.Command{
		Use:   "prune REPO",
		Short: "Take old checkpoints out of a repo, by rules that say what to keep",
		Long: `Decide which checkpoints of a repo to keep, and show it. With --apply, take the
others out of the index. Each leaves a tombstone: its times answer 410 Gone, and
never slide to an older checkpoint. Nothing is deleted; asof gc does that.

A checkpoint stays if any rule keeps it. The newest always stays, and so do those
that a channel names. The rules are restic's: --keep-daily 7 keeps, of the newest
seven days that have any, the newest checkpoint each.`,
		Example: `  asof prune myfile --keep-last 10 --keep-monthly 12
  asof prune myfile --keep-within 30d --keep-yearly 10 --apply
  asof prune myfile --keep-last 1 --reason 'ticket 4711' --apply`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeStored(0),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if within != "" {
				if opts.Policy.Within, err = publisher.ParseSpan(within); err != nil {
					return usage(fmt.Errorf("--keep-within: %w", err), "")
				}
			}
			for _, s := range ids {
				id, err := manifest.ParseID(s)
				if err != nil {
					return usage(fmt.Errorf("--keep: %w", err), "")
				}
				opts.Policy.IDs = append(opts.Policy.IDs, id)
			}
			return a.prune(cmd, args[0], opts)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&opts.Policy.Last, "keep-last", 0, "keep the newest `N`")
	flags.IntVar(&opts.Policy.Hourly, "keep-hourly", 0, "keep the newest of each of `N` hours")
	flags.IntVar(&opts.Policy.Daily, "keep-daily", 0, "keep the newest of each of `N` days")
	flags.IntVar(&opts.Policy.Weekly, "keep-weekly", 0, "keep the newest of each of `N` weeks")
	flags.IntVar(&opts.Policy.Monthly, "keep-monthly", 0, "keep the newest of each of `N` months")
	flags.IntVar(&opts.Policy.Yearly, "keep-yearly", 0, "keep the newest of each of `N` years")
	flags.StringVar(&within, "keep-within", "", "keep all within a `SPAN` before the newest: 30d, 2w, 12h, 1y6m")
	flags.StringArrayVar(&ids, "keep", nil, "keep the checkpoint `ID`; may be repeated")
	flags.StringVar(&opts.Reason, "reason", "", "a line of text for the tombstones")
	_ = cmd.RegisterFlagCompletionFunc("keep", func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return a.completeStored(1)(cmd, args, "")
	})
	flags.BoolVar(&opts.Apply, "apply", false, "do it; without it only show")
	return cmd
}

// pruned is a decision as it is printed.
type pruned struct {
	Checkpoint manifest.ID `json:"checkpoint"`
	Keep       bool        `json:"keep"`
	Reasons    []string    `json:"reasons"`
	Files      int64       `json:"files"`
	Bytes      int64       `json:"bytes"`
}

func (a *app) prune(cmd *cobra.Command, name string, opts publisher.PruneOptions) error {
	store, pub, err := a.janitor(cmd.Context())
	if err != nil {
		return err
	}
	repo, _, err := findRepo(cmd.Context(), store, name)
	if err != nil {
		return err
	}
	decisions, err := pub.Prune(cmd.Context(), publisher.Repo{Name: repo.Name, Base: repo.Base}, opts)
	if err != nil {
		err = fmt.Errorf("prune %s: %w", name, err)
	}
	if err != nil && !errors.Is(err, publisher.ErrNotAnnounced) {
		return err
	}
	return errors.Join(err, a.printPruned(cmd.Context(), name, opts.Apply, decisions))
}

// printPruned prints the decisions as they come: there may be a million.
func (a *app) printPruned(ctx context.Context, name string, applied bool, decisions *publisher.Decisions) error {
	show := a.prunedTable
	if a.output == "json" {
		show = func(ctx context.Context, d *publisher.Decisions) error { return a.prunedJSON(ctx, name, applied, d) }
	}
	if err := show(ctx, decisions); err != nil {
		return err
	}
	switch gone, listed := decisions.Pruned(), decisions.Listed; {
	case gone == 0:
		fmt.Fprintln(a.stderr, "nothing to prune")
	case applied:
		fmt.Fprintf(a.stderr, "pruned %d of %d checkpoints; asof gc frees their space, after its grace period\n", gone, listed)
	default:
		fmt.Fprintf(a.stderr, "would prune %d of %d checkpoints; add --apply to do it\n", gone, listed)
	}
	return nil
}

// pageOfRows is how many rows of a long table are aligned with each other.
const pageOfRows = 1000

func (a *app) prunedTable(ctx context.Context, decisions *publisher.Decisions) error {
	t := newTable(a.stdout)
	t.row("CHECKPOINT", "DECISION", "FILES", "SIZE", "WHY")
	rows := 0
	for d, err := range decisions.All(ctx) {
		if err != nil {
			return err
		}
		decision := "prune"
		if d.Keep {
			decision = "keep"
		}
		t.row(d.ID, decision, d.Files, size(d.Bytes), strings.Join(d.Reasons, ", "))
		if rows++; rows%pageOfRows == 0 {
			if err := t.w.Flush(); err != nil {
				return err
			}
		}
	}
	return t.w.Flush()
}

// prunedJSON prints one object, a line for each decision.
func (a *app) prunedJSON(ctx context.Context, name string, applied bool, decisions *publisher.Decisions) error {
	w := bufio.NewWriter(a.stdout)
	fmt.Fprintf(w, "{\"repo\":%q,\"applied\":%t,\n\"checkpoints\":[", name, applied) // a repo's name needs no escapes
	separator := "\n"
	for d, err := range decisions.All(ctx) {
		if err != nil {
			return err
		}
		line, err := json.Marshal(pruned{d.ID, d.Keep, append([]string{}, d.Reasons...), d.Files, d.Bytes})
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s%s", separator, line)
		separator = ",\n"
	}
	fmt.Fprint(w, "]}\n")
	return w.Flush()
}
