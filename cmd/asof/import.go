package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/history"
)

// atKey is the setting of a remote that says which of its snapshots are wanted.
const atKey = "at"

func newImportCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "import REPO",
		Short: "Import the history that a snapshot server keeps of an archive",
		Long: `Publish the snapshots that a server like snapshot.debian.org keeps of an archive, in
order, each under its own time as the id. The remote's setting at says which: a time,
a list of times, or a range {from, to, step}; without to up to now, without step
whenever the server has one. Its url is the archive's without a time.

What lies at or before the horizon is passed over: so it may be interrupted, and run
again. A snapshot in which nothing changed adds no checkpoint. Signatures are checked
as of the snapshot's time.

When the history is in, take at out of asof.yaml, point url to the live archive, and
let asof publish go on.`,
		Example: `  asof import debian`,
		Args:    cobra.ExactArgs(1),

		ValidArgsFunction: a.completeConfigured,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.importHistory(cmd.Context(), args[0])
		},
	}
}

func (a *app) importHistory(ctx context.Context, name string) error {
	cfg, log, err := a.setup()
	if err != nil {
		return err
	}
	rc, i, err := cfg.repo(name)
	if err != nil {
		return err
	}
	server, schedule, err := openHistory(rc, log)
	if err != nil {
		return a.inRemote(i, err)
	}
	repo := publisher.Repo{Name: rc.Name, Base: rc.Path, SlashPages: rc.SlashPages}
	if repo.Layout, err = manifest.ParseLayout(rc.Layout); err != nil {
		return err
	}
	s, err := a.newSession(ctx, cfg, log, []publisher.Repo{repo}, false)
	if err != nil {
		return err
	}
	times, err := server.Times(ctx, schedule, manifest.IDOf(time.Now()))
	if err != nil {
		return fmt.Errorf("import %s: list the snapshots: %w", name, err)
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
		env := fetch.Env{Log: log, UserAgent: userAgent(), Retried: a.watch().Retry, Now: at.Time}
		settings := maps.Clone(rc.Remote)
		delete(settings, atKey)
		settings["url"] = server.URL(at)
		if repo.Remote, err = openRemote(remoteTypes(env), settings); err != nil {
			return a.inRemote(i, err)
		}
		var r publisher.Result
		if r, err = s.pub.Publish(ctx, repo, publisher.PublishOptions{At: &at}); err != nil {
			err = fmt.Errorf("import %s: %s: %w", name, at, err)
			break
		}
		results = append(results, r)
	}
	return errors.Join(err, s.finishPublish(results, err))
}

// pastOnly is a remote whose snapshots are imported: it has no present state.
type pastOnly struct{}

// Capture implements remote.Remote.
func (pastOnly) Capture(context.Context, remote.Previous) (remote.Capture, error) {
	return nil, usage(fmt.Errorf("remote.%s is set: it is a history", atKey), "asof import publishes it; take at away to follow the archive")
}

// openHistory reads a repo's settings as those of a snapshot server.
func openHistory(rc repoConfig, log *slog.Logger) (*history.Server, history.Schedule, error) {
	setting, ok := rc.Remote[atKey]
	if !ok {
		return nil, history.Schedule{}, usage(fmt.Errorf("%s: missing", atKey), "for instance at: {from: 2025-03-01, step: 24h}")
	}
	schedule, err := history.Parse(setting)
	if err != nil {
		return nil, schedule, fmt.Errorf("%s: %w", atKey, err)
	}
	var opts fetch.Options
	known := map[string]any{}
	for key, value := range rc.Remote {
		if isFetchOption(key) {
			known[key] = value
		}
	}
	if err := decode(known, &opts); err != nil {
		return nil, schedule, err
	}
	rawURL, _ := rc.Remote["url"].(string)
	server, err := history.Open(rawURL, opts, fetch.Env{Log: log, UserAgent: userAgent()})
	return server, schedule, err
}
