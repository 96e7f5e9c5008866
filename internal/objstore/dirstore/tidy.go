package dirstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/asof/asof/internal/objstore"
)

var _ objstore.Tidier = (*Store)(nil)

// Tidy implements objstore.Tidier: it removes temporary files. This is safe:
//
//   - A temporary file has a random name that is never used again. So the file
//     that is removed is the file that was checked.
//   - Its modification time is that of the last write to it. A writer at work
//     keeps it recent. A writer that has all its bytes needs only a sync and a
//     link or rename, and the caller's grace period covers that.
//   - A writer that sleeps for longer finds its file gone. Its link or rename
//     then fails, and with it the whole write.
//   - A file that is already linked to its key loses only its temporary name.
func (s *Store) Tidy(ctx context.Context, before time.Time, apply bool) (files int, bytes int64, err error) {
	dir, err := s.root.Open(tempDir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil // nothing was ever written
	}
	if err != nil {
		return 0, 0, fmt.Errorf("tidy: %w", classify(err))
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return 0, 0, fmt.Errorf("tidy: %w", classify(err))
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return files, bytes, fmt.Errorf("tidy: %w", err)
		}
		if !e.Type().IsRegular() {
			continue // not made by this store
		}
		size, removed, err := s.tidyFile(tempDir+"/"+e.Name(), before, apply)
		if err != nil {
			return files, bytes, fmt.Errorf("tidy: %w", classify(err))
		}
		if removed {
			files++
			bytes += size
		}
	}
	return files, bytes, nil
}

// tidyFile removes one temporary file if it is old enough. A file that its writer
// has just removed does not count.
func (s *Store) tidyFile(name string, before time.Time, apply bool) (size int64, removed bool, err error) {
	fi, err := s.root.Lstat(name)
	if err == nil && !fi.ModTime().Before(before) {
		return 0, false, nil
	}
	if err == nil && apply {
		err = s.root.Remove(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	return fi.Size(), true, nil
}
