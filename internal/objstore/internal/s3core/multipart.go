package s3core

import (
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

// partSize is the smallest multiple of size that needs at most maxParts parts.
func partSize(total, size int64) int64 {
	parts := (total + size - 1) / size
	return size * ((parts + maxParts - 1) / maxParts)
}

// multipart runs an upload from start to completion; fill makes its parts. The
// upload is aborted on any error, since its parts would be stored, and paid
// for, until someone cleans up.
func (s *Store) multipart(ctx context.Context, key string, attr objstore.Attributes, fill func(Upload) ([]Part, error)) (err error) {
	id, err := s.api.StartUpload(ctx, key, s.retained(attr))
	if err != nil {
		return s.explain(ctx, err)
	}
	s.seen.Store(true)
	up := Upload{Key: key, ID: id, Locked: s.opts.Retention.Mode != ""}
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
		// Either somebody aborted it, or this is the library's retry after a
		// completion whose answer was lost: then the object is there now.
		if vacant := s.vacant(ctx, key); vacant != nil {
			return vacant
		}
		return errors.Join(objstore.ErrUnavailable, err)
	}
	return err
}

// abort cleans up, also once the context is done.
func (s *Store) abort(ctx context.Context, up Upload) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
	defer cancel()
	err := s.explain(ctx, s.api.AbortUpload(ctx, up))
	if err != nil && !errors.Is(err, errNoUpload) && !errors.Is(err, objstore.ErrNotFound) {
		s.opts.Logger.Warn("could not abort a multipart upload; its parts stay until a lifecycle rule removes them",
			"key", up.Key, "upload", up.ID, "error", err)
	}
}

// putParts uploads what r reads. Its memory is PartsInFlight buffers of a part.
func (s *Store) putParts(ctx context.Context, up Upload, r io.Reader, total int64) ([]Part, error) {
	size := partSize(total, s.opts.PartSize)
	parts := make([]Part, (total+size-1)/size)
	group, groupCtx := errgroup.WithContext(ctx)
	free := make(chan []byte, s.opts.PartsInFlight)
	for range s.opts.PartsInFlight {
		free <- nil // made when it is needed
	}
	read := func() error {
		for i := range parts {
			var buf []byte
			select {
			case buf = <-free:
			case <-groupCtx.Done():
				return nil // group.Wait tells why
			}
			if buf == nil {
				buf = make([]byte, min(size, total))
			}
			data := buf[:min(size, total-int64(i)*size)]
			if _, err := io.ReadFull(r, data); err != nil {
				return err
			}
			group.Go(func() (err error) {
				parts[i], err = s.api.PutPart(groupCtx, up, i+1, data, s.partHash(data))
				free <- buf
				return err
			})
		}
		return nil
	}
	if err := read(); err != nil {
		group.Go(func() error { return err }) // ends the uploads under way
	}
	return parts, s.explain(ctx, group.Wait())
}

// partHash is what a part is signed for. The body as a whole is hashed when it is
// read, and its last part sent only if that is right: what a part's own hash adds
// is that it arrives as it was sent, which a private connection sees to.
func (s *Store) partHash(data []byte) string {
	if s.server.Private {
		return Unsigned
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// MD5 is the Content-MD5 of a part. Amazon takes a part of an object that is to be
// retained only with a digest in a header, and a SHA-256 there only if the whole
// upload was announced with one.
func MD5(data []byte) string {
	sum := md5.Sum(data)
	return base64.StdEncoding.EncodeToString(sum[:])
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
