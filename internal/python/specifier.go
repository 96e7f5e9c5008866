package python

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Specifiers is what versions must fit, all of it (PEP 440): ">=1.0, !=1.3.*, <2". None fits
// every version.
type Specifiers []Specifier

// Specifier is one condition for versions.
type Specifier struct {
	op       string
	text     string  // of the version, as written
	version  Version // of all but ===
	wildcard bool    // the text ends with ".*", which the version does not hold
}

// ParseSpecifiers reads conditions with commas between them. An empty text has none.
func ParseSpecifiers(text string) (Specifiers, error) { return parseSpecifiers(text, false) }

// ParseRequiresPython reads a Requires-Python. It takes ">=3.6.*" for ">=3.6", as uv does and
// pip did when such were written. Where it returns an error, pip takes the file for one that
// runs everywhere.
func ParseRequiresPython(text string) (Specifiers, error) { return parseSpecifiers(text, true) }

func parseSpecifiers(text string, lenient bool) (Specifiers, error) {
	var list Specifiers
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimFunc(part, isSpace); part == "" {
			continue
		}
		s, err := parseSpecifier(part, lenient)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// operators stand in the order in which they must be tried.
var operators = [...]string{"===", "~=", "==", "!=", "<=", ">=", "<", ">"}

// parseSpecifier reads one condition. A lenient one may have ".*" behind any order.
func parseSpecifier(text string, lenient bool) (Specifier, error) {
	for _, op := range operators {
		if version, found := strings.CutPrefix(text, op); found {
			s := Specifier{op: op, text: strings.TrimLeftFunc(version, isSpace)}
			if s.read(lenient) {
				return s, nil
			}
			break
		}
	}
	return Specifier{}, fmt.Errorf("%.80q is no version specifier", text)
}

// read reads the text of the version.
func (s *Specifier) read(lenient bool) (ok bool) {
	if s.op == "===" {
		return s.text != "" && !strings.ContainsFunc(s.text, func(r rune) bool { return isSpace(r) || r == ';' || r == ')' })
	}
	equality := s.op == "==" || s.op == "!="
	if lenient && !equality && s.op != "~=" {
		s.text = strings.TrimSuffix(s.text, ".*")
	}
	var rest string
	if s.version, rest, ok = scanRelease(s.text); ok && rest == ".*" && equality {
		s.wildcard = true
		return true
	}
	if s.version, rest, ok = scanVersion(s.text); ok && equality {
		s.version.local, rest, ok = scanLocal(rest)
	}
	return ok && rest == "" && (s.op != "~=" || len(s.version.release) > 1)
}

// Contains reports whether a version fits. Pre-releases fit only where the caller takes
// them: see TakesPrereleases.
func (list Specifiers) Contains(v Version, prereleases bool) bool {
	if !prereleases && v.IsPrerelease() {
		return false
	}
	for _, s := range list {
		if !s.fits(v) {
			return false
		}
	}
	return true
}

// TakesPrereleases reports whether pre-releases of these versions are taken, when nobody said
// anything about them: where a condition names one, or nothing else fits.
func (list Specifiers) TakesPrereleases(versions []Version) bool {
	return list.NamesPrerelease() || !slices.ContainsFunc(versions, func(v Version) bool { return list.Contains(v, false) })
}

// NamesPrerelease reports whether a condition asks for a pre-release, as ">=2.0rc1" does and
// "!=2.0rc1" does not.
func (list Specifiers) NamesPrerelease() bool {
	return slices.ContainsFunc(list, func(s Specifier) bool {
		v := s.version
		if s.op == "===" {
			v, _ = ParseVersion(s.text)
		}
		return s.op != "!=" && v.IsPrerelease()
	})
}

func (s Specifier) fits(v Version) bool {
	switch s.op {
	case "===":
		return lower(s.text) == v.String()
	case "==":
		return s.equals(v)
	case "!=":
		return !s.equals(v)
	case "<=":
		return v.comparePublic(s.version) <= 0
	case ">=":
		return v.comparePublic(s.version) >= 0
	case "~=":
		return v.comparePublic(s.version) >= 0 && v.begins(s.version, len(s.version.release)-1)
	case "<": // not the pre-releases of what it names, unless it names one
		bound := s.version
		if !bound.IsPrerelease() {
			bound.dev = "0"
		}
		return v.comparePublic(bound) < 0
	}
	// ">": not the post-releases of what it names, unless it names one
	return v.comparePublic(s.version) > 0 &&
		(s.version.post != "" || s.version.dev != "" || v.phase != s.version.phase || v.pre != s.version.pre || v.compareRelease(s.version) != 0)
}

// equals ignores what of a version the condition does not name.
func (s Specifier) equals(v Version) bool {
	switch {
	case s.wildcard:
		return v.begins(s.version, len(s.version.release))
	case s.version.local == nil:
		return v.comparePublic(s.version) == 0
	}
	return v.Compare(s.version) == 0
}

// begins reports whether v has the epoch of o and the first n parts of its release.
func (v Version) begins(o Version, n int) bool {
	if v.epoch != o.epoch {
		return false
	}
	for i := range n {
		if v.part(i) != o.part(i) {
			return false
		}
	}
	return true
}

// String returns the condition without blanks, the version as it was written.
func (s Specifier) String() string { return s.op + s.text }

// String returns the conditions in a canonical order, those that are equal once.
func (list Specifiers) String() string {
	var texts []string
	seen := map[string]bool{}
	for _, s := range slices.SortedStableFunc(slices.Values(list), func(a, b Specifier) int { return cmp.Compare(a.String(), b.String()) }) {
		if key := s.canonical(); !seen[key] {
			seen[key] = true
			texts = append(texts, s.String())
		}
	}
	return strings.Join(texts, ",")
}

// canonical is one text for conditions that are equal whatever the version.
func (s Specifier) canonical() string {
	if s.op == "===" || s.wildcard {
		return s.String()
	}
	v := s.version
	for s.op != "~=" && len(v.release) > 1 && v.release[len(v.release)-1] == "0" {
		v.release = v.release[:len(v.release)-1]
	}
	return s.op + v.String()
}
