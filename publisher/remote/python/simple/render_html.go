package simple

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Link returns where a file lies, relative to the page: a path with "/" between its segments,
// not yet percent-encoded.
type Link func(f *File) string

// version is the lowest of the API that has all keys in use. Both forms of a page give it.
func (p *Project) version() string {
	minor := 0
	if p.Versions != nil {
		minor = 1
	}
	if len(p.Tracks)+len(p.AlternateLocations) > 0 {
		minor = 2
	}
	for i := range p.Files {
		f := &p.Files[i]
		if f.Size > 0 || f.UploadTime != "" {
			minor = max(minor, 1)
		}
		if f.Provenance != "" {
			minor = max(minor, 3)
		}
	}
	if p.Status != "" || p.StatusReason != "" {
		minor = 4
	}
	return fmt.Sprintf("1.%d", minor)
}

// escapePath percent-encodes all but letters, digits, "-", ".", "_", "~" and "/". So no
// segment can be read as a scheme, and "+" and "!" are read by every server as what they are.
func escapePath(path string) string {
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// attribute makes a text fit between double quotes. HTML can't hold NUL, and a carriage return
// only so.
var attribute = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r", "&#13;", "\x00", "\ufffd")

// writing is a page that is being written. The first error stays.
type writing struct{ *bufio.Writer }

func newWriting(out io.Writer) writing { return writing{bufio.NewWriter(out)} }

func (w writing) put(texts ...string) {
	for _, text := range texts {
		w.WriteString(text)
	}
}

func (w writing) attribute(name, value string) {
	w.put(" ", name, `="`)
	attribute.WriteString(w, value)
	w.put(`"`)
}

func (w writing) meta(name, content string) {
	w.put("<meta")
	w.attribute("name", name)
	w.attribute("content", content)
	w.put(">\n")
}

func (w writing) head(title, version string) {
	w.put("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
	w.meta("pypi:repository-version", version)
	w.put("<title>", attribute.Replace(title), "</title>\n")
}

// RenderHTML writes a project's page in HTML. An error is one of out. HTML has no place for
// versions, sizes, unknown keys, and more than one digest of a file and of its metadata.
func RenderHTML(out io.Writer, p *Project, link Link) error {
	w := newWriting(out)
	title := "Links for " + p.Name
	w.head(title, p.version())
	if p.Status != "" {
		w.meta("pypi:project-status", p.Status)
	}
	if p.StatusReason != "" {
		w.meta("pypi:project-status-reason", p.StatusReason)
	}
	for _, url := range p.Tracks {
		w.meta("pypi:tracks", url)
	}
	for _, url := range p.AlternateLocations {
		w.meta("pypi:alternate-locations", url)
	}
	w.put("</head>\n<body>\n<h1>", attribute.Replace(title), "</h1>\n")
	for i := range p.Files {
		w.anchor(&p.Files[i], link)
	}
	w.put("</body>\n</html>\n")
	return w.Flush()
}

func (w writing) anchor(f *File, link Link) {
	href := escapePath(link(f))
	if digest, ok := f.Hashes.linked(); ok {
		href += "#" + digest.String()
	}
	w.put("<a")
	w.attribute("href", href)
	if f.RequiresPython != "" {
		w.attribute("data-requires-python", f.RequiresPython)
	}
	if f.Yanked {
		w.attribute("data-yanked", f.YankedReason)
	}
	if f.Metadata.Offered {
		value := "true"
		if digest, ok := f.Metadata.Hashes.linked(); ok {
			value = digest.String()
		}
		w.attribute("data-core-metadata", value)
		w.attribute("data-dist-info-metadata", value)
	}
	if f.Signed != Unsaid {
		w.attribute("data-gpg-sig", fmt.Sprint(f.Signed == Yes))
	}
	if f.UploadTime != "" {
		w.attribute("data-upload-time", f.UploadTime)
	}
	if f.Provenance != "" {
		w.attribute("data-provenance", f.Provenance)
	}
	w.put(">", attribute.Replace(f.Name), "</a><br>\n")
}
