package apt

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/asof/asof/internal/deb"
	"github.com/asof/asof/internal/option"
	"github.com/asof/asof/publisher/remote/mirror"
)

// Filter chooses packages. A package must match each of Include, Sections and Priorities
// that is set, and nothing in Exclude. A source package is chosen if a package built from
// it is chosen, or if Include names it.
type Filter struct {
	// Include and Exclude are package names or path.Match patterns. Version constraints
	// may follow; a version must meet all of them: "nginx", "python3-*", "linux-image-*
	// (>= 6.1) (<< 6.2)".
	Include    []string `yaml:"include"`    // empty: all
	Exclude    []string `yaml:"exclude"`    // empty: none; wins over everything
	Sections   []string `yaml:"sections"`   // patterns: admin, contrib/*; empty: all
	Priorities []string `yaml:"priorities"` // required, important, …; empty: all
	// FollowDependencies adds everything that the chosen packages depend on (Depends,
	// Pre-Depends): all alternatives, and all versions that satisfy them. Nil: as
	// FollowRecommends.
	FollowDependencies *bool `yaml:"follow_dependencies"`
	// FollowRecommends does so for Recommends, too, which apt installs unless told
	// otherwise. It needs FollowDependencies, and implies it.
	FollowRecommends bool `yaml:"follow_recommends"`
}

// pkg is what a filter needs to know about a package.
type pkg struct {
	name, version, section, priority string
	source, sourceVersion            string // of a binary package
	depends, recommends, provides    string
	isSource                         bool
}

func newPkg(s *deb.Stanza) pkg {
	p := pkg{
		name: s.Text(fieldPackage), version: s.Text(fieldVersion), section: s.Text(fieldSection), priority: s.Text(fieldPriority),
		depends: s.Text(fieldPreDepends) + "," + s.Text(fieldDepends), recommends: s.Text(fieldRecommends), provides: s.Text(fieldProvides),
	}
	// The field is "name" or "name (version)". The default is the package's own name and
	// version.
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

// filter is a compiled Filter.
type filter struct {
	include, exclude     []pattern
	sections, priorities []string
	follow, recommends   bool
}

// pattern is one entry of Include or Exclude.
type pattern struct {
	text     string // as it is configured
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

// newFilter compiles a Filter. It returns nil for a filter that chooses everything.
func newFilter(f Filter) (*filter, error) {
	chosen := len(f.Include)+len(f.Exclude)+len(f.Sections)+len(f.Priorities) > 0
	follow, err := mirror.Follow(f.FollowDependencies, f.FollowRecommends, chosen)
	if err != nil || !chosen {
		return nil, err
	}
	out := &filter{sections: f.Sections, priorities: f.Priorities, follow: follow, recommends: f.FollowRecommends}
	var errs [4]error
	out.include, errs[0] = parsePatterns("packages.include", f.Include)
	out.exclude, errs[1] = parsePatterns("packages.exclude", f.Exclude)
	errs[2] = checkPatterns("packages.sections", f.Sections)
	errs[3] = checkPatterns("packages.priorities", f.Priorities)
	return out, errors.Join(errs[:]...)
}

func checkPatterns(name string, list []string) error {
	var errs []error
	for i, s := range list {
		if _, err := path.Match(s, ""); err != nil {
			errs = append(errs, option.Errorf(fmt.Sprintf("%s[%d]", name, i), "%q is not a pattern", s))
		}
	}
	return errors.Join(errs...)
}

func parsePatterns(name string, list []string) (out []pattern, err error) {
	var errs []error
	for i, text := range list {
		p, err := parsePattern(text)
		errs = append(errs, option.Wrap(fmt.Sprintf("%s[%d]", name, i), err))
		out = append(out, p)
	}
	return out, errors.Join(errs...)
}

func parsePattern(text string) (p pattern, err error) {
	m := regexp.MustCompile(`^([^\s()]+)((?:\s*\([^()]*\))*)\s*$`).FindStringSubmatch(text)
	if m == nil {
		return p, fmt.Errorf("%q is not of the form: name (>= version)", text)
	}
	p.text, p.name = text, m[1]
	if _, err := path.Match(p.name, ""); err != nil {
		return p, fmt.Errorf("%q is not a pattern", p.name)
	}
	for _, v := range regexp.MustCompile(`\([^()]*\)`).FindAllString(m[2], -1) {
		d, err := deb.ParseDependencies("x " + v)
		if err != nil || len(d) != 1 || len(d[0]) != 1 {
			return p, fmt.Errorf("%q holds no version to compare with: %s", text, v)
		}
		p.versions = append(p.versions, d[0][0])
	}
	return p, nil
}

func matchesAny(list []pattern, k pkg) bool {
	return slices.ContainsFunc(list, func(p pattern) bool { return p.matches(k) })
}

func globbed(list []string, value string) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(p string) bool { ok, _ := path.Match(p, value); return ok })
}

// chooses reports whether the filter chooses a package, apart from dependencies.
func (f *filter) chooses(k pkg) bool {
	if matchesAny(f.exclude, k) {
		return false
	}
	if k.isSource { // sections and priorities are those of binary packages
		return len(f.include) > 0 && matchesAny(f.include, k)
	}
	return (len(f.include) == 0 || matchesAny(f.include, k)) && globbed(f.sections, k.section) && globbed(f.priorities, k.priority)
}

// choose reports for each package of an archive whether it is chosen.
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

// provider is a package that satisfies a name. version is the package's own, or the one
// in Provides. An empty version satisfies only dependencies that ask for none.
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
		provided, _ := deb.ParseDependencies(k.provides) // an unreadable field provides nothing
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
		if f.recommends {
			recommended, _ := deb.ParseDependencies(k.recommends)
			needed = append(needed, recommended...)
		}
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
