package rpm

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// Limits of XML documents. In a primary.xml of Fedora the longest token, a description,
// has less than 100 KB, and the longest package, of the kernel's debug information, has
// some 10 MB. Real documents have five levels; libxml2 reads 256. An attribute is as long as
// its tag can be: some packages require one of hundreds of others, all in one attribute.
const (
	MaxToken      = 1 << 20  // bytes of a tag with its attributes, a text or a comment
	MaxElement    = 64 << 20 // bytes of one data element or one package
	MaxValue      = 4 << 10  // bytes of a text that is kept
	maxDepth      = 256
	maxAttributes = 64
)

// SyntaxError says where a document breaks the rules or limits of its format.
type SyntaxError struct {
	Line int // counted from 1
	Err  error
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }
func (e *SyntaxError) Unwrap() error { return e.Err }

// document reads an XML document as a stream. Like the clients it knows elements by their
// local names, whatever the namespace.
type document struct {
	d      *xml.Decoder
	src    *budget
	open   int   // elements
	begins int64 // offset of the element that MaxElement holds for
	closed bool  // the root element
}

// newDocument reads the start of the root element, which must have one of the names.
func newDocument(r io.Reader, roots ...string) (*document, error) {
	src := &budget{r: r, left: MaxToken}
	body, err := anyVersion(bufio.NewReaderSize(src, 64<<10))
	if err != nil {
		return nil, err
	}
	x := &document{d: xml.NewDecoder(body), src: src}
	x.d.CharsetReader = charset
	root, err := x.next()
	if err == io.EOF {
		return nil, x.fail(errors.New("is empty"))
	}
	if err != nil {
		return nil, err
	}
	start, ok := root.(xml.StartElement)
	if !ok {
		return nil, x.fail(errors.New("does not begin with an element"))
	}
	for _, name := range roots {
		if start.Name.Local == name {
			return x, nil
		}
	}
	return nil, x.fail(fmt.Errorf("begins with the element %.40q, not %q", start.Name.Local, roots[0]))
}

// maxDeclaration is how long the XML declaration of another version can be, in bytes.
const maxDeclaration = 1 << 10

// declared finds the version in an XML declaration.
var declared = regexp.MustCompile(`^(\x{feff}?<\?xml\s+version\s*=\s*)("[^"<>]*"|'[^'<>]*')`)

// anyVersion makes the document one of XML 1.0, which is the only version that encoding/xml
// reads. Clients read the others as if they were 1.0, too.
func anyVersion(r *bufio.Reader) (*bufio.Reader, error) {
	head, err := r.Peek(maxDeclaration)
	if err != nil && err != io.EOF {
		return nil, err
	}
	m := declared.FindSubmatch(head)
	if m == nil {
		return r, nil
	}
	version := m[2]
	if string(version[1:len(version)-1]) == "1.0" {
		return r, nil
	}
	_, _ = r.Discard(len(m[0])) // can't fail: they were just read
	start := string(m[1]) + `"1.0"` + strings.Repeat("\n", bytes.Count(version, []byte("\n")))
	return bufio.NewReader(io.MultiReader(strings.NewReader(start), r)), nil
}

// errDoctype: clients take default values of attributes from a document type, such as another
// server for every location.
var errDoctype = errors.New("has a document type")

