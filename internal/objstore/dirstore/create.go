package dirstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"syscall"

	"github.com/asof/asof/internal/objstore"
)

// Create implements objstore.Store.
func (s *Store) Create(ctx context.Context, key string, body objstore.Body, _ objstore.Attributes) error {
	if err := s.begin(ctx, "create", key); err != nil {
		return err
	}
	if err := s.vacant(key); err != nil {
		return fmt.Errorf("create %s: %w", key, err)
	}
	r := body.Reader(ctx)
	defer r.Close()
	if err := s.write(key, r); err != nil {
		return fmt.Errorf("create %s: %w", key, err)
	}
	return nil
}

// Copy implements objstore.Store: one more link to the file.
func (s *Store) Copy(ctx context.Context, src, dst string, _ objstore.Attributes, _ bool) error {
	if err := s.begin(ctx, "copy", src, dst); err != nil {
		return err
	}
	if err := s.copy(ctx, src, dst); err != nil {
		return fmt.Errorf("copy %s to %s: %w", src, dst, err)
	}
	return nil
}

func (s *Store) copy(ctx context.Context, src, dst string) error {
	fi, err := s.root.Lstat(src)
	if err == nil && !fi.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return missing(err)
	}
	if err := s.vacant(dst); err != nil {
		return err
	}
	if err = s.link(src, dst); err == nil {
		return markCopied(s.root, dst)
	}
	if !errors.Is(err, syscall.EMLINK) && !errors.Is(err, syscall.EXDEV) {
		return err
	}
	// A file can have only so many links (65,000 on ext4), and none from another
	// file system. Then the bytes are copied. Later copies of the new file are
	// links again.
	f, _, err := s.open(src)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.write(dst, contextReader{ctx, f})
}

// vacant returns an error if something is at key, so that nothing is written in
// vain.
func (s *Store) vacant(key string) error {
	fi, err := s.root.Lstat(key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%w: a file stands where it needs a folder", objstore.ErrUnsupported)
	case err != nil:
		return classify(err)
	case fi.IsDir():
		return fmt.Errorf("%w: a folder stands there", objstore.ErrUnsupported)
	}
	return objstore.ErrExists
}

// write puts the bytes of r under key, all of them or nothing.
func (s *Store) write(key string, r io.Reader) error {
	f, temp, err := s.temp()
	if err != nil {
		return classify(err)
	}
	defer s.root.Remove(temp)
	_, err = io.Copy(f, r)
	if err == nil && syncEachFile {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return s.link(temp, key)
}

// link gives a file the name key if nothing has that name.
func (s *Store) link(name, key string) error {
	err := s.inFolder(key, func() error { return s.root.Link(name, key) })
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist), errors.Is(err, syscall.ENOTDIR):
		if taken := s.vacant(key); taken != nil {
			return taken
		}
		if errors.Is(err, fs.ErrExist) {
			return objstore.ErrExists // and removed since
		}
	case errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EPERM):
		return fmt.Errorf("%w: the file system has no hard links: %w", objstore.ErrUnsupported, err)
	}
	return classify(err)
}

// folderTries is how often a folder is made again after a Delete has removed it,
// empty, before anything was put into it.
const folderTries = 20

// inFolder runs op, which puts something under key. If the key's folder is
// missing, it makes it.
func (s *Store) inFolder(key string, op func() error) (err error) {
	for range folderTries {
		if err = op(); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		// While folders come and go, MkdirAll may see one appear or vanish
		// halfway, and fail. op finds out.
		mkdirErr := s.root.MkdirAll(path.Dir(key), 0o755)
		if mkdirErr != nil && !errors.Is(mkdirErr, fs.ErrExist) && !errors.Is(mkdirErr, fs.ErrNotExist) {
			return mkdirErr
		}
	}
	return fmt.Errorf("%w: %w", objstore.ErrUnavailable, err)
}

// contextReader stops reading when the context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
