package s3core

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/asof/asof/internal/objstore"
)

// Store is an objstore.Store on an API.
type Store struct {
	api      API
	opts     Options
	server   Server
	seen     atomic.Bool // the bucket is known to exist
	versions versions
}

var (
	_ objstore.Store = (*Store)(nil)
	_ objstore.Clock = (*Store)(nil)
)

// New returns a store. opts must be complete. It makes no request.
func New(api API, opts Options, server Server) *Store {
	return &Store{api: api, opts: opts, server: server}
}

// SlashKeys implements objstore.Store.
func (s *Store) SlashKeys() bool { return true }

// Time implements objstore.Clock.
func (s *Store) Time(bool) (time.Time, bool) { return s.server.Clock.Now() }

// begin does the checks that all methods share.
func begin(ctx context.Context, op string, keys ...string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	for _, key := range keys {
		if err := objstore.CheckKey(key, true); err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
	}
	return nil
}

// Stat implements objstore.Store: one HEAD.
func (s *Store) Stat(ctx context.Context, key string) (objstore.Info, error) {
	if err := begin(ctx, "stat", key); err != nil {
		return objstore.Info{}, err
	}
	out, err := s.head(ctx, key)
	if err != nil {
		return objstore.Info{}, fmt.Errorf("stat %s: %w", key, err)
	}
	return out.Info, nil
}

// head asks for an object. The answer to a HEAD has no body, so it can't tell a
// missing key from a missing bucket: the first time, head asks for the bucket,
// too.
func (s *Store) head(ctx context.Context, key string) (HeadOutput, error) {
	out, err := s.api.Head(ctx, key)
	if err == nil {
		s.seen.Store(true)
		s.versions.learn(out.Version)
		return out, nil
	}
	err = s.explain(ctx, err)
	if s.seen.Load() || !errors.Is(err, objstore.ErrNotFound) {
		return HeadOutput{}, err
	}
	bucketErr := s.api.HeadBucket(ctx)
	if f, ok := s.api.Fault(bucketErr); ok && f.Status == http.StatusNotFound {
		return HeadOutput{}, s.noBucket()
	}
	if bucketErr == nil {
		s.seen.Store(true)
	}
	return HeadOutput{}, err
}

// Open implements objstore.Store: one GET, and a second request only if the range
// is empty.
func (s *Store) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := begin(ctx, "open", key); err != nil {
		return nil, err
	}
	r, err := s.open(ctx, key, offset, length)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", key, err)
	}
	return r, nil
}

func (s *Store) open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := objstore.CheckRange(offset, length, offset); err != nil {
		return nil, err
	}
	if length == 0 {
		return s.openNothing(ctx, key, offset, length)
	}
	in := GetInput{Key: key}
	end := offset + length - 1
	switch {
	case length == objstore.Whole || end < offset: // end overflows
		if offset > 0 {
			in.Range = fmt.Sprintf("bytes=%d-", offset)
		}
	default:
		in.Range = fmt.Sprintf("bytes=%d-%d", offset, end)
	}
	out, err := s.api.Get(ctx, in)
	if err = s.explain(ctx, err); errors.Is(err, errRange) {
		return s.openNothing(ctx, key, offset, length)
	}
	if err != nil {
		return nil, err
	}
	s.seen.Store(true)
	s.versions.learn(out.Version)
	if in.Range != "" && !bytes.HasPrefix([]byte(out.ContentRange), fmt.Appendf(nil, "bytes %d-", offset)) {
		out.Body.Close()
		return nil, fmt.Errorf("%w: it ignores ranges", objstore.ErrUnsupported)
	}
	return &reader{store: s, ctx: ctx, key: key, body: out.Body, headers: out.Headers}, nil
}

// openNothing handles a range without bytes, which S3 can't express. It is an
// error only if the object ends before it.
func (s *Store) openNothing(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	info, err := s.head(ctx, key)
	if err != nil {
		return nil, err
	}
	if err := objstore.CheckRange(offset, length, info.Size); err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(nil)), nil
}

// reader adds the object's name to the errors of its stream.
type reader struct {
	store *Store
	ctx   context.Context
	key   string
	body  io.ReadCloser

	headers objstore.Headers
}

// Headers implements objstore.Described.
func (r *reader) Headers() objstore.Headers { return r.headers }

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("read %s: %w", r.key, r.store.explain(r.ctx, err))
	}
	return n, err
}

