package dir

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"sync/atomic"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/asof/asof/publisher/remote"
)

// readSize is the buffer for hashing, in bytes: most files take one read.
const readSize = 256 << 10

// hashAll fills in the digests.
func (c *capture) hashAll(parent context.Context, concurrency int) error {
	g, ctx := errgroup.WithContext(parent)
	var next atomic.Int64
	for range concurrency {
		g.Go(func() error {
			buf := make([]byte, readSize)
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(c.files) {
					break
				}
				if err := c.hash(ctx, &c.files[i], buf); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return context.Cause(parent)
}

// hash reads a file whole. What it looks like on disk must be the same before,
// as the walk saw it, and after.
func (c *capture) hash(ctx context.Context, file *remote.File, buf []byte) error {
	f, info, err := c.open(file.Path)
	if err != nil {
		return failed("read", c.where, file.Path, err)
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.CopyBuffer(h, reader{ctx, f}, buf)
	if err != nil {
		return failed("read", c.where, file.Path, err)
	}
	after, err := f.Stat()
	if err != nil {
		return failed("read", c.where, file.Path, err)
	}
	if n != file.Size || after.Size() != n || !after.ModTime().Equal(info.ModTime()) || !modTime(after).Equal(file.Modified) {
		return &remote.TemporaryError{Err: fmt.Errorf("read %s: changed while it was read", path.Join(c.where, file.Path))}
	}
	h.Sum(file.SHA256[:0])
	return nil
}

// Open implements remote.Capture. The file is the one that has the name now.
func (c *capture) Open(ctx context.Context, file remote.File) (remote.Content, error) {
	f, info, err := c.open(file.Path)
	if err != nil {
		return remote.Content{}, failed("open", c.where, file.Path, err)
	}
	limit := file.Size
	if limit < math.MaxInt64 {
		limit++ // lets the caller see that there is more
	}
	body := struct {
		io.Reader
		io.Closer
	}{io.LimitReader(reader{ctx, f}, limit), f}
	return remote.Content{Body: body, Modified: modTime(info)}, nil
}

// open opens a regular file. O_NONBLOCK is for what took its place meanwhile: to
// open a pipe would wait for its writer.
func (c *capture) open(name string) (*os.File, fs.FileInfo, error) {
	f, err := c.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("no longer a regular file")
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// reader stops at the end of its context.
type reader struct {
	ctx context.Context
	f   *os.File
}

func (r reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.f.Read(p)
}
