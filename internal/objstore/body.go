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

// Body is the content of a Create: its exact size, its digest, and a function
// that reads it as often as needed: Open or OpenAt.
type Body struct {
	Size   int64
	SHA256 [sha256.Size]byte
	// Open starts a read from the first byte. It is called again for a retry.
	Open func(ctx context.Context) (io.ReadCloser, error)
	// OpenAt, if not nil, is called instead of Open. Its source guarantees the
	// bytes of this size and digest, or an error, so they are not hashed again.
	// It can read from any offset, for several reads at once.
	OpenAt func(ctx context.Context, offset int64) (io.ReadCloser, error)
}

// Bytes returns a body in memory.
func Bytes(data []byte) Body { return inMemory(data, sha256.Sum256(data)) }

func inMemory(data []byte, digest [sha256.Size]byte) Body {
	return Body{Size: int64(len(data)), SHA256: digest, OpenAt: func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data[offset:])), nil
	}}
}

// Part returns a stretch of a body that has OpenAt. It has no digest.
func (b Body) Part(offset, length int64) Body {
	return Body{Size: length, OpenAt: func(ctx context.Context, from int64) (io.ReadCloser, error) {
		return b.OpenAt(ctx, offset+from)
	}}
}

// Load reads and checks the body into buf, or into a new buffer if buf can't hold
// its size and one more byte. The returned body is read from that buffer, and not
// hashed again. The caller must bound the size, and may reuse the buffer once
// nobody reads that body.
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

// Hex returns the digest in lower-case hexadecimal.
func (b Body) Hex() string { return hex.EncodeToString(b.SHA256[:]) }

// Reader returns a reader of the body that checks what it reads. The body is
// opened at the first Read.
func (b Body) Reader(ctx context.Context) *BodyReader {
	return &BodyReader{ctx: ctx, body: b}
}

// BodyReader reads a Body once, or again after a Seek to its start. It returns
// the last bytes only after it has verified size and digest: so a store that was
// promised Size bytes can never complete an object with wrong ones.
//
// It is an io.ReadSeeker because SDKs rewind a body to retry. Seek goes to the
// start, or to the end to tell the size. A failed reader stays failed, so that no
// SDK repeats what can't succeed. The end of the context also fails it, whatever
// the source does. It is not safe for concurrent use.
type BodyReader struct {
	ctx  context.Context
	body Body

	src    io.ReadCloser
	opened bool      // since the last rewind
	atEnd  bool      // after a Seek to the end
	hash   hash.Hash // nil if the source is known to be right
	off    int64     // bytes returned
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
		if int64(n) == left { // the last bytes: verify before they are returned
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

// short returns the error of a source that ends too early. If the source itself
// reported a cut (a lost connection), its error stays too: a retry may help.
func (r *BodyReader) short(err error) error {
	switch {
	case err == io.EOF:
		return fmt.Errorf("%w: ends after %d bytes, want %d", ErrMismatch, r.off, r.body.Size)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: ends after %d bytes, want %d: %w", ErrMismatch, r.off, r.body.Size, err)
	}
	return err
}

// Seek implements io.Seeker. It takes only the start and, to tell the size, the
// end.
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

// Err returns the error that ended the reading of the body; nil if none. Callers
// report it instead of the SDK's wrapped version.
func (r *BodyReader) Err() error { return r.err }

// Close releases the source. The reader can't be used afterwards, except for Err.
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
