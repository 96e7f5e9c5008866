package main

import (
	"errors"
	"log/slog"
	"reflect"
	"time"

	"github.com/asof/asof/internal/option"
	"github.com/asof/asof/resolver"
)

// config is what the environment says. Settings that asof serve has too have the
// same names here.
type config struct {
	Store     string        // ASOF_STORE: the store's URL; required
	Refresh   time.Duration // ASOF_SERVE_REFRESH: the greatest age of what it knows; 5s
	PoolURL   string        // ASOF_SERVE_POOL_URL: where to send clients for blobs and large files
	PublicURL string        // ASOF_PUBLIC_URL: where clients find it; the function URL's own host
	LogLevel  slog.Level    // ASOF_LOG_LEVEL: warn
	Stream    bool          // ASOF_LAMBDA_STREAM: the URL's invoke mode is RESPONSE_STREAM
}

func readConfig(env func(string) (string, bool)) (config, error) {
	cfg := config{Refresh: 5 * time.Second, LogLevel: slog.LevelWarn}
	var errs []error
	read := func(name string, into any, allowed option.Allowed) {
		if value, ok := env(name); ok && value != "" {
			err := option.Field{Allowed: allowed}.Parse(value, reflect.ValueOf(into).Elem())
			errs = append(errs, option.Wrap(name, err))
		}
	}
	level := "warn"
	read("ASOF_STORE", &cfg.Store, "")
	read("ASOF_SERVE_REFRESH", &cfg.Refresh, option.Between(resolver.MinRefresh, resolver.MaxRefresh))
	read("ASOF_SERVE_POOL_URL", &cfg.PoolURL, "")
	read("ASOF_PUBLIC_URL", &cfg.PublicURL, "")
	read("ASOF_LOG_LEVEL", &level, "debug, info, warn, error")
	read("ASOF_LAMBDA_STREAM", &cfg.Stream, "")
	if cfg.Store == "" {
		errs = append(errs, errors.New("ASOF_STORE: missing: want s3://bucket/prefix?region=…"))
	}
	var err error
	cfg.PublicURL, err = option.PublicURL(cfg.PublicURL)
	errs = append(errs, option.Wrap("ASOF_PUBLIC_URL", err))
	cfg.PoolURL, err = option.WebPlace(cfg.PoolURL)
	errs = append(errs, option.Wrap("ASOF_SERVE_POOL_URL", err))
	_ = cfg.LogLevel.UnmarshalText([]byte(level)) // which is a level
	return cfg, errors.Join(errs...)
}
