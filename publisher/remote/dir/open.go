package dir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/pulp"
)

// Open implements remote.Capture.
func (c *capture) Open(ctx context.Context, file remote.File) (remote.Content, error) {
	body, err := c.OpenAt(ctx, file, 0)
	return remote.Content{Body: body, Modified: file.Modified}, err
}

// OpenAt implements remote.Checked. The file is the one that has the name now; its
// bytes are those that were captured, or reading ends with ErrMoved.
func (c *capture) OpenAt(ctx context.Context, file remote.File, offset int64) (io.ReadCloser, error) {
	i, ok := slices.BinarySearchFunc(c.files, file.Path, func(f remote.File, p string) int { return strings.Compare(f.Path, p) })
	if !ok || c.files[i].SHA256 != file.SHA256 {
		return nil, fmt.Errorf("open %s: not a file of this capture", path.Join(c.where, file.Path))
	}
	if c.generated && file.Path == pulp.Name {
		return io.NopCloser(bytes.NewReader(c.list[offset:])), nil
	}
	f, _, err := c.open(file.Path)
	if err != nil {
		return nil, failed("open", c.where, file.Path, err)
	}
	first := int(offset / blockSize) // checked as a whole, and so read from its start
	start := int64(first) * blockSize
	r := &reader{ctx: ctx, capture: c, name: file.Path, file: f, left: c.files[i].Size - start, sums: c.sums[i][first:]}
	if _, err := f.Seek(start, io.SeekStart); err != nil {
		r.Close()
		return nil, failed("read", c.where, file.Path, err)
	}
	if _, err := io.CopyN(io.Discard, r, offset-start); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// reader reads a captured file block by block, and gives out none that is not what
// was captured.
type reader struct {
	ctx     context.Context
	capture *capture
	name    string
	file    *os.File
	left    int64 // bytes not read yet
	sums    []sum // of them

	buf  *[]byte // of a block, for a caller who takes less at a time; nil: not needed yet
	rest []byte  // what of it was not given out yet
}

func (r *reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	if len(r.rest) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		size := int(min(r.left, blockSize))
		block := p
		if len(p) < size {
			if r.buf == nil {
				r.buf = r.capture.blocks.Get().(*[]byte)
			}
			block = (*r.buf)[:size]
		}
		if err := r.block(block[:size]); err != nil {
			return 0, err
		}
		if len(p) >= size {
			return size, nil
		}
		r.rest = block
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// block reads the next block.
func (r *reader) block(block []byte) error {
	_, err := io.ReadFull(r.file, block)
	if err == nil && r.capture.sum(block) != r.sums[0] || err == io.EOF || err == io.ErrUnexpectedEOF {
		err = remote.ErrMoved
	}
	if err != nil {
		return failed("read", r.capture.where, r.name, err)
	}
	r.left -= int64(len(block))
	r.sums = r.sums[1:]
	return nil
}

func (r *reader) Close() error {
	if r.buf != nil {
		r.capture.blocks.Put(r.buf)
		r.buf, r.rest = nil, nil
	}
	return r.file.Close()
}

// open opens a regular file.
func (c *capture) open(name string) (*os.File, fs.FileInfo, error) {
	f, err := c.near.open(c.ground.place(name))
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

// nearby opens files by the folder that they stand in, and keeps that open for the
// next: files are read in about the order of their paths, and every step of a path
// is a system call or two. It is safe for concurrent use.
type nearby struct {
	mu     sync.Mutex
	at     place // of folder
	folder *os.Root
}

// open opens a file for reading. What can't be opened by its folder, such as a link
// that leads out of it, is opened by its whole path, which tells why, if need be.
func (n *nearby) open(at place) (*os.File, error) {
	if dir, base := path.Split(at.path); dir != "" {
		if folder := n.in(place{at.root, dir}); folder != nil {
			if f, err := folder.OpenFile(base, readOnly, 0); err == nil {
				return f, nil
			}
		}
	}
	return at.root.OpenFile(at.path, readOnly, 0)
}

// readOnly does not wait: to open a pipe that took a file's place would be to wait
// for its writer.
const readOnly = os.O_RDONLY | syscall.O_NONBLOCK

// in is a folder, nil if it can't be opened. It is closed when another one is asked
// for; whoever still uses it then opens by the whole path.
func (n *nearby) in(dir place) *os.Root {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.folder != nil && n.at == dir {
		return n.folder
	}
	n.leave()
	folder, err := dir.root.OpenRoot(dir.path)
	if err != nil {
		return nil
	}
	n.at, n.folder = dir, folder
	return folder
}

func (n *nearby) leave() {
	if n.folder != nil {
		n.folder.Close()
		n.folder = nil
	}
}

func (n *nearby) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.leave()
}
