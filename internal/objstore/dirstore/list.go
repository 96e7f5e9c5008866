package dirstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/asof/asof/internal/objstore"
)

// List implements objstore.Store. It reads one folder at a time, and only folders
// that can hold keys with the prefix that sort after after.
func (s *Store) List(ctx context.Context, prefix, after string) iter.Seq2[objstore.Info, error] {
	return func(yield func(objstore.Info, error) bool) {
		if err := objstore.CheckPrefix(prefix); err != nil {
			yield(objstore.Info{}, fmt.Errorf("list: %w", err))
			return
		}
		after, some := objstore.Bounds(prefix, after)
		if err := ctx.Err(); err != nil || !some {
			if err != nil {
				yield(objstore.Info{}, fmt.Errorf("list %s: %w", prefix, err))
			}
			return
		}
		w := walk{ctx: ctx, prefix: prefix, after: after, yield: yield}
		dir := prefix[:strings.LastIndexByte(prefix, '/')+1]
		root, err := s.root.OpenRoot("./" + dir)
		if err == nil {
			_, err = w.dir(root, dir)
			root.Close()
		}
		if err = missing(err); err != nil && !errors.Is(err, objstore.ErrNotFound) {
			yield(objstore.Info{}, fmt.Errorf("list %s: %w", prefix, err))
		}
	}
}

// walk is one listing in progress.
type walk struct {
	ctx           context.Context
	prefix, after string
	yield         func(objstore.Info, error) bool
}

// dir yields the objects below a folder, whose keys begin with base (empty, or
// ending in a slash). It returns false once the caller has seen enough.
func (w *walk) dir(root *os.Root, base string) (more bool, err error) {
	names, err := w.names(root, base)
	if err != nil {
		return false, err
	}
	for _, name := range names {
		if err := w.ctx.Err(); err != nil {
			return false, err
		}
		if dir, ok := strings.CutSuffix(name, "/"); ok {
			more, err = w.subdir(root, dir, base+name)
		} else {
			more, err = w.file(root, name, base+name)
		}
		if err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

func (w *walk) subdir(root *os.Root, name, base string) (more bool, err error) {
	sub, err := root.OpenRoot(name)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil // removed meanwhile
	}
	if err != nil {
		return false, err
	}
	defer sub.Close()
	return w.dir(sub, base)
}

func (w *walk) file(root *os.Root, name, key string) (more bool, err error) {
	fi, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil // removed meanwhile
	}
	if err != nil {
		return false, err
	}
	return w.yield(objstore.Info{Key: key, Size: fi.Size(), Modified: modified(fi)}, nil), nil
}

// names returns the names in a folder that belong into the listing, in the order
// of keys. A folder sorts by its name with a slash: "a+" comes before what is in
// "a", and that before "a0".
func (w *walk) names(root *os.Root, base string) ([]string, error) {
	f, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if checkKey(base+name) != nil {
			continue // not made by this store, or the store's own
		}
		switch {
		case e.IsDir():
			name += "/"
			// Wanted if keys below it begin with the prefix and can sort after
			// after.
			below := base + name
			if !strings.HasPrefix(below, w.prefix) && !strings.HasPrefix(w.prefix, below) {
				continue
			}
			if w.after >= below && !strings.HasPrefix(w.after, below) {
				continue
			}
		case !e.Type().IsRegular():
			continue
		case !strings.HasPrefix(base+name, w.prefix) || base+name <= w.after:
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}