func (r *reader) Close() error { return r.body.Close() }

// List implements objstore.Store.
func (s *Store) List(ctx context.Context, prefix, after string) iter.Seq2[objstore.Info, error] {
	return func(yield func(objstore.Info, error) bool) {
		fail := func(err error) { yield(objstore.Info{}, fmt.Errorf("list %s: %w", prefix, err)) }
		if err := objstore.CheckPrefix(prefix); err != nil {
			fail(err)
			return
		}
		from, some := objstore.Bounds(prefix, after)
		if !some {
			return
		}
		last := from
		for info, err := range s.api.List(ctx, prefix, from) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				if err = s.explain(ctx, err); errors.Is(err, objstore.ErrNotFound) {
					err = fmt.Errorf("%w: the server answers a listing with 404, as no store does", objstore.ErrNoStore)
				}
				fail(err)
				return
			}
			if info.Key <= last { // directory buckets, some S3 look-alikes
				fail(fmt.Errorf("%w: %q is listed after %q, which is not in byte order", objstore.ErrUnsupported, info.Key, last))
				return
			}
			last = info.Key
			if !yield(info, nil) {
				return
			}
		}
		// Some libraries end without an error when the context ends.
		if err := ctx.Err(); err != nil {
			fail(err)
		}
	}
}

// Load implements objstore.Store: one GET.
func (s *Store) Load(ctx context.Context, key string, have objstore.Version) ([]byte, objstore.Version, error) {
	if err := begin(ctx, "load", key); err != nil {
		return nil, "", err
	}
	data, v, err := s.load(ctx, key, have)
	if err != nil {
		return nil, v, fmt.Errorf("load %s: %w", key, err)
	}
	return data, v, nil
}

func (s *Store) load(ctx context.Context, key string, have objstore.Version) ([]byte, objstore.Version, error) {
	out, err := s.api.Get(ctx, GetInput{Key: key, IfNoneMatch: string(have)})
	if err = s.explain(ctx, err); errors.Is(err, objstore.ErrNotModified) {
		return nil, have, err
	}
	if err != nil {
		return nil, "", err
	}
	defer out.Body.Close()
	s.seen.Store(true)
	s.versions.learn(out.Version)
	if out.Size > objstore.MaxRegister {
		return nil, "", objstore.ErrTooLarge
	}
	data, err := io.ReadAll(io.LimitReader(out.Body, objstore.MaxRegister+1))
	switch {
	case err != nil:
		return nil, "", s.explain(ctx, err)
	case len(data) > objstore.MaxRegister:
		return nil, "", objstore.ErrTooLarge
	case out.ETag == "":
		return nil, "", fmt.Errorf("%w: it gives no ETag", objstore.ErrUnsupported)
	case out.ETag == string(have): // a store that ignores If-None-Match on GET
		return nil, have, objstore.ErrNotModified
	}
	return data, objstore.Version(out.ETag), nil
}

// Swap implements objstore.Store: one PUT.
func (s *Store) Swap(ctx context.Context, key string, old objstore.Version, data []byte, attr objstore.Attributes) (objstore.Version, error) {
	if err := begin(ctx, "swap", key); err != nil {
		return "", err
	}
	if len(data) > objstore.MaxRegister {
		return "", fmt.Errorf("swap %s: %w", key, objstore.ErrTooLarge)
	}
	in := PutInput{Key: key, Size: int64(len(data)), SHA256: sha256.Sum256(data), Attr: Attributes{Attributes: attr}, IfMatch: string(old)}
	var out PutOutput
	err := retryConflict(ctx, func() (err error) {
		if in.Size > 0 {
			in.Body = bytes.NewReader(data)
		}
		out, err = s.api.Put(ctx, in)
		return s.explain(ctx, err)
	})
	switch {
	case errors.Is(err, errPrecondition), errors.Is(err, objstore.ErrNotFound) && old != "":
		err = objstore.ErrChanged
	case err == nil && out.ETag == "":
		err = fmt.Errorf("%w: it gives no ETag", objstore.ErrUnsupported)
	}
	if err != nil {
		return "", fmt.Errorf("swap %s: %w", key, err)
	}
	s.seen.Store(true)
	s.versions.learn(out.Version)
	return objstore.Version(out.ETag), nil
}
