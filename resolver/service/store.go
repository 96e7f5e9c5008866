package service

import (
	"context"
	"errors"
	"io"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/resolver"
)

// CountErrors returns the store with its errors counted. That something is
// missing, or unchanged, is none.
func (m *Metrics) CountErrors(s resolver.Store) resolver.Store { return countedStore{s, m} }

type countedStore struct {
	store   resolver.Store
	metrics *Metrics
}

func (s countedStore) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	r, err := s.store.Open(ctx, key, offset, length)
	s.count(ctx, "open", err)
	return r, err
}

func (s countedStore) Load(ctx context.Context, key string, have objstore.Version) ([]byte, objstore.Version, error) {
	data, version, err := s.store.Load(ctx, key, have)
	s.count(ctx, "load", err)
	return data, version, err
}

func (s countedStore) Stat(ctx context.Context, key string) (objstore.Info, error) {
	info, err := s.store.Stat(ctx, key)
	s.count(ctx, "stat", err)
	return info, err
}

func (s countedStore) count(ctx context.Context, operation string, err error) {
	if err == nil || ctx.Err() == context.Canceled || errors.Is(err, objstore.ErrNotModified) || errors.Is(err, objstore.ErrNotFound) {
		return
	}
	kind := "other"
	for name, target := range map[string]error{
		"denied": objstore.ErrDenied, "no store": objstore.ErrNoStore, "unavailable": objstore.ErrUnavailable, "timeout": context.DeadlineExceeded,
	} {
		if errors.Is(err, target) {
			kind = name
			break
		}
	}
	s.metrics.errors.WithLabelValues(operation, kind).Inc()
}
