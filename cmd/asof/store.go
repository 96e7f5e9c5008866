package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/storeurl"
)

// store opens the configured store. A folder is made if it is to be written.
func (a *app) store(ctx context.Context, cfg config, log *slog.Logger, write bool) (objstore.Store, error) {
	if cfg.Store == "" {
		return nil, usage(fmt.Errorf("no store is configured"), "set store in asof.yaml, ASOF_STORE, or --store")
	}
	retention, err := cfg.Retention.parse()
	if err != nil {
		return nil, err
	}
	store, err := storeurl.Open(ctx, cfg.Store, storeurl.Options{
		Create:      write,
		Concurrency: cfg.Concurrency,
		Retention:   retention,
		Logger:      log,
		UserAgent:   userAgent(),

		WrapTransport: a.meter.Wrap,
	})
	if err != nil {
		err = fmt.Errorf("open store: %w", err)
		if !errors.Is(err, objstore.ErrNoStore) && !errors.Is(err, objstore.ErrDenied) && !errors.Is(err, objstore.ErrNoLock) {
			err = usage(err, "asof init explains the forms of a store's URL")
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
