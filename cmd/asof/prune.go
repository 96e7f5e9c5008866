package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/ledger"
	"github.com/asof/asof/publisher/retain"
)

func newPruneCmd(a *app) *cobra.Command {
	var opts retain.PruneOptions
	var within string
	var ids, drop []string
	var confirm, undo bool
	cmd := &cobra.Command{
		Use:   "prune REPO [ID...]",
		Short: "Remove old checkpoints from a repo, by rules that say what to keep",
		Long: `Show which checkpoints of a repo the rules keep. With --apply, remove the others from
the index. Each leaves a tombstone: its times answer 410 Gone, and never fall back to
an older checkpoint. Nothing is deleted; asof gc does that.

A checkpoint stays if any rule keeps it. The newest always stays, and so does any that
a channel names, or a ring stands on. The rules work like restic's: --keep-daily 7 keeps
the newest checkpoint of each of the last seven days that have one.

Instead of rules, --drop takes single checkpoints back, and all others stay. It takes any
time, and says which checkpoint that stands for, what else has the same content, and what
leads to it. With --apply it takes exact ids only, so that nothing else goes than was shown.
What a channel names or a ring stands on goes only with --force: the channel goes along
(404), and the ring answers 410 in this repo until it moves. The newest never goes.

asof gc deletes only what was pruned with the janitor's rights. Of other checkpoints that
the index no longer lists, --confirm shows those that wait, all or those with an ID; with
--apply it releases them for asof gc, for good. --undo shows them too, and with --apply
lists them again; with an ID also what the janitor pruned, until gc deletes it. Both show what somebody put in the place of another checkpoint, or into
history that was final: --undo takes it out, --confirm accepts it.`,
		Example: `  asof prune myfile --keep-last 10 --keep-monthly 12
  asof prune myfile --drop 2025-03-17 --reason 'ticket 4711'
  asof prune myfile --drop 20250317T000000Z --reason 'ticket 4711' --apply
  asof prune myfile --keep-within 30d --keep-yearly 10 --apply
  asof prune myfile --keep-last 1 --reason 'ticket 4711' --apply
  asof prune myfile --undo 20250317T000000Z --apply
  asof prune myfile --confirm`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeStored(0),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if confirm || undo {
				var with []string
				cmd.Flags().Visit(func(f *pflag.Flag) {
					if strings.HasPrefix(f.Name, "keep") || f.Name == "drop" || f.Name == "force" || f.Name == "reason" {
						with = append(with, "--"+f.Name)
					}
				})
				if confirm && undo || len(with) > 0 {
					return usage(fmt.Errorf("%s: not together with --confirm or --undo", cmp.Or(strings.Join(with, ", "), "--undo")), "")
				}
				return a.pruneHeld(cmd, args, undo, opts.Apply)
			}
			if len(args) > 1 {
				return usage(fmt.Errorf("%s: a checkpoint is named with --keep, --drop, --confirm or --undo", args[1]), "")
			}
			if within != "" {
				if opts.Policy.Within, err = retain.ParseSpan(within); err != nil {
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
			if opts.Policy.Force && len(drop) == 0 {
				return usage(errors.New("--force: only what is named with --drop"), "")
			}
			return a.prune(cmd, args[0], drop, opts)
		},
	}
	flags := cmd.Flags()
	boundedInt(flags, &opts.Policy.Last, "keep-last", "0 to 1000000", "keep the newest `N`")
	boundedInt(flags, &opts.Policy.Hourly, "keep-hourly", "0 to 1000000", "keep the newest of each of `N` hours")
	boundedInt(flags, &opts.Policy.Daily, "keep-daily", "0 to 1000000", "keep the newest of each of `N` days")
	boundedInt(flags, &opts.Policy.Weekly, "keep-weekly", "0 to 1000000", "keep the newest of each of `N` weeks")
	boundedInt(flags, &opts.Policy.Monthly, "keep-monthly", "0 to 1000000", "keep the newest of each of `N` months")
	boundedInt(flags, &opts.Policy.Yearly, "keep-yearly", "0 to 1000000", "keep the newest of each of `N` years")
	flags.StringVar(&within, "keep-within", "", "keep all within a `SPAN` before the newest: 30d, 2w, 12h, 1y6m")
	flags.StringArrayVar(&ids, "keep", nil, "keep the checkpoint `ID`; may be repeated")
	flags.StringArrayVar(&drop, "drop", nil, "take back the checkpoint that a `TIME` stands for, and keep all others; may be repeated")
	flags.BoolVar(&opts.Policy.Force, "force", false, "drop also what a channel names or a ring stands on")
	flags.StringVar(&opts.Reason, "reason", "", "a line of text for the tombstones; it is public: everybody who may read the repo sees it")
	for _, flag := range []string{"keep", "drop"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return a.completeStored(1)(cmd, args, "")
		})
	}
	flags.BoolVar(&confirm, "confirm", false, "release what was pruned without the janitor's rights, or went otherwise")
	flags.BoolVar(&undo, "undo", false, "list it again")
	flags.BoolVar(&opts.Apply, "apply", false, "apply; without it only show")
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

