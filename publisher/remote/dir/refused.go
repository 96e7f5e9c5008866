package dir

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/asof/asof/publisher/remote"
)

const (
	maxRefused  = 1000 // how many refused entries are named
	maxPatterns = 5    // how many of them the hint excludes
)

// refusals collects all that can't be taken, so that a user mends it in one go. It is
// safe for concurrent use.
type refusals struct {
	mu      sync.Mutex
	first   []refusal
	count   int
	outside []string // folders that links lead to
}

type refusal struct{ name, why string }

// add notes that the entry at a path of the tree can't be taken.
func (r *refusals) add(name string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count++; r.count <= maxRefused {
		r.first = append(r.first, refusal{name, err.Error()})
	}
	if e, ok := errors.AsType[*outsideError](err); ok && len(r.outside) < maxRefused {
		if folder := e.folder(); folder != "" && !slices.Contains(r.outside, folder) {
			r.outside = append(r.outside, folder)
		}
	}
}

func (r *refusals) any() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count > 0
}

// err is nil if nothing was refused.
func (r *refusals) err(where string) error {
	if !r.any() {
		return nil
	}
	slices.SortFunc(r.first, func(a, b refusal) int { return cmp.Or(strings.Compare(a.why, b.why), strings.Compare(a.name, b.name)) })
	e := &refusedError{text: r.first[0].why}
	if r.count > 1 {
		lines := make([]string, len(r.first))
		for i, f := range r.first {
			lines[i] = f.why
		}
		e.text = fmt.Sprintf("%d entries can't be taken:\n  %s", r.count, strings.Join(lines, "\n  "))
	}
	if more := r.count - len(r.first); more > 0 {
		e.text += fmt.Sprintf("\n  and %d more", more)
	}
	e.hint = r.exclude() + " leaves out what can't be taken"
	if len(r.outside) > 0 {
		slices.Sort(r.outside)
		e.hint = fmt.Sprintf("follow: [%s] lets links lead there; %s leaves out what can't be taken", strings.Join(r.outside, ", "), r.exclude())
	}
	return &remote.InputError{Where: where, Err: e}
}

// exclude is the setting that leaves the entries out, if there are few of them.
func (r *refusals) exclude() string {
	if r.count > maxPatterns {
		return "exclude"
	}
	patterns := make([]string, len(r.first))
	for i, f := range r.first {
		patterns[i] = quoted(pattern(f.name))
	}
	return fmt.Sprintf("exclude: [%s]", strings.Join(patterns, ", "))
}

// pattern matches a path and, as a rule, no other. A byte that a configuration file can't
// hold is any character.
func pattern(name string) string {
	var b strings.Builder
	for _, c := range name {
		switch {
		case c == utf8.RuneError || c < ' ' || c >= 0x7f && c < 0xa0 || c == '\u2028' || c == '\u2029':
			b.WriteByte('?')
		case strings.ContainsRune(`*?[\`, c):
			b.WriteByte('\\')
			fallthrough
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// quoted is a string in YAML.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

type refusedError struct{ text, hint string }

func (e *refusedError) Error() string { return e.text }

// Hint says what the user can do.
func (e *refusedError) Hint() string { return e.hint }
