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
	var together bool
	cmd := &cobra.Command{
		Use:   "publish [REPO...]",
		Short: "Sync repos and publish what changed as a new checkpoint",
		Long: `Sync the named repos, or all, and publish each one's state as a new checkpoint.
Where nothing changed no checkpoint is added: the horizon moves, which makes
every answer up to now final.

It may be interrupted at any moment. Run it again to finish the work: what is
in the store already is not uploaded again.

With --together, all of them get one id: first all are captured, then all that is
new is stored, then each is committed. If one fails, none is published; a repo
without news keeps its checkpoint, which becomes final up to the id. So one time
stands for one state of all of them, and no final answer says otherwise, even if it
is killed half way: run it again.`,
		Example: `  asof publish                  all repos in asof.yaml
  asof publish myfile           one repo
  asof publish debian security --together
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
			if together {
				return a.publishTogether(cmd.Context(), names, opts)
			}
			return a.publish(cmd.Context(), names, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.NoSync, "no-sync", false, "publish what asof sync staged")
	flags.BoolVar(&opts.Empty, "empty", false, "allow an empty revision, also of a repo never synced")
	flags.BoolVar(&opts.Force, "force", false, "add a checkpoint although nothing changed")
	flags.BoolVar(&together, "together", false, "publish all at one id, or none")
	flags.StringVar(&at, "at", "", "the new checkpoint's id, above the horizon; where nothing changed, how far that moves (default: now)")
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
	HeldBack   publisher.HeldBack  `json:"held_back"` // not zero: a partial mirror
}

func showPublished(r publisher.Result) published {
	return published{
		Repo: r.Repo, Outcome: r.Outcome, Checkpoint: r.Checkpoint, Horizon: r.Horizon,
		Path: "/" + manifest.TreePrefix(r.Base, r.Checkpoint.ID), Files: r.Files, Pages: r.Pages, HeldBack: r.HeldBack,
	}
}

func (a *app) publish(ctx context.Context, names []string, opts publisher.PublishOptions) error {
	results, failures := forRepos(ctx, a, "publish", names, func(pub *publisher.Publisher, repo publisher.Repo) (published, error) {
		r, err := pub.Publish(ctx, repo, opts)
		return showPublished(r), err
	})
	if len(results) == 0 {
		return failures
	}
	return errors.Join(failures, a.printPublished(results))
}

func (a *app) publishTogether(ctx context.Context, names []string, opts publisher.PublishOptions) error {
	pub, repos, err := a.publisher(ctx, names)
	if err != nil {
		return err
	}
	results, err := pub.PublishTogether(ctx, repos, opts)
	if err != nil {
		err = fmt.Errorf("publish together: %w", err)
	}
	if err != nil && !errors.Is(err, publisher.ErrNotAnnounced) {
		return err
	}
	var shown []published
	for _, r := range results {
		shown = append(shown, showPublished(r))
	}
	return errors.Join(err, a.printPublished(shown))
}

func (a *app) printPublished(results []published) error {
	for _, r := range results {
		a.notePartial(r.Repo, r.HeldBack)
	}
	return a.print(results, func(t *table) {
		t.row("REPO", "CHECKPOINT", "OUTCOME", "FILES", "SIZE", "UPLOADED", "COPIED", "REUSED")
		for _, r := range results {
			c := r.Checkpoint
			t.row(r.Repo, c.ID, r.Outcome, c.Files, size(c.Bytes), r.Files.Uploaded, r.Files.Copied, r.Files.Reused)
		}
	})
}
