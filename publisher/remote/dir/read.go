package dir

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/minio/highwayhash"
	"golang.org/x/sync/errgroup"

	"github.com/asof/asof/publisher/remote"
)

// blockSize is what is read at a time, in bytes: it fits the cache of a core, and
// most files are one block.
const blockSize = 256 << 10

// sum is the HighwayHash of a block, under a key that nobody but the capture knows:
// nobody can make another block with the same sum. It takes a fraction of SHA-256's
// time, and so it is what a file is checked by when it is read again.
type sum [highwayhash.Size128]byte

const sumKey = highwayhash.Size

func (c *capture) sum(block []byte) sum { return highwayhash.Sum128(block, c.key[:]) }

// entry is a file as it is known by now.
type entry struct {
	remote.File
	executable bool

	sums []sum // one for each block that was read: a size alone takes no memory
}

// read finds the files and hashes them while it goes on looking.
func (c *capture) read(parent context.Context, w *walker, concurrency int) error {
	g, ctx := errgroup.WithContext(parent)
	todo := make(chan *entry, 1000)
	var all []*entry
	g.Go(func() error {
		defer close(todo)
		return w.walk(ctx, func(e *entry) error {
			all = append(all, e)
			select {
			case todo <- e:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	})
	for range concurrency {
		g.Go(func() error {
			buf := c.blocks.Get().(*[]byte)
			defer c.blocks.Put(buf)
			for e := range todo {
				if err := c.hash(ctx, e, *buf); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := c.refused.err(c.where); err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b *entry) int { return strings.Compare(a.Path, b.Path) })
	c.files, c.sums = make([]remote.File, len(all)), make([][]sum, len(all))
	for i, e := range all {
		c.files[i], c.sums[i] = e.File, e.sums
		if e.executable {
			c.modes.Executable = append(c.modes.Executable, e.Path)
		}
	}
	return context.Cause(parent)
}

// hash reads a file whole. What it looks like on disk must be the same before,
// as the walk saw it, and after. Once anything was refused, files are opened only.
func (c *capture) hash(ctx context.Context, e *entry, buf []byte) error {
	f, info, err := c.open(e.Path)
	if errors.Is(err, fs.ErrPermission) {
		c.refused.add(e.Path, fmt.Errorf("%q can't be read: %w", e.Path, cause(err)))
		return nil
	}
	if err != nil {
		return failed("read", c.where, e.Path, err)
	}
	defer f.Close()
	if c.refused.any() {
		return nil
	}
	h := sha256.New()
	for left := e.Size; left > 0; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		block := buf[:min(left, blockSize)]
		_, err := io.ReadFull(f, block)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return failed("read", c.where, e.Path, remote.ErrMoved)
		}
		if err != nil {
			return failed("read", c.where, e.Path, err)
		}
		h.Write(block)
		e.sums = append(e.sums, c.sum(block))
		left -= int64(len(block))
	}
	after, err := f.Stat()
	if err != nil {
		return failed("read", c.where, e.Path, err)
	}
	if after.Size() != e.Size || !after.ModTime().Equal(info.ModTime()) || !modTime(after).Equal(e.Modified) {
		return failed("read", c.where, e.Path, remote.ErrMoved)
	}
	h.Sum(e.SHA256[:0])
	return nil
}
