package rpm

import (
	"slices"
	"strings"

	"github.com/asof/asof/internal/rpm"
)

// follows reports whether it has to know what packages provide and require.
func (f *filter) follows() bool { return f != nil && f.followed }

// relation is a name with versions.
type relation struct {
	name  uint32
	evr   uint32 // as text
	flags flags
}

// flags are how versions are compared.
type flags uint8

const (
	less flags = 1 << iota
	equal
	greater
)

func parseFlags(text string) flags {
	switch text {
	case "LT":
		return less
	case "LE":
		return less | equal
	case "EQ":
		return equal
	case "GE":
		return greater | equal
	case "GT":
		return greater
	}
	return 0
}

// relations adds relations as small ones. A rich one, such as "(a if b)", becomes all
// that it names: the mirror then has what any client may need.
func (f *filter) relations(out []relation, list []rpm.Relation) []relation {
	for _, r := range list {
		if strings.HasPrefix(r.Name, "(") {
			for _, name := range richNames(r.Name) {
				out = append(out, relation{name: f.texts.number(name)})
			}
			continue
		}
		one := relation{name: f.texts.number(r.Name), flags: parseFlags(r.Flags)}
		if one.flags != 0 {
			one.evr = f.texts.number(rpm.EVR{Epoch: r.Epoch, Version: r.Version, Release: r.Release}.String())
		}
		out = append(out, one)
	}
	return out
}

// richNames lists the names in a rich dependency: (a >= 1 if (b or c)).
func richNames(text string) (names []string) {
	version := false
	for _, word := range strings.FieldsFunc(text, func(c rune) bool { return c == ' ' || c == '(' || c == ')' }) {
		switch {
		case strings.Trim(word, "<>=") == "":
			version = true
			continue
		case version, slices.Contains([]string{"and", "or", "if", "unless", "else", "with", "without"}, word):
		default:
			names = append(names, word)
		}
		version = false
	}
	return names
}

// follow adds what the kept packages depend on. Where one of the newest versions satisfies
// a dependency, older ones are not added for it.
func (f *filter) follow(pkgs []wantedPkg, allowed, newest, keep []bool) {
	index := f.providers(pkgs, allowed)
	var todo []int32
	for i := range pkgs {
		if keep[i] {
			todo = append(todo, int32(i))
		}
	}
	var found []int32
	for len(todo) > 0 {
		w := &pkgs[todo[len(todo)-1]]
		todo = todo[:len(todo)-1]
		for _, need := range w.depends {
			found = found[:0]
			anyNewest := false
			for _, p := range index.of(need.name) {
				if f.overlap(p.by, need) {
					found = append(found, p.pkg)
					anyNewest = anyNewest || newest[p.pkg]
				}
			}
			for _, i := range found {
				if !keep[i] && (newest[i] || !anyNewest) {
					keep[i] = true
					todo = append(todo, i)
				}
			}
		}
	}
}

// provider is a package that provides something.
type provider struct {
	pkg int32
	by  relation
}

// providers holds who provides what, sorted by the number of the name. A map of lists takes
// four times the memory.
type providers struct {
	list  []provider
	start []uint32 // by number: where its providers begin in list
}

// of returns the providers of a name.
func (p *providers) of(name uint32) []provider { return p.list[p.start[name]:p.start[name+1]] }

// providers lists what the allowed packages provide.
func (f *filter) providers(pkgs []wantedPkg, allowed []bool) *providers {
	p := &providers{start: make([]uint32, len(f.texts.list)+1)}
	each := func(do func(pkg int32, by relation)) {
		for i, w := range pkgs {
			if !allowed[i] || w.isSource {
				continue
			}
			for _, r := range w.provides {
				do(int32(i), r)
			}
		}
	}
	each(func(_ int32, by relation) { p.start[by.name+1]++ })
	for i := range f.texts.list {
		p.start[i+1] += p.start[i]
	}
	p.list = make([]provider, p.start[len(f.texts.list)])
	next := slices.Clone(p.start)
	each(func(pkg int32, by relation) {
		p.list[next[by.name]] = provider{pkg, by}
		next[by.name]++
	})
	return p
}

// overlap reports whether what a package provides can be what another one needs. One
// without a version can be any.
func (f *filter) overlap(have, need relation) bool {
	if have.flags == 0 || need.flags == 0 {
		return true
	}
	a, b := rpm.ParseEVR(f.texts.list[have.evr]), rpm.ParseEVR(f.texts.list[need.evr])
	if a.Release == "" || b.Release == "" {
		a.Release, b.Release = "", ""
	}
	switch c := a.Compare(b); {
	case c < 0:
		return have.flags&greater != 0 || need.flags&less != 0
	case c > 0:
		return have.flags&less != 0 || need.flags&greater != 0
	}
	return have.flags&need.flags != 0
}
