package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// maxEntries bounds what a capture looks at: links between folders can multiply
// a few of them without end.
const maxEntries = 10_000_000

// walker lists the files of a folder, without opening them.
type walker struct {
	root    *os.Root
	where   string // the folder's path, for messages
	exclude []string

	ctx     context.Context
	found   func(remote.File) error // is given each file; no digest yet
	entries int
}

func (w *walker) walk(ctx context.Context, found func(remote.File) error) error {
	w.ctx, w.found = ctx, found
	info, err := w.root.Stat(".")
	if err != nil {
		return w.failed("read", "", err)
	}
	return w.dir("", []fs.FileInfo{info})
}

// dir lists one folder. The chain is it and all folders that lead to it.
func (w *walker) dir(name string, chain []fs.FileInfo) error {
	entries, err := w.readDir(name)
	if err != nil {
		return w.failed("read", name, err)
	}
	// Sorted, so that of several bad names always the same is told.
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		if w.ctx.Err() != nil {
			return context.Cause(w.ctx)
		}
		if w.entries++; w.entries > maxEntries {
			return w.refused(fmt.Errorf("holds more than %d entries", maxEntries))
		}
		p := path.Join(name, e.Name())
		if w.excluded(p) {
			continue
		}
		if err := manifest.CheckPath(p); err != nil {
			return w.refused(err)
		}
		if err := w.entry(p, e, chain); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) readDir(name string) ([]fs.DirEntry, error) {
	if name == "" {
		name = "."
	}
	f, err := w.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}

func (w *walker) entry(p string, e fs.DirEntry, chain []fs.FileInfo) error {
	info, err := e.Info()
	link := e.Type()&fs.ModeSymlink != 0
	if link {
		info, err = w.root.Stat(p) // follows it, inside
	}
	switch {
	case err != nil && link:
		return w.refused(fmt.Errorf("%q is a symbolic link that can't be followed: %w", p, cause(err)))
	case err != nil:
		return w.failed("read", p, err)
	case info.Mode().IsRegular() && info.Size() > manifest.MaxSize:
		return w.refused(fmt.Errorf("%q has %d bytes, more than %d", p, info.Size(), int64(manifest.MaxSize)))
	case info.Mode().IsRegular():
		return w.found(remote.File{Path: p, Size: info.Size(), Modified: modTime(info), Phase: remote.PhaseOf(p)})
	case !info.IsDir():
		return w.refused(fmt.Errorf("%q is %s", p, kind(info.Mode())))
	}
	for _, above := range chain {
		if os.SameFile(above, info) {
			return w.refused(fmt.Errorf("%q is a symbolic link back to a folder that it stands in", p))
		}
	}
	return w.dir(p, append(slices.Clip(chain), info))
}

func (w *walker) excluded(p string) bool {
	return slices.ContainsFunc(w.exclude, func(pattern string) bool {
		whole, _ := path.Match(pattern, p)
		last, _ := path.Match(pattern, path.Base(p))
		return whole || last
	})
}

// refused is about what may not stand in a tree.
func (w *walker) refused(err error) error { return &remote.InputError{Where: w.where, Err: err} }

// failed is about what could not be read.
func (w *walker) failed(op, name string, err error) error { return failed(op, w.where, name, err) }

// failed: what was there a moment ago and is gone now was moved.
func failed(op, where, name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		err = remote.ErrMoved
	}
	return fmt.Errorf("%s %s: %w", op, path.Join(where, name), cause(err))
}

// cause is a file error without the operation and the path.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

func kind(m fs.FileMode) string {
	switch {
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "not a regular file"
}

func modTime(info fs.FileInfo) time.Time { return info.ModTime().UTC().Truncate(time.Second) }
