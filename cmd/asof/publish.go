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
	var opts publishing
	var at string
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
is killed half way: run it again.

With --dry-run, nothing is written: the remotes' documents and the store are read, and
what would be done is shown, with the requests to the store and what S3 asks for them.
Inside GitHub Actions, the outputs checkpoint, changed, url and repos are set, and a
summary is added to the job's page.`,
		Example: `  asof publish                  # all repos in asof.yaml
  asof publish myfile           # one repo
  asof publish debian security --together
  asof publish --dry-run        # what would change, and what it would cost
  asof sync && asof publish --no-sync
  asof publish -o json          # results for a program`,
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
	flags.BoolVar(&opts.together, "together", false, "publish all at one id, or none")
	flags.BoolVar(&opts.dry, "dry-run", false, "write nothing; show what would be done")
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
	URL        string              `json:"url"`  // empty without public_url
	Files      publisher.Stats     `json:"files"`
	Pages      publisher.Stats     `json:"pages"`
	HeldBack   publisher.HeldBack  `json:"held_back"` // not zero: a partial mirror
}

func (s *session) published(r publisher.Result) published {
	return published{
		Repo: r.Repo, Outcome: r.Outcome, Checkpoint: r.Checkpoint, Horizon: r.Horizon,
		Path: "/" + manifest.TreePrefix(r.Base, r.Checkpoint.ID), URL: s.url(r.Base, r.Checkpoint.ID),
		Files: r.Files, Pages: r.Pages, HeldBack: r.HeldBack,
	}
}

// publishing is how a publish is to be done.
type publishing struct {
	publisher.PublishOptions
	together, dry bool
}

func (a *app) publish(ctx context.Context, names []string, opts publishing) error {
	s, repos, err := a.open(ctx, names, opts.dry)
	if err != nil {
		return err
	}
	var results []publisher.Result
	if opts.together {
		if results, err = s.pub.PublishTogether(ctx, repos, opts.PublishOptions); err != nil {
			err = fmt.Errorf("publish together: %w", err)
		}
		if err != nil && !errors.Is(err, publisher.ErrNotAnnounced) {
			results = nil
		}
	} else {
		results, err = each(ctx, s, "publish", repos, func(repo publisher.Repo) (publisher.Result, error) {
			return s.pub.Publish(ctx, repo, opts.PublishOptions)
		})
	}
	if opts.dry {
		return errors.Join(err, s.finishDry(plansOf(results), err))
	}
	return errors.Join(err, s.finishPublish(results, err))
}

// finishPublish prints what was published, to people, programs and GitHub Actions.
func (s *session) finishPublish(results []publisher.Result, failure error) error {
	rows := []published{}
	for _, r := range results {
		rows = append(rows, s.published(r))
	}
	actionsErr := s.actionsPublished(rows, failure)
	if len(rows) == 0 && failure != nil {
		return actionsErr
	}
	var summary []string
	for _, r := range rows {
		s.notePartial(r.Repo, r.HeldBack)
		summary = append(summary, s.said(r)...)
	}
	return errors.Join(actionsErr, finish(s, rows, func(t *table) {
		t.row("REPO", "CHECKPOINT", "OUTCOME", "FILES", "SIZE", "UPLOADED", "COPIED", "REUSED")
		for _, r := range rows {
			c := r.Checkpoint
			t.row(r.Repo, c.ID, r.Outcome, c.Files, size(c.Bytes), r.Files.Uploaded, r.Files.Copied, r.Files.Reused)
		}
	}, summary))
}

// said is a result in words, and where to look at it.
func (s *session) said(r published) []string {
	c := r.Checkpoint
	if r.Outcome == publisher.Unchanged {
		return []string{fmt.Sprintf("%s unchanged: %s is right up to %s", r.Repo, c.ID, r.Horizon)}
	}
	return []string{
		fmt.Sprintf("%s %s published: %s", r.Repo, c.ID, changes(c.Changes)),
		"  " + transfers(r.Files),
		"  " + s.look(r),
	}
}

// look says where a person finds a checkpoint.
func (s *session) look(r published) string {
	if r.URL != "" {
		return r.URL
	}
	return "asof serve shows it at " + s.servedAt + r.Path
}

func changes(c manifest.Changes) string {
	return fmt.Sprintf("%s added, %s removed, %s changed", number(c.Added), number(c.Removed), number(c.Changed))
}

func transfers(t publisher.Stats) string {
	return fmt.Sprintf("%s uploaded (%s), %s copied, %s reused", number(int64(t.Uploaded)), size(t.UploadedBytes), number(int64(t.Copied)), number(int64(t.Reused)))
}
