package objstore

import (
	"context"
	"fmt"
	"time"
)

// MaxSigned is the longest time that a signed URL is good for: S3's week.
const MaxSigned = 7 * 24 * time.Hour

// Signer is a store that lets who has no credentials read an object.
type Signer interface {
	// SignedURL is a URL under which anybody can GET the object, in whole or
	// in ranges, until ttl is over or the credentials that sign it end. It
	// makes no request to the store, and so says nothing about whether there is
	// such an object. Whoever has the URL has the right: it is a secret.
	SignedURL(ctx context.Context, key string, ttl time.Duration) (string, error)
}

// SignedURL implements Signer where the store behind the prefix does.
func (p prefixed) SignedURL(ctx context.Context, key string, ttl time.Duration) (string, error) {
	signer, ok := p.store.(Signer)
	if !ok {
		return "", fmt.Errorf("sign a url: %w", ErrUnsupported)
	}
	key, err := p.full(key)
	if err != nil {
		return "", err
	}
	return signer.SignedURL(ctx, key, ttl)
}

// CanSign reports whether a store signs URLs, also behind a prefix.
func CanSign(s Store) (Signer, bool) {
	if p, ok := s.(prefixed); ok {
		if _, ok := CanSign(p.store); !ok {
			return nil, false
		}
	}
	signer, ok := s.(Signer)
	return signer, ok
}
