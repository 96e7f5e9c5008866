package readback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
)

// Restored is what a restore did.
type Restored struct {
	Written int   `json:"written"`
	Kept    int   `json:"kept"`  // files already there with the right content
	Bytes   int64 `json:"bytes"` // of the files written
}

// Restore writes upstream's files of a checkpoint into a folder. It makes the
// folder if it is missing. Each file is checked against its digest while it is
// written, and gets its name only when it is whole. So a restore may be killed at
// any moment; run again, it reads only the missing files from the store. Files
// with other content are replaced. Files that are not in the checkpoint are left
// alone. Whatever the names, nothing outside the folder is written, and no
// symbolic link inside it is followed.
//
// The files that are executable in the checkpoint are executable in the folder, and no
// others.
//
// A file whose object is damaged is left out, and the others are restored. The
// error then joins one error per such file, which names its path and wraps
// catalog.ErrCorrupt. Any other error ends the restore. Two restores must not
// write to a folder at the same time.
func Restore(ctx context.Context, opts Options, base string, c manifest.Checkpoint, dir string) (Restored, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return Restored{}, err
	}
	folder, err := os.OpenRoot(dir)
	if err != nil {
		return Restored{}, err
	}
	defer folder.Close()
	r := &restoration{Options: opts, folder: folder, from: c.Place(base)}
	r.Env = r.Env.WithDefaults()
	r.Progress.Begin("files", int(c.Files), c.Bytes)
	defer r.Progress.End()
	return r.run(ctx, c)
}

// restoration is one call of Restore.
type restoration struct {
	Options
	folder *os.Root
	from   manifest.Place
	modes  *manifest.Modes // nil: not known, as they are damaged
	dirs   []string        // the directories of the last path, each with a slash at its end

	mu     sync.Mutex
	result Restored
	failed []failedFile
}

// failedFile is a file whose object is damaged.
type failedFile struct {
	path string
	err  error
}

func (r *restoration) run(ctx context.Context, c manifest.Checkpoint) (Restored, error) {
	if err := r.removeLeftovers(""); err != nil {
		return r.result, err
	}
	if err := r.readModes(ctx, c); err != nil {
		return r.result, err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(r.Concurrency)
	walkErr := r.walk(gctx, c, func(e manifest.Entry) {
		g.Go(func() error {
			if err := r.file(gctx, e); err != nil {
				return fmt.Errorf("%s: %w", e.Path, err)
			}
			return nil
		})
	})
	// A file's error comes first: it ends the walk, too.
	return r.result, cmp.Or(g.Wait(), walkErr, r.failures())
}

// readModes finds out which files are executable. If that is damaged, the files are
// restored without it, and the restore fails in the end.
func (r *restoration) readModes(ctx context.Context, c manifest.Checkpoint) error {
	modes, err := catalog.Modes(ctx, r.reader(), r.from.Base, c)
	switch err = asDamage(err); {
	case errors.Is(err, catalog.ErrCorrupt):
		r.failed = append(r.failed, failedFile{manifest.ModesPath, err})
	case err != nil:
		return err
	default:
		r.modes = &modes
	}
	return nil
}

// walk makes the folders for all files, and passes the files on, in the order of
// their paths.
func (r *restoration) walk(ctx context.Context, c manifest.Checkpoint, file func(manifest.Entry)) error {
	m, err := catalog.Open(ctx, r.reader(), c.Manifest)
	if err != nil {
		return asDamage(err)
	}
	for e, err := range m.Entries(ctx) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = r.enter(e.Path)
		}
		if err != nil {
			return asDamage(err)
		}
		file(e)
	}
	return nil
}

// file restores one file. It notes damage, which is not an error.
func (r *restoration) file(ctx context.Context, e manifest.Entry) error {
	kept, err := r.keep(ctx, e)
	if err == nil && !kept {
		err = r.Retry(ctx, e.Path, func() error { return r.write(ctx, e) })
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case errors.Is(err, catalog.ErrCorrupt):
		r.failed = append(r.failed, failedFile{e.Path, err})
		return nil
	case err != nil:
		return err
	case kept:
		r.result.Kept++
	default:
		r.result.Written++
		r.result.Bytes += e.Size
	}
	r.Progress.Add(1, e.Size)
	return nil
}

// failures joins the errors of single files, in the order of their paths.
func (r *restoration) failures() error {
	slices.SortFunc(r.failed, func(a, b failedFile) int { return cmp.Compare(a.path, b.path) })
	errs := make([]error, len(r.failed))
	for i, f := range r.failed {
		errs[i] = fmt.Errorf("%s: %w", f.path, f.err)
	}
	return errors.Join(errs...)
}
