// Package unpack reads what package indexes are compressed with, as a stream, in
// bounded memory, and up to a bounded size: what is small and unpacks to much
// must not cost much.
package unpack

import (
	"compress/bzip2"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/therootcompany/xz"
)

// maxWindow bounds what a compressed file may make us remember, in bytes. It is
// what xz -9 and zstd -19 use.
const maxWindow = 64 << 20

// Extensions are those of the compressions that are known, those that cost least
// to read first. The empty one is that of a plain file.
func Extensions() []string { return []string{"", ".zst", ".lz4", ".gz", ".xz", ".bz2"} }

// Reader reads a file of a compression, by its extension. It ends with an error
// where there is more, or with exact less, than size bytes. The reader is closed
// by the caller, who also closes r.
func Reader(r io.Reader, ext string, size int64, exact bool) (io.ReadCloser, error) {
	u := &unpacker{size: size, exact: exact, close: func() {}}
	var err error
	switch ext {
	case "":
		u.src = r
	case ".gz":
		u.src, err = gzip.NewReader(r)
	case ".bz2":
		u.src = bzip2.NewReader(r)
	case ".xz":
		u.src, err = xz.NewReader(r, maxWindow)
	case ".zst":
		var d *zstd.Decoder
		d, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err == nil {
			u.src, u.close = d, d.Close
		}
	case ".lz4":
		u.src = lz4.NewReader(r)
	default:
		err = fmt.Errorf("compressed in a way that is not known, %q", ext)
	}
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	return u, nil
}

type unpacker struct {
	src   io.Reader
	size  int64
	exact bool
	got   int64
	close func()
}

func (u *unpacker) Read(p []byte) (int, error) {
	if most := u.size - u.got + 1; int64(len(p)) > most {
		p = p[:most]
	}
	n, err := u.src.Read(p)
	u.got += int64(n)
	switch {
	case u.got > u.size:
		return 0, fmt.Errorf("unpacks to more than %d bytes", u.size)
	case err == io.EOF && u.exact && u.got != u.size:
		return n, fmt.Errorf("unpacks to %d bytes, expected %d", u.got, u.size)
	case err != nil && err != io.EOF:
		return n, fmt.Errorf("unpack: %w", err)
	}
	return n, err
}

func (u *unpacker) Close() error {
	u.close()
	return nil
}
