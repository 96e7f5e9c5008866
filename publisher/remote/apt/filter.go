package apt

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/asof/asof/internal/deb"
)

// Filter chooses packages. A package is chosen if it meets all of Include,
// Sections and Priorities that are given, and nothing of Exclude. A source
// package is chosen if one that was built from it is, or if Include names it.
type Filter struct {
	// Include and Exclude are names, or patterns of path.Match for names, each
	// perhaps with versions that all must fit: "nginx", "python3-*",
	// "linux-image-* (>= 6.1) (<< 6.2)".
	Include    []string `mapstructure:"include"`    // empty: all
	Exclude    []string `mapstructure:"exclude"`    // empty: none; wins over everything
	Sections   []string `mapstructure:"sections"`   // patterns: admin, contrib/*; empty: all
	Priorities []string `mapstructure:"priorities"` // required, important, …; empty: all
	// FollowDependencies also chooses what the chosen ones depend on (Depends,
	// Pre-Depends), every alternative and every version that would do.
	FollowDependencies bool `mapstructure:"follow_dependencies"`
}

// pkg is what a filter looks at.
type pkg struct {
	name, version, section, priority string
	source, sourceVersion            string // of a binary package
	depends, provides                string
	isSource                         bool
}

func newPkg(s *deb.Stanza) pkg {
	p := pkg{
		name: s.Text(fieldPackage), version: s.Text(fieldVersion), section: s.Text(fieldSection), priority: s.Text(fieldPriority),
		depends: s.Text(fieldPreDepends) + "," + s.Text(fieldDepends), provides: s.Text(fieldProvides),
	}
	// Source: name, or: name (version); without it, it is the package's own.
	p.source, p.sourceVersion = p.name, p.version
	if own := s.Text(fieldSource); own != "" {
		name, version, ok := strings.Cut(own, " ")
		p.source = name
		if ok {
			p.sourceVersion = strings.Trim(version, "() ")
		}
	}
	return p
}

// filter is a Filter that was read.
type filter struct {
	include, exclude     []pattern
	sections, priorities []string
	follow               bool
}

// pattern is one of Include or Exclude.
type pattern struct {
	name     string
	versions []deb.Relation
}

func (p pattern) matches(k pkg) bool {
	if ok, _ := path.Match(p.name, k.name); !ok {
		return false
	}
	for _, v := range p.versions {
		if !v.SatisfiedBy(k.version) {
			return false
		}
	}
	return true
}

// newFilter reads a Filter; nil: it chooses everything.
func newFilter(f Filter) (*filter, error) {
	if len(f.Include)+len(f.Exclude)+len(f.Sections)+len(f.Priorities) == 0 {
		if f.FollowDependencies {
			return nil, fmt.Errorf("packages: follow_dependencies: nothing is chosen that has dependencies to follow")
		}
		return nil, nil
	}
	out := &filter{sections: f.Sections, priorities: f.Priorities, follow: f.FollowDependencies}
	var err error
	if out.include, err = parsePatterns("include", f.Include); err != nil {
		return nil, err
	}
	if out.exclude, err = parsePatterns("exclude", f.Exclude); err != nil {
		return nil, err
	}
	for _, s := range slices.Concat(f.Sections, f.Priorities) {
		if _, err := path.Match(s, ""); err != nil {
			return nil, fmt.Errorf("packages: %q is not a pattern", s)
		}
	}
	return out, nil
}

func parsePatterns(option string, list []string) ([]pattern, error) {
	form := regexp.MustCompile(`^([^\s()]+)((?:\s*\([^()]*\))*)\s*$`)
	var out []pattern
	for _, text := range list {
		m := form.FindStringSubmatch(text)
		if m == nil {
			return nil, fmt.Errorf("packages: %s: %q is not of the form: name (>= version)", option, text)
		}
		p := pattern{name: m[1]}
		if _, err := path.Match(p.name, ""); err != nil {
			return nil, fmt.Errorf("packages: %s: %q is not a pattern", option, p.name)
		}
		for _, v := range regexp.MustCompile(`\([^()]*\)`).FindAllString(m[2], -1) {
			d, err := deb.ParseDependencies("x " + v)
			if err != nil || len(d) != 1 || len(d[0]) != 1 {
				return nil, fmt.Errorf("packages: %s: %q holds no version to compare with: %s", option, text, v)
			}
			p.versions = append(p.versions, d[0][0])
		}
		out = append(out, p)
	}
	return out, nil
}

func matchesAny(list []pattern, k pkg) bool {
	return slices.ContainsFunc(list, func(p pattern) bool { return p.matches(k) })
}

func globbed(list []string, value string) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(p string) bool { ok, _ := path.Match(p, value); return ok })
}

// chooses tells it of a package by itself.
func (f *filter) chooses(k pkg) bool {
	if matchesAny(f.exclude, k) {
		return false
	}
	if k.isSource { // its sections and priorities are no binary package's
		return len(f.include) > 0 && matchesAny(f.include, k)
	}
	return (len(f.include) == 0 || matchesAny(f.include, k)) && globbed(f.sections, k.section) && globbed(f.priorities, k.priority)
}

// choose tells, for each package of an archive, whether it is chosen.
func (f *filter) choose(pkgs []pkg) []bool {
	keep := make([]bool, len(pkgs))
	for i, k := range pkgs {
		keep[i] = f.chooses(k)
	}
	if f.follow {
		f.followAll(pkgs, keep)
	}
	type source struct{ name, version string }
	built := map[source]bool{}
	for i, k := range pkgs {
		if keep[i] && !k.isSource {
			built[source{k.source, k.sourceVersion}] = true
		}
	}
	for i, k := range pkgs {
		if k.isSource && built[source{k.name, k.version}] && !matchesAny(f.exclude, k) {
			keep[i] = true
		}
	}
	return keep
}

// provider is a package that satisfies a name, as one of its version or, if it
// only provides it, as what the version says; empty: any that needs none.
type provider struct {
	pkg     int
	version string
}

func (f *filter) followAll(pkgs []pkg, keep []bool) {
	providers := map[string][]provider{}
	for i, k := range pkgs {
		if k.isSource || matchesAny(f.exclude, k) {
			continue
		}
		providers[k.name] = append(providers[k.name], provider{i, k.version})
		provided, _ := deb.ParseDependencies(k.provides) // what can't be read provides nothing
		for _, d := range provided {
			for _, r := range d {
				providers[r.Name] = append(providers[r.Name], provider{i, r.Version})
			}
		}
	}
	var todo []int
	for i := range pkgs {
		if keep[i] && !pkgs[i].isSource {
			todo = append(todo, i)
		}
	}
	for len(todo) > 0 {
		k := pkgs[todo[len(todo)-1]]
		todo = todo[:len(todo)-1]
		needed, _ := deb.ParseDependencies(k.depends)
		for _, d := range needed {
			for _, r := range d {
				for _, p := range providers[r.Name] {
					if !keep[p.pkg] && r.SatisfiedBy(p.version) {
						keep[p.pkg] = true
						todo = append(todo, p.pkg)
					}
				}
			}
		}
	}
}
