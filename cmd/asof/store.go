package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/storeurl"
	"github.com/asof/asof/internal/retry"
	"github.com/asof/asof/publisher/remote/fetch"
)

const storeHint = "asof init explains the forms of a store's URL"

// store opens the configured store, and waits for it while it is away. It creates a folder
// that will be written to.
func (a *app) store(ctx context.Context, cfg config, log *slog.Logger, write bool) (objstore.Store, error) {
	store, err := a.plainStore(ctx, cfg, log, storeurl.Options{Create: write, MaxAttempts: 2})
	if err != nil {
		return nil, err
	}
	return objstore.Patient(store, a.gates(cfg, log).Gate("the store "+cfg.Store)), nil
}

// gates say how to wait for what is away: the store and all upstreams.
func (a *app) gates(cfg config, log *slog.Logger) *retry.Gates {
	if a.waits == nil {
		a.waits = retry.NewGates(retry.Options{Patience: cfg.Patience, Log: log, Told: a.watch().Retry})
	}
	return a.waits
}

// fetchEnv is the surroundings of a remote.
func (a *app) fetchEnv(cfg config, log *slog.Logger) fetch.Env {
	return fetch.Env{Log: log, UserAgent: userAgent(), Gates: a.gates(cfg, log)}
}

// plainStore opens the configured store. It waits for nothing.
func (a *app) plainStore(ctx context.Context, cfg config, log *slog.Logger, opts storeurl.Options) (objstore.Store, error) {
	if cfg.Store == "" {
		return nil, usage(fmt.Errorf("no store is configured"), "set store in asof.yaml, ASOF_STORE, or --store: "+cfg.file.without("store"))
	}
	opts.Concurrency, opts.Retention, opts.Logger, opts.UserAgent, opts.WrapTransport = cfg.Concurrency, cfg.Retention.store(), log, userAgent(), a.meter.Wrap
	store, err := storeurl.Open(ctx, cfg.Store, opts)
	if err != nil {
		err = fmt.Errorf("open store: %w", err)
		if _, known := meaningOf(err); !known {
			err = usage(err, storeHint)
		}
		return nil, err
	}
	return store, nil
}

// openStore reads the configuration and opens the store to read from it.
func (a *app) openStore(ctx context.Context) (objstore.Store, error) {
	cfg, log, err := a.setup()
	if err != nil {
		return nil, err
	}
	return a.store(ctx, cfg, log, false)
}
