package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/asof/asof/publisher"
	"github.com/asof/asof/publisher/cloudfront"
)

// check finds what can't be right without asking anybody.
func (c cloudFrontConfig) check() error {
	if c.KeyValueStore != "" && !strings.HasPrefix(c.KeyValueStore, "arn:") {
		return usage(fmt.Errorf("cloudfront.key_value_store: %q is no ARN", c.KeyValueStore), "for instance arn:aws:cloudfront::123456789012:key-value-store/…")
	}
	if c.Months < 1 {
		return usage(fmt.Errorf("cloudfront.months: %d is less than 1", c.Months), "")
	}
	return nil
}

// announcer is who is told of changes; nil: nobody.
func (c cloudFrontConfig) announcer(ctx context.Context, log *slog.Logger) (publisher.Announcer, error) {
	if c.KeyValueStore == "" && c.Distribution == "" {
		return nil, nil
	}
	return cloudfront.New(ctx, cloudfront.Options{KeyValueStore: c.KeyValueStore, Distribution: c.Distribution, Months: c.Months, Log: log})
}
