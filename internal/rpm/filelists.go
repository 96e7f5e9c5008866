package rpm

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"strings"
)

// Filelists reads a filelists.xml as a stream. It calls found with each package that has
// files for which wanted answers true, and with those files; of the package it knows the
// name, the architecture and the version only. Wanted must not keep the name, nor found the
// list.
//
// What has no business in the document is an error: dnf 4 reads it as it reads primary.xml,
// so an element location in it would lead clients away from the place that primary.xml gives.
// As such a document is large, it is not parsed as XML: only the names of elements are looked
// at, and the packages that are found. The error is a *SyntaxError, or that of r.
func Filelists(r io.Reader, wanted func(name []byte) bool, found func(p *Package, files []string)) error {
	s := &tagScanner{r: bufio.NewReaderSize(r, 256<<10), line: 1}
	var o owner
	for {
		name, err := s.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch name = local(name); name {
		case "filelists", "/filelists", "filelists-ext", "/filelists-ext", "/version", "/file":
		case "checksum", "/checksum": // some have it
		case "package":
			o.files = o.files[:0]
			o.line = s.line
			o.pkg, err = s.rest(o.pkg)
		case "version":
			o.version, err = s.rest(o.version)
		case "file":
			if err = s.text(); err == nil && wanted(s.buf) && len(o.files) < MaxRelations {
				o.files = append(o.files, string(s.buf))
			}
		case "/package":
			if len(o.files) == 0 {
				break
			}
			var p *Package
			if p, err = o.read(); err == nil {
				found(p, o.files)
			}
		default:
			return &SyntaxError{s.line, fmt.Errorf("has the element %.40q, which does not belong here", strings.TrimPrefix(name, "/"))}
		}
		if err != nil {
			return err
		}
	}
}

// local returns the name in a tag without the prefix of its namespace. Clients pass over
// elements with a prefix, so it does no harm to know them.
func local(tag string) string {
	start, end := tag, ""
	if strings.HasPrefix(tag, "/") {
		start, end = tag[1:], "/"
	}
	if prefix, name, ok := strings.Cut(start, ":"); ok && prefix != "" {
		return end + name
	}
	return tag
}

// owner is a package of a filelists.xml, as far as it was read.
type owner struct {
	pkg, version []byte // attributes of these elements, as they are written
	files        []string
	line         int
}

// read finds out which package it is.
func (o *owner) read() (*Package, error) {
	p := &Package{Line: o.line}
	for _, text := range [][]byte{o.pkg, o.version} {
		token, err := xml.NewDecoder(strings.NewReader("<e " + string(text) + ">")).Token()
		e, ok := token.(xml.StartElement)
		if err != nil || !ok {
			return nil, &SyntaxError{o.line, errors.New("has a package whose attributes can't be read")}
		}
		for _, a := range e.Attr {
			switch a.Name.Local {
			case "name":
				p.Name = a.Value
			case "arch":
				p.Arch = a.Value
			case "epoch":
				p.Epoch = a.Value
			case "ver":
				p.Version = a.Value
			case "rel":
				p.Release = a.Value
			}
		}
	}
	return p, nil
}

// tagScanner finds the tags of an XML document.
type tagScanner struct {
	r     *bufio.Reader
	line  int
	inTag bool   // the end of the tag is not read yet
	buf   []byte // what text has read
}

// next returns the name in the next tag, with a slash before it at an element's end. It passes
// over instructions, comments and CDATA. A document type is an error: it may give elements
// other attributes.
func (s *tagScanner) next() (string, error) {
	s.inTag = false
	for {
		if err := s.skipTo("<"); err != nil {
			return "", err
		}
		start, err := s.r.Peek(1)
		if err != nil {
			return "", s.cut(err)
		}
		end := ""
		switch start[0] {
		case '?':
			end = "?>"
		case '!':
			head, _ := s.r.Peek(8)
			switch text := string(head); {
			case strings.HasPrefix(text, "!--"):
				end = "-->"
			case strings.HasPrefix(text, "![CDATA["):
				end = "]]>"
			default:
				return "", &SyntaxError{s.line, errDoctype}
			}
		default:
			return s.name()
		}
		if err := s.skipTo(end); err != nil {
			return "", s.cut(err)
		}
	}
}

// name reads the name of a tag.
func (s *tagScanner) name() (string, error) {
	var b strings.Builder
	for b.Len() <= 256 {
		c, err := s.r.ReadByte()
		if err != nil {
			return "", s.cut(err)
		}
		switch c {
		case ' ', '\t', '\r', '\n', '>':
			if c == '\n' {
				s.line++
			}
			s.inTag = c != '>'
			return b.String(), nil
		case '/':
			if b.Len() > 0 {
				s.inTag = true
				return b.String(), nil
			}
		}
		b.WriteByte(c)
	}
	return "", &SyntaxError{s.line, errors.New("has a tag with a long name")}
}

// rest reads the rest of a tag into buf, without its end.
func (s *tagScanner) rest(buf []byte) ([]byte, error) {
	buf = buf[:0]
	for quote := byte(0); s.inTag; {
		c, err := s.read(len(buf))
		if err != nil {
			return buf, err
		}
		switch {
		case c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && c == '>':
			s.inTag = false
			continue
		}
		buf = append(buf, c)
	}
	return bytes.TrimRight(buf, "/ \t\r\n"), nil
}

// text reads the text that follows a tag, up to the next tag. It replaces entities.
func (s *tagScanner) text() (err error) {
	if s.buf, err = s.rest(s.buf); err != nil {
		return err
	}
	s.buf = s.buf[:0]
	for entities := false; ; {
		next, err := s.r.Peek(1)
		if err == nil && next[0] == '<' {
			if entities {
				s.buf = append(s.buf[:0], html.UnescapeString(string(s.buf))...)
			}
			return nil
		}
		c, err := s.read(len(s.buf))
		if err != nil {
			return err
		}
		entities = entities || c == '&'
		s.buf = append(s.buf, c)
	}
}

// read reads a byte of a tag or text that has n already.
func (s *tagScanner) read(n int) (byte, error) {
	if n == MaxToken {
		return 0, &SyntaxError{s.line, errToken}
	}
	c, err := s.r.ReadByte()
	if err != nil {
		return 0, s.cut(err)
	}
	if c == '\n' {
		s.line++
	}
	return c, nil
}

// skipTo reads up to the end of a text. io.EOF means that it does not come.
func (s *tagScanner) skipTo(text string) error {
	matched := 0
	for {
		c, err := s.r.ReadByte()
		if err != nil {
			return err
		}
		if c == '\n' {
			s.line++
		}
		switch {
		case c == text[matched]:
			if matched++; matched == len(text) {
				return nil
			}
		case matched > 0 && c == text[matched-1] && matched == 2: // "--->" and "]]]>"
		default:
			matched = 0
			if c == text[0] {
				matched = 1
			}
		}
	}
}

// cut turns the end of the document into an error.
func (s *tagScanner) cut(err error) error {
	if err == io.EOF {
		return &SyntaxError{s.line, io.ErrUnexpectedEOF}
	}
	return err
}
