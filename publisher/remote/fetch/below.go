package fetch

import (
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Below is the client for the files that a root document leads to. path is the root
// document's in the tree, and way is how it was reached. Where a redirect led to the
// same path elsewhere, the files are asked for there as well: a name that moves from
// state to state redirects each document for itself, and they would not belong
// together. The upstream's own host stays the only one to see credentials.
//
// A redirect is for the one document if it leads to another name, as to a store of
// blobs, or adds a query, such as a signature. It moves nothing.
func (c *Client) Below(path string, way []*url.URL) *Client {
	if c.Local() || len(way) < 2 {
		return c
	}
	for _, u := range slices.Backward(way[1:]) {
		base, ok := cutPath(u, path)
		if !ok || (u.RawQuery != "" && u.RawQuery != c.base.RawQuery) {
			continue
		}
		c.log.Info("the root document was redirected; the other files are asked for at the same place", "url", Redact(base))
		moved := *c
		moved.base = base
		return &moved
	}
	c.log.Info("the root document alone was redirected; the other files are asked for at the upstream",
		"from", Redact(way[0]), "to", Redact(way[len(way)-1]))
	return c
}

// cutPath is the folder from which a path leads to u.
func cutPath(u *url.URL, path string) (*url.URL, bool) {
	escaped := u.EscapedPath()
	end := len(escaped)
	for range strings.Count(path, "/") + 1 {
		if end = strings.LastIndexByte(escaped[:end], '/'); end < 0 {
			return nil, false
		}
	}
	rest, err := url.PathUnescape(escaped[end+1:])
	if err != nil || rest != path {
		return nil, false
	}
	dir := *u
	dir.Path, _ = url.PathUnescape(escaped[:end+1]) // a part of what was parsed already
	dir.RawPath = escaped[:end+1]
	return folder(&dir), true
}

// hosts are the foreign hosts that redirects led to.
type hosts struct{ seen sync.Map }

// add reports whether a URL's scheme and host are new.
func (h *hosts) add(u *url.URL) bool {
	_, seen := h.seen.LoadOrStore(u.Scheme+"://"+u.Host, true)
	return !seen
}
