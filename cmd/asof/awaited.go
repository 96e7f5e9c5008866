package main

import (
	"context"
	"io"
	"sync"

	"github.com/asof/asof/internal/objstore"
)

// awaited is a folder that is not there yet, as it may still have to be mounted. Until it
// is, everything fails with objstore.ErrNoStore. It is safe for concurrent use.
type awaited struct {
	open func(context.Context) (objstore.Store, error)

	mu    sync.Mutex
	store objstore.Store // nil: not there yet
}

func (a *awaited) now(ctx context.Context) (objstore.Store, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var err error
	if a.store == nil {
		a.store, err = a.open(ctx)
	}
	return a.store, err
}

// Open implements resolver.Store.
func (a *awaited) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	store, err := a.now(ctx)
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, key, offset, length)
}

// Load implements resolver.Store.
func (a *awaited) Load(ctx context.Context, key string, have objstore.Version) ([]byte, objstore.Version, error) {
	store, err := a.now(ctx)
	if err != nil {
		return nil, "", err
	}
	return store.Load(ctx, key, have)
}

// Stat implements resolver.Store.
func (a *awaited) Stat(ctx context.Context, key string) (objstore.Info, error) {
	store, err := a.now(ctx)
	if err != nil {
		return objstore.Info{}, err
	}
	return store.Stat(ctx, key)
}
