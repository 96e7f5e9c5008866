package s3core

import (
	"context"
	"fmt"
	"time"

	"github.com/asof/asof/internal/objstore"
)

var _ objstore.Signer = (*Store)(nil)

// SignedURL implements objstore.Signer with a presigned GET.
func (s *Store) SignedURL(ctx context.Context, key string, ttl time.Duration) (string, error) {
	if err := begin(ctx, "sign a url", key); err != nil {
		return "", err
	}
	if ttl < time.Second || ttl > objstore.MaxSigned {
		return "", fmt.Errorf("sign a url for %s: want 1s to %s", ttl, objstore.MaxSigned)
	}
	url, err := s.api.Sign(ctx, key, ttl)
	if err != nil {
		return "", fmt.Errorf("sign a url of %s: %w", key, s.explain(ctx, err))
	}
	return url, nil
}
