package memstore

import (
	"context"
	"fmt"
	"io"

	"github.com/asof/asof/internal/objstore"
)

// Headed is a store in memory that also gives back the headers of its objects, as a
// server would.
type Headed struct{ *Store }

var _ objstore.Mender = Headed{}

type described struct {
	io.ReadCloser
	headers objstore.Headers
}

func (d described) Headers() objstore.Headers { return d.headers }

// Open implements objstore.Reader.
func (s Headed) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	body, err := s.Store.Open(ctx, key, offset, length)
	if err != nil {
		return nil, err
	}
	headers, _, err := s.Headers(ctx, key)
	return described{body, headers}, err
}

// Headers implements objstore.Mender.
func (s Headed) Headers(ctx context.Context, key string) (objstore.Headers, objstore.Info, error) {
	if err := s.begin(ctx, "headers", key); err != nil {
		return objstore.Headers{}, objstore.Info{}, err
	}
	o, err := s.get("headers", key)
	if err != nil {
		return objstore.Headers{}, objstore.Info{}, err
	}
	info := objstore.Info{Key: key, Size: int64(len(o.data)), Modified: o.modified}
	return objstore.Headers{Attributes: o.attr, Version: version(o.data)}, info, nil
}

// Mend implements objstore.Mender.
func (s Headed) Mend(ctx context.Context, key string, old objstore.Version, attr objstore.Attributes) error {
	if err := s.begin(ctx, "mend", key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[key]
	switch {
	case !ok:
		return fmt.Errorf("mend %s: %w", key, objstore.ErrNotFound)
	case version(o.data) != old:
		return fmt.Errorf("mend %s: %w", key, objstore.ErrChanged)
	}
	o.attr, o.modified = attr, s.opts.Now()
	s.objects[key] = o
	return nil
}
