// Command asof-lambda is the resolver as an AWS Lambda function behind a
// function URL (payload format 2.0). It answers what asof serve answers. What it
// learned of the store it keeps between invocations, and refreshes when it is
// older than the refresh interval.
//
// The environment configures it; see config.go.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/storeurl"
	"github.com/asof/asof/resolver"
)

func main() {
	handler, err := setup(context.Background(), os.LookupEnv)
	if err != nil {
		slog.New(slog.NewJSONHandler(os.Stderr, nil)).Error("can't start", "error", err)
		os.Exit(1)
	}
	lambda.Start(handler)
}

// setup makes the function that answers events, and reads the store for the
// first time: that belongs to the cold start, not to the first request.
func setup(ctx context.Context, env func(string) (string, bool)) (any, error) {
	cfg, err := readConfig(env)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: cfg.LogLevel}))
	store, err := storeurl.Open(ctx, cfg.Store, storeurl.Options{Logger: log, UserAgent: "asof-lambda"})
	if err != nil {
		return nil, err
	}
	opts := resolver.Options{Store: store, PoolURL: cfg.PoolURL, Log: log, MaxBody: maxBuffered}
	if cfg.Stream {
		opts.MaxBody = maxStreamed
	}
	if signer, ok := objstore.CanSign(store); ok {
		opts.SignURL = func(ctx context.Context, key string) (string, error) {
			return signer.SignedURL(ctx, key, signedFor)
		}
	}
	r := &refreshed{Resolver: resolver.New(opts), interval: cfg.Refresh, log: log}
	r.refresh(ctx, time.Now(), firstRefresh)
	if cfg.Stream {
		return streaming(r), nil
	}
	return buffered(r), nil
}
