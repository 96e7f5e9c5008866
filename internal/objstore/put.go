package objstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// ErrDiffers: a different object stands where an immutable one was to be created.
var ErrDiffers = errors.New("a different object already stands there")

// Put creates an object as Store.Create does, and takes an identical one that
// already stands there for success: it may be from an earlier run, from another
// publisher, or from the driver's own retry of a request that had been applied.
// It reports whether this call stored it. A different one is ErrDiffers.
func Put(ctx context.Context, s Store, key string, body Body, attr Attributes) (created bool, err error) {
	err = s.Create(ctx, key, body, attr)
	if !errors.Is(err, ErrExists) {
		return err == nil, err
	}
	same, err := Holds(ctx, s, key, body)
	if err != nil {
		return false, err
	}
	if !same {
		return false, fmt.Errorf("create %s: %w", key, ErrDiffers)
	}
	return false, nil
}

// Holds reads the object back and reports whether it is body's content.
func Holds(ctx context.Context, s Store, key string, body Body) (bool, error) {
	info, err := s.Stat(ctx, key)
	if err != nil {
		return false, err
	}
	if info.Size != body.Size {
		return false, nil
	}
	r, err := s.Open(ctx, key, 0, Whole)
	if err != nil {
		return false, err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return false, fmt.Errorf("read %s: %w", key, err)
	}
	return bytes.Equal(h.Sum(nil), body.SHA256[:]), nil
}

// Update swaps a register as Store.Swap does, and takes the very data that it
// was to write for success, wherever it came from: after a lost answer the
// driver's retry meets its own first write. Callers whose data could be equal
// by chance to another writer's must put something of their own into it.
func Update(ctx context.Context, s Store, key string, old Version, data []byte, attr Attributes) (Version, error) {
	v, err := s.Swap(ctx, key, old, data, attr)
	if !errors.Is(err, ErrChanged) {
		return v, err
	}
	now, v, loadErr := s.Load(ctx, key, "")
	if loadErr == nil && bytes.Equal(now, data) {
		return v, nil
	}
	return "", err
}
