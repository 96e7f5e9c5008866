package resolver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

const (
	// readsAtOnce bounds the manifests that are being read, and so the memory
	// that requests can claim beside the cache.
	readsAtOnce = 16
	readTimeout = 30 * time.Second
	// firstRead is how many bytes of a manifest are read to find its root: all of
	// it for some 30,000 files, of more with one read besides.
	firstRead = 64 << 10
)

// manifests reads roots and leaves of manifests and segments of indexes, each
// verified by its digest, through a cache. It is safe for concurrent use.
type manifests struct {
	store  Store
	cache  *cache
	flight singleflight.Group
	slots  chan struct{} // one element for each read under way
}

func newManifests(store Store, cacheBytes int64) *manifests {
	return &manifests{store: store, cache: newCache(cacheBytes), slots: make(chan struct{}, readsAtOnce)}
}

// file is what a path of a checkpoint stands for.
type file struct {
	manifest.Entry
	kind manifest.Kind // KindFile: upstream's; KindPage: generated
}

// find looks a path up: first among upstream's files, then among the pages.
func (m *manifests) find(ctx context.Context, c manifest.Checkpoint, path string) (f file, ok bool, err error) {
	e, ok, err := m.findIn(ctx, c.Manifest, path)
	if err == nil && ok {
		return file{e, manifest.KindFile}, true, nil
	}
	if err == nil {
		e, ok, err = m.findIn(ctx, c.Pages, path)
	}
	return file{e, manifest.KindPage}, ok && err == nil, err
}

func (m *manifests) findIn(ctx context.Context, root manifest.Digest, path string) (manifest.Entry, bool, error) {
	leaf, ok, err := m.leafFor(ctx, root, path)
	if !ok || err != nil {
		return manifest.Entry{}, false, err
	}
	e, ok, err := leaf.Find(path)
	if err != nil {
		err = fmt.Errorf("manifest %s, line of %q: %w", root, path, err)
	}
	return e, ok, err
}

// hasIn reports whether a path stands in a manifest.
func (m *manifests) hasIn(ctx context.Context, root manifest.Digest, path string) (bool, error) {
	leaf, ok, err := m.leafFor(ctx, root, path)
	return ok && leaf.Has(path), err
}

