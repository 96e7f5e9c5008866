package s3core

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/asof/asof/internal/objstore"
)

// Delete implements objstore.Store. In a bucket without versions it is one
// request. In a bucket with versions, a plain DELETE would succeed by adding a
// marker that hides the object; the bytes would stay, retained or not. So Delete
// removes each version by its id: the object's, and those that it may have
// overwritten.
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

// deleteVersions deletes the current version, then the one that appears below it,
// until there is none or a marker.
func (s *Store) deleteVersions(ctx context.Context, key string) error {
	var last HeadOutput
	for {
		now, err := s.head(ctx, key)
		switch {
		case err != nil:
			return err // finally ErrNotFound
		case now.Version == "":
			return s.deletePlain(ctx, key)
		case last.Version == now.Version:
			return fmt.Errorf("%w: version %s is still there", objstore.ErrUnavailable, now.Version)
		case last.Version != "" && now.Modified.After(last.Modified):
			return nil // someone has created it again: that one is to stay
		}
		if err := s.explain(ctx, s.api.Delete(ctx, key, now.Version)); err != nil {
			return s.retention(err, now)
		}
		last = now
	}
}

// retention adds to a refusal when the object's retention ends.
func (s *Store) retention(err error, head HeadOutput) error {
	if !head.LockUntil.After(s.opts.Now()) {
		return err
	}
	if errors.Is(err, objstore.ErrRetained) || errors.Is(err, objstore.ErrDenied) {
		return fmt.Errorf("%w until %s", objstore.ErrRetained, head.LockUntil.UTC().Format(time.RFC3339))
	}
	return err
}

// retained returns an object's attributes with its retention.
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

// versions is what the answers so far tell of whether a bucket keeps versions.
type versions struct{ state atomic.Int32 }

const (
	unversioned = 1 + iota
	versioned
)

// learn notes the version in an answer. A bucket that once named one is versioned
// for good: versions can be suspended, not removed.
func (v *versions) learn(version string) {
	if version != "" {
		v.state.Store(versioned)
	} else {
		v.state.CompareAndSwap(0, unversioned)
	}
}

// none reports whether the bucket is known to keep no versions.
func (v *versions) none() bool { return v.state.Load() == unversioned }
