package s3core

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/asof/asof/internal/objstore"
)

// Create implements objstore.Store: one conditional PUT. For a body above
// PutLimit it first checks whether the object exists, then uploads parts; only
// the completion is conditional.
func (s *Store) Create(ctx context.Context, key string, body objstore.Body, attr objstore.Attributes) error {
	if err := begin(ctx, "create", key); err != nil {
		return err
	}
	create := s.put
	if body.Size > s.opts.PutLimit {
		create = s.upload
	}
	// After a conflict, S3 also wants a multipart upload to start over.
	err := retryConflict(ctx, func() error { return create(ctx, key, body, attr) })
	if errors.Is(err, errPrecondition) {
		err = objstore.ErrExists
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", key, err)
	}
	s.seen.Store(true)
	return nil
}

func (s *Store) put(ctx context.Context, key string, body objstore.Body, attr objstore.Attributes) error {
	r := body.Reader(ctx)
	defer r.Close()
	in := PutInput{Key: key, Size: body.Size, SHA256: body.SHA256, Attr: s.retained(attr)}
	if body.Size > 0 {
		// Only these methods: a library must not close the reader.
		in.Body = struct{ io.ReadSeeker }{r}
	} else if _, err := io.Copy(io.Discard, r); err != nil { // no library reads an empty body
		return err
	}
	out, err := s.api.Put(ctx, in)
	if bodyErr := r.Err(); bodyErr != nil {
		return bodyErr
	}
	if err == nil {
		s.versions.learn(out.Version)
	}
	return s.explain(ctx, err)
}

func (s *Store) upload(ctx context.Context, key string, body objstore.Body, attr objstore.Attributes) error {
	if err := s.vacant(ctx, key); err != nil {
		return err
	}
	return s.multipart(ctx, key, attr, func(up Upload) ([]Part, error) {
		if body.OpenAt != nil && !s.hashesParts() {
			return s.streamParts(ctx, up, body)
		}
		return s.putParts(ctx, up, body)
	})
}

// vacant returns errPrecondition if there is an object at key.
func (s *Store) vacant(ctx context.Context, key string) error {
	_, err := s.head(ctx, key)
	switch {
	case err == nil:
		return errPrecondition
	case errors.Is(err, objstore.ErrNotFound):
		return nil
	}
	return err
}

// Copy implements objstore.Store. It takes one request if the store's copy takes
// a condition or dst is vacant, otherwise two. A source that the store finds too
// large is copied in parts.
func (s *Store) Copy(ctx context.Context, src, dst string, attr objstore.Attributes, vacant bool) error {
	if err := begin(ctx, "copy", src, dst); err != nil {
		return err
	}
	err := retryConflict(ctx, func() error { return s.copy(ctx, src, dst, attr, vacant) })
	if errors.Is(err, errPrecondition) {
		err = objstore.ErrExists
	}
	if err != nil {
		return fmt.Errorf("copy %s to %s: %w", src, dst, err)
	}
	s.seen.Store(true)
	return nil
}

func (s *Store) copy(ctx context.Context, src, dst string, attr objstore.Attributes, vacant bool) error {
	if !s.server.CopyTakesCondition && !vacant {
		if err := s.vacant(ctx, dst); err != nil {
			return err
		}
	}
	err := s.api.Copy(ctx, CopyInput{Src: src, Dst: dst, Attr: s.retained(attr), OnlyNew: s.server.CopyTakesCondition})
	f, refused := s.api.Fault(err)
	if !refused || f.meaning() != nil || f.Code != "InvalidRequest" && f.Code != "EntityTooLarge" {
		return s.explain(ctx, err)
	}
	info, headErr := s.head(ctx, src)
	if headErr != nil || info.Size <= s.opts.CopyLimit {
		return s.explain(ctx, err)
	}
	return s.multipart(ctx, dst, attr, func(up Upload) ([]Part, error) {
		return s.copyParts(ctx, up, src, info.Size)
	})
}
