package apt

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/asof/asof/internal/option"
	"github.com/asof/asof/publisher/remote/mirror"
)

// maxGuesses is for how many entries a name is looked for that they may have meant.
const maxGuesses = 10

// idle lists the entries of a filter that match no package.
func (f *filter) idle(pkgs []pkg) (u mirror.Unmatched) {
	u.Add(idlePatterns("packages.include", f.include, pkgs))
	u.Add(idlePatterns("packages.exclude", f.exclude, pkgs))
	u.Add(idleGlobs("packages.sections", f.sections, pkgs, func(k pkg) string { return k.section }))
	u.Add(idleGlobs("packages.priorities", f.priorities, pkgs, func(k pkg) string { return k.priority }))
	return u
}

func idlePatterns(name string, list []pattern, pkgs []pkg) mirror.Entries {
	e := mirror.Entries{Option: name}
	var names []string // of all packages
	for _, p := range list {
		if slices.ContainsFunc(pkgs, p.matches) {
			continue
		}
		e.Entries = append(e.Entries, p.text)
		if len(e.Entries) > maxGuesses || strings.ContainsAny(p.name, `*?[\`) {
			continue
		}
		if names == nil {
			for _, k := range pkgs {
				names = append(names, k.name)
			}
			slices.Sort(names)
			names = slices.Compact(names)
		}
		if near := option.Nearest(p.name, names); near != "" {
			e.Nearest = append(e.Nearest, near)
		}
	}
	return e
}

// idleGlobs looks at binary packages only: the filter asks for their sections and
// priorities.
func idleGlobs(name string, globs []string, pkgs []pkg, of func(pkg) string) mirror.Entries {
	e := mirror.Entries{Option: name}
	if len(globs) == 0 {
		return e
	}
	values := map[string]bool{}
	for _, k := range pkgs {
		if value := of(k); !k.isSource && value != "" {
			values[value] = true
		}
	}
	e.There = slices.Sorted(maps.Keys(values))
	for _, glob := range globs {
		if !slices.ContainsFunc(e.There, func(value string) bool { ok, _ := path.Match(glob, value); return ok }) {
			e.Entries = append(e.Entries, glob)
		}
	}
	return e
}
