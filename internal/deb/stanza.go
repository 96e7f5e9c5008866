// Package deb parses Debian's package indexes: stanzas of fields (deb822(5)), versions
// (deb-version(7)) and dependencies (Debian Policy, chapter 7). It does no I/O of its
// own.
package deb

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"iter"
)

// Limits of a document. In Debian's own indexes the longest line has about 100 KB. The
// longest stanza, a Release file, has less than 1 MB. Fields that the caller did not ask
// for have no limit.
const (
	MaxLine   = 1 << 20  // bytes in one line of a requested field, with its line end
	MaxStanza = 32 << 20 // bytes of all requested fields in one stanza
)

// SyntaxError says where a document breaks the rules or limits of its format.
type SyntaxError struct {
	Line int // counted from 1
	Err  error
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }
func (e *SyntaxError) Unwrap() error { return e.Err }

// Stanza is one paragraph of a document, with the requested fields. It is valid until the
// next one is read.
type Stanza struct {
	Line int // where it begins, counted from 1
	// Stray is the first line that is neither a field nor a continuation of one. It was
	// skipped, together with its own continuation lines. 0: there is none.
	Stray int

	names    []string
	text     []byte // the values, one after the other
	values   []value
	fields   int // fields seen, requested or not
	comments int // comment lines just skipped
}

type value struct {
	from, to int  // in text
	line     int  // where the field begins
	there    bool // the stanza has the field
}

// Value returns a field's value. field is the field's position in the list passed to
// [Stanzas]. The value is the text after the colon. Each continuation line follows after
// a line feed, without its leading blank. Trailing blanks are removed from every line.
// The value is empty if the field is empty or missing. The caller must not keep or change
// it.
func (s *Stanza) Value(field int) []byte {
	v := s.values[field]
	return s.text[v.from:v.to]
}

// Text returns a copy of a field's value.
func (s *Stanza) Text(field int) string { return string(s.Value(field)) }

// Has reports whether the stanza has a field, even an empty one.
func (s *Stanza) Has(field int) bool { return s.values[field].there }

// LineOf returns the line where a field begins, or 0 if the stanza does not have it. Each
// line of the value is one line of the document, so callers can add offsets to it.
func (s *Stanza) LineOf(field int) int { return s.values[field].line }

// Stanzas reads a document as a stream and yields its stanzas with the requested fields.
// Only one line and one stanza are in memory. Field names are compared without regard to
// case. The sequence ends at the first error: a *SyntaxError, or the error of r.
//
// It accepts all that apt accepts, and more. A line that begins with a blank continues
// the field before it, even if the line is otherwise empty. One or more empty lines
// separate stanzas. Lines may end in CR LF. If a field occurs twice, the last one counts.
// A line that begins with "#" is a comment. A line that is not a field is skipped, with
// its continuation lines, and [Stanza.Stray] says where.
func Stanzas(r io.Reader, fields ...string) iter.Seq2[*Stanza, error] {
	return func(yield func(*Stanza, error) bool) {
		s := &Stanza{names: fields, values: make([]value, len(fields))}
		lines := lineReader{r: bufio.NewReaderSize(r, MaxLine)}
		current := skipped // the field that the next line may continue
		for n := 1; ; n++ {
			line, err := lines.next()
			if err != nil && err != io.EOF {
				yield(nil, err)
				return
			}
			atEnd := err == io.EOF
			if n == 1 {
				line = bytes.TrimPrefix(line, []byte("\ufeff"))
			}
			if len(line) > 0 {
				current = s.add(n, line, current)
			}
			if current >= 0 && lines.cut {
				yield(nil, &SyntaxError{n, fmt.Errorf("line is longer than %d bytes", MaxLine)})
				return
			}
			if len(s.text) > MaxStanza {
				yield(nil, &SyntaxError{n, fmt.Errorf("stanza is longer than %d bytes", MaxStanza)})
				return
			}
			if len(line) == 0 || atEnd {
				if (s.fields > 0 || s.Stray > 0) && !yield(s, nil) || atEnd {
					return
				}
				current = skipped
				s.reset()
			}
		}
	}
}

// lineReader reads lines. It returns only the beginning of a line that is too long.
type lineReader struct {
	r   *bufio.Reader
	cut bool // the last line was too long
}

// next returns the next line without its line end. The last line comes with io.EOF.
func (l *lineReader) next() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	l.cut = err == bufio.ErrBufferFull
	if !l.cut {
		return trimEnd(line), err
	}
	const head = 4 << 10 // long enough for any field name
	line = bytes.Clone(line[:head])
	for err == bufio.ErrBufferFull {
		_, err = l.r.ReadSlice('\n')
	}
	return line, err
}

// skipped stands for a field that the caller did not ask for.
const skipped = -1

func (s *Stanza) reset() {
	s.Line, s.Stray, s.fields, s.comments, s.text = 0, 0, 0, 0, s.text[:0]
	clear(s.values)
}

// add adds a non-empty line to the stanza. It returns the field that the next line may
// continue.
func (s *Stanza) add(n int, line []byte, current int) int {
	if line[0] == '#' {
		s.comments++
		return current
	}
	if blank(line[0]) {
		if s.fields == 0 && s.Stray == 0 {
			return s.stray(n)
		}
		if current >= 0 { // a comment becomes an empty line, so that line numbers stay right
			for range s.comments + 1 {
				s.text = append(s.text, '\n')
			}
			s.text = append(s.text, bytes.TrimRight(line[1:], " \t\r")...)
			s.values[current].to = len(s.text)
		}
		s.comments = 0
		return current
	}
	s.comments = 0
	colon := bytes.IndexByte(line, ':')
	if colon < 1 || line[0] == '-' || !isName(line[:colon]) {
		return s.stray(n)
	}
	s.begin(n)
	s.fields++
	name := line[:colon]
	for i, want := range s.names {
		if len(want) != len(name) || !equalFold(want, name) {
			continue
		}
		from := len(s.text)
		s.text = append(s.text, bytes.Trim(line[colon+1:], " \t\r")...)
		s.values[i] = value{from, len(s.text), n, true}
		return i
	}
	return skipped
}

func (s *Stanza) begin(line int) {
	if s.Line == 0 {
		s.Line = line
	}
}

// stray skips a line that is not a field. Its continuation lines are skipped with it.
func (s *Stanza) stray(line int) int {
	s.begin(line)
	if s.Stray == 0 {
		s.Stray = line
	}
	return skipped
}

func isName(name []byte) bool {
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// equalFold compares two ASCII names of the same length without regard to case.
func equalFold(want string, name []byte) bool {
	for i, c := range name {
		if w := want[i]; c != w && lower(c) != lower(w) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// trimEnd removes the line end.
func trimEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimRight(line, "\r")
}
