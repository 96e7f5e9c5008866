// Package deb reads what Debian's package indexes are written in: stanzas of
// fields (deb822(5)), versions (deb-version(7)) and dependencies (Debian Policy,
// chapter 7). It does no I/O of its own.
package deb

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Bounds of a document. The longest line of Debian's own indexes has some
// 100 KB, the longest stanza, a Release file, less than 1 MB.
const (
	MaxLine   = 1 << 20  // bytes, with its end
	MaxStanza = 32 << 20 // bytes
)

// SyntaxError is a place in a document that breaks its format's rules or bounds.
type SyntaxError struct {
	Line int // counted from 1
	Err  error
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }
func (e *SyntaxError) Unwrap() error { return e.Err }

// Stanza is one paragraph of a document, with the fields that were asked for.
// It is valid until the next one is read.
type Stanza struct {
	Line int // at which it begins, counted from 1

	names  []string
	text   []byte // the values, one behind the other
	values []value
}

type value struct {
	from, to int  // in text
	there    bool // the stanza has the field
}

// Value is a field's value, by the place of its name among those asked for: the
// text behind the colon, and behind a line feed each, the lines that continue
// it, without the blank that marks them as such. Blanks at the end of each line
// are left out. It is empty where the field is, or is missing, and must not be
// kept or changed.
func (s *Stanza) Value(field int) []byte {
	v := s.values[field]
	return s.text[v.from:v.to]
}

// Text is a copy of a field's value.
func (s *Stanza) Text(field int) string { return string(s.Value(field)) }

// Has reports whether the stanza has a field, be it an empty one.
func (s *Stanza) Has(field int) bool { return s.values[field].there }

// Stanzas reads a document as a stream, with one line and one stanza in memory,
// and yields each stanza with the named fields; others cost their bytes. Names
// of fields are compared without regard to case. It ends with the first error:
// a *SyntaxError, or what r came to.
//
// What it accepts is what apt makes sense of in an index: a line that begins
// with a blank continues the field before it, even where nothing else is on it;
// empty lines, any number of them, divide stanzas; an end of line may be a CR
// LF. A field that was asked for and is there twice is an error, since readers
// differ on which of them counts. There are no comments in indexes.
func Stanzas(r io.Reader, fields ...string) iter.Seq2[*Stanza, error] {
	return func(yield func(*Stanza, error) bool) {
		s := &Stanza{names: fields, values: make([]value, len(fields))}
		lines := bufio.NewReaderSize(r, MaxLine)
		current, size := none, 0 // the field that a line may continue; bytes of the stanza
		for n := 1; ; n++ {
			line, err := lines.ReadSlice('\n')
			if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
				yield(nil, err)
				return
			}
			size += len(line)
			switch {
			case err == bufio.ErrBufferFull:
				yield(nil, &SyntaxError{n, fmt.Errorf("line is longer than %d bytes", MaxLine)})
				return
			case size > MaxStanza:
				yield(nil, &SyntaxError{n, fmt.Errorf("stanza is longer than %d bytes", MaxStanza)})
				return
			}
			atEnd := err == io.EOF
			line = trimEnd(line)
			if len(line) > 0 {
				if s.Line == 0 {
					s.Line = n
				}
				if current, err = s.add(line, current); err != nil {
					yield(nil, &SyntaxError{n, err})
					return
				}
			}
			if len(line) == 0 || atEnd {
				if s.Line > 0 && !yield(s, nil) || atEnd {
					return
				}
				current, size = none, 0
				s.reset()
			}
		}
	}
}

// What a line that begins with a blank would continue, besides a field asked for.
const (
	none    = -1 // nothing: the stanza has no field yet
	skipped = -2 // a field that nobody asked for
)

func (s *Stanza) reset() {
	s.Line, s.text = 0, s.text[:0]
	clear(s.values)
}

// add takes a line of the stanza that is not empty, and returns the field that
// the next line may continue.
func (s *Stanza) add(line []byte, current int) (int, error) {
	if blank(line[0]) {
		if current == none {
			return none, errors.New("begins with a blank and continues nothing")
		}
		if current >= 0 {
			s.text = append(append(s.text, '\n'), bytes.TrimRight(line[1:], " \t")...)
			s.values[current].to = len(s.text)
		}
		return current, nil
	}
	colon := bytes.IndexByte(line, ':')
	if colon < 1 || line[0] == '#' || line[0] == '-' {
		return none, fmt.Errorf("%.40q is no field", line)
	}
	name := line[:colon]
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return none, fmt.Errorf("%.40q is no name of a field", name)
		}
	}
	for i, want := range s.names {
		if len(want) != len(name) || !equalFold(want, name) {
			continue
		}
		if s.values[i].there {
			return none, fmt.Errorf("field %s is there twice", want)
		}
		from := len(s.text)
		s.text = append(s.text, bytes.Trim(line[colon+1:], " \t")...)
		s.values[i] = value{from, len(s.text), true}
		return i, nil
	}
	return skipped, nil
}

// equalFold compares names of the same length, in ASCII.
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

// trimEnd takes the end of the line off.
func trimEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimRight(line, "\r")
}
