// Package unpack decompresses package indexes as streams. It limits memory and output
// size, because a small hostile file may unpack to a huge one.
package unpack

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
)

// MaxWindow limits how much memory a compressed file may demand for its window, in bytes.
// The largest preset of xz needs 64 MiB, zstd --ultra -22 needs 128 MiB.
const MaxWindow = 256 << 20

// Extensions lists the file name extensions of the known compressions, cheapest to read
// first. The empty one means an uncompressed file.
func Extensions() []string { return []string{"", ".zst", ".lz4", ".gz", ".xz", ".lzma", ".bz2"} }

// Stream is a file that is being unpacked.
type Stream struct {
	packed   packed
	size     int64
	exact    bool
	got      int64
	trailing bool
}

// Reader unpacks a file. ext selects the compression. Reading fails if the content has
// more than size bytes or, with exact, less. A file of zero bytes is an empty file in
// every compression. apt takes it for one only if Release lists it with size 0, which the
// caller checks. The caller closes the stream, and also r.
//
// Bytes after the end of the compressed data are ignored, as apt and gzip do. With exact
// the data ends after size bytes, whatever follows. That is safe, because a caller who
// knows the size also knows a digest of the content and checks it.
func Reader(r io.Reader, ext string, size int64, exact bool) (*Stream, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	s := &Stream{size: size, exact: exact}
	var err error
	if _, empty := br.Peek(1); empty == io.EOF {
		s.packed.Reader = br
		return s, nil
	}
	if s.packed, err = open(br, ext); err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	return s, nil
}

// XML unpacks an XML document as Reader does. What begins as XML does is read as it is,
// whatever ext says: clients read gzip files by zlib's gzread, which does so. No compressed
// file begins like that, except that one in .lzma may.
func XML(r io.Reader, ext string, size int64) (*Stream, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	head, _ := br.Peek(64) // an error comes back when it is read
	if ext != ".lzma" && bytes.HasPrefix(bytes.TrimLeft(head, "\ufeff \t\r\n"), []byte("<")) {
		ext = ""
	}
	return Reader(br, ext, size, false)
}

// Read reads unpacked bytes.
func (s *Stream) Read(p []byte) (int, error) {
	if most := s.size - s.got + 1; int64(len(p)) > most {
		p = p[:most]
	}
	n, err := s.packed.Read(p)
	s.got += int64(n)
	if err != nil && err != io.EOF && (s.packed.isBehind(err) || s.exact && s.got == s.size) {
		s.trailing, err = true, io.EOF
	}
	switch {
	case s.got > s.size:
		return 0, fmt.Errorf("unpacks to more than %d bytes", s.size)
	case err == io.EOF && s.exact && s.got != s.size:
		return n, fmt.Errorf("unpacks to %d bytes, expected %d", s.got, s.size)
	case err != nil && err != io.EOF:
		return n, fmt.Errorf("unpack: %w", err)
	}
	return n, err
}

// Trailing reports whether other bytes follow the compressed data. Call it at the end of
// the stream.
func (s *Stream) Trailing() bool {
	return s.trailing || s.packed.rest != nil && s.packed.rest()
}

// Close frees the resources of the decompressor.
func (s *Stream) Close() error {
	if s.packed.close != nil {
		s.packed.close()
	}
	return nil
}
