package simple

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/url"
	"strings"

	"github.com/asof/asof/publisher/remote"
)

// Limits of a page. The caller limits its bytes: pages of 40,000 files have 15 MB.
const (
	MaxFiles    = 200_000   // of one project; as many versions
	MaxProjects = 2_000_000 // on a root page
)

const (
	maxValue = 256 << 10 // bytes of one file in JSON, and of another key's value
	maxToken = 1 << 20   // bytes of a tag, a comment or a text in HTML
	maxKeys  = 1000      // of a page in JSON
	maxNamed = 10        // refusals and names in a note that are kept
	maxName  = 300       // bytes of a name in a note
)

// Source says which page is read.
type Source struct {
	Project string   // the name that was asked for, in any spelling; a root page has none
	URL     *url.URL // of the page, after all redirects
	// AllowHTTP takes links to plain HTTP from a page that came by HTTPS.
	AllowHTTP bool

	most int // files or projects, for tests; 0: MaxFiles, MaxProjects
}

// The types of pages that installers take.
const (
	TypeHTML   = "text/html"
	TypeHTMLV1 = "application/vnd.pypi.simple.v1+html" // old installers refuse it
	TypeJSON   = "application/vnd.pypi.simple.v1+json"
)

// typeAnyJSON is what some indexes send pages as. Installers refuse them.
const typeAnyJSON = "application/json"

// Parse reads a project's page as its Content-Type says. An error of body is returned as it is.
func Parse(contentType string, body io.Reader, from Source) (*Page, error) {
	form, err := formOf(contentType)
	switch {
	case err != nil:
		return nil, from.refuse(err)
	case form == TypeHTML:
		return ParseHTML(body, contentType, from)
	}
	page, err := ParseJSON(body, from)
	return page, generic(contentType, err)
}

// generic explains an error of JSON that may be anything.
func generic(contentType string, err error) error {
	bad, ok := errors.AsType[*remote.InputError](err)
	if kind, _, _ := mime.ParseMediaType(contentType); ok && kind == typeAnyJSON {
		return &remote.InputError{Where: bad.Where, Err: fmt.Errorf("%w; it came as %s, which need not be a page of an index", bad.Err, kind)}
	}
	return err
}

// formOf returns TypeHTML or TypeJSON.
func formOf(contentType string) (string, error) {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		kind, _, _ = strings.Cut(strings.ToLower(contentType), ";")
		kind = strings.TrimSpace(kind)
	}
	switch {
	case kind == TypeHTML, kind == TypeHTMLV1:
		return TypeHTML, nil
	case kind == TypeJSON, kind == typeAnyJSON:
		return TypeJSON, nil
	case kind == "":
		return "", errors.New("came without a Content-Type")
	case strings.HasPrefix(kind, "application/vnd.pypi.simple."):
		return "", fmt.Errorf("came as %.80q; asof reads version 1 of the Simple API", kind)
	}
	return "", fmt.Errorf("came as %.80q, and installers refuse that; pages are %s, %s or %s", kind, TypeJSON, TypeHTMLV1, TypeHTML)
}

// reading is a page that is being read.
type reading struct {
	from    Source
	body    *body
	base    *url.URL // what links are relative to
	page    Page
	notes   map[string]int // places in page.Notes
	refused []error
	more    int // refusals that are not kept
}

func read(r io.Reader, from Source) *reading {
	p := &reading{from: from, body: &body{r: r}, base: from.URL, notes: make(map[string]int)}
	p.page.Name = normalizeName(from.Project)
	return p
}

// body remembers an error of the reader below, which parsers wrap or swallow.
type body struct {
	r   io.Reader
	err error
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

func (p *reading) note(what, name string) {
	i, there := p.notes[what]
	if !there {
		i = len(p.page.Notes)
		p.notes[what] = i
		p.page.Notes = append(p.page.Notes, Note{What: what})
	}
	n := &p.page.Notes[i]
	if n.Count++; n.Count <= maxNamed {
		n.Names = append(n.Names, name[:min(len(name), maxName)])
	}
}

func (p *reading) refuse(format string, args ...any) {
	if len(p.refused) < maxNamed {
		p.refused = append(p.refused, fmt.Errorf(format, args...))
	} else {
		p.more++
	}
}

// fail is the error of a page: of what failed first, or of all refusals.
func (p *reading) fail(err error) error {
	switch {
	case p.body.err != nil:
		return p.body.err
	case err != nil:
		return p.from.refuse(err)
	case len(p.refused) == 0:
		return nil
	}
	all := errors.Join(p.refused...)
	if p.more > 0 {
		all = fmt.Errorf("%w\nand %d more", all, p.more)
	}
	return p.from.refuse(all)
}

func (s Source) refuse(err error) error {
	return &remote.InputError{Where: s.URL.Redacted(), Err: err}
}

// checkVersion refuses a page of a later major version (PEP 629).
func checkVersion(text string) error {
	major, _, _ := strings.Cut(strings.TrimSpace(text), ".")
	if major != "1" {
		return fmt.Errorf("is of version %.80q of the Simple API; asof reads 1", text)
	}
	return nil
}