// next returns the next start, end or text; io.EOF behind the root element. Comments and
// instructions are passed over. A document type is an error.
func (x *document) next() (xml.Token, error) {
	for {
		x.src.left = MaxToken
		token, err := x.d.Token()
		if err == io.EOF && (x.closed || x.d.InputOffset() == 0) {
			return nil, io.EOF
		}
		if err != nil {
			return nil, x.failRead(err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, x.fail(errDoctype)
		case xml.StartElement:
			x.open++
			switch {
			case x.closed:
				return nil, x.fail(errors.New("has a second root element"))
			case x.open > maxDepth:
				return nil, x.fail(fmt.Errorf("has more than %d elements within each other", maxDepth))
			case x.open == 2:
				x.begins = x.d.InputOffset()
			case x.tooLong(): // what is open is in memory
				return nil, x.fail(errElement)
			}
			if err := checkAttributes(t.Attr); err != nil {
				return nil, x.fail(err)
			}
			return t, nil
		case xml.EndElement:
			x.open--
			x.closed = x.open == 0
			return t, nil
		case xml.CharData:
			if x.open > 0 {
				return t, nil
			}
			if strings.Trim(string(t), " \t\r\n\ufeff") != "" {
				return nil, x.fail(errors.New("has text outside of its root element"))
			}
		}
		if x.tooLong() {
			return nil, x.fail(errElement)
		}
	}
}

var errElement = fmt.Errorf("an element has more than %d bytes", MaxElement)

// tooLong reports whether the open element below the root has too many bytes.
func (x *document) tooLong() bool { return x.open > 1 && x.d.InputOffset()-x.begins > MaxElement }

// checkAttributes refuses an attribute that occurs twice, which encoding/xml does not.
func checkAttributes(list []xml.Attr) error {
	if len(list) > maxAttributes {
		return fmt.Errorf("an element has more than %d attributes", maxAttributes)
	}
	for i, a := range list {
		for _, other := range list[:i] {
			if other.Name == a.Name {
				return fmt.Errorf("the attribute %.40q occurs twice", a.Name.Local)
			}
		}
	}
	return nil
}

// children calls f with each child element of the open one, up to its end. f must read the
// child to its end.
func (x *document) children(f func(xml.StartElement) error) error {
	for {
		token, err := x.next()
		if err == io.EOF {
			return x.fail(io.ErrUnexpectedEOF)
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := f(t); err != nil {
				return err
			}
		case xml.EndElement:
			return nil
		}
		if x.tooLong() {
			return x.fail(errElement)
		}
	}
}

// skip reads the open element to its end.
func (x *document) skip() error {
	return x.children(func(xml.StartElement) error { return x.skip() })
}

// text reads the open element to its end and returns its text.
func (x *document) text() (string, error) {
	var b strings.Builder
	for {
		token, err := x.next()
		if err == io.EOF {
			return "", x.fail(io.ErrUnexpectedEOF)
		}
		if err != nil {
			return "", err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := x.skip(); err != nil {
				return "", err
			}
		case xml.EndElement:
			return b.String(), nil
		case xml.CharData:
			if b.Len()+len(t) > MaxValue {
				return "", x.fail(fmt.Errorf("a text has more than %d bytes", MaxValue))
			}
			b.Write(t)
		}
	}
}

// end checks that nothing follows the root element.
func (x *document) end() error {
	_, err := x.next()
	if err == io.EOF {
		return nil
	}
	return err
}

// line is where the reader stands.
func (x *document) line() int {
	line, _ := x.d.InputPos()
	return line
}

func (x *document) fail(err error) error { return &SyntaxError{x.line(), err} }

// failRead explains an error of the decoder or of the reader below it.
func (x *document) failRead(err error) error {
	if wrong, ok := errors.AsType[*xml.SyntaxError](err); ok {
		return &SyntaxError{wrong.Line, errors.New(wrong.Msg)}
	}
	if err == io.EOF {
		return x.fail(io.ErrUnexpectedEOF)
	}
	if errors.Is(err, errToken) || errors.Is(err, errCharset) || strings.HasPrefix(err.Error(), "xml: ") {
		return x.fail(err)
	}
	return err
}

// attr returns an attribute without a namespace, or an empty text.
func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Space == "" && a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// base returns the attribute xml:base.
func base(e xml.StartElement) string {
	for _, a := range e.Attr {
		if a.Name.Local == "base" && (a.Name.Space == "http://www.w3.org/XML/1998/namespace" || a.Name.Space == "xml") {
			return a.Value
		}
	}
	return ""
}

// number reads a number of bytes or seconds; -1: none, or not readable. Old createrepo
// wrote times with a fraction.
func number(text string) int64 {
	text, _, _ = strings.Cut(strings.TrimSpace(text), ".")
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return -1
	}
	return int64(n)
}

var errToken = fmt.Errorf("a tag or text has more than %d bytes", MaxToken)

// budget bounds how much is read for one token.
type budget struct {
	r    io.Reader
	left int
}

func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errToken
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

var errCharset = errors.New("has an unknown encoding")

// charset reads the encodings that clients read, besides UTF-8.
func charset(label string, r io.Reader) (io.Reader, error) {
	switch strings.ToLower(label) {
	case "us-ascii", "ascii":
		return r, nil // other bytes are no UTF-8, or they are
	case "iso-8859-1", "latin1", "latin-1":
		return &latin1{r: bufio.NewReader(r)}, nil
	}
	return nil, fmt.Errorf("%w, %.40q", errCharset, label)
}

// latin1 turns ISO 8859-1 into UTF-8.
type latin1 struct {
	r    *bufio.Reader
	next byte // the second byte of a character; 0: none
}

func (l *latin1) ReadByte() (byte, error) {
	if c := l.next; c != 0 {
		l.next = 0
		return c, nil
	}
	c, err := l.r.ReadByte()
	if c >= 0x80 {
		l.next = 0x80 | c&0x3f
		c = 0xc0 | c>>6
	}
	return c, err
}

func (l *latin1) Read(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var c byte
		if c, err = l.ReadByte(); err == nil {
			p[n] = c
			n++
		}
	}
	return n, err
}
