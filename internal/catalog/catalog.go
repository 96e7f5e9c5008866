// Package catalog reads the documents that describe a store's content: the
// registry, checkpoint indexes, and manifests. It verifies each as far as its
// name or form allows. The publisher and the command share it; the resolver has a
// cache of its own.
package catalog

import (
	"context"
	"io"

	"github.com/asof/asof/internal/objstore"
)

// Store is what the catalog reads from: two methods of objstore.Store.
type Store interface {
	Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)
	Load(ctx context.Context, key string, have objstore.Version) ([]byte, objstore.Version, error)
}
