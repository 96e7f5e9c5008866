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
	"syscall"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// maxEntries bounds what a capture looks at: links between folders can multiply
// a few of them without end.
const maxEntries = 10_000_000

// walker lists the files of a folder, without opening them.
type walker struct {
	ground  *ground
	where   string // the folder's path, for messages
	exclude *exclusion
	refused *refusals
	losses  *losses

	ctx     context.Context
	found   func(*entry) error // is given each file; no digest yet
	entries int
	looped  bool // a link led back: others may, in very many ways, and are not followed any more
}

func (w *walker) walk(ctx context.Context, found func(*entry) error) error {
	w.ctx, w.found = ctx, found
	at := w.ground.top()
	info, err := at.root.Stat(at.path)
	if err != nil {
		return w.failed("read", "", err)
	}
	return w.dir("", at, []fs.FileInfo{info})
}

// dir lists one folder, by its path in the tree and its place. The chain is it and all
// folders that lead to it.
func (w *walker) dir(name string, at place, chain []fs.FileInfo) error {
	entries, err := readDir(at)
	if name != "" && errors.Is(err, fs.ErrPermission) {
		w.refuse(name, fmt.Errorf("%q can't be read: %w", name, cause(err)))
		return nil
	}
	if err != nil {
		return w.failed("read", name, err)
	}
	if name != "" && len(entries) == 0 {
		w.losses.add(emptyFolders, name)
	}
	// Sorted, so that files are read in about the order of their paths.
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	twins := make(map[string]string, len(entries))
	for _, e := range entries {
		if w.ctx.Err() != nil {
			return context.Cause(w.ctx)
		}
		if w.entries++; w.entries > maxEntries {
			return &remote.InputError{Where: w.where, Err: fmt.Errorf("holds more than %d entries", maxEntries)}
		}
		p := path.Join(name, e.Name())
		if w.exclude.has(p) {
			continue
		}
		if err := checkName(p); err != nil {
			w.refuse(p, err)
			continue
		}
		folded := strings.ToLower(e.Name())
		if twin, ok := twins[folded]; ok {
			w.losses.add(caseTwins, fmt.Sprintf("%s and %s", path.Join(name, twin), e.Name()))
		}
		twins[folded] = e.Name()
		if err := w.entry(p, at.join(e.Name()), e, chain); err != nil {
			return err
		}
	}
	return nil
}

// checkName refuses what may not stand in a tree.
func checkName(p string) error {
	if p+"/" == manifest.GeneratedDir {
		return fmt.Errorf("%q is the name of what asof adds to every tree", p)
	}
	return manifest.CheckPath(p)
}

func readDir(at place) ([]fs.DirEntry, error) {
	f, err := at.root.Open(at.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}

func (w *walker) entry(p string, at place, e fs.DirEntry, chain []fs.FileInfo) error {
	info, err := e.Info()
	link := e.Type()&fs.ModeSymlink != 0
	if link {
		if info, at, err = w.behind(p, at); err != nil {
			w.refuse(p, err)
			return nil
		}
		w.losses.add(links, p)
	}
	if err == nil && info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0 && !info.IsDir() {
		w.losses.add(setIDs, p)
	}
	switch {
	case err != nil:
		return w.failed("read", p, err)
	case info.Mode().IsRegular() && info.Size() > manifest.MaxSize:
		w.refuse(p, fmt.Errorf("%q has %d bytes, more than %d", p, info.Size(), int64(manifest.MaxSize)))
		return nil
	case info.Mode().IsRegular():
		return w.found(&entry{
			File:       remote.File{Path: p, Size: info.Size(), Modified: modTime(info), Phase: remote.PhaseOf(p)},
			executable: info.Mode()&ownerMayRun != 0,
		})
	case !info.IsDir():
		w.refuse(p, fmt.Errorf("%q is %s", p, kind(info.Mode())))
		return nil
	}
	if link && w.looped {
		return nil
	}
	for _, above := range chain {
		if os.SameFile(above, info) {
			w.looped = true
			w.refuse(p, fmt.Errorf("%q is a symbolic link back to a folder that it stands in", p))
			return nil
		}
	}
	return w.dir(p, at, append(slices.Clip(chain), info))
}

// ownerMayRun is the permission that makes a file executable, as in git.
const ownerMayRun = 0o100

// behind is what a symbolic link leads to, and where that stands. os.Root follows the
// link where it can: not to absolute targets, and not out of its folder.
func (w *walker) behind(p string, at place) (fs.FileInfo, place, error) {
	info, err := at.root.Stat(at.path)
	if err == nil {
		return info, at, nil
	}
	to, outside := w.ground.follow(p, at)
	if outside == nil {
		info, err = to.root.Stat(to.path)
	} else if !errors.Is(err, syscall.ELOOP) {
		err = outside
	}
	if err != nil {
		target, _ := at.root.Readlink(at.path)
		err = fmt.Errorf("%q is a symbolic link to %q that can't be followed: %w", p, target, cause(err))
	}
	return info, to, err
}

// refuse is about what may not stand in a tree.
func (w *walker) refuse(name string, err error) { w.refused.add(name, err) }

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
