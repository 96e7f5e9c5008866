// Package miniostore is the driver for MinIO and other S3-compatible servers, by
// minio-go.
//
// Credentials come from the environment (MINIO_ROOT_USER, MINIO_ROOT_PASSWORD, else
// MINIO_ACCESS_KEY, MINIO_SECRET_KEY, else AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or
// from the AWS credentials file. Where there are none, requests are not signed.
package miniostore

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/internal/s3core"
)

// Options configure a store.
type Options struct {
	s3core.Options
	// Endpoint is the server as host or host:port. Required.
	Endpoint string
	// TLS speaks HTTPS.
	TLS bool
	// Region is the one to sign for. Empty: us-east-1, MinIO's default.
	Region string
}

// New returns the store in a bucket. It makes no request to it.
func New(opts Options) (objstore.Store, error) {
	shared, err := opts.Options.Complete("minio")
	if err != nil {
		return nil, err
	}
	if opts.Region == "" {
		opts.Region = "us-east-1" // unset, the library would ask the server each time it starts
	}
	creds := credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvMinio{},
		&credentials.EnvAWS{},
		&credentials.FileAWSCredentials{},
	})
	var transport http.Transport
	s3core.Tune(&transport, shared.Concurrency)
	core, err := minio.NewCore(opts.Endpoint, &minio.Options{
		Creds:      creds,
		Secure:     opts.TLS,
		Transport:  s3core.Wire(&transport, shared.WrapTransport),
		Region:     opts.Region,
		MaxRetries: shared.MaxAttempts,
	})
	if err != nil {
		return nil, fmt.Errorf("open minio store: %w", err)
	}
	if name, version, ok := strings.Cut(shared.UserAgent, "/"); ok {
		core.SetAppInfo(name, version)
	}
	return s3core.New(&api{core: core, bucket: shared.Bucket, creds: creds}, shared,
		s3core.Server{Private: s3core.Private(core.EndpointURL())}), nil
}
