// Package mend gives objects in a store the headers back that a copy by another tool has
// lost. It changes no byte: objects are copied onto themselves by the store, and registers
// are swapped for themselves.
package mend

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/parallel"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/job"
)

// ErrNoHeaders: the store keeps no headers with its objects.
var ErrNoHeaders = fmt.Errorf("%w: it keeps no headers with its objects", objstore.ErrUnsupported)

// Options are where Headers works.
type Options struct {
	Store objstore.Store // required
	job.Env
}

// Headers gives the objects under the keys their headers. They are of the repo with a base
// path. It returns how many it changed. One that is gone, or has the right headers by now,
// is left alone; one that the store can't mend is an error, after all others.
func Headers(ctx context.Context, opts Options, base string, keys []string) (int64, error) {
	mender, ok := objstore.As[objstore.Mender](opts.Store)
	if !ok {
		return 0, ErrNoHeaders
	}
	m := &mending{Options: opts, mender: mender, base: base}
	m.Env = m.Env.WithDefaults()
	m.Progress.Begin("headers", len(keys), -1)
	defer m.Progress.End()
	failures := make(chan error, len(keys))
	err := parallel.Each(ctx, m.Concurrency, keys, func(ctx context.Context, key string) error {
		err := m.Retry(ctx, key, func() error { return m.object(ctx, key) })
		m.Progress.Add(1, 0)
		if errors.Is(err, objstore.ErrUnsupported) {
			failures <- err
			return nil
		}
		return err
	})
	close(failures)
	all := []error{err}
	for failure := range failures {
		all = append(all, failure)
	}
	return m.mended.Load(), errors.Join(all...)
}

type mending struct {
	Options
	mender objstore.Mender
	base   string
	mended atomic.Int64
}

// maxTries is how often somebody else may change an object meanwhile.
const maxTries = 10

// object mends one. If somebody changes it at the same moment, it looks again.
func (m *mending) object(ctx context.Context, key string) error {
	kind, _, _, ok := manifest.KindAt(m.base, key)
	if !ok {
		return fmt.Errorf("mend %s: it is no key of this repo", key)
	}
	want, _ := catalog.AttributesAt(m.base, key)
	for try := 1; ; try++ {
		have, _, err := m.mender.Headers(ctx, key)
		if errors.Is(err, objstore.ErrNotFound) || err == nil && catalog.CheckHeaders(m.base, key, have) == "" {
			return nil
		}
		if err == nil && kind.Mutable() {
			err = m.register(ctx, key, want)
		} else if err == nil {
			err = m.mender.Mend(ctx, key, have.Version, want)
		}
		switch {
		case err == nil:
			m.mended.Add(1)
			return nil
		case !errors.Is(err, objstore.ErrChanged) || try == maxTries:
			return err
		}
	}
}

// register swaps a register for itself: another writer's swap is never undone.
func (m *mending) register(ctx context.Context, key string, attr objstore.Attributes) error {
	data, version, err := m.Store.Load(ctx, key, "")
	if err == nil {
		_, err = m.Store.Swap(ctx, key, version, data, attr)
	}
	return err
}
