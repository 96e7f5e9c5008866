// Package s3store is the driver for Amazon S3, by aws-sdk-go-v2, with the
// credentials, profiles and regions of the AWS tools. With an endpoint of its own
// it speaks to other S3 servers, too; miniostore is leaner there.
package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/internal/s3core"
)

// Options configure a store.
type Options struct {
	s3core.Options
	// Region is the bucket's. Empty: as the AWS tools find it (AWS_REGION, the
	// profile), and us-east-1 with an Endpoint.
	Region string
	// Endpoint is the URL of an S3 server other than AWS. Empty: AWS, or what
	// AWS_ENDPOINT_URL_S3 and the profile say.
	Endpoint string
	// PathStyle puts the bucket into the path, not into the host name.
	PathStyle bool
}

// New returns the store in a bucket. It makes no request to it.
func New(ctx context.Context, opts Options) (_ objstore.Store, err error) {
	if opts.Options, err = opts.Complete("s3"); err != nil {
		return nil, err
	}
	cfg, err := loadConfig(ctx, opts)
	if err != nil {
		return nil, err
	}
	tuned, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		return nil, fmt.Errorf("open s3 store: unexpected http client %T", cfg.HTTPClient)
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.HTTPClient = &http.Client{Transport: s3core.Wire(tuned.GetTransport(), opts.WrapTransport)}
		o.UsePathStyle = opts.PathStyle
		if opts.Endpoint != "" {
			o.BaseEndpoint = aws.String(opts.Endpoint)
		}
		// Bodies are verified by the SHA-256 that is signed with them.
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		if o.BaseEndpoint != nil {
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		}
		o.DisableLogOutputChecksumValidationSkipped = true
		o.ContinueHeaderThresholdBytes = -1 // the transport sees to it
		o.APIOptions = append(o.APIOptions, signKnownHash)
		if name, version, ok := strings.Cut(opts.UserAgent, "/"); ok {
			o.APIOptions = append(o.APIOptions, middleware.AddUserAgentKeyValue(name, version))
		} else if name != "" {
			o.APIOptions = append(o.APIOptions, middleware.AddUserAgentKey(name))
		}
	})
	server := s3core.Server{CopyTakesCondition: true, Private: true}
	if endpoint := client.Options().BaseEndpoint; endpoint != nil {
		u, err := url.Parse(*endpoint)
		if err != nil {
			return nil, fmt.Errorf("open s3 store %s: the endpoint is no url", opts.Bucket)
		}
		server = s3core.Server{Private: s3core.Private(u)}
	}
	return s3core.New(&api{client: client, bucket: aws.String(opts.Bucket), checksum: server.CopyTakesCondition}, opts.Options, server), nil
}

// loadConfig reads the AWS configuration and finds the region and credentials.
func loadConfig(ctx context.Context, opts Options) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx,
		// A client that the SDK can add the certificates of AWS_CA_BUNDLE to.
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			s3core.Tune(t, opts.Concurrency)
		})),
		// Its own would write to standard error, past all settings of ours.
		config.WithLogger(logging.LoggerFunc(func(kind logging.Classification, format string, args ...any) {
			if opts.Logger != nil {
				opts.Logger.Debug("aws sdk", "kind", kind, "text", fmt.Sprintf(format, args...))
			}
		})),
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = opts.MaxAttempts
				// The default bucket of retry tokens is shared by all requests:
				// a short outage would fail most of a publish at once.
				o.RateLimiter = ratelimit.None
				// A listing, or the answer to a copy, that breaks off.
				o.Retryables = append(o.Retryables, retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
					if _, ok := errors.AsType[*smithy.DeserializationError](err); ok {
						return aws.TrueTernary
					}
					return aws.UnknownTernary
				}))
			})
		}),
	)
	if err != nil {
		return aws.Config{}, fmt.Errorf("read aws configuration: %w", err)
	}
	if opts.Region != "" {
		cfg.Region = opts.Region
	}
	if cfg.Region == "" {
		if opts.Endpoint == "" && cfg.BaseEndpoint == nil {
			return aws.Config{}, fmt.Errorf("open s3 store %s: no region: set AWS_REGION, or region in the store's url", opts.Bucket)
		}
		cfg.Region = "us-east-1"
	}
	cfg.Credentials = aws.NewCredentialsCache(credentials{cfg.Credentials})
	return cfg, nil
}

// credentials marks the lack of credentials as what it is for callers.
type credentials struct{ aws.CredentialsProvider }

func (c credentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	creds, err := c.CredentialsProvider.Retrieve(ctx)
	if err != nil && ctx.Err() == nil {
		err = &noCredentials{err}
	}
	return creds, err
}

type noCredentials struct{ cause error }

func (e *noCredentials) Error() string { return "no aws credentials: " + e.cause.Error() }

func (e *noCredentials) Unwrap() []error { return []error{objstore.ErrDenied, e.cause} }
