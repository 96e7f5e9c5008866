package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
)

func newVerifyCmd(a *app) *cobra.Command {
	var opts publisher.VerifyOptions
	cmd := &cobra.Command{
		Use:   "verify REPO [TIME]",
		Short: "Read a repo back and prove it, from the index down to the bytes",
		Long: `Read back all checkpoints of a repo, or the one that a time stands for, and hold
everything against the digests that commit to it: registry, index, the list of
checkpoints, manifests, files and pages. Without a time, what stands below the
repo's path and belongs to no checkpoint is found, too.

What is wrong is listed, and the exit code is 6. Nothing is changed.

` + whenHelp,
		Example: `  asof verify myfile
  asof verify myfile latest
  asof verify myfile --quick    # presence and sizes only
  asof verify myfile -o json | jq -r '.problems[].key'`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: a.completeStored(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.verify(cmd.Context(), args[0], args[1:], opts)
		},
	}
	cmd.Flags().BoolVar(&opts.Quick, "quick", false, "look at presence and size only; read no file")
	return cmd
}

func (a *app) verify(ctx context.Context, name string, times []string, opts publisher.VerifyOptions) error {
	pub, cfg, err := a.reader(ctx)
	if err != nil {
		return err
	}
	var ids []manifest.ID // nil: all
	var unresolved error
	if len(times) > 0 {
		_, answer, err := resolve(ctx, pub.Store, name, times[0])
		switch {
		case err == nil:
			ids = []manifest.ID{answer.ID}
		case errors.Is(err, errUsage), errors.Is(err, errNotFound):
			return err
		default: // the registers can't be read: the report will say which
			ids, unresolved = []manifest.ID{}, err
		}
	}
	repo, err := repoToVerify(ctx, pub.Store, cfg, name)
	if err != nil {
		return err
	}
	report, err := pub.Verify(ctx, repo, ids, opts)
	if err != nil {
		return fmt.Errorf("verify %s: %w", name, err)
	}
	if len(report.Problems) == 0 && unresolved != nil {
		return unresolved
	}
	return a.showReport(report)
}

// reader opens the store to read back what was published.
func (a *app) reader(ctx context.Context) (*publisher.Publisher, config, error) {
	cfg, log, err := a.setup()
	if err != nil {
		return nil, cfg, err
	}
	store, err := a.store(ctx, cfg, log, false)
	if err != nil {
		return nil, cfg, err
	}
	return publisher.New(publisher.Options{Store: store, Log: log, Progress: a.watch(), Concurrency: cfg.Concurrency}), cfg, nil
}

// repoToVerify finds a repo by the store's registry. Where that is lost or can't
// be read, which is for the report to say, the configuration tells the base path.
func repoToVerify(ctx context.Context, store objstore.Store, cfg config, name string) (manifest.Repo, error) {
	repo, _, err := findRepo(ctx, store, name)
	if err == nil || repo.Name != "" {
		return repo, nil
	}
	unknown := errors.Is(err, errNotFound)
	rc, _, configErr := cfg.repo(name)
	switch {
	case configErr != nil && unknown:
		return repo, err
	case configErr != nil:
		return manifest.Repo{Name: name}, nil
	}
	if unknown { // never published, unless there is an index
		if _, statErr := store.Stat(ctx, manifest.IndexKey(rc.Path)); statErr != nil {
			return repo, err
		}
	}
	return manifest.Repo{Name: rc.Name, Base: rc.Path}, nil
}

// showReport prints the report, and returns an error if something is wrong.
func (a *app) showReport(r publisher.VerifyReport) error {
	if n := len(r.Unfinished); n > 0 {
		fmt.Fprintf(a.stderr, "%s: %v; publishing again may finish one, asof gc removes the others\n", count(int64(n), "unfinished publish", "unfinished publishes"), r.Unfinished)
	}
	err := a.print(r, func(t *table) {
		if len(r.Problems) == 0 {
			t.row("REPO", "CHECKPOINTS", "FILES", "PAGES", "OBJECTS", "READ", "PROBLEMS")
			t.row(r.Repo, r.Checkpoints, r.Files, r.Pages, r.Objects, size(r.BytesRead), 0)
			return
		}
		t.row("CHECKPOINT", "KEY", "PROBLEM")
		for _, p := range r.Problems {
			t.row(orDash(p.Checkpoint), p.Key, p.What)
		}
	})
	if n := len(r.Problems); err == nil && n > 0 {
		err = &hinted{
			fmt.Errorf("verify %s: %s", r.Repo, count(int64(n), "problem", "problems")),
			"put damaged objects back from a copy of the store, or prune their checkpoints; strays may be deleted",
			publisher.ErrCorrupt,
		}
	}
	return err
}
