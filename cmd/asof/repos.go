package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/asof/asof/publisher"
)

// publisher makes a publisher of the configured store, and the named repos, or all
// that are configured.
func (a *app) publisher(ctx context.Context, names []string) (*publisher.Publisher, []publisher.Repo, error) {
	cfg, log, err := a.setup()
	if err != nil {
		return nil, nil, err
	}
	repos, err := a.repos(cfg, names, log)
	if err != nil {
		return nil, nil, err
	}
	pub, err := a.newPublisher(ctx, cfg, log, repos)
	return pub, repos, err
}

// newPublisher makes a publisher of the configured store for repos.
func (a *app) newPublisher(ctx context.Context, cfg config, log *slog.Logger, repos []publisher.Repo) (*publisher.Publisher, error) {
	store, err := a.store(ctx, cfg, log, true)
	if err != nil {
		return nil, err
	}
	for _, repo := range repos {
		if repo.SlashPages && !store.SlashKeys() {
			return nil, usage(fmt.Errorf("repo %s: slash_pages: the store %s has no keys that end in a slash", repo.Name, cfg.Store), "leave it away")
		}
	}
	announcer, err := cfg.CloudFront.announcer(ctx, log)
	if err != nil {
		return nil, err
	}
	return publisher.New(publisher.Options{
		Store:       store,
		Log:         log,
		Announcer:   announcer,
		Progress:    a.progress(),
		Concurrency: cfg.Concurrency,
		AllowUnsafe: cfg.UnsafeStore,
		PublicURL:   cfg.PublicURL,
	}), nil
}

// forRepos does something to each of the named repos, or to all that are
// configured, one after the other. One's failure keeps no other from its turn,
// an interruption does.
func forRepos[T any](ctx context.Context, a *app, verb string, names []string, do func(*publisher.Publisher, publisher.Repo) (T, error)) ([]T, error) {
	pub, repos, err := a.publisher(ctx, names)
	if err != nil {
		return nil, err
	}
	var results []T
	var failures []error
	for _, repo := range repos {
		result, err := do(pub, repo)
		if err == nil || errors.Is(err, publisher.ErrNotAnnounced) {
			results = append(results, result)
		}
		if err == nil {
			continue
		}
		failures = append(failures, fmt.Errorf("%s %s: %w", verb, repo.Name, err))
		if ctx.Err() != nil {
			break
		}
	}
	return results, errors.Join(failures...)
}