func (a *app) prune(cmd *cobra.Command, name string, drop []string, opts retain.PruneOptions) error {
	tools, err := a.janitor(cmd.Context())
	if err != nil {
		return err
	}
	repo, index, err := findRepo(cmd.Context(), tools.Store, name)
	if err != nil {
		return err
	}
	if opts.Policy.Drop, err = a.dropped(cmd.Context(), tools.Store, index, drop, opts.Apply); err != nil {
		return err
	}
	decisions, err := retain.Prune(cmd.Context(), tools, repo, opts)
	if err != nil {
		err = fmt.Errorf("prune %s: %w", name, err)
	}
	if err != nil && !errors.Is(err, ledger.ErrNotAnnounced) {
		return err
	}
	if len(drop) > 0 {
		return errors.Join(err, a.printDropped(name, opts, decisions))
	}
	return errors.Join(err, a.printPruned(cmd.Context(), name, opts.Reason, opts.Apply, decisions))
}

// printPruned prints the decisions as they come, because there may be a million.
func (a *app) printPruned(ctx context.Context, name, reason string, applied bool, decisions *retain.Decisions) error {
	show := a.prunedTable
	if a.output == "json" {
		show = func(ctx context.Context, d *retain.Decisions) error { return a.prunedJSON(ctx, name, applied, d) }
	}
	if err := show(ctx, decisions); err != nil {
		return err
	}
	a.sayPruned(name, reason, applied, decisions)
	return nil
}

func (a *app) sayPruned(name, reason string, applied bool, decisions *retain.Decisions) {
	switch gone, listed := decisions.Pruned(), decisions.Listed; {
	case gone == 0:
		fmt.Fprintln(a.stderr, "nothing to prune")
	case applied:
		fmt.Fprintf(a.stderr, "pruned %d of %d checkpoints%s\n", gone, listed, map[bool]string{
			false: "; asof gc frees their space, after its grace period",
			true:  ": their times answer 410; their files stay until the janitor confirms: asof prune " + name + " --confirm --apply",
		}[decisions.Unreleased])
	default:
		fmt.Fprintf(a.stderr, "would prune %d of %d checkpoints; add --apply to do it\n", gone, listed)
	}
	if decisions.Pruned() > 0 {
		a.sayPublic(reason, applied)
	}
}

// pageOfRows is how many rows of a long table are aligned with each other.
const pageOfRows = 1000

func (a *app) prunedTable(ctx context.Context, decisions *retain.Decisions) error {
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
func (a *app) prunedJSON(ctx context.Context, name string, applied bool, decisions *retain.Decisions) error {
	w := bufio.NewWriter(a.stdout)
	fmt.Fprintf(w, "{\"repo\":%q,\"applied\":%t,\"released\":%t,\n\"checkpoints\":[", name, applied, applied && !decisions.Unreleased) // a repo's name needs no escapes
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
