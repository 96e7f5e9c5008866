package fetch

import (
	"errors"
	"net/url"
	"strings"
)

// ParseURL reads the URL of an upstream: http, https with a host, or file with
// an absolute path; no credentials and no fragment. Its errors repeat nothing
// of raw, which may hold a password in an unexpected place.
func ParseURL(raw string) (*url.URL, error) {
	if raw == "" {
		return nil, errors.New("missing")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil && !strings.Contains(raw, "://"):
		return nil, noScheme() // a port alone would be a scheme's end
	case err != nil:
		return nil, errors.New("not a valid URL")
	case u.User != nil:
		return nil, errors.New("holds credentials; use username_env and password_env")
	case strings.Contains(raw, "#"):
		return nil, errors.New("holds a fragment; write # in a name as %23")
	}
	switch u.Scheme {
	case "http", "https":
		if u.Hostname() == "" || u.Opaque != "" {
			return nil, errors.New("holds no host")
		}
	case "file":
		if (u.Host != "" && u.Host != "localhost") || !strings.HasPrefix(u.Path, "/") {
			return nil, errors.New("not of the form file:///path")
		}
		if u.RawQuery != "" || u.ForceQuery {
			return nil, errors.New("holds a query; write ? in a name as %3F")
		}
	default:
		if !strings.Contains(raw, "://") {
			return nil, noScheme()
		}
		return nil, errNotOurs
	}
	return u, nil
}

var errNotOurs = errors.New("not an http, https or file URL")

func noScheme() error { return &hintError{errNotOurs, "begin it with https://, http:// or file:///"} }

// Redact is a URL's text for messages: without credentials, query and fragment.
func Redact(u *url.URL) string {
	r := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	if r.Scheme == "file" {
		r.Host = ""
		return "file://" + r.EscapedPath()
	}
	return r.String()
}

// URL is the URL of a file below the folder that the client's base stands in.
// The path is plain text and is percent-encoded here, "+" as well: some object
// stores read it as a space. The base's query is not passed on.
func (c *Client) URL(path string) *url.URL {
	dir := folder(c.base)
	return &url.URL{
		Scheme:  c.base.Scheme,
		Host:    c.base.Host,
		Path:    dir.Path + path,
		RawPath: dir.EscapedPath() + escape(path),
	}
}

// folder cuts a URL's path behind its last slash.
func folder(u *url.URL) *url.URL {
	escaped := u.EscapedPath()
	escaped = escaped[:strings.LastIndexByte(escaped, '/')+1]
	if escaped == "" {
		escaped = "/"
	}
	plain, err := url.PathUnescape(escaped)
	if err != nil { // not from url.Parse
		plain = escaped
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: plain, RawPath: escaped}
}

func escape(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = strings.ReplaceAll(url.PathEscape(s), "+", "%2B")
	}
	return strings.Join(segments, "/")
}

// sameOrigin reports whether u is on base's host, so that base's credentials
// may go there: same scheme, name and port, or the step from http up to https,
// both on their default ports.
func sameOrigin(base, u *url.URL) bool {
	if !strings.EqualFold(base.Hostname(), u.Hostname()) {
		return false
	}
	if base.Scheme == u.Scheme {
		return port(base) == port(u)
	}
	return base.Scheme == "http" && port(base) == "80" && u.Scheme == "https" && port(u) == "443"
}

func port(u *url.URL) string {
	switch p := u.Port(); {
	case p != "":
		return p
	case u.Scheme == "https":
		return "443"
	default:
		return "80"
	}
}
