package s3core

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/asof/asof/internal/objstore"
)

// Delete implements objstore.Store. Where the bucket keeps no versions it is one
// request. Where it does, a plain DELETE would add a marker that hides the object
// and succeed, although the bytes are there, retained or not: so each version is
// deleted by its id, the object and what it may have overwritten.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := begin(ctx, "delete", key); err != nil {
		return err
	}
	remove := s.deleteVersions
	if s.versions.none() {
		remove = s.deletePlain
	}
	err := remove(ctx, key)
	if err != nil && !errors.Is(err, objstore.ErrNotFound) {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return nil
}

func (s *Store) deletePlain(ctx context.Context, key string) error {
	return s.explain(ctx, s.api.Delete(ctx, key, ""))
}

// deleteVersions deletes the current version, then the one that comes to light
// below it, until nothing or a marker does.
func (s *Store) deleteVersions(ctx context.Context, key string) error {
	var last HeadOutput
	for {
		now, err := s.head(ctx, key)
		switch {
		case err != nil:
			return err // ErrNotFound in the end
		case now.Version == "":
			return s.deletePlain(ctx, key)
		case last.Version == now.Version:
			return fmt.Errorf("%w: version %s is still there", objstore.ErrUnavailable, now.Version)
		case last.Version != "" && now.Modified.After(last.Modified):
			return nil // someone has created it anew meanwhile: that is not what was to go
		}
		if err := s.explain(ctx, s.api.Delete(ctx, key, now.Version)); err != nil {
			return s.retention(err, now)
		}
		last = now
	}
}

// retention adds to a refusal until when the object is kept.
func (s *Store) retention(err error, head HeadOutput) error {
	if !head.LockUntil.After(s.opts.Now()) {
		return err
	}
	if errors.Is(err, objstore.ErrRetained) || errors.Is(err, objstore.ErrDenied) {
		return fmt.Errorf("%w until %s", objstore.ErrRetained, head.LockUntil.UTC().Format(time.RFC3339))
	}
	return err
}

// retained is an object's attributes with its retention.
func (s *Store) retained(attr objstore.Attributes) Attributes {
	keep := s.opts.Retention
	switch keep.Mode {
	case objstore.Governance:
		return Attributes{attr, "GOVERNANCE", s.opts.Now().Add(keep.For).UTC().Truncate(time.Second)}
	case objstore.Compliance:
		return Attributes{attr, "COMPLIANCE", s.opts.Now().Add(keep.For).UTC().Truncate(time.Second)}
	}
	return Attributes{Attributes: attr}
}

// versions is whether a bucket keeps versions, as far as its answers have told.
type versions struct{ state atomic.Int32 }

const (
	unversioned = 1 + iota
	versioned
)

// learn takes the version that an answer named. A bucket that once named one is
// versioned for good: versions can be suspended, not removed.
func (v *versions) learn(version string) {
	if version != "" {
		v.state.Store(versioned)
	} else {
		v.state.CompareAndSwap(0, unversioned)
	}
}

// none reports whether the bucket is known to keep no versions.
func (v *versions) none() bool { return v.state.Load() == unversioned }
