package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
)

func newSyncCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "sync [REPO...]",
		Short: "Sync repos and stage their state, to be published later",
		Long: `Capture the present state of the named repos' remotes, or of all, and stage it
in the store. Nothing becomes visible: asof publish --no-sync publishes it.

asof publish alone does both at once, and stores every file only once.`,
		Example: `  asof sync myfile
  asof publish --no-sync myfile`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, names []string) error { return a.sync(cmd.Context(), names) },
	}
}

// synced is a result as it is printed.
type synced struct {
	Repo   string          `json:"repo"`
	Staged manifest.Staged `json:"staged"`
	Files  publisher.Stats `json:"files"`
}

func (a *app) sync(ctx context.Context, names []string) error {
	results, failures := forRepos(ctx, a, "sync", names, func(pub *publisher.Publisher, repo publisher.Repo) (synced, error) {
		r, err := pub.Sync(ctx, repo)
		return synced{r.Repo, r.Staged, r.Files}, err
	})
	if len(results) == 0 {
		return failures
	}
	return errors.Join(failures, a.print(results, func(t *table) {
		t.row("REPO", "STAGED", "FILES", "SIZE", "UPLOADED", "COPIED", "REUSED")
		for _, r := range results {
			t.row(r.Repo, r.Staged.At, r.Staged.Files, size(r.Staged.Bytes), r.Files.Uploaded, r.Files.Copied, r.Files.Reused)
		}
	}))
}