// has reports whether a path stands among upstream's files or the pages.
func (m *manifests) has(ctx context.Context, c manifest.Checkpoint, path string) (bool, error) {
	for _, root := range [...]manifest.Digest{c.Manifest, c.Pages} {
		if ok, err := m.hasIn(ctx, root, path); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// isDir reports whether a path is a directory: whether a page stands in it.
func (m *manifests) isDir(ctx context.Context, c manifest.Checkpoint, path string) (bool, error) {
	return m.has(ctx, c, path+"/"+manifest.IndexPage)
}

// shape is what stands at a path of a checkpoint.
type shape uint8

const (
	unknown shape = iota
	absent
	aFile
	aDirectory
)

// shape tells what stands at a path that was given without a slash. A file goes before
// a directory.
func (m *manifests) shape(ctx context.Context, c manifest.Checkpoint, path string) (shape, error) {
	if ok, err := m.has(ctx, c, path); err != nil {
		return unknown, err
	} else if ok {
		return aFile, nil
	}
	switch ok, err := m.isDir(ctx, c, path); {
	case err != nil:
		return unknown, err
	case ok:
		return aDirectory, nil
	}
	return absent, nil
}

// leafFor is the leaf that holds path if any does.
func (m *manifests) leafFor(ctx context.Context, root manifest.Digest, path string) (leaf manifest.Leaf, ok bool, err error) {
	r, err := m.root(ctx, root)
	if err != nil {
		return leaf, false, err
	}
	ref, ok := r.Find(path)
	if !ok {
		return leaf, false, nil
	}
	if leaf, ok := cached[manifest.Leaf](m, cacheKey{ref.Digest, asLeaf}); ok {
		return leaf, true, nil
	}
	leaf, err = m.leaf(ctx, r.In(ref), []manifest.LeafRef{ref})
	return leaf, err == nil, err
}

func (m *manifests) root(ctx context.Context, d manifest.Digest) (*manifest.Root, error) {
	if r, ok := cached[*manifest.Root](m, cacheKey{d, asRoot}); ok {
		return r, nil
	}
	return fetch(ctx, m, cacheKey{d, asRoot}, func(ctx context.Context) (*manifest.Root, int64, error) {
		root, size, _, err := catalog.ReadRoot(ctx, m.read, d, firstRead)
		// Parsed, a root takes about twice its bytes.
		return &root, 2 * size, err
	})
}

// leaf is the first of some leaves that are adjacent in the object of a
// manifest. If it has to be read, so are the others, with the same request.
func (m *manifests) leaf(ctx context.Context, in manifest.Digest, refs []manifest.LeafRef) (manifest.Leaf, error) {
	return fetch(ctx, m, cacheKey{refs[0].Digest, asLeaf}, func(ctx context.Context) (manifest.Leaf, int64, error) {
		begin, last := refs[0].Offset, refs[len(refs)-1]
		size := last.Offset + last.Size - begin
		data, err := m.readPart(ctx, manifest.ManifestKey(in), begin, size, size)
		if err != nil {
			return manifest.Leaf{}, 0, err
		}
		part := func(ref manifest.LeafRef) (leaf manifest.Leaf, cost int64, err error) {
			offset := ref.Offset - begin
			if offset+ref.Size > int64(len(data)) || manifest.Sum(data[offset:][:ref.Size]) != ref.Digest {
				return leaf, 0, fmt.Errorf("manifest %s at %d: %w", in, ref.Offset, errCorrupt)
			}
			if leaf, err = manifest.NewLeaf(bytes.Clone(data[offset:][:ref.Size])); err != nil {
				err = fmt.Errorf("manifest %s at %d: %w", in, ref.Offset, err)
			}
			return leaf, ref.Size + ref.Size/16, err // 4 bytes a line, which has some 80 at least
		}
		for _, ref := range refs[1:] {
			if leaf, cost, err := part(ref); err == nil {
				m.cache.add(cacheKey{ref.Digest, asLeaf}, leaf, cost)
			}
		}
		return part(refs[0])
	})
}

// adjacent are the first of some leaves, as far as each follows the other in one
// object, up to some size.
func adjacent(leaves []manifest.LeafRef) []manifest.LeafRef {
	size, n := leaves[0].Size, 1
	for n < len(leaves) && leaves[n].Source == leaves[0].Source && leaves[n].Offset == leaves[n-1].Offset+leaves[n-1].Size && size < firstRead {
		size += leaves[n].Size
		n++
	}
	return leaves[:n]
}

// cached is what an object was made into, if that is in memory. Where nearly all
// requests end, it comes before fetch, whose load takes memory even if not called.
func cached[T any](m *manifests, key cacheKey) (value T, ok bool) {
	if v, ok := m.cache.get(key); ok {
		return v.(T), true
	}
	return value, false
}

// fetch returns what an object was made into from the cache or by load. Any number of
// concurrent calls for one key make one load; it does not end with the request
// that began it, as others may wait for it.
func fetch[T any](ctx context.Context, m *manifests, key cacheKey, load func(context.Context) (T, int64, error)) (T, error) {
	if v, ok := cached[T](m, key); ok {
		return v, nil
	}
	var none T
	done := m.flight.DoChan(fmt.Sprintf("%s %d", key.digest, key.as), func() (any, error) {
		if v, ok := m.cache.get(key); ok {
			return v, nil // the call before this one has just loaded it
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
		defer cancel()
		select {
		case m.slots <- struct{}{}:
			defer func() { <-m.slots }()
		case <-ctx.Done():
			return none, fmt.Errorf("object %s: %w: too many reads are waiting", key.digest, objstore.ErrUnavailable)
		}
		value, size, err := load(ctx)
		if err == nil {
			m.cache.add(key, value, size)
		}
		return value, err
	})
	select {
	case <-ctx.Done():
		return none, ctx.Err()
	case result := <-done:
		if result.Err != nil {
			return none, result.Err
		}
		return result.Val.(T), nil
	}
}

// read is a catalog.Reader.
func (m *manifests) read(ctx context.Context, key string, offset, length int64) ([]byte, error) {
	return m.readPart(ctx, key, offset, length, length)
}

// readPart reads a part of an object as Open gives it, and at most so many
// bytes. Whoever calls it verifies them.
func (m *manifests) readPart(ctx context.Context, key string, offset, length, most int64) ([]byte, error) {
	body, err := m.store.Open(ctx, key, offset, length)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, most))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return data, nil
}

// errCorrupt: an immutable object does not hold what its name says.
var errCorrupt = errors.New("the store holds other content under this name")
