package resolver

import (
	"container/list"
	"sync"

	"github.com/asof/asof/manifest"
)

// cacheKey names a cached object and what it was read as: the store decides what
// stands under a digest, and an index or a root what it is taken for.
type cacheKey struct {
	digest manifest.Digest
	as     form
}

// form is what an object was made into.
type form uint8

const (
	asRoot        form = iota // *manifest.Root
	asLeaf                    // manifest.Leaf
	asSegment                 // sealed
	asSegmentList             // document
)

// cacheCost is what an entry weighs beyond its value, in bytes, about.
const cacheCost = 512

// cache keeps the most recently used parts of manifests and of indexes, up to a
// number of bytes. They are immutable and named by their digest, so nothing in it is ever
// stale. It is safe for concurrent use.
type cache struct {
	limit int64

	mu    sync.Mutex
	bytes int64
	items map[cacheKey]*list.Element
	order *list.List // of *cacheItem, the most recently used first
}

type cacheItem struct {
	key   cacheKey
	value any
	cost  int64
}

func newCache(limit int64) *cache {
	return &cache{limit: limit, items: map[cacheKey]*list.Element{}, order: list.New()}
}

func (c *cache) get(key cacheKey) (any, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[key]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cacheItem).value, true
}

// add keeps a value of the given size in bytes. One that is larger than the
// whole cache is not kept: it would only push everything else out.
func (c *cache) add(key cacheKey, value any, size int64) {
	cost := size + cacheCost
	if cost > c.limit {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.items[key]; ok {
		c.order.MoveToFront(e)
		return
	}
	c.items[key] = c.order.PushFront(&cacheItem{key, value, cost})
	c.bytes += cost
	for c.bytes > c.limit {
		last := c.order.Back()
		item := last.Value.(*cacheItem)
		c.order.Remove(last)
		delete(c.items, item.key)
		c.bytes -= item.cost
	}
}
