package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
	"github.com/asof/asof/publisher/remote"
)

func newImportCmd(a *app) *cobra.Command {
	var opts publisher.PublishOptions
	cmd := &cobra.Command{
		Use:   "import REPO",
		Short: "Import the history that a snapshot server keeps of an archive",
		Long: `Publish the snapshots that a server like snapshot.debian.org keeps of an archive, in
order, each with its own time as the id. The remote's setting at selects them: a time,
a list of times, or a range {from, to, step}. Without to a range ends now; without step
it takes every snapshot. The remote's url is the archive's, without a time. Dated copies
at addresses of their own are a list of {time, url}, without a url beside it.

Snapshots at or before the horizon are skipped, so you can interrupt an import and run
it again. A snapshot with no changes adds no checkpoint. Signatures are checked as of
the snapshot's time.

When the history is in, remove at from asof.yaml, point url to the live archive, and
continue with asof publish.`,
		Example: `  asof import debian`,
		Args:    cobra.ExactArgs(1),

		ValidArgsFunction: a.completeConfigured,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.importHistory(cmd.Context(), args[0], opts)
		},
	}
	a.addTrustClock(cmd.Flags())
	cmd.Flags().BoolVar(&opts.AllowShrink, "allow-shrink", false, shrinkHelp)
	return cmd
}

func (a *app) importHistory(ctx context.Context, name string, opts publisher.PublishOptions) error {
	cfg, log, err := a.setup()
	if err != nil {
		return err
	}
	rc, i, err := cfg.repo(name)
	if err != nil {
		return err
	}
	server, schedule, err := rc.Remote.history(a.fetchEnv(cfg, log))
	cfg.report.Options(fmt.Sprintf("repos[%d].remote", i), err)
	if err := cfg.mistakes(); err != nil {
		return err
	}
	repo, err := rc.publisher()
	if err != nil {
		return err
	}
	s, err := a.newSession(ctx, cfg, log, []publisher.Repo{repo}, false)
	if err != nil {
		return err
	}
	times, url := schedule.Times, func(at manifest.ID) string { return schedule.URLs[at] }
	if server != nil {
		url = server.URL
		if times, err = server.Times(ctx, schedule, manifest.IDOf(time.Now())); err != nil {
			return fmt.Errorf("import %s: list the snapshots: %w", name, err)
		}
	}
	horizon, err := s.pub.Horizon(ctx, repo)
	if err != nil {
		return fmt.Errorf("import %s: %w", name, err)
	}
	var results []publisher.Result
	for n, at := range times {
		if at <= horizon {
			continue
		}
		fmt.Fprintf(a.stderr, "importing %s of %s, %d of %d\n", at, name, n+1, len(times))
		env := a.fetchEnv(cfg, log)
		env.Now = at.Time
		*rc.Remote.url = url(at)
		if repo.Remote, err = rc.Remote.open(env); err != nil {
			cfg.report.Options(fmt.Sprintf("repos[%d].remote", i), err)
			return cfg.mistakes()
		}
		var r publisher.Result
		opts.At = at
		if r, err = s.pub.Publish(ctx, repo, opts); err != nil {
			err = fmt.Errorf("import %s: %s: %w", name, at, err)
			if errors.Is(err, publisher.ErrBadID) { // by another publisher, as the times are in order and past
				err = &hinted{err, "somebody else publishes this repo: run the import again when that has ended", nil}
			}
			break
		}
		results = append(results, r)
	}
	return errors.Join(err, s.finishPublish(results, err))
}

// pastOnly is a remote for imports. It has no present state.
type pastOnly struct{}

// Capture implements remote.Remote.
func (pastOnly) Capture(context.Context, remote.Previous) (remote.Capture, error) {
	return nil, usage(errors.New("remote.at is set: it is a history"), "asof import publishes it; take at away to follow the archive")
}
