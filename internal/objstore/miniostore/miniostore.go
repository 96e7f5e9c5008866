// Package miniostore is the driver for MinIO and other S3-compatible servers, by
// minio-go.
//
// Credentials come from the environment (MINIO_ROOT_USER, MINIO_ROOT_PASSWORD, else
// MINIO_ACCESS_KEY, MINIO_SECRET_KEY, else AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or
// from the AWS credentials file. Where there are none, requests are not signed.
package miniostore

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/internal/s3core"
)

// Options configure a store.
type Options struct {
	// Endpoint is the server as host or host:port. Required.
	Endpoint string
	// TLS speaks HTTPS.
	TLS bool
	// Bucket is the bucket's name. Required.
	Bucket string
	// Region is the one to sign for. Empty: us-east-1, MinIO's default.
	Region string
	// Concurrency is how many idle connections are kept. 0: 32.
	Concurrency int
	// MaxAttempts is how often a request is tried in all. 0: 5.
	MaxAttempts int
	// WrapTransport, if not nil, wraps the HTTP transport: to count requests.
	WrapTransport func(http.RoundTripper) http.RoundTripper
	// UserAgent, such as "asof/1.2", is added to the library's. Empty: nothing.
	UserAgent string
	// Retention is given to every object, but to no register. Zero: none.
	Retention objstore.Retention
	// Now is the clock that a retention counts from. Nil: time.Now.
	Now func() time.Time
	// Logger gets what no caller is told. Nil: nothing is logged.
	Logger *slog.Logger
	// PutLimit, PartSize and CopyLimit are bytes: up to PutLimit a body is one
	// request, above it is uploaded in parts of PartSize; up to CopyLimit a copy
	// is one request. 0: 64 MiB, 16 MiB, 5 GiB.
	PutLimit, PartSize, CopyLimit int64
}

// New returns the store in a bucket. It makes no request to it.
func New(opts Options) (objstore.Store, error) {
	if opts.Bucket == "" {
		return nil, errors.New("open minio store: no bucket given")
	}
	if err := opts.Retention.Check(); err != nil {
		return nil, fmt.Errorf("open minio store: retention: %w", err)
	}
	if opts.Region == "" {
		opts.Region = "us-east-1" // unset, the library would ask the server each time it starts
	}
	if opts.Concurrency == 0 {
		opts.Concurrency = 32
	}
	if opts.MaxAttempts == 0 {
		opts.MaxAttempts = 5
	}
	creds := credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvMinio{},
		&credentials.EnvAWS{},
		&credentials.FileAWSCredentials{},
	})
	var transport http.Transport
	s3core.Tune(&transport, opts.Concurrency)
	core, err := minio.NewCore(opts.Endpoint, &minio.Options{
		Creds:      creds,
		Secure:     opts.TLS,
		Transport:  s3core.Wire(&transport, opts.WrapTransport),
		Region:     opts.Region,
		MaxRetries: opts.MaxAttempts,
	})
	if err != nil {
		return nil, fmt.Errorf("open minio store: %w", err)
	}
	if name, version, ok := strings.Cut(opts.UserAgent, "/"); ok {
		core.SetAppInfo(name, version)
	}
	return s3core.New(&api{core: core, bucket: opts.Bucket, creds: creds}, s3core.Options{
		PutLimit:  opts.PutLimit,
		PartSize:  opts.PartSize,
		CopyLimit: opts.CopyLimit,
		Retention: opts.Retention,
		Now:       opts.Now,
		Logger:    opts.Logger,
	}), nil
}
