package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/publisher"
)

func newGCCmd(a *app) *cobra.Command {
	var opts publisher.CollectOptions
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Delete what nothing refers to any more",
		Long: `Count what nothing in the store refers to and what is older than the grace period:
trees of pruned checkpoints and of unfinished publishes, blobs, manifests.
With --apply, delete it.

It may run while publishers do. It deletes nothing if it can't read everything that
refers to something, and nothing that a checkpoint needs. Interrupted, it goes on
where it was when it is run again.`,
		Example: `  asof gc
  asof gc --apply
  asof gc --grace 240h --apply -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, pub, err := a.janitor(cmd.Context())
			if err != nil {
				return err
			}
			counts, err := pub.Collect(cmd.Context(), opts)
			if err != nil {
				return fmt.Errorf("gc: %w", err)
			}
			return a.printCollected(counts, opts.Apply)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.Apply, "apply", false, "delete; without it only count")
	flags.DurationVar(&opts.Grace, "grace", 0, "how old it must be, at least 96h (default 168h, with --exclusive 0)")
	flags.BoolVar(&opts.Exclusive, "exclusive", false, "your word that no publisher is at work until this ends; any --grace is then fine")
	return cmd
}

func (a *app) printCollected(counts []publisher.Collected, applied bool) error {
	total := publisher.Collected{Kind: "total"}
	for _, c := range counts {
		total.Objects += c.Objects
		total.Bytes += c.Bytes
	}
	result := struct {
		Applied bool                  `json:"applied"`
		Kinds   []publisher.Collected `json:"kinds"`
		Objects int                   `json:"objects"`
		Bytes   int64                 `json:"bytes"`
	}{applied, counts, total.Objects, total.Bytes}
	if err := a.print(result, func(t *table) {
		t.row("KIND", "OBJECTS", "SIZE")
		for _, c := range append(counts, total) {
			t.row(c.Kind, c.Objects, size(c.Bytes))
		}
	}); err != nil {
		return err
	}
	if !applied && total.Objects > 0 {
		fmt.Fprintln(a.stderr, "nothing was deleted; add --apply to do it")
	}
	return nil
}

// janitor opens the store for what works on the store itself, without repos of
// the configuration.
func (a *app) janitor(ctx context.Context) (objstore.Store, *publisher.Publisher, error) {
	cfg, log, err := a.setup()
	if err != nil {
		return nil, nil, err
	}
	store, err := a.store(ctx, cfg, log, false)
	if err != nil {
		return nil, nil, err
	}
	announcer, err := cfg.CloudFront.announcer(ctx, log)
	if err != nil {
		return nil, nil, err
	}
	return store, publisher.New(publisher.Options{Store: store, Log: log, Announcer: announcer, Progress: a.watch(), Concurrency: cfg.Concurrency}), nil
}
