package resolver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// skipBytes is how far a body reads ahead to reach an offset, before it opens
// the object anew: the many small parts of one range request are near each
// other.
const skipBytes = 64 << 10

// body is an object as an io.ReadSeeker. It touches the store only when it is
// read, and asks for no more than is needed. Once a read failed it stays
// failed. The mutex is for http.ServeContent, which reads the parts of a
// multiple range from a goroutine of its own.
type body struct {
	store Store
	key   string
	entry manifest.Entry
	hot   *hotFiles

	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	mu   sync.Mutex
	off  int64 // of the next Read
	end  int64 // nothing behind it will be read
	src  io.ReadCloser
	pos  int64 // of src
	last int64 // where src ends
	err  error
}

func newBody(ctx context.Context, store Store, key string, entry manifest.Entry, hot *hotFiles) *body {
	b := &body{store: store, key: key, entry: entry, hot: hot, end: entry.Size}
	b.ctx, b.cancel = context.WithCancel(ctx)
	return b
}

// Seek implements io.Seeker; it costs nothing.
func (b *body) Seek(offset int64, whence int) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += b.off
	case io.SeekEnd:
		offset += b.entry.Size
	}
	if offset < 0 {
		return 0, errors.New("seek to before the start")
	}
	b.off = offset
	return offset, nil
}

// until promises that nothing at or behind end will be read.
func (b *body) until(end int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end = min(end, b.entry.Size)
}

// Read implements io.Reader. An object that ends early is an error: a short
// answer must not pass for the whole.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return 0, b.err
	}
	if b.off >= b.end {
		return 0, io.EOF
	}
	if b.err = b.reach(); b.err != nil {
		return 0, b.err
	}
	if left := b.end - b.off; int64(len(p)) > left {
		p = p[:left]
	}
	n, err := b.src.Read(p)
	b.off += int64(n)
	b.pos += int64(n)
	if err != nil && b.off < b.end {
		if err == io.EOF {
			err = fmt.Errorf("ends after %d of %d bytes: %w", b.off, b.entry.Size, errCorrupt)
		}
		b.err = fmt.Errorf("read %s: %w", b.key, err)
		if n == 0 {
			return 0, b.err
		}
	}
	return n, nil
}

// reach brings src to off.
func (b *body) reach() error {
	if gap := b.off - b.pos; b.src != nil && gap >= 0 && gap <= skipBytes && b.off < b.last {
		n, err := io.CopyN(io.Discard, b.src, gap)
		b.pos += n
		if err == nil {
			return nil
		}
	}
	b.closeSource()
	length := b.end - b.off
	if b.off == 0 && b.end == b.entry.Size {
		length = objstore.Whole
		if data, ok, err := b.hot.load(b.ctx, b.store, b.key, b.entry); ok || err != nil {
			b.src, b.pos, b.last = io.NopCloser(bytes.NewReader(data)), 0, b.end
			return err
		}
	}
	src, err := b.store.Open(b.ctx, b.key, b.off, length)
	if err != nil {
		return err
	}
	b.src, b.pos, b.last = src, b.off, b.end
	return nil
}

// file is the file that holds the next n bytes from its position on, if the
// store gives one and no byte of it can be missing.
func (b *body) file(n int64) (*os.File, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil || b.off >= b.end {
		return nil, false
	}
	if b.err = b.reach(); b.err != nil {
		return nil, false
	}
	f, ok := b.src.(*os.File)
	if !ok {
		return nil, false
	}
	info, err := f.Stat()
	return f, err == nil && info.Mode().IsRegular() && info.Size() >= b.off+n
}

// sent takes note that of n bytes so many left the file, past Read.
func (b *body) sent(sent, n int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.off += sent
	b.pos += sent
	if sent < n && err == nil {
		b.err = fmt.Errorf("read %s: ends after %d of %d bytes: %w", b.key, b.off, b.entry.Size, errCorrupt)
	}
}

// failure is the error of the store that reading ended with, nil if none.
func (b *body) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// Close releases the store's reader, also from under a Read that waits for it.
func (b *body) Close() {
	b.cancel()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closeSource()
	if b.err == nil {
		b.err = errors.New("read of a closed body")
	}
}

func (b *body) closeSource() {
	if b.src != nil {
		// Nothing can be lost by a reader that fails to close.
		_ = b.src.Close()
		b.src = nil
	}
}
