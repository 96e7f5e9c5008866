package s3core

import (
	"context"
	"errors"
	"fmt"

	"github.com/asof/asof/internal/objstore"
)

var _ objstore.Mender = (*Store)(nil)

// Headers implements objstore.Mender: one HEAD.
func (s *Store) Headers(ctx context.Context, key string) (objstore.Headers, objstore.Info, error) {
	if err := begin(ctx, "headers", key); err != nil {
		return objstore.Headers{}, objstore.Info{}, err
	}
	out, err := s.head(ctx, key)
	if err != nil {
		return objstore.Headers{}, objstore.Info{}, fmt.Errorf("headers of %s: %w", key, err)
	}
	return out.Headers, out.Info, nil
}

// Mend implements objstore.Mender: one HEAD, and a copy onto itself that depends on what
// the HEAD saw.
func (s *Store) Mend(ctx context.Context, key string, version objstore.Version, attr objstore.Attributes) error {
	if err := begin(ctx, "mend", key); err != nil {
		return err
	}
	err := retryConflict(ctx, func() error { return s.mend(ctx, key, version, attr) })
	if errors.Is(err, errPrecondition) {
		err = objstore.ErrChanged
	}
	if err != nil {
		return fmt.Errorf("mend %s: %w", key, err)
	}
	return nil
}

func (s *Store) mend(ctx context.Context, key string, version objstore.Version, attr objstore.Attributes) error {
	now, err := s.head(ctx, key)
	switch {
	case err != nil:
		return err
	case now.Headers.Version != version || version == "":
		return objstore.ErrChanged
	case now.Size > s.opts.CopyLimit:
		return fmt.Errorf("%w: it has more than %d bytes", objstore.ErrUnsupported, s.opts.CopyLimit)
	}
	with := s.retained(attr)
	if now.LockMode != "" && now.LockUntil.After(with.LockUntil) {
		with.LockMode, with.LockUntil = now.LockMode, now.LockUntil
	}
	return s.explain(ctx, s.api.Copy(ctx, CopyInput{Src: key, Dst: key, Attr: with, IfMatch: string(version)}))
}
