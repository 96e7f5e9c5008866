package rpm

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/asof/asof/internal/option"
	"github.com/asof/asof/internal/rpm"
	"github.com/asof/asof/publisher/remote/mirror"
)

// Filter chooses packages. A package must match Include and Architectures if they are set,
// and nothing in Exclude.
type Filter struct {
	// Include and Exclude are package names or path.Match patterns: nginx, python3-*.
	Include []string `yaml:"include"` // empty: all
	Exclude []string `yaml:"exclude"` // empty: none; wins over everything

	Architectures []string `yaml:"architectures"`                             // x86_64, …; empty: all. noarch is implied, as clients of all need it. Sources have none
	Sources       *bool    `yaml:"sources" default:"true"`                    // source packages; with Include, those that were chosen or that chosen ones were built from; absent: true
	Newest        int      `yaml:"newest" default:"0" allowed:"0 to 1000000"` // how many versions of each name and architecture; 0: all

	// FollowDependencies adds everything that the chosen packages require: all packages that
	// provide it, by name or file. Nil: as FollowRecommends.
	FollowDependencies *bool `yaml:"follow_dependencies"`
	// FollowRecommends does so for what they recommend, too, and for what supplements them:
	// dnf installs both unless told otherwise. It needs FollowDependencies, and implies it.
	FollowRecommends bool `yaml:"follow_recommends"`
}

// filter is a compiled Filter.
type filter struct {
	Filter
	followed bool // dependencies are
	texts    texts
}

// newFilter compiles a Filter. It returns nil for a filter that chooses everything.
func newFilter(f Filter) (*filter, error) {
	chosen := len(f.Include)+len(f.Exclude)+len(f.Architectures)+f.Newest != 0 || !on(f.Sources)
	follow, err := mirror.Follow(f.FollowDependencies, f.FollowRecommends, chosen)
	if err != nil || !chosen {
		return nil, err
	}
	var errs []error
	for _, list := range []struct {
		name     string
		patterns []string
	}{{"include", f.Include}, {"exclude", f.Exclude}} {
		for i, p := range list.patterns {
			if _, err := path.Match(p, ""); err != nil || p == "" {
				errs = append(errs, option.Errorf(fmt.Sprintf("packages.%s[%d]", list.name, i), "%q is not a pattern", p))
			}
		}
	}
	if f.Newest < 0 {
		errs = append(errs, option.Errorf("packages.newest", "is %d, less than 0", f.Newest))
	}
	return &filter{Filter: f, followed: follow}, errors.Join(errs...)
}

// texts gives equal texts one number, so that a million relations take little memory.
type texts struct {
	numbers map[string]uint32
	list    []string
}

func (t *texts) number(text string) uint32 {
	n, ok := t.numbers[text]
	if !ok {
		if t.numbers == nil {
			t.numbers = map[string]uint32{}
		}
		n = uint32(len(t.list))
		text = strings.Clone(text) // not the whole package
		t.numbers[text], t.list = n, append(t.list, text)
	}
	return n
}

// wantedPkg is what a filter needs to know about a package.
type wantedPkg struct {
	name, arch        uint32
	evr               rpm.EVR
	source            uint32 // file name of its source package, or its own
	isSource          bool
	provides, depends []relation
	joint             [][]relation // dependencies that one package has to satisfy alone
	supplements       []condition
}

// add makes a package for the filter.
func (f *filter) add(p *rpm.Package) wantedPkg {
	w := wantedPkg{
		name: f.texts.number(p.Name), arch: f.texts.number(p.Arch), isSource: p.IsSource(),
		evr: rpm.EVR{Epoch: f.intern(p.Epoch), Version: f.intern(p.Version), Release: f.intern(p.Release)},
	}
	w.source = f.texts.number(p.SourceRPM)
	if w.isSource {
		w.source = f.texts.number(fmt.Sprintf("%s-%s-%s.%s.rpm", p.Name, p.Version, p.Release, p.Arch))
	}
	if !f.follows() || w.isSource {
		return w
	}
	w.provides = f.relations(make([]relation, 0, len(p.Provides)+len(p.Files)), p.Provides)
	for _, file := range p.Files {
		w.provides = append(w.provides, relation{name: f.texts.number(file)})
	}
	w.depends = make([]relation, 0, len(p.Requires))
	f.depend(&w, p.Requires)
	if f.FollowRecommends {
		f.depend(&w, p.Recommends)
		w.supplements = f.conditions(p.Supplements)
	}
	return w
}

