package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/asof/asof/publisher/job"
	"github.com/asof/asof/publisher/retain"
)

func newGCCmd(a *app) *cobra.Command {
	var opts retain.CollectOptions
	var now bool
	cmd := &cobra.Command{
		Use:   "gc [REPO [ID...] --now]",
		Short: "Delete what nothing refers to any more",
		Long: `Count the objects that nothing in the store refers to and that are older than the
grace period: trees of pruned checkpoints and of unfinished publishes, blobs,
manifests, and in a folder store the temporary files of killed writers. With --apply,
delete them. Either way, say what waits, why, and until when.

It never believes the index alone that a checkpoint may go. It notes what it saw
listed, where only the janitor can write. What was listed once stays until a prune with
the janitor's rights releases it, or asof prune --confirm does.

With --now it deletes only what pruned checkpoints of a repo have, and does not wait: all
that the janitor pruned, or those with an ID. What anything else refers to stays, and is
counted. It does nothing while a publish is at work, or was killed and may be resumed;
--exclusive promises that none is. CDNs and clients keep their copies, and an install that is
under way fails. Their manifests, which name files, wait for the grace period.

It may run while publishers do. It never deletes what a checkpoint needs, and deletes
nothing if it can't read everything that refers to something. If it is interrupted,
run it again to continue.`,
		Example: `  asof gc
  asof gc --apply
  asof gc --grace 240h --apply -o json
  asof gc myfile --now`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeStored(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case !now && len(args) > 0:
				return usage(fmt.Errorf("%s: a repo is named with --now only", args[0]), "asof gc goes over the whole store")
			case now && len(args) == 0:
				return usage(errors.New("--now needs a repo"), "for instance asof gc myfile --now")
			}
			tools, err := a.janitor(cmd.Context())
			if err != nil {
				return err
			}
			if now {
				return a.free(cmd.Context(), tools, args, opts)
			}
			collection, err := retain.Collect(cmd.Context(), tools, opts)
			if err != nil {
				return fmt.Errorf("gc: %w", err)
			}
			return a.printCollection(collection, opts.Apply)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.Apply, "apply", false, "delete; without it only count")
	boundedDuration(flags, &opts.Grace, "grace", "0s to 87600h", "minimum age of what is deleted, at least 96h (default 168h, with --exclusive 0)")
	flags.BoolVar(&now, "now", false, "delete what pruned checkpoints of a repo have, without waiting for the grace period")
	flags.BoolVar(&opts.Exclusive, "exclusive", false, "promise that no publisher runs until this ends; allows any --grace")
	return cmd
}

func (a *app) printCollection(c retain.Collection, applied bool) error {
	total := retain.Collected{Kind: "total"}
	for _, d := range c.Deleted {
		total.Objects += d.Objects
		total.Bytes += d.Bytes
	}
	if a.output == "json" {
		return a.print(struct {
			Applied bool               `json:"applied"`
			Kinds   []retain.Collected `json:"kinds"`
			Objects int                `json:"objects"`
			Bytes   int64              `json:"bytes"`
			Waiting []retain.Waiting   `json:"waiting"`
		}{applied, c.Deleted, total.Objects, total.Bytes, c.Waiting}, nil)
	}
	if total.Objects > 0 {
		if err := a.print(nil, func(t *table) {
			t.row(map[bool]string{true: "DELETED", false: "WOULD DELETE"}[applied], "OBJECTS", "SIZE")
			for _, d := range append(c.Deleted, total) {
				if d.Objects > 0 {
					t.row(d.Kind, d.Objects, size(d.Bytes))
				}
			}
		}); err != nil {
			return err
		}
	}
	if len(c.Waiting) > 0 {
		if err := a.print(nil, func(t *table) { waitingTable(t, c.Waiting) }); err != nil {
			return err
		}
	}
	switch {
	case total.Objects == 0:
		fmt.Fprintln(a.stderr, "nothing to delete")
	case !applied:
		fmt.Fprintln(a.stderr, "nothing was deleted; add --apply to do it")
	}
	a.hintWaiting(c.Waiting)
	return nil
}

func waitingTable(t *table, waiting []retain.Waiting) {
	t.row("WAITS", "REPO", "WHAT", "UNTIL")
	for _, w := range waiting {
		what := fmt.Sprintf("%s, %s", count(int64(w.Objects), "object", "objects"), size(w.Bytes))
		if w.Kind != "" {
			what = w.Kind + ": " + what
		}
		if n := len(w.Checkpoints); n > 0 {
			what = w.Checkpoints[0].String()
			if n > 1 {
				what += fmt.Sprintf(" … %s (%d)", w.Checkpoints[n-1], n)
			}
		}
		until := "it is confirmed"
		if w.Until != nil {
			until = w.Until.Time().Format("2006-01-02 15:04:05 UTC")
		}
		t.row(w.Why, orText(w.Repo, "-"), what, until)
	}
}

// hintWaiting says what to do with what waits for a confirmation.
func (a *app) hintWaiting(waiting []retain.Waiting) {
	waits := map[string]int{}
	for _, w := range waiting {
		if w.Until == nil {
			waits[w.Repo] += len(w.Checkpoints)
		}
	}
	for _, repo := range slices.Sorted(maps.Keys(waits)) {
		fmt.Fprintf(a.stderr, "%s: the janitor has not released %s: asof prune %s --confirm shows what waits, and lets it go with --apply; --undo lists it again\n",
			repo, count(int64(waits[repo]), "checkpoint", "checkpoints"), repo)
	}
}

func orText(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}

// janitor opens the store for commands that need no configured repos.
func (a *app) janitor(ctx context.Context) (retain.Options, error) {
	cfg, log, err := a.setup()
	if err != nil {
		return retain.Options{}, err
	}
	store, err := a.store(ctx, cfg, log, false)
	if err != nil {
		return retain.Options{}, err
	}
	announcer, err := cfg.CloudFront.announcer(ctx, log)
	env := a.env(cfg, log)
	return retain.Options{Store: env.Guard(store), Env: env, Announcer: announcer}, err
}

// env is the surroundings of a run on the store.
func (a *app) env(cfg config, log *slog.Logger) job.Env {
	return job.Env{Log: log, Progress: a.watch(), Concurrency: cfg.Concurrency}
}
