// Package page renders asof's HTML pages: the listing of a directory, the list of
// a repo's checkpoints, the list of repos, and errors. The publisher stores the
// first two in the bucket and the resolver serves all of them, so a page looks
// the same wherever it comes from.
//
// Pages are static HTML5. They work without their script. Their output depends on
// the arguments only, and html/template escapes everything from upstream
// (invariant 8). Links are relative: a page works under any prefix, and an
// unchanged directory has the same page in every checkpoint.
//
// All functions stream: they hold one row at a time. After an error an unknown
// part of the page has been written. They are safe for concurrent use.
package page

import (
	"bufio"
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/asof/asof/manifest"
)

//go:embed templates/*.tmpl
var files embed.FS

// templates is parsed once and never changes.
var templates = template.Must(template.ParseFS(files, "templates/*.tmpl"))

// render executes a template. html/template writes as it goes; the buffer only
// saves small writes.
func render(w io.Writer, name string, data any) error {
	buf := bufio.NewWriterSize(w, 32<<10)
	if err := templates.ExecuteTemplate(buf, name, data); err != nil {
		return fmt.Errorf("render %s page: %w", name, err)
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("render %s page: %w", name, err)
	}
	return nil
}

// Bytes returns a page in memory. write is one of this package's functions.
func Bytes(write func(io.Writer) error) ([]byte, error) {
	var b bytes.Buffer
	err := write(&b)
	return b.Bytes(), err
}

// EscapePath percent-encodes a slash-separated path for a URL (RFC 3986, section
// 3.3), segment by segment. Unlike url.PathEscape it also encodes "+", which S3
// reads as a space, and "&", which HTML would have to escape.
func EscapePath(path string) string {
	var b strings.Builder
	for i, seg := range strings.Split(path, "/") {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(escapeSegment(seg))
	}
	return b.String()
}

func escapeSegment(seg string) string {
	seg = url.PathEscape(seg)
	seg = strings.ReplaceAll(seg, "+", "%2B")
	return strings.ReplaceAll(seg, "&", "%26")
}

// href returns a relative reference to a name in the same directory. A colon in the
// first segment would look like a scheme (RFC 3986, section 4.2).
func href(name string) string {
	ref := escapeSegment(name)
	if strings.Contains(ref, ":") {
		return "./" + ref
	}
	return ref
}

// Layouts of times on pages.
const (
	days    = "2006-01-02"
	minutes = "2006-01-02 15:04"
	seconds = "2006-01-02 15:04:05"
)

// instant returns a time for people to read; "-" if there is none.
func instant(id manifest.ID, layout string) string {
	if !id.Valid() {
		return "-"
	}
	return id.Time().Format(layout)
}

// human returns a rounded size, and the exact size if that adds something.
func human(n int64) (rounded, exact string) {
	if n < 1024 {
		return fmt.Sprintf("%d B", n), ""
	}
	exact = fmt.Sprintf("%d bytes", n)
	size, units := float64(n)/1024, "KMGTPE"
	for size >= 1024 && len(units) > 1 {
		size, units = size/1024, units[1:]
	}
	return fmt.Sprintf("%.1f %ciB", size, units[0]), exact
}

// Span returns a number of seconds for people to read: 72h, 1h30m, 0s.
func Span(seconds int64) string {
	text := (time.Duration(seconds) * time.Second).String()
	for _, none := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, none) {
			text = text[:len(text)-2]
		}
	}
	return text
}
