package readback

import (
	"context"
	"errors"
	"io"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// openError tells damage from all other failures to open an object.
func openError(key string, err error) error {
	if errors.Is(err, objstore.ErrNotFound) {
		return missing(key)
	}
	return err
}

// readError tells damage from all other failures to read an open object. If the
// store is available but can't deliver the whole object, that is damage after
// some more tries.
func readError(ctx context.Context, key string, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, objstore.ErrUnavailable), errors.Is(err, objstore.ErrDenied), errors.Is(err, objstore.ErrNoStore):
		return err
	case errors.Is(err, objstore.ErrMismatch):
		return &damage{key: key, what: err.Error()}
	}
	return &damage{key, "it can't be read: " + err.Error(), objstore.ErrUnavailable}
}

// readObject streams an object into w, nil for nowhere, and checks it against the
// size and digest of e. Wrong content and a missing object are damage; w may then
// have got a part.
func (o Options) readObject(ctx context.Context, key string, e manifest.Entry, w io.Writer) error {
	src, err := o.Store.Open(ctx, key, 0, objstore.Whole)
	if err != nil {
		return openError(key, err)
	}
	body := objstore.Body{Size: e.Size, SHA256: e.SHA256, Open: func(context.Context) (io.ReadCloser, error) { return src, nil }}
	r := body.Reader(ctx)
	defer r.Close()
	defer src.Close() // even if nothing was read
	if w == nil {
		w = io.Discard
	}
	// Hide other methods: io.Discard would read with its own small buffer.
	_, err = io.CopyBuffer(struct{ io.Writer }{w}, r, make([]byte, min(e.Size+1, 128<<10)))
	if r.Err() == nil {
		return err // an error of w
	}
	return readError(ctx, key, r.Err())
}

// reader reads manifests and segments, with several tries. A wrong object is
// damage.
func (o Options) reader() catalog.Reader {
	return func(ctx context.Context, key string, offset, length int64) (data []byte, err error) {
		err = o.Retry(ctx, key, func() error {
			r, err := o.Store.Open(ctx, key, offset, length)
			if err != nil {
				return o.openPartError(ctx, key, offset, err)
			}
			defer r.Close()
			data, err = catalog.ReadUpTo(r, length)
			if err != nil {
				return readError(ctx, key, err)
			}
			return nil
		})
		return data, err
	}
}

// openPartError is openError for a part of an object. Stores refuse a part after
// the object's end in different ways; it only means that the object is cut short.
func (o Options) openPartError(ctx context.Context, key string, offset int64, err error) error {
	if errors.Is(err, objstore.ErrNotFound) || offset == 0 {
		return openError(key, err)
	}
	info, statErr := o.Store.Stat(ctx, key)
	if statErr == nil && info.Size < offset {
		return damaged(key, "it is cut short")
	}
	return err
}

// asDamage turns the catalog's errors about wrong content into damage.
func asDamage(err error) error {
	if c, ok := errors.AsType[*catalog.CorruptError](err); ok {
		return damaged(c.Key, "%s", c.What)
	}
	if d, ok := errors.AsType[*catalog.DamagedError](err); ok {
		return damaged(d.Key, "%v", d.Err)
	}
	return err
}
