// Package miniostore is the driver for MinIO and other S3-compatible servers,
// with minio-go.
//
// Credentials come from the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
// else MINIO_ROOT_USER, MINIO_ROOT_PASSWORD, else MINIO_ACCESS_KEY,
// MINIO_SECRET_KEY) or from the AWS credentials file. So who runs the server beside
// asof does not have to hide the root user from it. Without credentials, requests
// are not signed.
package miniostore

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/asof/asof/internal/clock"
	"github.com/asof/asof/internal/network"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/internal/s3core"
)

// Options configure a store.
type Options struct {
	s3core.Options
	// Endpoint is the server as host or host:port. Required.
	Endpoint string
	// TLS selects HTTPS.
	TLS bool
	// Region is the region to sign for. Empty: us-east-1, MinIO's default.
	Region string
}

// New returns the store in a bucket. It makes no request to it.
func New(opts Options) (objstore.Store, error) {
	shared, err := opts.Options.Complete("minio")
	if err != nil {
		return nil, err
	}
	if opts.Region == "" {
		opts.Region = "us-east-1" // if unset, the library asks the server each time it starts
	}
	creds := credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{},
		&credentials.EnvMinio{},
		&credentials.FileAWSCredentials{},
	})
	var transport http.Transport
	var server clock.Server
	s3core.Tune(&transport, shared.Concurrency)
	core, err := minio.NewCore(opts.Endpoint, &minio.Options{
		Creds:      creds,
		Secure:     opts.TLS,
		Transport:  s3core.Wire(&transport, shared.WrapTransport, &server),
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
		s3core.Server{Private: s3core.Private(core.EndpointURL()), Clock: &server, Hints: hints()}), nil
}

func hints() network.Settings {
	return network.Settings{
		Authority: "SSL_CERT_FILE names a file of authorities to trust",
		Plain:     "add tls=false to the store's URL if the server really has no TLS",
		TLS:       "add tls=true to the store's URL",
	}
}
