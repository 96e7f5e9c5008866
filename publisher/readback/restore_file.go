package readback

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// A file is written under a temporary name in its own folder. A killed restore
// leaves some: the next one removes all names of this form when it enters a
// folder, before it restores anything there. If upstream has a file of such a
// name, it is restored again.
const tempPrefix = ".asof-restore-"

func tempName() string { return tempPrefix + rand.Text() }

func isTemp(name string) bool {
	token, ok := strings.CutPrefix(name, tempPrefix)
	return ok && len(token) == len(rand.Text()) && strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// enter makes the folders on the way to a path. Paths come in ascending order, so
// each folder is entered once, before all of its files.
func (r *restoration) enter(path string) error {
	for len(r.dirs) > 0 && !strings.HasPrefix(path, r.dirs[len(r.dirs)-1]) {
		r.dirs = r.dirs[:len(r.dirs)-1]
	}
	for {
		inner := ""
		if len(r.dirs) > 0 {
			inner = r.dirs[len(r.dirs)-1]
		}
		name, _, below := strings.Cut(path[len(inner):], "/")
		if !below {
			return nil
		}
		if err := r.enterFolder(inner + name); err != nil {
			return err
		}
		r.dirs = append(r.dirs, inner+name+"/")
	}
}

// enterFolder makes a folder, or uses the existing one. It refuses every symbolic
// link: two of upstream's directories could be the same folder.
func (r *restoration) enterFolder(dir string) error {
	name, err := filepath.Localize(dir)
	if err != nil {
		return fmt.Errorf("%s: it can't be the name of a folder here", dir)
	}
	fi, err := r.folder.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return r.folder.Mkdir(name, 0o777)
	case err != nil:
		return err
	case fi.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s: a symbolic link stands where a folder belongs", dir)
	case !fi.IsDir():
		return fmt.Errorf("%s: a file stands where a folder belongs", dir)
	}
	return r.removeLeftovers(dir)
}

// removeLeftovers removes what killed restores have left in a folder. dir is
// empty for the outermost folder.
func (r *restoration) removeLeftovers(dir string) error {
	name := filepath.FromSlash(dir)
	if dir == "" {
		name = "."
	}
	f, err := r.folder.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		entries, err := f.ReadDir(1000)
		for _, e := range entries {
			if e.Type().IsRegular() && isTemp(e.Name()) {
				if err := r.folder.Remove(filepath.Join(name, e.Name())); err != nil {
					return err
				}
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// keep reports whether the file is already there with the right content.
func (r *restoration) keep(ctx context.Context, e manifest.Entry) (bool, error) {
	name, err := filepath.Localize(e.Path)
	if err != nil {
		return false, errors.New("it can't be the name of a file here")
	}
	fi, err := r.folder.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case fi.IsDir():
		return false, errors.New("a folder stands where the file belongs")
	case !fi.Mode().IsRegular() || fi.Size() != e.Size:
		return false, nil
	}
	local := objstore.Body{Size: e.Size, SHA256: e.SHA256, Open: func(context.Context) (io.ReadCloser, error) { return r.folder.Open(name) }}
	body := local.Reader(ctx)
	defer body.Close()
	_, err = io.Copy(struct{ io.Writer }{io.Discard}, body)
	if errors.Is(err, objstore.ErrMismatch) {
		return false, nil
	}
	if err == nil {
		err = r.setMode(name, e, fi.Mode())
	}
	if err == nil {
		err = r.setTime(name, e)
	}
	return err == nil, err
}

// write reads a file from the store and puts it into its place. It replaces any
// file there.
func (r *restoration) write(ctx context.Context, e manifest.Entry) (err error) {
	name, err := filepath.Localize(e.Path)
	if err != nil {
		return err
	}
	temp := filepath.Join(filepath.Dir(name), tempName())
	perm := fs.FileMode(0o666)
	if r.modes != nil && r.modes.Of(e.Path) {
		perm = 0o777
	}
	f, err := r.folder.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = r.folder.Remove(temp) // the other error says more
		}
	}()
	err = r.readObject(ctx, r.from.Key(e.Path, e.SHA256), e, f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = r.setTime(temp, e)
	}
	if err == nil {
		err = r.folder.Rename(temp, name)
	}
	return err
}

// setMode makes a file that is kept executable, or not. Whoever may read it may run it. A
// file system that has no modes may refuse the one that takes away.
func (r *restoration) setMode(name string, e manifest.Entry, have fs.FileMode) error {
	if r.modes == nil {
		return nil
	}
	executable := r.modes.Of(e.Path)
	if executable == (have&0o100 != 0) {
		return nil
	}
	if !executable {
		_ = r.folder.Chmod(name, have.Perm()&^0o111)
		return nil
	}
	return r.folder.Chmod(name, have.Perm()|0o100|have.Perm()&0o444>>2)
}

// setTime gives a file upstream's modification time, if there is one and the
// system's clock can represent it: 64 bits of nanoseconds cover 1678 to 2261.
func (r *restoration) setTime(name string, e manifest.Entry) error {
	at := e.Modified.Time()
	if e.Modified.IsZero() || at.Unix() < math.MinInt64/int64(time.Second) || at.Unix() > math.MaxInt64/int64(time.Second) {
		return nil
	}
	return r.folder.Chtimes(name, time.Time{}, at)
}
