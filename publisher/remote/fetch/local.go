package fetch

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// getLocal opens a regular file in the base's folder. Symbolic links are
// followed as long as they stay in there.
func (c *Client) getLocal(ctx context.Context, u *url.URL, size int64) (*Response, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	f, info, err := c.openLocal(u)
	if err != nil {
		return nil, err
	}
	if err := checkSize(info.Size(), size); err != nil {
		f.Close()
		return nil, err
	}
	return &Response{
		Body:     newBody(localExchange(ctx), u, localFile{f, ctx}, size, nil),
		Way:      []*url.URL{u},
		Size:     info.Size(),
		Modified: modTime(info),
	}, nil
}

func (c *Client) headLocal(u *url.URL) (int64, time.Time, error) {
	f, info, err := c.openLocal(u)
	if err != nil {
		return -1, time.Time{}, err
	}
	f.Close()
	return info.Size(), modTime(info), nil
}

func (c *Client) openLocal(u *url.URL) (*os.File, fs.FileInfo, error) {
	dir := folder(c.base).Path
	name, ok := strings.CutPrefix(u.Path, dir)
	if !ok || u.Scheme != "file" {
		return nil, nil, errors.New("not in the upstream's folder")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, cause(err)
	}
	defer root.Close()
	// Looked at before it is opened: opening a pipe waits for its writer.
	info, err := root.Stat(name)
	if err != nil {
		if _, there := os.Stat(u.Path); there == nil && filepath.IsLocal(name) {
			return nil, nil, &hintError{
				err:  errors.New("a symbolic link leads out of the folder"),
				hint: "a dir remote follows absolute links, and those into the folders that its option follow lists",
			}
		}
		return nil, nil, cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errors.New("not a regular file")
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, nil, cause(err)
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, nil, cause(err)
	}
	return f, info, nil
}

// localFile stops at the end of its context.
type localFile struct {
	*os.File
	ctx context.Context
}

func (f localFile) Read(p []byte) (int, error) {
	if f.ctx.Err() != nil {
		return 0, context.Cause(f.ctx)
	}
	return f.File.Read(p)
}

func modTime(info fs.FileInfo) time.Time {
	t := info.ModTime().UTC().Truncate(time.Second)
	if t.After(time.Now()) {
		return time.Time{}
	}
	return t
}

// cause is a file error without the operation and the path, which stand in the
// URL in front of it.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
