package unpack

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/therootcompany/xz"
	"github.com/ulikunitz/xz/lzma"
)

// packed is a compressed file. It may consist of several compressed streams, one after
// the other.
type packed struct {
	io.Reader
	behind error       // the decoder's error if no other stream follows; nil: it has none
	rest   func() bool // at the end: whether bytes follow; nil: see behind
	close  func()      // nil: nothing to do
}

// isBehind reports whether an error only means that other bytes follow the last stream.
func (p packed) isBehind(err error) bool { return p.behind != nil && errors.Is(err, p.behind) }

func open(r *bufio.Reader, ext string) (p packed, err error) {
	switch ext {
	case "":
		p.Reader = r
	case ".gz":
		return openGzip(r)
	case ".bz2":
		p = packed{Reader: bzip2.NewReader(r), behind: bzip2.StructuralError("bad magic value in continuation file")}
	case ".xz":
		return openXZ(r)
	case ".lzma":
		return openLZMA(r)
	case ".zst":
		var d *zstd.Decoder
		if err := begins(r, zstdMagic, "zstd"); err != nil {
			return p, err
		}
		d, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(MaxWindow), zstd.WithDecoderLowmem(true))
		if err == nil {
			p = packed{Reader: d, behind: zstd.ErrMagicMismatch, close: d.Close}
		}
	case ".lz4":
		if err := begins(r, lz4Magic, "lz4"); err != nil {
			return p, err
		}
		p = packed{Reader: lz4.NewReader(r), behind: lz4.ErrInvalidFrame}
	default:
		err = fmt.Errorf("compressed in a way that is not known, %.20q", ext)
	}
	return p, err
}

// The first bytes of zstd and lz4 files (RFC 8878, section 3.1.1; the LZ4 frame format).
const (
	zstdMagic = "\x28\xb5\x2f\xfd"
	lz4Magic  = "\x04\x22\x4d\x18"
)

// begins checks the first bytes of a file. The decoders return the same error for a file
// of another format and for extra bytes after the end, so we rule out the first case
// here.
func begins(r *bufio.Reader, magic, kind string) error {
	if got, _ := r.Peek(len(magic)); string(got) != magic {
		return fmt.Errorf("is no %s file", kind)
	}
	return nil
}

// openGzip reads members (RFC 1952) until something else follows.
func openGzip(r *bufio.Reader) (packed, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return packed{}, err
	}
	z.Multistream(false)
	m := &members{src: r, Reader: z, next: func() error {
		if err := z.Reset(r); err != nil {
			return err
		}
		z.Multistream(false)
		return nil
	}, magic: []byte{0x1f, 0x8b}}
	return packed{Reader: m, rest: m.more}, nil
}

// members reads consecutive streams. Each begins with the magic bytes.
type members struct {
	io.Reader
	src   *bufio.Reader
	magic []byte
	next  func() error
}

func (m *members) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	if err != io.EOF {
		return n, err
	}
	if head, _ := m.src.Peek(len(m.magic)); !bytes.Equal(head, m.magic) {
		return n, io.EOF
	}
	return n, m.next()
}

func (m *members) more() bool { return follows(m.src) }

func follows(r *bufio.Reader) bool {
	_, err := r.Peek(1)
	return err == nil
}

// openXZ reads streams and the zeros that may pad them. Padding must be a multiple of
// four bytes. Not all tools respect that, so the decoder never sees the zeros at the end.
func openXZ(r *bufio.Reader) (packed, error) {
	src := &withoutZeros{r: r}
	z, err := xz.NewReader(src, MaxWindow)
	return packed{Reader: z, behind: xz.ErrFormat, rest: func() bool { return src.held%4 != 0 }}, err
}

// withoutZeros reads a file without the zeros at its end.
type withoutZeros struct {
	r    *bufio.Reader
	held int // zeros that were read but not passed on
}

func (w *withoutZeros) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		c, err := w.r.ReadByte()
		if err != nil && n > 0 {
			return n, nil // the decoder must get all data before it sees the end
		}
		if err != nil {
			return 0, err
		}
		if c == 0 {
			w.held++
			continue
		}
		if w.held > 0 {
			_ = w.r.UnreadByte() // can't fail: the byte was just read
			zeros := min(w.held, len(p)-n)
			clear(p[n : n+zeros])
			n, w.held = n+zeros, w.held-zeros
			continue
		}
		p[n] = c
		n++
	}
	return n, nil
}

// openLZMA reads the older .lzma format: one stream after a header of 13 bytes. The
// dictionary size is a 32-bit number that begins at the second byte.
func openLZMA(r *bufio.Reader) (packed, error) {
	if head, err := r.Peek(5); err == nil {
		if window := binary.LittleEndian.Uint32(head[1:]); window > MaxWindow {
			return packed{}, fmt.Errorf("needs a dictionary of %d bytes, more than %d", window, MaxWindow)
		}
	}
	z, err := lzma.NewReader(r)
	return packed{Reader: z, rest: func() bool { return follows(r) }}, err
}
