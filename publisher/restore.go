package publisher

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

// RestoreResult is what a restore did.
type RestoreResult struct {
	Written int   `json:"written"`
	Kept    int   `json:"kept"`  // files that were there, with the right content
	Bytes   int64 `json:"bytes"` // of the files written
}

// Restore writes upstream's files of a checkpoint into a folder, which it makes
// if it is missing. Each file is held against its digest while it is written, and
// gets its name only when it is whole; so a restore may be killed at any moment,
// and run again it reads from the store only what is not there yet. Files with
// another content are replaced, files that the checkpoint does not have are left
// alone. Nothing outside the folder is written, and no symbolic link inside it
// followed, whatever the names.
//
// A file whose object is damaged is left out: the others are restored, and the
// error joins one that wraps ErrCorrupt for each such file, by its path. Any
// other error ends the restore. Two restores must not share a folder at a time.
func (p *Publisher) Restore(ctx context.Context, repo manifest.Repo, c manifest.Checkpoint, dir string) (RestoreResult, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return RestoreResult{}, err
	}
	folder, err := os.OpenRoot(dir)
	if err != nil {
		return RestoreResult{}, err
	}
	defer folder.Close()
	r := &restoration{Publisher: p, folder: folder, from: place{repo.Base, c.ID, c.Layout}}
	p.Progress.Begin("files", int(c.Files), c.Bytes)
	defer p.Progress.End()
	return r.run(ctx, c)
}

// restoration is one call of Restore.
type restoration struct {
	*Publisher
	folder *os.Root
	from   place
	dirs   []string // that lead to the last path, each with a slash at its end

	mu     sync.Mutex
	result RestoreResult
	failed []failedFile
}

// failedFile is a file whose object is damaged.
type failedFile struct {
	path string
	err  error
}

func (r *restoration) run(ctx context.Context, c manifest.Checkpoint) (RestoreResult, error) {
	if err := r.removeLeftovers(""); err != nil {
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
	// A file's failure comes first: it ends the walk, too.
	return r.result, cmp.Or(g.Wait(), walkErr, r.failures())
}

// walk makes the folders for all files, and hands the files on, in the order of
// their paths.
func (r *restoration) walk(ctx context.Context, c manifest.Checkpoint, file func(manifest.Entry)) error {
	m, err := catalog.Open(ctx, r.reader(nil), c.Manifest)
	if err != nil {
		return manifestError(err)
	}
	for e, err := range m.Entries(ctx) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = r.enter(e.Path)
		}
		if err != nil {
			return manifestError(err)
		}
		file(e)
	}
	return nil
}

// file brings one file to its place. Damage is taken down, and is no error.
func (r *restoration) file(ctx context.Context, e manifest.Entry) error {
	kept, err := r.keep(ctx, e)
	if err == nil && !kept {
		err = r.retry(ctx, e.Path, func() error { return r.write(ctx, e) })
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case errors.Is(err, ErrCorrupt):
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

// failures joins what was wrong with single files, in the order of their paths.
func (r *restoration) failures() error {
	slices.SortFunc(r.failed, func(a, b failedFile) int { return cmp.Compare(a.path, b.path) })
	errs := make([]error, len(r.failed))
	for i, f := range r.failed {
		errs[i] = fmt.Errorf("%s: %w", f.path, f.err)
	}
	return errors.Join(errs...)
}
