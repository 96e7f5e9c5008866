package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
	"github.com/asof/asof/publisher/ledger"
	"github.com/asof/asof/publisher/transfer"
)

func newPublishCmd(a *app) *cobra.Command {
	var opts publishing
	var at string
	cmd := &cobra.Command{
		Use:   "publish [REPO...]",
		Short: "Sync repos and publish what changed as a new checkpoint",
		Long: `Sync the named repos, or all, and publish each one's state as a new checkpoint. A repo
with no changes gets no checkpoint. Its horizon moves, which makes every answer up to
now final.

You can interrupt it at any moment. Run it again to finish the work: it does not upload
again what is in the store already.

With --together, all repos get one id. First all are captured, then everything new is
stored, then each is committed. If one fails, none is published. A repo with no changes
keeps its checkpoint, which becomes final up to the id. So one time stands for one
state of all of them, and no final answer contradicts that. If it is killed half way,
run it again.

A publish that would remove more than half of a repo's files, or all, stops before it
writes anything: a typo or a broken upstream looks like that. max_removed in asof.yaml
sets another limit; --allow-shrink accepts it this once.

With --dry-run, nothing is written. The remotes' documents and the store are read, and
the output shows what a publish would do, with the requests to the store and what S3
charges for them. In GitHub Actions, it sets the outputs checkpoint, changed, url and
repos, and adds a summary to the job's page.`,
		Example: `  asof publish                  # all repos in asof.yaml
  asof publish myfile           # one repo
  asof publish debian security --together
  asof publish --dry-run        # what would change, and what it would cost
  asof sync && asof publish --no-sync
  asof publish -o json          # results for a program`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeConfigured,
		RunE: func(cmd *cobra.Command, names []string) error {
			if cmd.Flags().Changed("at") {
				if at == "" {
					return usage(errors.New("--at is empty"), "for instance 20250318T140338Z; leave --at out to take the present second")
				}
				when, err := manifest.ParseWhen(at)
				if err == nil && when.Kind != manifest.WhenInstant {
					err = fmt.Errorf("%.80q is no time", at)
				}
				if err != nil {
					return usage(fmt.Errorf("--at: %w", err), "for instance 20250318T140338Z, or 2025-03-18 for its first second")
				}
				opts.At = when.Instant
			}
			return a.publish(cmd.Context(), names, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.NoSync, "no-sync", false, "publish what asof sync staged")
	flags.BoolVar(&opts.Empty, "empty", false, "allow an empty revision, even of a repo never synced")
	flags.BoolVar(&opts.AllowShrink, "allow-shrink", false, shrinkHelp)
	flags.BoolVar(&opts.Force, "force", false, "add a checkpoint even if nothing changed; look at every object and store again what the store has lost")
	flags.BoolVar(&opts.together, "together", false, "publish all at one id, or none")
	flags.BoolVar(&opts.dry, "dry-run", false, "write nothing; show what would happen")
	flags.StringVar(&at, "at", "", "a `time`, above the horizon: the new checkpoint's id; without changes, the new horizon (default: now)")
	a.addTrustClock(flags)
	return cmd
}

// shrinkHelp explains --allow-shrink.
const shrinkHelp = "this once, accept that more files go than max_removed allows, or all"

// published is a result as it is printed.
type published struct {
	Repo       string              `json:"repo"`
	Outcome    publisher.Outcome   `json:"outcome"`
	Checkpoint manifest.Checkpoint `json:"checkpoint"`
	Horizon    manifest.ID         `json:"horizon"`
	Path       string              `json:"path"` // of the tree, in the store and below a resolver
	URL        string              `json:"url"`  // empty without public_url
	Files      transfer.Stats      `json:"files"`
	Pages      transfer.Stats      `json:"pages"`
	HeldBack   manifest.HeldBack   `json:"held_back"`            // not zero: a partial mirror
	Missing    []string            `json:"missing,omitempty"`    // files that upstream lists and does not have
	OnlyModes  int                 `json:"only_modes,omitempty"` // files with other modes, where nothing else changed
	Lost       []string            `json:"lost,omitempty"`       // what upstream has and no checkpoint keeps; said once
}

func (s *session) published(r publisher.Result) published {
	return published{
		Repo: r.Repo, Outcome: r.Outcome, Checkpoint: r.Checkpoint, Horizon: r.Horizon,
		Path: "/" + manifest.TreePrefix(r.Base, r.Checkpoint.ID), URL: s.url(r.Base, r.Checkpoint.ID),
		Files: r.Files, Pages: r.Pages, HeldBack: r.HeldBack, Missing: r.Missing,
		OnlyModes: r.OnlyModes, Lost: r.Lost,
	}
}

// publishing is the options of a publish.
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
		if results, err = s.pub.PublishGroup(ctx, repos, opts.PublishOptions); err != nil {
			err = fmt.Errorf("publish together: %w", err)
		}
		if err != nil && !errors.Is(err, ledger.ErrNotAnnounced) {
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
	if s.failed(len(rows), failure) {
		return actionsErr
	}
	var summary []string
	for _, r := range rows {
		s.notePartial(r.Repo, r.HeldBack, r.Missing)
		s.noteLost(r.Repo, r.Lost)
		summary = append(summary, s.said(r)...)
	}
	return errors.Join(actionsErr, finish(s, rows, func(t *table) {
		t.row("REPO", "CHECKPOINT", "OUTCOME", "FILES", "SIZE", "UPLOADED", "COPIED", "REUSED")
		for _, r := range rows {
			c := r.Checkpoint
			t.row(r.Repo, c.ID, r.Outcome, filesOf(c), size(c.Bytes), r.Files.Uploaded, r.Files.Copied, r.Files.Reused)
		}
	}, summary))
}

// said is a result in words, with where to look at it.
func (s *session) said(r published) []string {
	c := r.Checkpoint
	if r.Outcome == publisher.Unchanged {
		return []string{fmt.Sprintf("%s unchanged: %s is right up to %s", r.Repo, c.ID, r.Horizon)}
	}
	return []string{
		fmt.Sprintf("%s %s published: %s", r.Repo, c.ID, changes(c.Changes)+ofModes(r.OnlyModes)),
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

// ofModes ends a line about changes.
func ofModes(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; of %s, whether it is executable", count(int64(n), "file", "files"))
}

func transfers(t transfer.Stats) string {
	return fmt.Sprintf("%s uploaded (%s), %s copied, %s reused", number(int64(t.Uploaded)), size(t.UploadedBytes), number(int64(t.Copied)), number(int64(t.Reused)))
}
