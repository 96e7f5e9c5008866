package mirror

import (
	"fmt"
	"slices"
	"strings"

	"github.com/asof/asof/internal/option"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// Entries are those of an option that match nothing upstream.
type Entries struct {
	Option  string
	Entries []string
	There   []string // what upstream has instead; nil: too much to list
	Nearest []string // of that
	Advice  string   // what else the user may have meant; empty: nothing in particular
	Kind    bool     // the option asks for a kind of index: its only entry is "true"
}

// maxShown is how many bytes of a name are shown. Upstream chose it.
const maxShown = 80

func (e Entries) String() string {
	if e.Kind {
		return e.Option + ": is true, and upstream has none"
	}
	quoted := make([]string, len(e.Entries))
	for i, entry := range e.Entries {
		quoted[i] = fmt.Sprintf("%q", entry)
	}
	text := fmt.Sprintf("%s: upstream has nothing for %s", e.Option, strings.Join(remote.First(quoted), ", "))
	var there Names // the nearest first
	for _, name := range slices.Concat(e.near(), e.There) {
		if manifest.CheckPath(name) == nil && len(name) <= maxShown {
			there.Add(name)
		}
	}
	switch {
	case len(e.There) > 0:
		text += "; it has " + strings.Join(remote.First(there.List), ", ")
	case len(there.List) > 0:
		text += "; did you mean " + strings.Join(there.List, ", ")
	}
	return text
}

// near returns what the entries may have meant.
func (e Entries) near() []string {
	near := slices.Clone(e.Nearest)
	for _, entry := range e.Entries {
		if n := option.Nearest(entry, e.There); n != "" {
			near = append(near, n)
		}
	}
	return near
}

// Unmatched are entries that match nothing, for each option.
type Unmatched []Entries

// Add adds the entries of an option, if there are any.
func (u *Unmatched) Add(e Entries) {
	if len(e.Entries) > 0 {
		*u = append(*u, e)
	}
}

// Tell warns about the entries, or fails if that is what the user wants. where names the
// upstream.
func (u Unmatched) Tell(strict bool, where string, warn Warner) error {
	if strict {
		return u.Err()
	}
	for _, e := range u {
		warn(where, e.String())
	}
	return nil
}

// Err returns nil if there are none. Otherwise the error is remote.ErrOptions.
func (u Unmatched) Err() error {
	if len(u) == 0 {
		return nil
	}
	return &unmatchedError{u}
}

// unmatchedError means that the options ask for what upstream does not have.
type unmatchedError struct{ Unmatched }

func (e *unmatchedError) Error() string {
	var lines []string
	for _, of := range e.Unmatched {
		lines = append(lines, of.String())
	}
	if len(lines) == 1 {
		return lines[0]
	}
	return fmt.Sprintf("%d options do not fit what upstream has:\n  %s", len(lines), strings.Join(lines, "\n  "))
}

// Is makes it a mistake in the configuration.
func (e *unmatchedError) Is(target error) bool { return target == remote.ErrOptions }

// Hint says what the user can do.
func (e *unmatchedError) Hint() string {
	var near []string
	for _, of := range e.Unmatched {
		if of.Advice != "" {
			return of.Advice
		}
		near = append(near, of.near()...)
	}
	if len(near) == 0 {
		return "take it out of the remote's options"
	}
	return "did you mean " + strings.Join(remote.First(near), ", ")
}

// Names are different names, in the order in which they were added.
type Names struct {
	List []string
	has  map[string]bool
}

// Add adds those that are new and not empty.
func (n *Names) Add(list ...string) {
	for _, name := range list {
		if name == "" || n.has[name] {
			continue
		}
		if n.has == nil {
			n.has = map[string]bool{}
		}
		n.has[name] = true
		n.List = append(n.List, name)
	}
}

// Has reports whether a name was added.
func (n *Names) Has(name string) bool { return n.has[name] }
