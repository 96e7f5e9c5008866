package python

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxRequirement is how many bytes a requirement or marker may have.
const MaxRequirement = 64 << 10

// parser reads a requirement or a marker from left to right.
type parser struct {
	what    string // of messages
	text    string
	at      int
	lenient bool
}

func (p *parser) check() error {
	if len(p.text) > MaxRequirement {
		return fmt.Errorf("%s %.80q…: it has more than %d bytes", p.what, p.text, MaxRequirement)
	}
	return nil
}

// errorf returns an error that names the position, counted in bytes from 1.
func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("%s %.200q: position %d: %s", p.what, p.text, p.at+1, fmt.Sprintf(format, args...))
}

// end refuses text that is left.
func (p *parser) end(expected string) error {
	if p.at < len(p.text) {
		return p.errorf("%s is expected", expected)
	}
	return nil
}

// blanks skips blanks and reports whether there were any.
func (p *parser) blanks() bool {
	before := p.at
	p.at = len(p.text) - len(strings.TrimLeft(p.text[p.at:], " \t"))
	return p.at > before
}

// take skips a text that stands here.
func (p *parser) take(text string) bool {
	found := strings.HasPrefix(p.text[p.at:], text)
	if found {
		p.at += len(text)
	}
	return found
}

// word skips a word that stands here and ends there.
func (p *parser) word(word string) bool {
	rest, found := strings.CutPrefix(p.text[p.at:], word)
	if found && !beginsWord(rest) {
		p.at += len(word)
		return true
	}
	return false
}

// beginsWord reports whether the first letter may stand in a word.
func beginsWord(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r)
}
