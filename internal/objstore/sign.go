package objstore

import (
	"context"
	"fmt"
	"time"
)

// MaxSigned is the longest time that a signed URL can be valid: S3's week.
const MaxSigned = 7 * 24 * time.Hour

// Signer is a store that can let clients without credentials read an object.
type Signer interface {
	// SignedURL returns a URL with which anybody can GET the object, in whole or
	// in ranges, until ttl is over or the signing credentials expire. It makes no
	// request to the store, so the object need not exist. The URL is a secret: it
	// gives the right to read.
	SignedURL(ctx context.Context, key string, ttl time.Duration) (string, error)
}

// prefixedSigner signs for the part of a store with a prefix.
type prefixedSigner struct {
	part   prefixed
	signer Signer
}

func (s prefixedSigner) SignedURL(ctx context.Context, key string, ttl time.Duration) (string, error) {
	key, err := s.part.full(key)
	if err != nil {
		return "", fmt.Errorf("sign a url: %w", err)
	}
	return s.signer.SignedURL(ctx, key, ttl)
}
