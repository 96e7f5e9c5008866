package fetch

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/asof/asof/manifest"
)

// maxResumes bounds how often a body goes on after its connection broke. There are
// lines and gateways on which no large file ever comes through in one piece.
const maxResumes = 100

// rest is the part of a document that did not come yet.
type rest struct {
	from int64  // bytes that came
	same string // for If-Range: the document is still the one that they were of
}

// errNotResumed is an answer that is not the rest.
var errNotResumed = errors.New("the server does not go on where it broke off")

func (r rest) set(h http.Header) {
	if r.from > 0 {
		h.Set("Range", fmt.Sprintf("bytes=%d-", r.from))
		h.Set("If-Range", r.same)
	}
}

// answered judges a good answer: the whole document where all was asked for, else the
// rest of it.
func (r rest) answered(resp *http.Response) error {
	switch {
	case r.from == 0 && resp.StatusCode == http.StatusOK:
		return nil
	case r.from == 0:
		return statusError(resp)
	case resp.StatusCode != http.StatusPartialContent,
		!strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", r.from)):
		return errNotResumed
	}
	return nil
}

// identity tells whether a document is still the same, as If-Range wants it; empty: the
// server says nothing that does. A time is good enough: whoever reads a document whole
// holds it against its digest.
func identity(h http.Header) string {
	if etag := h.Get("ETag"); manifest.CheckETag(etag) == nil {
		return etag
	}
	if h.Get("ETag") != "" { // weak
		return ""
	}
	return h.Get("Last-Modified")
}

// resumer asks for the rest of the document at u; nil: there is no way to.
func (c *Client) resumer(ex *exchange, u *url.URL, h http.Header) func(from int64) (io.ReadCloser, error) {
	same := identity(h)
	if same == "" || h.Get("Accept-Ranges") != "bytes" {
		return nil
	}
	return func(from int64) (io.ReadCloser, error) {
		c.log.Info("the connection broke; the rest is asked for", "url", Redact(u), "after", from)
		ex.rest = rest{from, same}
		resp, err := c.send(ex, http.MethodGet, u)
		if err != nil {
			return nil, err
		}
		return resp.Body, nil
	}
}
