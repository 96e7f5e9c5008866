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
	path    string // decoded, without slashes around it, doubled ones and dots between them; maybe empty
	slash   bool   // it ends in a slash
	doubled bool   // it held double slashes or "/./", as apt asks of flat repositories, which are collapsed
}

// parseTarget reads an escaped path, as url.URL.EscapedPath gives it. Each
// segment is decoded on its own: an encoded slash never separates segments, and
// nothing that decodes to a dot segment or to control characters gets through.
// Only a plain "." is as good as nothing (RFC 3986, section 5.2.4).
func parseTarget(escaped string) (target, error) {
	if escaped == "" {
		escaped = "/"
	}
	if escaped[0] != '/' {
		return target{}, errors.New("the path does not start with a slash")
	}
	t := target{slash: escaped[len(escaped)-1] == '/', doubled: strings.Contains(escaped, "//") || strings.Contains(escaped, "/./")}
	plain := !t.doubled && !strings.Contains(escaped, "%")
	if plain { // as nearly all are: nothing to decode, nothing to copy
		t.path = strings.Trim(escaped, "/")
	}
	var decoded strings.Builder
	rest, more := escaped[1:], true
	for more {
		var raw string
		if raw, rest, more = strings.Cut(rest, "/"); raw == "" || (raw == "." && more) {
			continue
		}
		seg := raw
		if !plain {
			var err error
			if seg, err = url.PathUnescape(raw); err != nil {
				return target{}, fmt.Errorf("segment %.80q is not validly encoded", raw)
			}
			if strings.Contains(seg, "/") {
				return target{}, fmt.Errorf("segment %.80q holds an encoded slash", raw)
			}
			if decoded.Len() > 0 {
				decoded.WriteByte('/')
			}
			decoded.WriteString(seg)
		}
		if err := manifest.CheckPath(seg); err != nil {
			return target{}, fmt.Errorf("segment %.80q can't be part of a path", raw)
		}
	}
	if !plain {
		t.path = decoded.String()
	}
	return t, nil
}

// location is an absolute path for a Location header. It starts with one slash
// and the first character of a segment, so that it never names another host
// (RFC 9110, section 10.2.2; RFC 3986, section 4.2). Parts are paths; empty
// ones don't count.
func location(slash bool, query string, parts ...string) string {
	size := len("/") + len(query)
	for _, part := range parts {
		size += len("/") + len(part)
	}
	var b strings.Builder
	b.Grow(size)
	for _, part := range parts {
		if part == "" {
			continue
		}
		b.WriteByte('/')
		if strings.ContainsFunc(part, needsEscape) {
			part = page.EscapePath(part)
		}
		b.WriteString(part)
	}
	if slash || b.Len() == 0 {
		b.WriteByte('/')
	}
	b.WriteString(query)
	return b.String()
}

// needsEscape reports whether page.EscapePath is to look at a path: it leaves
// letters, digits and these alone.
func needsEscape(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '/', r == '.', r == '-', r == '_', r == '~':
		return false
	}
	return true
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
