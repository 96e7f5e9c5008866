package readback

import (
	"context"
	"io"
	"sync/atomic"

	"github.com/asof/asof/internal/objstore"
)

// counting is a store that counts the bytes that are read from it, and passes on the
// headers that come with objects.
type counting struct {
	objstore.Reader
	bytes   *atomic.Int64
	headers func(key string, h objstore.Headers)
}

// Unwrap leads to the abilities of the store.
func (c *counting) Unwrap() objstore.Reader { return c.Reader }

func (c *counting) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	body, err := c.Reader.Open(ctx, key, offset, length)
	if err != nil {
		return nil, err
	}
	if h, ok := objstore.HeadersOf(body); ok {
		c.headers(key, h)
	}
	return &countingBody{body, c.bytes}, nil
}

func (c *counting) Load(ctx context.Context, key string, have objstore.Version) ([]byte, objstore.Version, error) {
	data, version, err := c.Reader.Load(ctx, key, have)
	c.bytes.Add(int64(len(data)))
	return data, version, err
}

type countingBody struct {
	io.ReadCloser
	bytes *atomic.Int64
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes.Add(int64(n))
	return n, err
}