func (f *filter) intern(text string) string { return f.texts.list[f.texts.number(text)] }

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { ok, _ := path.Match(p, name); return ok })
}

// noarch is the architecture of packages that run on all.
const noarch = "noarch"

// allows reports whether a package may be in the mirror at all.
func (f *filter) allows(w *wantedPkg) bool {
	switch {
	case matchesAny(f.Exclude, f.texts.list[w.name]):
		return false
	case w.isSource:
		return on(f.Sources)
	}
	arch := f.texts.list[w.arch]
	return len(f.Architectures) == 0 || arch == noarch || slices.Contains(f.Architectures, arch)
}

// choose reports for each package whether it is chosen.
func (f *filter) choose(pkgs []wantedPkg) []bool {
	allowed := make([]bool, len(pkgs))
	for i := range pkgs {
		allowed[i] = f.allows(&pkgs[i])
	}
	newest := f.newest(pkgs, allowed)
	keep := make([]bool, len(pkgs))
	for i := range pkgs {
		keep[i] = newest[i] && (len(f.Include) == 0 || matchesAny(f.Include, f.texts.list[pkgs[i].name]))
	}
	if f.follows() {
		f.follow(pkgs, allowed, newest, keep)
	}
	built := map[uint32]bool{}
	for i := range pkgs {
		if keep[i] && !pkgs[i].isSource {
			built[pkgs[i].source] = true
		}
	}
	for i := range pkgs {
		if pkgs[i].isSource && allowed[i] && built[pkgs[i].source] {
			keep[i] = true
		}
	}
	return keep
}

// newest reports which of the allowed packages are among the newest versions of their name
// and architecture.
func (f *filter) newest(pkgs []wantedPkg, allowed []bool) []bool {
	if f.Newest == 0 {
		return allowed
	}
	type key struct{ name, arch uint32 }
	groups := map[key][]int{}
	for i, w := range pkgs {
		if allowed[i] {
			k := key{w.name, w.arch}
			groups[k] = append(groups[k], i)
		}
	}
	out := make([]bool, len(pkgs))
	for _, group := range groups {
		slices.SortFunc(group, func(a, b int) int { return pkgs[b].evr.Compare(pkgs[a].evr) })
		versions := 0
		for n, i := range group {
			if n == 0 || pkgs[i].evr.Compare(pkgs[group[n-1]].evr) != 0 {
				versions++
			}
			out[i] = versions <= f.Newest
		}
	}
	return out
}

// idle lists the entries of the filter that match no package.
func (f *filter) idle(pkgs []wantedPkg) (u mirror.Unmatched) {
	names, arches := map[string]bool{}, map[string]bool{}
	for _, w := range pkgs {
		names[f.texts.list[w.name]] = true
		if !w.isSource {
			arches[f.texts.list[w.arch]] = true
		}
	}
	all := slices.Sorted(maps.Keys(names))
	for _, list := range []struct {
		name     string
		patterns []string
	}{{"packages.include", f.Include}, {"packages.exclude", f.Exclude}} {
		e := mirror.Entries{Option: list.name}
		for _, p := range list.patterns {
			if slices.ContainsFunc(all, func(name string) bool { ok, _ := path.Match(p, name); return ok }) {
				continue
			}
			e.Entries = append(e.Entries, p)
			if near := option.Nearest(p, all); near != "" && len(e.Entries) <= maxGuesses && !strings.ContainsAny(p, `*?[\`) {
				e.Nearest = append(e.Nearest, near)
			}
		}
		u.Add(e)
	}
	e := mirror.Entries{Option: "packages.architectures", There: slices.Sorted(maps.Keys(arches))}
	for _, arch := range f.Architectures {
		if !arches[arch] && (arch != noarch || len(f.Architectures) == 1) {
			e.Entries = append(e.Entries, arch)
			if arch == "src" {
				e.Advice = "packages.sources: true takes source packages"
			}
		}
	}
	u.Add(e)
	return u
}

// maxGuesses is for how many entries a name is looked for that they may have meant.
const maxGuesses = 10
