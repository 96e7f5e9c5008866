package objstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// ErrDiffers: a different object is where an immutable one was to be created.
var ErrDiffers = errors.New("a different object is already there")

// Put creates an object as Store.Create does, but an identical object already
// there counts as success: it may come from an earlier run, another publisher, or
// the driver's own retry. created says whether this call stored it. A different
// object is ErrDiffers.
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

// Holds reads the object back and reports whether it has body's content.
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

// Update swaps a register as Store.Swap does, but if the register already holds
// data, that counts as success: after a lost answer the driver's retry finds its
// own first write. If another writer could write equal data by chance, the caller
// must put something unique into it.
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
