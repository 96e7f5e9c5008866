package objstore

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/asof/asof/internal/network"
	"github.com/asof/asof/internal/retry"
)

// Patient returns a store whose operations wait at a gate while the store is away, and
// are tried again. What holds of the drivers' own retries holds here: a Create or Swap
// that was applied, but whose answer was lost, fails with ErrExists or ErrChanged at the
// next try; [Put] and [Update] see to that. An object that breaks off while it is read is
// the reader's affair.
func Patient(s Store, gate *retry.Gate) Store { return patient{s, gate} }

type patient struct {
	store Store
	gate  *retry.Gate
}

func (p patient) do(ctx context.Context, op func() error) error {
	return p.gate.Do(ctx, op, p.judge)
}

// judge says what the end of an operation tells of the store.
func (p patient) judge(err error) (retry.Verdict, time.Duration) {
	if errors.Is(err, ErrUnavailable) && !retry.GaveUp(err) {
		if !network.Heals(err, p.gate.Met()) {
			return retry.Silent, 0
		}
		return retry.Away, 0
	}
	for _, answer := range []error{nil, ErrNotFound, ErrExists, ErrChanged, ErrNotModified} {
		if errors.Is(err, answer) {
			return retry.Here, 0
		}
	}
	return retry.Silent, 0
}

func (p patient) Open(ctx context.Context, key string, offset, length int64) (r io.ReadCloser, err error) {
	err = p.do(ctx, func() (err error) { r, err = p.store.Open(ctx, key, offset, length); return err })
	return r, err
}

func (p patient) Stat(ctx context.Context, key string) (info Info, err error) {
	err = p.do(ctx, func() (err error) { info, err = p.store.Stat(ctx, key); return err })
	return info, err
}

// List implements Reader. Where a listing breaks off, it goes on behind the last object.
func (p patient) List(ctx context.Context, prefix, after string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		for more := true; more; {
			more = false
			err := p.do(ctx, func() error {
				further := false
				for info, err := range p.store.List(ctx, prefix, after) {
					if more = further && errors.Is(err, ErrUnavailable); more {
						return nil // a new wait begins
					}
					if err != nil || !yield(info, nil) {
						return err
					}
					further, after = true, info.Key
				}
				return nil
			})
			if err != nil {
				yield(Info{}, err)
				return
			}
		}
	}
}

func (p patient) Load(ctx context.Context, key string, have Version) (data []byte, v Version, err error) {
	err = p.do(ctx, func() (err error) { data, v, err = p.store.Load(ctx, key, have); return err })
	return data, v, err
}

func (p patient) SlashKeys() bool { return p.store.SlashKeys() }

func (p patient) Create(ctx context.Context, key string, body Body, attr Attributes) error {
	return p.do(ctx, func() error { return p.store.Create(ctx, key, body, attr) })
}

func (p patient) Copy(ctx context.Context, src, dst string, attr Attributes, vacant bool) error {
	return p.do(ctx, func() error { return p.store.Copy(ctx, src, dst, attr, vacant) })
}

func (p patient) Delete(ctx context.Context, key string) error {
	return p.do(ctx, func() error { return p.store.Delete(ctx, key) })
}

func (p patient) Swap(ctx context.Context, key string, old Version, data []byte, attr Attributes) (v Version, err error) {
	err = p.do(ctx, func() (err error) { v, err = p.store.Swap(ctx, key, old, data, attr); return err })
	return v, err
}

// Unwrap gives access to the store's own abilities.
func (p patient) Unwrap() Reader { return p.store }
