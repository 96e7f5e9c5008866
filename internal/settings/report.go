// Package settings reads a configuration: a YAML file, and what stands above it, the
// environment and flags. It fills a struct whose tags package option explains. It finds all
// mistakes at once, each with its place, and knows where each value comes from.
package settings

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/asof/asof/internal/option"
)

// Setting is a value as it was read.
type Setting struct {
	Key   string // repos[0].remote.url
	Value string // as it was written, without secrets; empty: nothing is set
	From  string // asof.yaml:7, ASOF_STORE, --store or default
}

// Mistake is something wrong in the configuration.
type Mistake struct {
	Place string // asof.yaml:7, or a variable or flag
	Key   string // empty: of the place itself
	Err   error
	hint  string
	line  int
}

func (m *Mistake) Error() string {
	text := m.Err.Error()
	for _, part := range []string{m.Key, m.Place} {
		if part != "" {
			text = part + ": " + text
		}
	}
	return text
}

func (m *Mistake) Unwrap() error { return m.Err }

// Hint is what to do about it; empty: the message says it.
func (m *Mistake) Hint() string {
	var own interface{ Hint() string }
	if m.hint == "" && errors.As(m.Err, &own) {
		return own.Hint()
	}
	return m.hint
}

// maxMistakes is how many mistakes are remembered.
const maxMistakes = 100

// Report is what was read, and what is wrong with it.
type Report struct {
	Settings []Setting // in the order of the structs

	file     string
	lines    map[string]int    // of each key in the file
	above    map[string]string // keys that a variable or flag sets, with its name
	wrong    map[string]bool   // keys that a mistake was found in, or that one may have meant
	mistakes []*Mistake
	more     int // mistakes that are not remembered
}

func newReport(file string) *Report {
	return &Report{file: file, lines: map[string]int{}, above: map[string]string{}, wrong: map[string]bool{}}
}

// Mistake adds a mistake in a key. A hint may be empty. A key that has one already gets no
// other, nor does one that holds such a key.
func (r *Report) Mistake(key string, err error, hint string) {
	m := &Mistake{Key: key, Err: err, hint: hint}
	if name, ok := r.above[key]; ok {
		m.Place, m.Key = name, ""
	} else {
		m.line = r.lineOf(key)
		m.Place = r.place(m.line)
	}
	r.add(key, m)
}

// Options adds the mistakes that the settings below a key have, as option.Errors lists
// them.
func (r *Report) Options(key string, err error) {
	for _, e := range option.Errors(err) {
		r.Mistake(join(key, e.Name), e.Err, "")
	}
}

// Outside adds a mistake that is not in the file, but in a variable or flag.
func (r *Report) Outside(name string, err error, hint string) {
	r.add(name, &Mistake{Place: name, Err: err, hint: hint})
}

func (r *Report) add(key string, m *Mistake) {
	switch {
	case r.wrong[key], key != "" && r.wrongBelow(key):
		return
	case len(r.mistakes) >= maxMistakes:
		r.more++
		return
	}
	r.wrong[key] = true
	r.mistakes = append(r.mistakes, m)
}

// wrongBelow reports whether a mistake was found in something that a key holds.
func (r *Report) wrongBelow(key string) bool {
	for wrong := range r.wrong {
		if strings.HasPrefix(wrong, key+".") {
			return true
		}
	}
	return false
}

// Mistakes lists what is wrong, by lines; then what is not in the file. more is how many
// others there are.
func (r *Report) Mistakes() (list []*Mistake, more int) {
	list = slices.Clone(r.mistakes)
	slices.SortStableFunc(list, func(a, b *Mistake) int {
		switch {
		case a.line == 0 && b.line > 0:
			return 1
		case a.line > 0 && b.line == 0:
			return -1
		}
		return a.line - b.line
	})
	return list, r.more
}

// from says where the value of a key comes from.
func (r *Report) from(key string) string {
	if name, ok := r.above[key]; ok {
		return name
	}
	if line, ok := r.lines[key]; ok {
		return r.place(line)
	}
	return "default"
}

// lineOf is the line of a key, or of what stands around it.
func (r *Report) lineOf(key string) int {
	for {
		if line, ok := r.lines[key]; ok {
			return line
		}
		i := strings.LastIndexAny(key, ".[")
		if i < 0 {
			return r.lines[""]
		}
		key = key[:i]
	}
}

func (r *Report) place(line int) string {
	if line == 0 {
		return r.file
	}
	return fmt.Sprintf("%s:%d", r.file, line)
}

// join makes a key of a key and what is below it, which may begin with an index.
func join(key, name string) string {
	if key == "" || name == "" || name[0] == '[' {
		return key + name
	}
	return key + "." + name
}
