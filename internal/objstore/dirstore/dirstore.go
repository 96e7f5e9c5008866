// Package dirstore keeps objects as files in a folder: the object "a/b" is the
// file a/b, and any web server can serve it.
//
//   - An object appears whole or not at all. It is written to a temporary file
//     and then hard-linked to its name, which fails if that name is taken.
//     Objects are read-only files. A copy is another link to the same file, so it
//     has the modification time of its source.
//   - A register is replaced by rename, under a lock between processes of one
//     machine (.dirstore/lock). Before that, everything stored earlier is made
//     durable. On Linux one syncfs does it, so that creating an object costs no
//     sync of its own; elsewhere each file was synced when it was created.
//   - Nothing outside the folder is ever read or written, whatever the keys and
//     whatever symbolic links are in it.
//
// Files have no attributes, so attributes are ignored. A folder can't hold both
// "a" and "a/b", nor keys that end in "/". If the file system ignores case, so
// does the store. The folder must be on a file system with hard links.
package dirstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/asof/asof/internal/objstore"
)

// The store's own files. Keys below are refused and not listed. Temporary files
// that a crash leaves are harmless; Tidy removes them.
const (
	ownDir  = ".dirstore"
	tempDir = ownDir + "/tmp"
	lockKey = ownDir + "/lock"
)

// Options configure a Store.
type Options struct {
	// Create makes the folder if it is missing. Without it New returns ErrNoStore.
	Create bool
}

// Store is an objstore.Store in a folder.
type Store struct {
	dir  string // absolute
	root *os.Root
	lock chan struct{} // held by this process's current Swap

	clock fileClock
}

var (
	_ objstore.Store = (*Store)(nil)
	_ objstore.Clock = (*Store)(nil)
)

// New returns the store in the folder dir. It writes nothing, except that it
// makes the folder if the options say so: a read-only folder can be read.
func New(dir string, opts Options) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if opts.Create {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("create store: %w", classify(err))
		}
	}
	root, err := os.OpenRoot(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("open store %s: %w", dir, objstore.ErrNoStore)
	case err != nil:
		return nil, fmt.Errorf("open store: %w", classify(err))
	}
	return &Store{dir: dir, root: root, lock: make(chan struct{}, 1)}, nil
}

// SlashKeys implements objstore.Store.
func (s *Store) SlashKeys() bool { return false }

// begin does the checks that all methods share.
func (s *Store) begin(ctx context.Context, op string, keys ...string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
	}
	return nil
}

func checkKey(key string) error {
	if err := objstore.CheckKey(key, false); err != nil {
		return err
	}
	if first, _, _ := strings.Cut(key, "/"); strings.EqualFold(first, ownDir) {
		return fmt.Errorf("%w: %q is the store's own", objstore.ErrBadKey, key)
	}
	if _, err := filepath.Localize(key); err != nil {
		return fmt.Errorf("%w: %q can't be a file name here", objstore.ErrUnsupported, key)
	}
	return nil
}

// Stat implements objstore.Store.
func (s *Store) Stat(ctx context.Context, key string) (objstore.Info, error) {
	if err := s.begin(ctx, "stat", key); err != nil {
		return objstore.Info{}, err
	}
	fi, err := s.root.Lstat(key)
	if err == nil && !fi.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return objstore.Info{}, fmt.Errorf("stat %s: %w", key, missing(err))
	}
	return objstore.Info{Key: key, Size: fi.Size(), Modified: modified(fi)}, nil
}

// Open implements objstore.Store. For a whole object it returns the *os.File.
func (s *Store) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := s.begin(ctx, "open", key); err != nil {
		return nil, err
	}
	f, size, err := s.open(key)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", key, err)
	}
	if err := objstore.CheckRange(offset, length, size); err != nil {
		f.Close()
		return nil, fmt.Errorf("open %s: %w", key, err)
	}
	if offset > 0 {
		if _, err := f.Seek(offset, io.SeekStart); err != nil {
			f.Close()
			return nil, fmt.Errorf("open %s: %w", key, err)
		}
	}
	if length == objstore.Whole {
		return f, nil
	}
	return limited{io.LimitReader(f, length), f}, nil
}

type limited struct {
	io.Reader
	io.Closer
}

// open opens the file of an object and returns its size.
func (s *Store) open(key string) (*os.File, int64, error) {
	f, err := s.root.Open(key)
	if err != nil {
		return nil, 0, missing(err)
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = objstore.ErrNotFound
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, fi.Size(), nil
}

// Delete implements objstore.Store. It also removes folders that become empty.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.begin(ctx, "delete", key); err != nil {
		return err
	}
	fi, err := s.root.Lstat(key)
	if err == nil && !fi.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err == nil {
		err = s.root.Remove(key)
	}
	switch err := missing(err); {
	case errors.Is(err, objstore.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("delete %s: %w", key, err)
	}
	for dir := path.Dir(key); dir != "."; dir = path.Dir(dir) {
		// Not Remove, which would delete a file that has appeared there.
		if syscall.Rmdir(filepath.Join(s.dir, filepath.FromSlash(dir))) != nil {
			break // not empty, most likely
		}
	}
	return nil
}

// temp makes a temporary file for writing.
func (s *Store) temp() (f *os.File, name string, err error) {
	name = tempDir + "/" + rand.Text()
	f, err = s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if errors.Is(err, fs.ErrNotExist) {
		if err = s.root.MkdirAll(tempDir, 0o755); err == nil {
			f, err = s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
		}
	}
	return f, name, err
}

// missing turns a read error for a missing object into ErrNotFound, and
// classifies all others.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG) {
		return objstore.ErrNotFound
	}
	return classify(err)
}

// classify adds the sentinel that fits an error of the file system.
func classify(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %w", objstore.ErrDenied, err)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.EISDIR):
		return fmt.Errorf("%w: %w", objstore.ErrUnsupported, err)
	}
	return err
}
