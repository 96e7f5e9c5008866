// Package s3store is the driver for Amazon S3, with aws-sdk-go-v2. It uses the
// credentials, profiles and regions of the AWS tools. With an endpoint it also
// works with other S3 servers, though miniostore is leaner there.
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

	"github.com/asof/asof/internal/clock"
	"github.com/asof/asof/internal/network"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/internal/s3core"
)

// Options configure a store.
type Options struct {
	s3core.Options
	// Region is the bucket's. Empty: from AWS_REGION or the profile, as with the
	// AWS tools; with an Endpoint, us-east-1.
	Region string
	// Endpoint is the URL of an S3 server other than AWS. Empty: AWS, or the
	// server in AWS_ENDPOINT_URL_S3 or the profile.
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
	server := s3core.Server{CopyTakesCondition: true, Private: true, Clock: new(clock.Server)}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.HTTPClient = &http.Client{Transport: s3core.Wire(tuned.GetTransport(), opts.WrapTransport, server.Clock)}
		o.UsePathStyle = opts.PathStyle
		if opts.Endpoint != "" {
			o.BaseEndpoint = aws.String(opts.Endpoint)
		}
		// Bodies are verified by the SHA-256 in the signature.
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		if o.BaseEndpoint != nil {
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		}
		o.DisableLogOutputChecksumValidationSkipped = true
		o.ContinueHeaderThresholdBytes = -1 // the transport does it
		o.APIOptions = append(o.APIOptions, signKnownHash)
		if name, version, ok := strings.Cut(opts.UserAgent, "/"); ok {
			o.APIOptions = append(o.APIOptions, middleware.AddUserAgentKeyValue(name, version))
		} else if name != "" {
			o.APIOptions = append(o.APIOptions, middleware.AddUserAgentKey(name))
		}
	})
	if endpoint := client.Options().BaseEndpoint; endpoint != nil {
		u, err := url.Parse(*endpoint)
		if err != nil {
			return nil, fmt.Errorf("open s3 store %s: the endpoint is not a url", opts.Bucket)
		}
		server.CopyTakesCondition, server.Private = false, s3core.Private(u)
	}
	server.Hints = network.Settings{
		Authority: "AWS_CA_BUNDLE names a file of authorities to trust",
		Plain:     "begin the endpoint in the store's URL with http:// if the server really has no TLS",
		TLS:       "begin the endpoint in the store's URL with https://",
	}
	return s3core.New(&api{client: client, bucket: aws.String(opts.Bucket), checksum: server.CopyTakesCondition}, opts.Options, server), nil
}

// loadConfig reads the AWS configuration and finds the region and credentials.
func loadConfig(ctx context.Context, opts Options) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx,
		// A client to which the SDK can add the certificates of AWS_CA_BUNDLE.
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			s3core.Tune(t, opts.Concurrency)
		})),
		// The SDK's own logger would write to standard error and ignore our
		// settings.
		config.WithLogger(logging.LoggerFunc(func(kind logging.Classification, format string, args ...any) {
			if opts.Logger != nil {
				opts.Logger.Debug("aws sdk", "kind", kind, "text", fmt.Sprintf(format, args...))
			}
		})),
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = opts.MaxAttempts
				// By default all requests share a bucket of retry tokens: a short
				// outage would fail most of a publish at once.
				o.RateLimiter = ratelimit.None
				// A listing, or the answer to a copy, that was cut off.
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

// credentials turns a lack of credentials into the contract's error.
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
