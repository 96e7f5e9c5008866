// Command asof-lambda is the resolver as an AWS Lambda function behind a function
// URL (payload format 2.0). It answers as asof serve does. It keeps what it knows
// of the store between invocations, and refreshes it when it is older than the
// refresh interval.
//
// The environment configures it; see config.go.
package main

import (
	"context"
	"log/slog"
	"net/http"
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

// setup makes the function that answers events. It also reads the store for the
// first time: that is part of the cold start, not of the first request.
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
	opts := resolver.Options{Store: store, PoolURL: cfg.PoolURL, PublicURL: cfg.PublicURL, Log: log, MaxBody: maxBuffered}
	opts.Secure = func(*http.Request) bool { return true } // function URLs have nothing else
	if cfg.Stream {
		opts.MaxBody = maxStreamed
	}
	if signer, ok := objstore.As[objstore.Signer](store); ok {
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
