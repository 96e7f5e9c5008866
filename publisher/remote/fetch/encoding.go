package fetch

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"path"
	"strings"
)

// Some servers and proxies compress whatever they send, although they are asked not to.
// Others say Content-Encoding of a file that is compressed by itself.

// compressed reports whether an answer may have been compressed for the transfer, and
// its length with it. size is what the file should have, in bytes; -1: unknown.
func compressed(resp *http.Response, size int64) bool {
	switch strings.ToLower(resp.Header.Get("Content-Encoding")) {
	case "gzip", "x-gzip":
		return size < 0 || resp.ContentLength != size
	}
	return false
}

// isGzip reports whether a document is compressed by itself, by its name.
func isGzip(resp *http.Response) bool {
	ext := path.Ext(resp.Request.URL.Path)
	return ext == ".gz" || ext == ".tgz"
}

// unzip is the body of an answer as it was before it was compressed for the transfer.
func unzip(resp *http.Response) io.ReadCloser {
	return &unzipped{raw: bufio.NewReader(resp.Body), twice: isGzip(resp), Closer: resp.Body}
}

type unzipped struct {
	raw   *bufio.Reader
	twice bool      // what comes out is gzip, too, or nothing was compressed
	src   io.Reader // nil: nothing was read yet
	io.Closer
}

func (z *unzipped) Read(p []byte) (n int, err error) {
	if z.src == nil {
		if z.src, err = z.open(); err != nil {
			return 0, err
		}
	}
	return z.src.Read(p)
}

func (z *unzipped) open() (io.Reader, error) {
	begin, _ := z.raw.Peek(512) // an error comes again
	if !hasMagic(begin) {
		return z.raw, nil
	}
	if z.twice {
		inner := make([]byte, 2)
		gz, err := gzip.NewReader(bytes.NewReader(begin))
		if err == nil {
			_, err = io.ReadFull(gz, inner)
		}
		if err != nil || !hasMagic(inner) {
			return z.raw, nil
		}
	}
	return gzip.NewReader(z.raw)
}

func hasMagic(b []byte) bool { return bytes.HasPrefix(b, []byte{0x1f, 0x8b}) }
