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
// read it, as often as needed, from the start.
type Body struct {
	Size   int64
	SHA256 [sha256.Size]byte
	// Open starts a read from the first byte. It is called again for a retry.
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// Bytes is a body in memory.
func Bytes(data []byte) Body {
	return Body{
		Size:   int64(len(data)),
		SHA256: sha256.Sum256(data),
		Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(data)), nil
		},
	}
}

// Hex is the digest in lower-case hexadecimal.
func (b Body) Hex() string { return hex.EncodeToString(b.SHA256[:]) }

// Reader returns a reader of the body that checks what it reads. The body is
// opened at the first Read.
func (b Body) Reader(ctx context.Context) *BodyReader {
	return &BodyReader{ctx: ctx, body: b}
}

// BodyReader reads a Body once, or again after a Seek to its start, and gives
// its last byte out only once size and digest were found right: a store that
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
	opened bool // since the last rewind
	atEnd  bool // after a Seek to the end
	hash   hash.Hash
	off    int64   // bytes given out
	held   [1]byte // the last byte, until it is verified
	err    error   // sticky; never io.EOF
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
		r.err = err
		r.closeSource()
	}
	return n, err
}

func (r *BodyReader) open() error {
	if r.body.Size < 0 {
		return fmt.Errorf("%w: a body of %d bytes", ErrMismatch, r.body.Size)
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
	switch {
	case left == 0:
		return 0, io.EOF
	case left == 1:
		// The last byte: verified before it leaves.
		if _, err := io.ReadFull(r.src, r.held[:]); err != nil {
			return 0, r.short(err)
		}
		r.hash.Write(r.held[:])
		if err := r.verify(); err != nil {
			return 0, err
		}
		p[0] = r.held[0]
		r.off++
		return 1, nil
	}
	if int64(len(p)) > left-1 {
		p = p[:left-1]
	}
	n, err := r.src.Read(p)
	r.hash.Write(p[:n])
	r.off += int64(n)
	if err != nil && n == 0 {
		return 0, r.short(err)
	}
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
