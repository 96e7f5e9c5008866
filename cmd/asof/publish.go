package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
)

func newPublishCmd(a *app) *cobra.Command {
	var opts publisher.PublishOptions
	var at string
	cmd := &cobra.Command{
		Use:   "publish [REPO...]",
		Short: "Sync repos and publish what changed as a new checkpoint",
		Long: `Sync the named repos, or all, and publish each one's state as a new checkpoint.
Where nothing changed no checkpoint is added: the horizon moves, which makes
every answer up to now final.

It may be interrupted at any moment. Run it again to finish the work: what is
in the store already is not uploaded again.`,
		Example: `  asof publish                  all repos in asof.yaml
  asof publish myfile           one repo
  asof sync && asof publish --no-sync
  asof publish -o json          results for a program`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeConfigured,
		RunE: func(cmd *cobra.Command, names []string) error {
			if at != "" {
				id, err := manifest.ParseID(at)
				if err != nil {
					return usage(fmt.Errorf("--at: %w", err), "for instance 20250318T140338Z")
				}
				opts.At = &id
			}
			return a.publish(cmd.Context(), names, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.NoSync, "no-sync", false, "publish what asof sync staged")
	flags.BoolVar(&opts.Empty, "empty", false, "allow an empty revision, also of a repo never synced")
	flags.BoolVar(&opts.Force, "force", false, "add a checkpoint although nothing changed")
	flags.StringVar(&at, "at", "", "the new checkpoint's id, above the horizon (default: now)")
	return cmd
}

// published is a result as it is printed.
type published struct {
	Repo       string              `json:"repo"`
	Outcome    publisher.Outcome   `json:"outcome"`
	Checkpoint manifest.Checkpoint `json:"checkpoint"`
	Horizon    manifest.ID         `json:"horizon"`
	Path       string              `json:"path"` // of the tree, in the store and below a resolver
	Files      publisher.Stats     `json:"files"`
	Pages      publisher.Stats     `json:"pages"`
}

func (a *app) publish(ctx context.Context, names []string, opts publisher.PublishOptions) error {
	results, failures := forRepos(ctx, a, "publish", names, func(pub *publisher.Publisher, repo publisher.Repo) (published, error) {
		r, err := pub.Publish(ctx, repo, opts)
		return published{
			Repo: r.Repo, Outcome: r.Outcome, Checkpoint: r.Checkpoint, Horizon: r.Horizon,
			Path: "/" + manifest.TreePrefix(repo.Base, r.Checkpoint.ID), Files: r.Files, Pages: r.Pages,
		}, err
	})
	if len(results) == 0 {
		return failures
	}
	return errors.Join(failures, a.print(results, func(t *table) {
		t.row("REPO", "CHECKPOINT", "OUTCOME", "FILES", "SIZE", "UPLOADED", "COPIED", "REUSED")
		for _, r := range results {
			c := r.Checkpoint
			t.row(r.Repo, c.ID, r.Outcome, c.Files, size(c.Bytes), r.Files.Uploaded, r.Files.Copied, r.Files.Reused)
		}
	}))
}
