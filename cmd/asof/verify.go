package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/mend"
	"github.com/asof/asof/publisher/readback"
)

func newVerifyCmd(a *app) *cobra.Command {
	var opts verifying
	cmd := &cobra.Command{
		Use:   "verify [REPO... | REPO TIME]",
		Short: "Read repos back and prove them, from the index down to the bytes",
		Long: `Read back all checkpoints of the named repos, or of all in the store, and check
everything against the digests that commit to it: registry, index, the list of checkpoints,
manifests, files and pages. With a time, only that checkpoint is read. Without one, also
find keys below the repo's path that belong to no checkpoint.

Problems are listed, and the exit code is 6. Nothing is changed.

A bucket that other tools copied may lack the headers that asof gives its objects, such as
Content-Type and Cache-Control. That is a problem, too: browsers and CDNs go by them.
--repair-headers says which objects it would mend, and with --apply it mends them: the
store copies each onto itself. No byte changes. It takes the right to put objects, which
not every setup gives to those who only verify.

` + whenHelp,
		Example: `  asof verify                   # all repos of the store
  asof verify myfile
  asof verify debian security
  asof verify myfile latest
  asof verify myfile --quick    # presence and sizes only
  asof verify --quick --repair-headers --apply
  asof verify -o json | jq -r '.repos[].problems[].key'`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeStored(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if opts.apply && !opts.repair {
				return usage(errors.New("--apply is for --repair-headers"), "asof verify changes nothing else")
			}
			return a.verify(cmd.Context(), args, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.quick, "quick", false, "check only presence and size; read no file")
	cmd.Flags().BoolVar(&opts.repair, "repair-headers", false, "show which objects lack their headers; with --quick, ask for those of each")
	cmd.Flags().BoolVar(&opts.apply, "apply", false, "with --repair-headers, mend them")
	return cmd
}

// verifying is the options of a verification.
type verifying struct{ quick, repair, apply bool }

// verified is a report as it is printed.
type verified struct {
	readback.Report
	Mended int64 `json:"mended,omitempty"` // objects that have their headers back
	base   string
}

func (a *app) verify(ctx context.Context, args []string, how verifying) error {
	cfg, log, err := a.setup()
	if err != nil {
		return err
	}
	store, err := a.store(ctx, cfg, log, false)
	if err != nil {
		return err
	}
	opts := readback.Options{Store: store, Env: a.env(cfg, log), Headers: how.repair}
	if _, ok := objstore.As[objstore.Headed](store); how.repair && !ok {
		fmt.Fprintln(a.stderr, "the store keeps no headers with its objects: there are none to mend")
	}
	names, when, err := a.toVerify(ctx, store, cfg, args)
	if err != nil {
		return err
	}
	var reports []verified
	var failures []error
	for _, name := range names {
		report, err := verifyRepo(ctx, opts, cfg, name, when, how.quick)
		if err != nil {
			err = fmt.Errorf("verify %s: %w", name, err)
		} else if how.apply && len(report.Headers) > 0 {
			report.Mended, err = mend.Headers(ctx, mend.Options{Store: store, Env: opts.Env}, report.base, keysIn(report.Headers))
			err = eachWith("verify "+name, err)
		}
		failures = append(failures, err)
		if report.Repo != "" {
			reports = append(reports, report)
		}
		if ctx.Err() != nil {
			break
		}
	}
	if len(args) == 0 && ctx.Err() == nil {
		if err := checkRegistry(ctx, store); err != nil {
			failures = append(failures, fmt.Errorf("verify: %w", err))
		}
	}
	failure := errors.Join(failures...)
	return errors.Join(failure, a.showReports(reports, how, failure != nil))
}

// checkRegistry makes sure that the registry names all repos that have left something.
func checkRegistry(ctx context.Context, store objstore.Reader) error {
	registry, err := catalog.Registry().Load(ctx, store)
	if err != nil {
		return err
	}
	return catalog.CheckRegistered(ctx, store, registry.Doc)
}

// toVerify finds out which repos are meant, and which time. A second argument is a time
// unless a repo has that name.
func (a *app) toVerify(ctx context.Context, store objstore.Reader, cfg config, args []string) (names []string, when string, err error) {
	reg, regErr := catalog.Registry().Load(ctx, store)
	known := map[string]bool{}
	for _, r := range reg.Doc.Repos {
		names, known[r.Name] = append(names, r.Name), true
	}
	if regErr != nil || !reg.Exists() { // damaged or lost: the configuration may know
		names = nil
		for _, r := range cfg.Repos {
			names, known[r.Name] = append(names, r.Name), true
		}
	}
	switch {
	case len(args) == 0 && len(names) == 0 && regErr != nil:
		return nil, "", regErr
	case len(args) == 0 && len(names) == 0:
		return nil, "", notFound(errors.New("the store has no repos"), "asof publish creates them")
	case len(args) == 0:
		return names, "", nil
	case len(args) != 2:
		return args, "", nil
	case !known[args[1]]:
		return args[:1], args[1], nil
	}
	if _, _, err := resolve(ctx, store, args[0], args[1]); err == nil {
		return nil, "", usage(fmt.Errorf("%s is a repo, and a channel of %s", args[1], args[0]), "name the repos one by one, or give the checkpoint's id")
	}
	return args, "", nil
}

// verifyRepo verifies a repo, or one checkpoint of it.
func verifyRepo(ctx context.Context, opts readback.Options, cfg config, name, when string, quick bool) (report verified, err error) {
	var ids []manifest.ID // nil: all
	var unresolved error
	if when != "" {
		_, answer, err := resolve(ctx, opts.Store, name, when)
		switch {
		case err == nil:
			ids = []manifest.ID{answer.ID}
		case errors.Is(err, errUsage), errors.Is(err, errNotFound):
			return report, err
		default: // the registers can't be read: the report will say which
			ids, unresolved = []manifest.ID{}, err
		}
	}
	repo, err := repoToVerify(ctx, opts.Store, cfg, name)
	if err != nil {
		return report, err
	}
	found, err := readback.Verify(ctx, opts, repo, ids, quick)
	if err == nil && found.Whole() {
		err = unresolved
	}
	if err != nil {
		return report, err
	}
	return verified{Report: found, base: repo.Base}, nil
}

func keysIn(list []readback.Problem) []string {
	keys := make([]string, len(list))
	for i, p := range list {
		keys[i] = p.Key
	}
	return keys
}

// reader opens the store to read back what was published.
func (a *app) reader(ctx context.Context) (readback.Options, config, error) {
	cfg, log, err := a.setup()
	if err != nil {
		return readback.Options{}, cfg, err
	}
	store, err := a.store(ctx, cfg, log, false)
	return readback.Options{Store: store, Env: a.env(cfg, log)}, cfg, err
}

// repoToVerify finds a repo in the store's registry. If the registry is lost or
// unreadable, it takes the base path from the configuration; the report has the error.
func repoToVerify(ctx context.Context, store objstore.Reader, cfg config, name string) (manifest.Repo, error) {
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

// showReports prints the reports, and returns an error for each repo in which something is
// wrong.
func (a *app) showReports(reports []verified, how verifying, failed bool) error {
	if len(reports) == 0 && failed {
		return nil
	}
	var errs []error
	for _, r := range reports {
		a.noteUnfinished(r)
		if r.Mended > 0 {
			fmt.Fprintf(a.stderr, "%s: %s mended\n", r.Repo, count(r.Mended, "object's headers are", "objects' headers are"))
		}
		errs = append(errs, wrongIn(r, how))
	}
	err := a.print(struct {
		Repos []verified `json:"repos"`
	}{reports}, func(t *table) {
		wrong := slices.ContainsFunc(reports, func(r verified) bool { return !r.Whole() })
		if len(reports) > 1 || !wrong {
			t.row("REPO", "CHECKPOINTS", "FILES", "PAGES", "OBJECTS", "READ", "PROBLEMS")
			for _, r := range reports {
				t.row(r.Repo, r.Checkpoints, r.Files, r.Pages, r.Objects, size(r.BytesRead), len(r.Problems)+len(r.Headers))
			}
		}
		if !wrong {
			return
		}
		if len(reports) > 1 {
			t.section()
		}
		t.row("CHECKPOINT", "KEY", "PROBLEM")
		for _, r := range reports {
			for _, p := range r.Problems {
				t.row(orDash(p.Checkpoint), p.Key, p.What)
			}
			for _, p := range r.Headers[:min(len(r.Headers), maxListedHeaders)] {
				t.row(orDash(p.Checkpoint), p.Key, "headers: "+p.What)
			}
			if more := len(r.Headers) - maxListedHeaders; more > 0 {
				t.row("-", "-", fmt.Sprintf("headers: and %s more of %s", number(int64(more)), r.Repo))
			}
		}
	})
	return errors.Join(append(errs, err)...)
}

// maxListedHeaders is how many objects of a repo are listed with wrong headers: a copied
// bucket may have nothing else.
const maxListedHeaders = 20

func (a *app) noteUnfinished(r verified) {
	if n := len(r.Unfinished); n > 0 {
		var ids []string
		for _, id := range r.Unfinished {
			ids = append(ids, id.String())
		}
		fmt.Fprintf(a.stderr, "%s: %s; publishing again may finish one, asof gc removes the others\n", count(int64(n), "unfinished publish", "unfinished publishes"), strings.Join(ids, ", "))
	}
}

// wrongIn is the error of a report, if it has one.
func wrongIn(r verified, how verifying) error {
	if n := len(r.Problems); n > 0 {
		return &hinted{
			fmt.Errorf("verify %s: %s", r.Repo, count(int64(n), "problem", "problems")),
			hintFor(r.base, r.Problems),
			catalog.ErrCorrupt,
		}
	}
	if n := len(r.Headers); n > 0 && !how.apply {
		hint := "asof verify " + r.Repo + " --repair-headers --apply mends them"
		return &hinted{fmt.Errorf("verify %s: %s without the headers that asof gave", r.Repo, count(int64(n), "object", "objects")), hint, catalog.ErrCorrupt}
	}
	return nil
}
