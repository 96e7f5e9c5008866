package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
	"github.com/asof/asof/publisher/transfer"
)

func newSyncCmd(a *app) *cobra.Command {
	var opts publisher.SyncOptions
	var shard string
	var dry bool
	cmd := &cobra.Command{
		Use:   "sync [REPO...]",
		Short: "Sync repos and stage their state, to be published later",
		Long: `Capture the present state of the named repos' remotes, or of all, and stage it in the
store. Nothing becomes visible until asof publish --no-sync publishes it.

asof publish alone does both at once, and stores every file only once.

With --shard, fetch one of several disjoint parts into the store and stage nothing.
Several workers share the work, and a later asof publish finds all of it in the store.
--shard auto/4 takes the number of this worker from JOB_COMPLETION_INDEX (Kubernetes)
or AWS_BATCH_JOB_ARRAY_INDEX, which count from 0. Plain auto also takes the number of
workers from AWS_BATCH_JOB_ARRAY_SIZE.

With --dry-run, nothing is written. The remotes' documents and the store are read, and
the output shows what a sync would do, with the requests to the store and what S3
charges for them.`,
		Example: `  asof sync myfile
  asof publish --no-sync myfile
  asof sync --dry-run           # what would be fetched
  asof sync --shard 1/4 myfile  # the first of four workers`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeConfigured,
		RunE: func(cmd *cobra.Command, names []string) (err error) {
			if shard != "" {
				if opts.Shard, err = parseShard(shard, os.LookupEnv); err != nil {
					return usage(fmt.Errorf("--shard: %w", err), "")
				}
			}
			return a.sync(cmd.Context(), names, opts, dry)
		},
	}
	cmd.Flags().BoolVar(&opts.AllowShrink, "allow-shrink", false, shrinkHelp)
	cmd.Flags().StringVar(&shard, "shard", "", "fetch part `I/N` of the content: 1/4 to 4/4, auto/4, or auto")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "write nothing; show what would happen")
	a.addTrustClock(cmd.Flags())
	return cmd
}

// parseShard reads --shard; auto takes the numbers from the job engine's environment.
func parseShard(s string, env func(string) (string, bool)) (publisher.Shard, error) {
	first, count, given := strings.Cut(s, "/")
	if first != "auto" {
		return publisher.ParseShard(s)
	}
	index, ok := env("JOB_COMPLETION_INDEX")
	if !ok {
		index, ok = env("AWS_BATCH_JOB_ARRAY_INDEX")
	}
	i, err := strconv.Atoi(index)
	if !ok || err != nil {
		return publisher.Shard{}, errors.New("auto: neither JOB_COMPLETION_INDEX nor AWS_BATCH_JOB_ARRAY_INDEX is a number")
	}
	if !given {
		if count, given = env("AWS_BATCH_JOB_ARRAY_SIZE"); !given {
			return publisher.Shard{}, errors.New("auto: write auto/N for N workers; nothing else says how many there are")
		}
	}
	return publisher.ParseShard(fmt.Sprintf("%d/%s", i+1, count))
}

// synced is a result as it is printed.
type synced struct {
	Repo   string           `json:"repo"`
	Staged *manifest.Staged `json:"staged"` // null for a shard
	manifest.Changes
	Files    transfer.Stats    `json:"files"`
	HeldBack manifest.HeldBack `json:"held_back"`         // not zero: a partial mirror
	Missing  []string          `json:"missing,omitempty"` // files that upstream lists and does not have
	Lost     []string          `json:"lost,omitempty"`    // what upstream has and no checkpoint keeps; said once
}

// noteLost says what a repo does not keep, before its first checkpoint.
func (a *app) noteLost(repo string, lost []string) {
	if len(lost) > 0 {
		fmt.Fprintf(a.stderr, "%s: not kept are:\n  %s\n", repo, strings.Join(lost, "\n  "))
	}
}

func (a *app) sync(ctx context.Context, names []string, opts publisher.SyncOptions, dry bool) error {
	s, repos, err := a.open(ctx, names, dry)
	if err != nil {
		return err
	}
	results, failures := each(ctx, s, "sync", repos, func(repo publisher.Repo) (publisher.SyncResult, error) {
		return s.pub.Sync(ctx, repo, opts)
	})
	if dry {
		var plans []planned
		for _, r := range results {
			plans = append(plans, planOfSync(r))
		}
		return errors.Join(failures, s.finishDry(plans, failures))
	}
	return errors.Join(failures, s.finishSync(results, failures))
}

func (s *session) finishSync(results []publisher.SyncResult, failure error) error {
	rows := []synced{}
	var summary []string
	for _, r := range results {
		s.notePartial(r.Repo, r.HeldBack, r.Missing)
		s.noteLost(r.Repo, r.Lost)
		rows = append(rows, synced{r.Repo, r.Staged, r.Changes, r.Files, r.HeldBack, r.Missing, r.Lost})
		if r.Staged == nil {
			summary = append(summary, fmt.Sprintf("%s fetched: %s", r.Repo, transfers(r.Files)))
			continue
		}
		summary = append(summary, fmt.Sprintf("%s %s staged: %s", r.Repo, r.Staged.At, changes(r.Changes)),
			"  "+transfers(r.Files),
			"  asof publish --no-sync publishes it")
	}
	actionsErr := s.actionsSynced(rows, failure)
	if s.failed(len(rows), failure) {
		return actionsErr
	}
	return errors.Join(actionsErr, finish(s, rows, func(t *table) {
		t.row("REPO", "STAGED", "FILES", "SIZE", "UPLOADED", "COPIED", "REUSED")
		for _, r := range rows {
			if r.Staged == nil {
				t.row(r.Repo, "-", "-", "-", r.Files.Uploaded, r.Files.Copied, r.Files.Reused)
				continue
			}
			t.row(r.Repo, r.Staged.At, r.Staged.Files, size(r.Staged.Bytes), r.Files.Uploaded, r.Files.Copied, r.Files.Reused)
		}
	}, summary))
}
