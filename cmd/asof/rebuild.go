package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
)

func newRebuildCmd(a *app) *cobra.Command {
	var opts publisher.RebuildOptions
	var newest []string
	cmd := &cobra.Command{
		Use:   "rebuild [REPO...]",
		Short: "Write a lost registry or lost checkpoint indexes again, from what the store holds",
		Long: `Find out what a lost or damaged asof.json and checkpoints.json said, from other
indexes, the receipts in the checkpoints (.asof/changes.json), their manifests, and
sealed segments of indexes, and show it. With --write, write them again. What is
there and can be read stays as it is. Where the bucket keeps versions, putting back
the last one is better: it loses nothing.

Ids, times and contents come back as they were, and the horizon moves to now. What
only the index knew does not: channels are lost; what was pruned and is not
collected yet is listed again; of what is collected, a tombstone remains that says
so. A publish that was killed before it was committed is told by the one after it, or
by the list of checkpoints. Where nothing tells, --newest says which was the last.

Stop publishers first: one that finds no index might begin a new history. Then run
asof verify.`,
		Example: `  asof rebuild
  asof rebuild --write
  asof rebuild myfile -o json`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeConfigured,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, s := range newest {
				id, err := manifest.ParseID(s)
				if err != nil {
					return usage(fmt.Errorf("--newest: %w", err), "")
				}
				opts.Newest = append(opts.Newest, id)
			}
			if len(args) > 0 {
				opts.Repos = args
			}
			_, pub, err := a.janitor(cmd.Context())
			if err != nil {
				return err
			}
			report, err := pub.Rebuild(cmd.Context(), opts)
			if _, ok := errors.AsType[*publisher.AmbiguousError](err); ok {
				err = &hinted{err, "--newest ID says which was the last; asof.json and checkpoints.json are as they were", nil}
			}
			if err != nil {
				return fmt.Errorf("rebuild: %w", err)
			}
			return a.printRebuilt(report, opts.Write)
		},
	}
	cmd.Flags().StringSliceVar(&newest, "newest", nil, "a checkpoint behind which none was published")
	cmd.Flags().BoolVar(&opts.Write, "write", false, "write; without it only show")
	return cmd
}

func (a *app) printRebuilt(report publisher.RebuildReport, written bool) error {
	result := struct {
		Written bool `json:"written"`
		publisher.RebuildReport
	}{written, report}
	err := a.print(result, func(t *table) {
		t.row("REPO", "PATH", "INDEX", "CHECKPOINTS", "PRUNED", "NEWEST", "UNCOMMITTED")
		for _, r := range report.Repos {
			t.row(r.Name, "/"+r.Base+"/", r.Index, r.Checkpoints, r.Pruned, orDash(r.Newest), len(r.Uncommitted))
		}
	})
	if err != nil {
		return err
	}
	rebuilt := report.Registry == publisher.Rebuilt
	for _, r := range report.Repos {
		if r.Index != publisher.Rebuilt {
			continue
		}
		rebuilt = true
		fmt.Fprintf(a.stderr, "%s: its channels are lost, and what was pruned but not collected is listed again\n", r.Name)
		for _, id := range r.Uncommitted {
			fmt.Fprintf(a.stderr, "%s: %s was never committed, and is left out\n", r.Name, id)
		}
	}
	switch {
	case !rebuilt:
		fmt.Fprintln(a.stderr, "nothing to rebuild: all registers can be read")
	case !written:
		fmt.Fprintln(a.stderr, "nothing was written; add --write to do it")
	default:
		fmt.Fprintln(a.stderr, "asof verify proves what was rebuilt")
	}
	return nil
}
