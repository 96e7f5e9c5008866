package publisher

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// damage is an object that is not what its name, or whoever names it, says. It
// is what a verification finds, as opposed to what keeps it from looking.
type damage struct {
	key, what string
	is        error // what errors.Is finds besides ErrCorrupt; nil: nothing
}

func (d *damage) Error() string { return d.key + ": " + d.what }

func (d *damage) Is(target error) bool {
	return target == ErrCorrupt || d.is != nil && target == d.is
}

func damaged(key, format string, args ...any) error {
	return &damage{key: key, what: fmt.Sprintf(format, args...)}
}

func missing(key string) error {
	return &damage{key, "missing", objstore.ErrNotFound}
}

func wrongSize(key string, got, want int64) error {
	return damaged(key, "its size is %d, want %d", got, want)
}

// openError tells damage from all else that keeps an object from being opened.
func openError(key string, err error) error {
	if errors.Is(err, objstore.ErrNotFound) {
		return missing(key)
	}
	return err
}

// readError does so for an object that was opened. One that the store can't read
// to its end, without being away itself, is damage after some more tries.
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

// readObject streams an object into w, nil for nowhere, and holds it against the
// size and digest of e. It returns the number of bytes read. A different content
// and an object that is not there are damage; after it, w has got a part.
func (p *Publisher) readObject(ctx context.Context, key string, e manifest.Entry, w io.Writer) (int64, error) {
	src, err := p.Store.Open(ctx, key, 0, objstore.Whole)
	if err != nil {
		return 0, openError(key, err)
	}
	body := objstore.Body{Size: e.Size, SHA256: e.SHA256, Open: func(context.Context) (io.ReadCloser, error) { return src, nil }}
	r := body.Reader(ctx)
	defer r.Close()
	defer src.Close() // also if nothing was read
	if w == nil {
		w = io.Discard
	}
	// A plain Writer: io.Discard would read with a buffer of its own, a small one.
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, r, make([]byte, min(e.Size+1, 128<<10)))
	if r.Err() == nil {
		return n, err // w's
	}
	return n, readError(ctx, key, r.Err())
}

// readNamed reads a segment of an index, of at most limit bytes, and holds it
// against the digest in its key.
func (p *Publisher) readNamed(ctx context.Context, key string, d manifest.Digest, limit int64) (data []byte, err error) {
	err = p.retry(ctx, key, func() error {
		r, err := p.Store.Open(ctx, key, 0, objstore.Whole)
		if err != nil {
			return openError(key, err)
		}
		defer r.Close()
		if data, err = io.ReadAll(io.LimitReader(r, limit+1)); err != nil {
			return readError(ctx, key, err)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case int64(len(data)) > limit:
		return data, damaged(key, "larger than %d bytes", limit)
	case manifest.Sum(data) != d:
		return data, damaged(key, "content does not match its name: sha256 is %s", manifest.Sum(data))
	}
	return data, nil
}

// reader reads parts of manifests for Verify and Restore, with more tries. What
// is wrong with an object is damage; read, if not nil, is told of bytes read.
func (p *Publisher) reader(read func(n int64)) catalog.Reader {
	return func(ctx context.Context, key string, offset, length int64) (data []byte, err error) {
		err = p.retry(ctx, key, func() error {
			r, err := p.Store.Open(ctx, key, offset, length)
			if err != nil {
				return p.openPartError(ctx, key, offset, err)
			}
			defer r.Close()
			data, err = catalog.ReadUpTo(r, length)
			if read != nil {
				read(int64(len(data)))
			}
			if err != nil {
				return readError(ctx, key, err)
			}
			return nil
		})
		return data, err
	}
}

// openPartError does so for a part of an object: one behind the object's end is
// what stores refuse in their own ways, and no more than an object cut short.
func (p *Publisher) openPartError(ctx context.Context, key string, offset int64, err error) error {
	if errors.Is(err, objstore.ErrNotFound) || offset == 0 {
		return openError(key, err)
	}
	info, statErr := p.Store.Stat(ctx, key)
	if statErr == nil && info.Size < offset {
		return damaged(key, "it is cut short")
	}
	return err
}

// manifestError makes damage of a manifest's object that does not hold what it should.
func manifestError(err error) error {
	if c, ok := errors.AsType[*catalog.CorruptError](err); ok {
		return damaged(c.Key, "%s", c.What)
	}
	return err
}
