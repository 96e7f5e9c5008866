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
	"iter"

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

// Root reads a manifest's root by its name.
func Root(ctx context.Context, s Store, d manifest.Digest) (manifest.Root, error) {
	data, err := read(ctx, s, d, manifest.MaxRoot)
	if err != nil {
		return manifest.Root{}, err
	}
	root, err := manifest.ParseRoot(data)
	if err != nil {
		return manifest.Root{}, fmt.Errorf("%s: %w", manifest.ManifestKey(d), err)
	}
	return root, nil
}

// readAhead is how many leaves are read at the same time: a manifest of a
// million files has some four hundred, and a store answers in milliseconds.
const readAhead = 8

// Entries yields the entries of a manifest in path order, with a few leaves in
// memory at a time. It ends with the first error.
func Entries(ctx context.Context, s Store, root manifest.Root) iter.Seq2[manifest.Entry, error] {
	return func(yield func(manifest.Entry, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for read := range leaves(ctx, s, root) {
			l := <-read
			if l.err != nil {
				yield(manifest.Entry{}, l.err)
				return
			}
			for _, e := range l.entries {
				if !yield(e, nil) {
					return
				}
			}
		}
		if err := ctx.Err(); err != nil {
			yield(manifest.Entry{}, err)
		}
	}
}

type leafRead struct {
	entries []manifest.Entry
	err     error
}

// leaves reads the leaves of a manifest ahead, and gives a place for each, in
// their order, in which it will be. It ends with the context.
func leaves(ctx context.Context, s Store, root manifest.Root) <-chan chan leafRead {
	places := make(chan chan leafRead, readAhead-1)
	go func() {
		defer close(places)
		for _, ref := range root.Leaves {
			place := make(chan leafRead, 1)
			select {
			case places <- place:
			case <-ctx.Done():
				return
			}
			go func() {
				entries, err := leaf(ctx, s, ref)
				place <- leafRead{entries, err}
			}()
		}
	}()
	return places
}

func leaf(ctx context.Context, s Store, ref manifest.LeafRef) ([]manifest.Entry, error) {
	data, err := read(ctx, s, ref.Digest, ref.Size)
	if err != nil {
		return nil, err
	}
	return manifest.ParseLeaf(data, ref)
}

// read reads a part of a manifest, of at most limit bytes, and checks it
// against its name.
func read(ctx context.Context, s Store, d manifest.Digest, limit int64) ([]byte, error) {
	return readNamed(ctx, s, manifest.ManifestKey(d), d, limit)
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
		return nil, fmt.Errorf("read %s: its content is not what its name says", key)
	}
	return data, nil
}
