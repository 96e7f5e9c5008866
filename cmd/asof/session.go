package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
	"github.com/asof/asof/publisher/ledger"
	"github.com/asof/asof/publisher/remote"
)

// session is one run of a command that publishes: its publisher, and what the summary
// reports.
type session struct {
	*app
	pub       *publisher.Publisher
	dry       bool
	publicURL string
	servedAt  string // the URL of asof serve
	// requests are those to the store so far; in a dry run, those a real run would send.
	requests func() objstore.Requests
	began    time.Time
	faults   []fault // of upstreams, which ended publishes
}

// newSession makes a publisher for repos on the configured store. In a dry run it writes
// nothing.
func (a *app) newSession(ctx context.Context, cfg config, log *slog.Logger, repos []publisher.Repo, dry bool) (*session, error) {
	s := &session{app: a, dry: dry, publicURL: cfg.PublicURL, servedAt: cfg.Serve.url(), requests: a.meter.Requests, began: time.Now()}
	store, err := a.store(ctx, cfg, log, !dry)
	if dry && errors.Is(err, objstore.ErrNoStore) { // a folder, which would be made
		store, err = memstore.New(memstore.Options{NoSlashKeys: true}), nil
	}
	if err != nil {
		return nil, err
	}
	for _, repo := range repos {
		if repo.SlashPages && !store.SlashKeys() {
			return nil, usage(fmt.Errorf("repo %s: slash_pages: the store %s has no keys that end in a slash", repo.Name, cfg.Store), "leave it out")
		}
	}
	announcer, err := cfg.CloudFront.announcer(ctx, log)
	if err != nil {
		return nil, err
	}
	s.pub = publisher.New(publisher.Options{
		Store:       store,
		Env:         a.env(cfg, log),
		Announcer:   announcer,
		AllowUnsafe: cfg.UnsafeStore,
		PublicURL:   cfg.PublicURL,
		TrustClock:  a.trustClock,
	})
	if dry {
		pub, run := s.pub.DryRun()
		s.pub, s.requests = pub, run.Requests
	}
	return s, nil
}

// addTrustClock adds the flag of commands that read from an upstream.
func (a *app) addTrustClock(flags *pflag.FlagSet) {
	flags.BoolVar(&a.trustClock, "trust-clock", false, "go on although upstream's clock is another, and the store has none: this machine's is right")
}

// open makes a session for the named repos, or for all configured ones.
func (a *app) open(ctx context.Context, names []string, dry bool) (*session, []publisher.Repo, error) {
	cfg, err := a.read()
	if err != nil {
		return nil, nil, err
	}
	log := a.logger(cfg)
	repos, err := a.repos(cfg, names, log)
	if err != nil {
		return nil, nil, err
	}
	s, err := a.newSession(ctx, cfg, log, repos, dry)
	return s, repos, err
}

// each calls do for each of the repos, one after the other. It continues after a
// failure, but not after an interruption.
func each[T any](ctx context.Context, s *session, verb string, repos []publisher.Repo, do func(publisher.Repo) (T, error)) ([]T, error) {
	var results []T
	var failures []error
	for _, repo := range repos {
		result, err := do(repo)
		if err == nil || errors.Is(err, ledger.ErrNotAnnounced) {
			results = append(results, result)
		}
		if err == nil {
			continue
		}
		failures = append(failures, &publisher.RepoError{Repo: repo.Name, Err: fmt.Errorf("%s %s: %w", verb, repo.Name, err)})
		if ctx.Err() != nil {
			break
		}
	}
	return results, errors.Join(failures...)
}

// url is a checkpoint's public address; empty if the configuration does not say where
// the store is.
func (s *session) url(base string, id manifest.ID) string {
	if s.publicURL == "" {
		return ""
	}
	return strings.TrimSuffix(s.publicURL, "/") + "/" + manifest.TreePrefix(base, id)
}

// ran is what a run prints with -o json.
type ran[T any] struct {
	DryRun   bool              `json:"dry_run"`
	Repos    []T               `json:"repos"`
	Requests objstore.Requests `json:"requests"` // to the store; of a dry run, those that it stands for
	USD      *float64          `json:"usd,omitempty"`
	Retries  int64             `json:"retries"`
	Seconds  float64           `json:"seconds"`
	Faults   []fault           `json:"faults,omitempty"` // missing or wrong files upstream that made a publish fail
}

// failed records the error of a run and reports whether the run has nothing to print.
func (s *session) failed(results int, failure error) bool {
	s.faults = faultsOf(failure)
	return results == 0 && failure != nil && (len(s.faults) == 0 || s.output != "json")
}

// fault is a missing or wrong file upstream, as it is printed.
type fault struct {
	Repo    string `json:"repo"`
	Path    string `json:"path"` // or a place in a document
	Problem string `json:"problem"`
	Missing bool   `json:"missing"` // upstream lists it and does not have it
}

// faultsOf collects the upstream faults from the errors of a run.
func faultsOf(err error) (list []fault) {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			list = append(list, faultsOf(e)...)
		}
		return list
	}
	of, ok := errors.AsType[*publisher.RepoError](err)
	if !ok {
		return nil
	}
	if e, ok := errors.AsType[*remote.FaultsError](of.Err); ok {
		for _, f := range e.Faults {
			list = append(list, fault{of.Repo, f.Path, f.Err.Error(), errors.Is(f.Err, remote.ErrMissing)})
		}
	}
	return list
}

// finish prints the result of a run on standard output, as one object or as a table. With
// a table it prints a summary for people on standard error.
func finish[T any](s *session, results []T, tabular func(*table), summary []string) error {
	r := ran[T]{s.dry, results, s.requests(), nil, s.retries(), time.Since(s.began).Round(time.Millisecond).Seconds(), s.faults}
	if s.dry {
		usd := r.Requests.USD()
		r.USD = &usd
	}
	if err := s.print(r, tabular); err != nil || s.output == "json" {
		return err
	}
	for _, line := range summary {
		fmt.Fprintln(s.stderr, line)
	}
	fmt.Fprintln(s.stderr, s.closing(r.Requests))
	return nil
}

// closing is a summary's last line.
func (s *session) closing(requests objstore.Requests) string {
	took := seconds(time.Since(s.began))
	if s.dry && requests.Total() == 0 {
		return "dry run: nothing was written; a folder needs no requests"
	}
	if s.dry {
		return fmt.Sprintf("dry run: nothing was written; it would take %s, about USD %s\n(list price of S3 requests in us-east-1; storage and traffic come on top)",
			requestsOf(requests), dollars(requests))
	}
	if requests.Total() == 0 {
		return "done in " + took + s.suffix()
	}
	return fmt.Sprintf("%s in %s%s", requestsOf(requests), took, s.suffix())
}

func requestsOf(r objstore.Requests) string {
	return fmt.Sprintf("%s (%s writing, %s reading)", count(r.Total(), "request", "requests"), number(r.Writes+r.Deletes), number(r.Reads))
}

// dollars is what requests cost, to the cent; below one cent, to the first digit that
// is not zero.
func dollars(r objstore.Requests) string {
	usd := r.USD()
	for digits := 2; digits < 6; digits++ {
		if text := fmt.Sprintf("%.*f", digits, usd); strings.Trim(text, "0.") != "" {
			return text
		}
	}
	return "0.00001"
}
