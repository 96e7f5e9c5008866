package objstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
)

// Body is the content of a Create: its exact size, its digest, and a way to
// read it, as often as needed: Open or OpenAt.
type Body struct {
	Size   int64
	SHA256 [sha256.Size]byte
	// Open starts a read from the first byte. It is called again for a retry.
	Open func(ctx context.Context) (io.ReadCloser, error)
	// OpenAt, if not nil, is called in its place. The source sees to it itself
	// that it gives the bytes that size and digest are of, or an error: they are
	// not hashed again. It gives them from any offset, for several reads at once.
	OpenAt func(ctx context.Context, offset int64) (io.ReadCloser, error)
}

// Bytes is a body in memory.
func Bytes(data []byte) Body { return inMemory(data, sha256.Sum256(data)) }

func inMemory(data []byte, digest [sha256.Size]byte) Body {
	return Body{Size: int64(len(data)), SHA256: digest, OpenAt: func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data[offset:])), nil
	}}
}

// Part is a stretch of a body that has OpenAt. It has no digest.
func (b Body) Part(offset, length int64) Body {
	return Body{Size: length, OpenAt: func(ctx context.Context, from int64) (io.ReadCloser, error) {
		return b.OpenAt(ctx, offset+from)
	}}
}

// Load reads the body, checked, into buf, or into a new buffer where buf is too
// small for its size and one byte more. The body that it returns is read from
// that buffer, and not hashed again. The caller bounds the size, and may use the
// buffer for something else once nobody reads that body any more.
func (b Body) Load(ctx context.Context, buf []byte) (Body, []byte, error) {
	if b.Size >= 0 && int64(cap(buf)) <= b.Size {
		buf = make([]byte, b.Size+1)
	}
	r := b.Reader(ctx)
	defer r.Close()
	n, _ := io.ReadFull(r, buf[:cap(buf)])
	if err := r.Err(); err != nil {
		return b, buf, err
	}
	return inMemory(buf[:n], b.SHA256), buf, nil
}

// Hex is the digest in lower-case hexadecimal.
func (b Body) Hex() string { return hex.EncodeToString(b.SHA256[:]) }

// Reader returns a reader of the body that checks what it reads. The body is
// opened at the first Read.
func (b Body) Reader(ctx context.Context) *BodyReader {
	return &BodyReader{ctx: ctx, body: b}
}

// BodyReader reads a Body once, or again after a Seek to its start, and gives
// its last bytes out only once size and digest were found right: a store that
// was promised Size bytes can never complete an object with wrong ones.
//
// It is an io.ReadSeeker because SDKs rewind a body to retry; Seek takes the
// start, and the end to tell the size. After a failed read it stays failed, so
// that no SDK repeats what cannot succeed; the end of the context is such a
// failure, whatever the source makes of it. It is not safe for concurrent use.
type BodyReader struct {
	ctx  context.Context
	body Body

	src    io.ReadCloser
	opened bool      // since the last rewind
	atEnd  bool      // after a Seek to the end
	hash   hash.Hash // nil if the source is known to be right
	off    int64     // bytes given out
	err    error     // sticky; never io.EOF
	closed bool
}

var errClosedBody = errors.New("read of a closed body")

// Read implements io.Reader.
func (r *BodyReader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.closed {
		return 0, errClosedBody
	}
	if r.err = r.ctx.Err(); r.err != nil {
		return 0, r.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if r.atEnd {
		return 0, io.EOF
	}
	if !r.opened {
		if r.err = r.open(); r.err != nil {
			return 0, r.err
		}
	}
	n, err := r.read(p)
	if err != nil && err != io.EOF {
		if ctxErr := r.ctx.Err(); ctxErr != nil {
			err = ctxErr
		}
		r.err = err
		r.closeSource()
	}
	return n, err
}

func (r *BodyReader) open() error {
	if r.body.Size < 0 {
		return fmt.Errorf("%w: a body of %d bytes", ErrMismatch, r.body.Size)
	}
	if r.body.OpenAt != nil {
		src, err := r.body.OpenAt(r.ctx, 0)
		r.src, r.opened = src, err == nil
		return err
	}
	src, err := r.body.Open(r.ctx)
	if err != nil {
		return err
	}
	r.src, r.hash, r.opened = src, sha256.New(), true
	if r.body.Size == 0 {
		return r.verify()
	}
	return nil
}

func (r *BodyReader) read(p []byte) (int, error) {
	left := r.body.Size - r.off
	if left == 0 {
		return 0, io.EOF
	}
	n, err := r.src.Read(p[:min(int64(len(p)), left)])
	if n == 0 && err != nil {
		return 0, r.short(err)
	}
	if r.hash != nil {
		r.hash.Write(p[:n])
		if int64(n) == left { // the last bytes: verified before they leave
			if err := r.verify(); err != nil {
				return 0, err
			}
		}
	}
	r.off += int64(n)
	return n, nil
}

// verify checks that the source ends here and that its digest is right.
func (r *BodyReader) verify() error {
	defer r.closeSource()
	var extra [1]byte
	switch _, err := io.ReadFull(r.src, extra[:]); {
	case err == nil:
		return fmt.Errorf("%w: longer than %d bytes", ErrMismatch, r.body.Size)
	case err != io.EOF:
		return err
	}
	if got := r.hash.Sum(nil); !bytes.Equal(got, r.body.SHA256[:]) {
		return fmt.Errorf("%w: sha256 is %x, want %x", ErrMismatch, got, r.body.SHA256)
	}
	return nil
}

// short names a source that ends too early. One that says itself that it was
// cut off (a lost connection) keeps its error too: trying again may help.
func (r *BodyReader) short(err error) error {
	switch {
	case err == io.EOF:
		return fmt.Errorf("%w: ends after %d bytes, want %d", ErrMismatch, r.off, r.body.Size)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: ends after %d bytes, want %d: %w", ErrMismatch, r.off, r.body.Size, err)
	}
	return err
}

// Seek implements io.Seeker for the start and, to learn the size, the end.
func (r *BodyReader) Seek(offset int64, whence int) (int64, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.closed {
		return 0, errClosedBody
	}
	switch {
	case whence == io.SeekStart && offset == 0:
		r.rewind(false)
		return 0, nil
	case whence == io.SeekCurrent && offset == 0:
		return r.off, nil
	case whence == io.SeekEnd && offset == 0 && (r.off == 0 || r.off == r.body.Size):
		r.rewind(true)
		return r.body.Size, nil
	}
	return 0, fmt.Errorf("seek to %d (whence %d): only the start and the end of a body can be reached", offset, whence)
}

// Err is the error that reading the body ended with, nil if none: what a caller
// reports in place of an SDK's wrapping of it.
func (r *BodyReader) Err() error { return r.err }

// Close releases the source. The reader can't be used afterwards, but Err still
// tells how reading went.
func (r *BodyReader) Close() error {
	r.closeSource()
	r.closed = true
	return nil
}

func (r *BodyReader) rewind(toEnd bool) {
	r.closeSource()
	r.opened, r.atEnd, r.off = false, toEnd, 0
}

func (r *BodyReader) closeSource() {
	if r.src != nil {
		r.src.Close()
		r.src = nil
	}
}
