package dir

import (
	"path"
	"strings"
)

// exclusion is what is left out of a folder, and what came of it.
type exclusion struct {
	patterns []string
	matched  []bool // the pattern, or a folder that it may stand in
}

func newExclusion(patterns []string) *exclusion {
	return &exclusion{patterns, make([]bool, len(patterns))}
}

// has reports whether a path is left out.
func (e *exclusion) has(p string) (out bool) {
	for i, pattern := range e.patterns {
		whole, _ := path.Match(pattern, p)
		last, _ := path.Match(pattern, path.Base(p))
		if whole || last {
			out, e.matched[i] = true, true
		}
	}
	if out { // nobody looks into it
		for i, pattern := range e.patterns {
			e.matched[i] = e.matched[i] || strings.HasPrefix(pattern, p+"/")
		}
	}
	return out
}

// idle lists the plain names that matched nothing: somebody meant a file that has another
// name. A pattern is a precaution.
func (e *exclusion) idle() (names []string) {
	for i, pattern := range e.patterns {
		if !e.matched[i] && !strings.ContainsAny(pattern, "*?[") {
			names = append(names, pattern)
		}
	}
	return names
}
