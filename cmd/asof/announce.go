package main

import (
	"context"
	"log/slog"

	"github.com/asof/asof/publisher/cloudfront"
	"github.com/asof/asof/publisher/ledger"
)

// announcer is what announces changes; nil: nothing.
func (c cloudFrontConfig) announcer(ctx context.Context, log *slog.Logger) (ledger.Announcer, error) {
	if c.KeyValueStore == "" && c.Distribution == "" {
		return nil, nil
	}
	return cloudfront.New(ctx, cloudfront.Options{KeyValueStore: c.KeyValueStore, Distribution: c.Distribution, Months: c.Months, Log: log})
}
