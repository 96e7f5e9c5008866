// Package catalog reads the documents that describe a store's content (the
// registry, checkpoint indexes, manifests), each verified as far as its name or
// its form allows. It is what the publisher and the command share; the resolver
// has a cache of its own.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// Store is what the catalog reads from: two methods of objstore.Store.
type Store interface {
	Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)
	Load(ctx context.Context, key string, have objstore.Version) ([]byte, objstore.Version, error)
}

// Registry reads the registry. That of a store never used is empty, at the
// empty version.
func Registry(ctx context.Context, s Store) (manifest.Registry, objstore.Version, error) {
	data, version, err := s.Load(ctx, manifest.RegistryKey, "")
	if errors.Is(err, objstore.ErrNotFound) {
		return manifest.Registry{}, "", nil
	}
	if err != nil {
		return manifest.Registry{}, "", err
	}
	reg, err := manifest.ParseRegistry(data)
	if err != nil {
		return manifest.Registry{}, "", fmt.Errorf("%s: %w", manifest.RegistryKey, err)
	}
	return reg, version, nil
}

// Index reads a repo's checkpoint index. That of a repo never published is
// empty, at the empty version.
func Index(ctx context.Context, s Store, repo manifest.Repo) (manifest.Index, objstore.Version, error) {
	key := manifest.IndexKey(repo.Base)
	data, version, err := s.Load(ctx, key, "")
	if errors.Is(err, objstore.ErrNotFound) {
		return manifest.NewIndex(repo.Name), "", nil
	}
	if err != nil {
		return manifest.Index{}, "", err
	}
	index, err := manifest.ParseIndex(data)
	if err == nil && index.Repo != repo.Name {
		err = fmt.Errorf("the index belongs to repo %s, not %s", index.Repo, repo.Name)
	}
	if err != nil {
		return manifest.Index{}, "", fmt.Errorf("%s: %w", key, err)
	}
	return index, version, nil
}

// readNamed reads an object of at most limit bytes and checks it against the
// digest that it is named by.
func readNamed(ctx context.Context, s Store, key string, d manifest.Digest, limit int64) ([]byte, error) {
	r, err := s.Open(ctx, key, 0, objstore.Whole)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	if int64(len(data)) > limit || manifest.Sum(data) != d {
		return nil, corrupt(key, "its content is not what its name says")
	}
	return data, nil
}
