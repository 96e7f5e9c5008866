package s3core

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/asof/asof/internal/objstore"
)

const (
	maxParts     = 10_000
	copyPartSize = 1 << 30
	abortTimeout = 30 * time.Second
)

// partSize returns the smallest multiple of size with which total needs at most
// maxParts parts.
func partSize(total, size int64) int64 {
	parts := (total + size - 1) / size
	return size * ((parts + maxParts - 1) / maxParts)
}

// multipart runs an upload from start to completion; fill makes its parts. On any
// error it aborts the upload: otherwise its parts would stay stored, and paid
// for, until someone cleans up.
func (s *Store) multipart(ctx context.Context, key string, attr objstore.Attributes, fill func(Upload) ([]Part, error)) (err error) {
	id, err := s.api.StartUpload(ctx, key, s.retained(attr))
	if err != nil {
		return s.explain(ctx, err)
	}
	s.seen.Store(true)
	up := Upload{Key: key, ID: id}
	defer func() {
		if err != nil {
			s.abort(ctx, up)
		}
	}()
	parts, err := fill(up)
	if err != nil {
		return err
	}
	err = s.explain(ctx, s.api.FinishUpload(ctx, up, parts))
	if errors.Is(err, errNoUpload) {
		// Either somebody aborted it, or this is the library's retry of a
		// completion whose answer was lost: then the object is there now.
		if vacant := s.vacant(ctx, key); vacant != nil {
			return vacant
		}
		return errors.Join(objstore.ErrUnavailable, err)
	}
	return err
}

// abort cleans up, even after the context has ended.
func (s *Store) abort(ctx context.Context, up Upload) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
	defer cancel()
	err := s.explain(ctx, s.api.AbortUpload(ctx, up))
	if err != nil && !errors.Is(err, errNoUpload) && !errors.Is(err, objstore.ErrNotFound) {
		s.opts.Logger.Warn("could not abort a multipart upload; its parts stay until a lifecycle rule removes them",
			"key", up.Key, "upload", up.ID, "error", err)
	}
}

// streamParts uploads a body that can be read from any offset. Each part is read
// while it is sent.
func (s *Store) streamParts(ctx context.Context, up Upload, body objstore.Body) ([]Part, error) {
	size := partSize(body.Size, s.opts.PartSize)
	parts := make([]Part, (body.Size+size-1)/size)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(s.opts.PartsInFlight)
	for i := range parts {
		offset := int64(i) * size
		part := body.Part(offset, min(size, body.Size-offset))
		group.Go(func() (err error) {
			r := part.Reader(groupCtx)
			defer r.Close()
			// Only these methods: a library must not close the reader.
			parts[i], err = s.api.PutPart(groupCtx, up, PartInput{Number: i + 1, Body: struct{ io.ReadSeeker }{r}, Size: part.Size, Hash: Unsigned})
			if bodyErr := r.Err(); bodyErr != nil {
				return bodyErr
			}
			return s.explain(ctx, err)
		})
	}
	return parts, group.Wait()
}

// putParts uploads a body that is read once, from its start. It takes
// PartsInFlight buffers, each the size of a part.
func (s *Store) putParts(ctx context.Context, up Upload, body objstore.Body) ([]Part, error) {
	r := body.Reader(ctx)
	defer r.Close()
	size := partSize(body.Size, s.opts.PartSize)
	parts := make([]Part, (body.Size+size-1)/size)
	group, groupCtx := errgroup.WithContext(ctx)
	free := make(chan []byte, s.opts.PartsInFlight)
	for range s.opts.PartsInFlight {
		free <- nil // made when needed
	}
	read := func() error {
		for i := range parts {
			var buf []byte
			select {
			case buf = <-free:
			case <-groupCtx.Done():
				return nil // group.Wait says why
			}
			if buf == nil {
				buf = make([]byte, min(size, body.Size))
			}
			data := buf[:min(size, body.Size-int64(i)*size)]
			if _, err := io.ReadFull(r, data); err != nil {
				return err
			}
			group.Go(func() (err error) {
				parts[i], err = s.api.PutPart(groupCtx, up, s.part(i+1, data))
				free <- buf
				return err
			})
		}
		return nil
	}
	if err := read(); err != nil {
		group.Go(func() error { return err }) // stops the uploads in progress
	}
	err := group.Wait()
	if bodyErr := r.Err(); bodyErr != nil {
		return nil, bodyErr
	}
	return parts, s.explain(ctx, err)
}

// hashesParts reports whether a part is hashed before it is sent. The body as a
// whole is verified before its last bytes are sent. A part's own hash only
// protects it on its way, and a private connection does that already. For an
// object that is to be retained, Amazon wants a part's digest in a header. It
// takes a SHA-256 there only if the whole upload was announced with one: that
// leaves MD5.
func (s *Store) hashesParts() bool { return !s.server.Private || s.retains() }

func (s *Store) retains() bool { return s.opts.Retention.Mode != "" }

// part returns a part whose data is in memory.
func (s *Store) part(number int, data []byte) PartInput {
	in := PartInput{Number: number, Body: bytes.NewReader(data), Size: int64(len(data)), Hash: Unsigned}
	if !s.server.Private {
		sum := sha256.Sum256(data)
		in.Hash = hex.EncodeToString(sum[:])
	}
	if s.retains() {
		sum := md5.Sum(data)
		in.MD5 = base64.StdEncoding.EncodeToString(sum[:])
	}
	return in
}

// copyParts copies src into the parts of an upload, inside the store.
func (s *Store) copyParts(ctx context.Context, up Upload, src string, total int64) ([]Part, error) {
	size := partSize(total, min(copyPartSize, s.opts.CopyLimit))
	parts := make([]Part, (total+size-1)/size)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(s.opts.PartsInFlight)
	for i := range parts {
		group.Go(func() (err error) {
			offset := int64(i) * size
			parts[i], err = s.api.CopyPart(groupCtx, up, i+1, src, offset, min(size, total-offset))
			return err
		})
	}
	return parts, s.explain(ctx, group.Wait())
}
