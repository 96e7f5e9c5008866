package resolver

import (
	"context"
	"fmt"
	"io"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

const (
	// hotSize is the largest file that is kept in memory: indexes and their
	// signatures, small packages.
	hotSize = 256 << 10
	// hotLoads bounds the files that are read into memory at the same time, and
	// so what requests can claim beside the cache. Others stream meanwhile.
	hotLoads = 32
)

// hotFiles keeps small files that were asked for lately, each verified by its
// digest. It is safe for concurrent use.
type hotFiles struct {
	cache *cache
	slots chan struct{} // one element for each load under way
}

func newHotFiles(limit int64) *hotFiles {
	return &hotFiles{cache: newCache(limit), slots: make(chan struct{}, hotLoads)}
}

func (h *hotFiles) get(e manifest.Entry) ([]byte, bool) {
	if e.Size > hotSize {
		return nil, false
	}
	v, ok := h.cache.get(cacheKey{digest: e.SHA256})
	if !ok {
		return nil, false
	}
	return v.([]byte), true
}

// load reads a file from the store and keeps it. It is not ok, and the file is
// to be streamed, where that would take too much memory.
func (h *hotFiles) load(ctx context.Context, store Store, key string, e manifest.Entry) (data []byte, ok bool, err error) {
	if e.Size > hotSize || e.Size+cacheCost > h.cache.limit {
		return nil, false, nil
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		return nil, false, nil
	}
	src, err := store.Open(ctx, key, 0, objstore.Whole)
	if err != nil {
		return nil, false, err
	}
	defer src.Close()
	data = make([]byte, e.Size)
	if _, err = io.ReadFull(src, data); err == nil && manifest.Sum(data) != e.SHA256 {
		err = errCorrupt
	}
	if err != nil {
		return nil, false, fmt.Errorf("read %s: %w", key, err)
	}
	h.cache.add(cacheKey{digest: e.SHA256}, data, e.Size)
	return data, true, nil
}
