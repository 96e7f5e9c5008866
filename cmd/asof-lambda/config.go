package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"
)

// config is what the environment says. What asof serve knows too has the name
// that it has there.
type config struct {
	Store    string        // ASOF_STORE: the store's URL; required
	Refresh  time.Duration // ASOF_SERVE_REFRESH: how old what it knows may be; 5s
	PoolURL  string        // ASOF_SERVE_POOL_URL: send clients there for blobs, and for large files
	LogLevel slog.Level    // ASOF_LOG_LEVEL: warn
	Stream   bool          // ASOF_LAMBDA_STREAM: the URL's invoke mode is RESPONSE_STREAM
}

func readConfig(env func(string) (string, bool)) (config, error) {
	cfg := config{Refresh: 5 * time.Second, LogLevel: slog.LevelWarn}
	var errs []error
	read := func(name string, set func(string) error) {
		if value, ok := env(name); ok && value != "" {
			if err := set(value); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
	}
	read("ASOF_STORE", func(s string) error { cfg.Store = s; return nil })
	read("ASOF_SERVE_REFRESH", func(s string) (err error) {
		if cfg.Refresh, err = time.ParseDuration(s); err == nil && cfg.Refresh <= 0 {
			err = fmt.Errorf("%s is not above 0", s)
		}
		return err
	})
	read("ASOF_SERVE_POOL_URL", func(s string) error { cfg.PoolURL = s; return nil })
	read("ASOF_LOG_LEVEL", func(s string) error { return cfg.LogLevel.UnmarshalText([]byte(s)) })
	read("ASOF_LAMBDA_STREAM", func(s string) (err error) { cfg.Stream, err = strconv.ParseBool(s); return err })
	if cfg.Store == "" {
		errs = append(errs, errors.New("ASOF_STORE: missing: want s3://bucket/prefix?region=…"))
	}
	return cfg, errors.Join(errs...)
}
