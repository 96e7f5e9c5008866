package cloudfront

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	kvs "github.com/aws/aws-sdk-go-v2/service/cloudfrontkeyvaluestore"

	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/ledger"
)

// Options say what to update. At least one of KeyValueStore and Distribution must
// be given.
type Options struct {
	KeyValueStore string // ARN of the store that the edge function reads
	Distribution  string // id of the distribution that caches
	// Months is how many months of each repo the store holds, back from its
	// newest checkpoint; 0: 12.
	Months int
	Log    *slog.Logger // nil: no log
	// WrapTransport, if not nil, wraps the HTTP transport.
	WrapTransport func(http.RoundTripper) http.RoundTripper
}

// Announcer implements ledger.Announcer. It is safe for concurrent use.
type Announcer struct {
	opts   Options
	cdn    *cloudfront.Client
	values *kvs.Client
}

var _ ledger.Announcer = (*Announcer)(nil)

// globalRegion is the region to sign for: CloudFront's control plane is there.
const globalRegion = "us-east-1"

// New returns an Announcer. It uses the credentials of the AWS tools, and makes
// no request.
func New(ctx context.Context, opts Options) (*Announcer, error) {
	if opts.Months == 0 {
		opts.Months = 12
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(globalRegion))
	if err != nil {
		return nil, fmt.Errorf("read aws configuration: %w", err)
	}
	if opts.WrapTransport != nil {
		cfg.HTTPClient = &http.Client{Transport: opts.WrapTransport(http.DefaultTransport)}
	}
	return &Announcer{opts, cloudfront.NewFromConfig(cfg), kvs.NewFromConfig(cfg)}, nil
}

// Announce implements ledger.Announcer. It updates the store first: a cached copy
// is dropped only once its replacement can be made.
func (a *Announcer) Announce(ctx context.Context, change ledger.Announcement) error {
	var errs []error
	if a.opts.KeyValueStore != "" {
		if err := a.update(ctx, change); err != nil {
			errs = append(errs, fmt.Errorf("cloudfront key value store: %w", err))
		}
	}
	if a.opts.Distribution != "" && !change.HorizonOnly {
		if err := a.invalidate(ctx, change); err != nil {
			errs = append(errs, fmt.Errorf("cloudfront invalidation: %w", err))
		}
	}
	return errors.Join(errs...)
}

// invalidate drops the distribution's cached lists, and all that is cached of a retired repo.
// Everything else that asof serves is immutable or not cached. Repeated calls for one generation make one
// invalidation.
func (a *Announcer) invalidate(ctx context.Context, change ledger.Announcement) error {
	base := "/" + page.EscapePath(change.Repo.Base)
	paths := []string{"/", base + "/", base + "/checkpoints.json", base + "/index.html"}
	if change.Index.Retired != nil {
		paths = append(paths, base+"/*") // no answer below it holds any more
	}
	for _, folder := range manifest.Folders(change.Repo.Base) {
		paths = append(paths, "/"+page.EscapePath(folder)+"/")
	}
	_, err := a.cdn.CreateInvalidation(ctx, &cloudfront.CreateInvalidationInput{
		DistributionId: &a.opts.Distribution,
		InvalidationBatch: &types.InvalidationBatch{
			CallerReference: aws.String(fmt.Sprintf("asof %s %d", change.Repo.Base, change.Index.Generation)),
			Paths:           &types.Paths{Items: paths, Quantity: aws.Int32(int32(len(paths)))},
		},
	})
	if err == nil {
		a.opts.Log.Info("invalidated", "distribution", a.opts.Distribution, "paths", paths)
	}
	return err
}
