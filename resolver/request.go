package resolver

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
)

// Limits of a request's target, in bytes. A path of manifest.MaxPath bytes fits
// with every byte percent-encoded. The query is only carried over to redirects.
const (
	maxTargetPath  = 4 << 10
	maxTargetQuery = 4 << 10
)

// target is the path of a request.
type target struct {
	segs    []string // decoded, none empty
	slash   bool     // it ends in a slash
	doubled bool     // it held double slashes, which are collapsed
}

// parseTarget reads an escaped path, as url.URL.EscapedPath gives it. Each
// segment is decoded on its own: an encoded slash never separates segments, and
// nothing that decodes to a dot segment or to control characters gets through.
func parseTarget(escaped string) (target, error) {
	if escaped == "" {
		escaped = "/"
	}
	if escaped[0] != '/' {
		return target{}, errors.New("the path does not start with a slash")
	}
	var t target
	rest, more := escaped[1:], true
	for more {
		var raw string
		raw, rest, more = strings.Cut(rest, "/")
		switch {
		case raw == "" && more:
			t.doubled = true
			continue
		case raw == "":
			t.slash = true
			continue
		}
		seg, err := url.PathUnescape(raw)
		if err != nil {
			return target{}, fmt.Errorf("segment %.80q is not validly encoded", raw)
		}
		if strings.Contains(seg, "/") {
			return target{}, fmt.Errorf("segment %.80q holds an encoded slash", raw)
		}
		if err := manifest.CheckPath(seg); err != nil {
			return target{}, fmt.Errorf("segment %.80q can't be part of a path", raw)
		}
		t.segs = append(t.segs, seg)
	}
	return t, nil
}

// location is an absolute path for a Location header. It starts with one slash
// and the first character of a segment, so that it never names another host
// (RFC 9110, section 10.2.2; RFC 3986, section 4.2).
func location(slash bool, query string, segs ...string) string {
	var b strings.Builder
	for _, seg := range segs {
		b.WriteByte('/')
		b.WriteString(page.EscapePath(seg))
	}
	if slash || len(segs) == 0 {
		b.WriteByte('/')
	}
	return b.String() + query
}

// queryOf is the request's query with its question mark, byte for byte, except
// for what may not stand in a header or would end the query.
func queryOf(req *http.Request) string {
	query := req.URL.RawQuery
	if query == "" && !req.URL.ForceQuery {
		return ""
	}
	clean := true
	for i := range len(query) {
		clean = clean && !unfit(query[i])
	}
	if clean {
		return "?" + query
	}
	b := []byte{'?'}
	for i := range len(query) {
		if c := query[i]; unfit(c) {
			b = fmt.Appendf(b, "%%%02X", c)
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

func unfit(c byte) bool { return c <= ' ' || c >= 0x7f || c == '#' }
