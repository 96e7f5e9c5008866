// Package storeurl opens a store by the URL that a user configures:
//
//	./data  data  /srv/x  file:///srv/x               a folder (dirstore)
//	s3://bucket/prefix?region=…&endpoint=…&path_style=true
//	                                                  Amazon S3 (s3store)
//	minio://host:port/bucket/prefix?tls=true&region=… MinIO and the like (miniostore)
//	mem://                                            memory (memstore), for tests
//
// The prefix is optional. tls is off for a loopback host and on for any other,
// unless the URL says otherwise. Credentials are never part of a URL, because
// URLs end up in logs: they come from the environment or the usual files.
package storeurl

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/dirstore"
	"github.com/asof/asof/internal/objstore/internal/s3core"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/internal/objstore/miniostore"
	"github.com/asof/asof/internal/objstore/s3store"
)

// Options are what a URL does not say.
type Options struct {
	// Create makes the folder of a dirstore if it is missing. Buckets are never
	// made.
	Create bool
	// Concurrency is the number of concurrent requests to expect; that many idle
	// connections are kept. 0: 32.
	Concurrency int
	// MaxAttempts is how often a driver sends a request in all. 0: 5.
	MaxAttempts int
	// UserAgent is sent to servers, such as "asof/1.2". Empty: only the libraries'.
	UserAgent string
	// Retention applies to every object, but to no register. Only buckets with
	// Object Lock support it. Zero: none.
	Retention objstore.Retention
	// Now is the clock that a retention counts from. Nil: time.Now.
	Now func() time.Time
	// Logger gets what is not returned as an error. Nil: nothing is logged.
	Logger *slog.Logger
	// WrapTransport, if not nil, wraps the HTTP transport of the store, to count
	// its requests or to fail them.
	WrapTransport func(http.RoundTripper) http.RoundTripper
}

// Open opens the store. It makes no request to it, but checks that a folder
// exists. The user can fix every error, except ErrNoStore. No error contains a
// secret.
func Open(ctx context.Context, storeURL string, opts Options) (objstore.Store, error) {
	l, err := Parse(storeURL)
	if err != nil {
		return nil, fmt.Errorf("store url: %w", err)
	}
	if err := l.CheckRetention(opts.Retention); err != nil {
		return nil, fmt.Errorf("retention: %w", err)
	}
	var s objstore.Store
	switch l.scheme {
	case "mem":
		return memstore.New(memstore.Options{}), nil
	case "s3":
		s, err = s3store.New(ctx, s3store.Options{Options: opts.bucket(l.bucket), Region: l.region, Endpoint: l.endpoint, PathStyle: l.pathStyle})
	case "minio":
		s, err = miniostore.New(miniostore.Options{Options: opts.bucket(l.bucket), Endpoint: l.endpoint, TLS: l.tls, Region: l.region})
	default:
		return dirstore.New(l.dir, dirstore.Options{Create: opts.Create})
	}
	if err != nil {
		return nil, err
	}
	return objstore.WithPrefix(s, l.prefix)
}

// bucket returns the options for a driver of buckets.
func (opts Options) bucket(name string) s3core.Options {
	return s3core.Options{
		Bucket:        name,
		Concurrency:   opts.Concurrency,
		MaxAttempts:   opts.MaxAttempts,
		UserAgent:     opts.UserAgent,
		Retention:     opts.Retention,
		Now:           opts.Now,
		Logger:        opts.Logger,
		WrapTransport: opts.WrapTransport,
	}
}
