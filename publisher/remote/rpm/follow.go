package rpm

import (
	"slices"

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

// relation makes a relation a small one.
func (f *filter) relation(r rpm.Relation) relation {
	one := relation{name: f.texts.number(r.Name), flags: parseFlags(r.Flags)}
	if one.flags != 0 {
		one.evr = f.texts.number(rpm.EVR{Epoch: r.Epoch, Version: r.Version, Release: r.Release}.String())
	}
	return one
}

// relations adds relations as small ones.
func (f *filter) relations(out []relation, list []rpm.Relation) []relation {
	for _, r := range list {
		out = append(out, f.relation(r))
	}
	return out
}

// depend adds dependencies. Of a rich one, such as "(a if b)", it adds all that it names: the
// mirror then has what any client may need.
func (f *filter) depend(w *wantedPkg, list []rpm.Relation) {
	for _, r := range list {
		f.dependRich(w, r.Rich())
	}
}

func (f *filter) dependRich(w *wantedPkg, r rpm.Rich) {
	switch r.Op {
	case "":
		w.depends = append(w.depends, f.relation(r.Relation))
	case "with", "without":
		parts := r.Parts
		if r.Op == "without" {
			parts = parts[:1]
		}
		var joint []relation
		for _, part := range parts {
			part.Relations(func(one rpm.Relation) { joint = append(joint, f.relation(one)) })
		}
		w.joint = append(w.joint, joint)
	default:
		for _, part := range r.Parts {
			f.dependRich(w, part)
		}
	}
}

// condition is what has to be there for a package that supplements it.
type condition struct {
	relation
	any, all []condition // one of the two, unless it is relation
}

func (f *filter) conditions(list []rpm.Relation) (out []condition) {
	for _, r := range list {
		out = append(out, f.condition(r.Rich()))
	}
	return out
}

// condition takes a rich dependency as satisfied wherever it may be.
func (f *filter) condition(r rpm.Rich) condition {
	if r.Op == "" {
		return condition{relation: f.relation(r.Relation)}
	}
	parts := make([]condition, len(r.Parts))
	for i, part := range r.Parts {
		parts[i] = f.condition(part)
	}
	switch r.Op {
	case "and", "with":
		return condition{all: parts}
	case "without":
		return condition{all: parts[:1]}
	case "if", "unless":
		return condition{any: append(parts[:1:1], parts[2:]...)}
	}
	return condition{any: parts}
}

// follow adds what the kept packages depend on, and what supplements them. Where one of the
// newest versions satisfies a dependency, older ones are not added for it.
func (f *filter) follow(pkgs []wantedPkg, allowed, newest, keep []bool) {
	w := &walk{filter: f, pkgs: pkgs, index: f.providers(pkgs, allowed), newest: newest, keep: keep}
	for i := range pkgs {
		if keep[i] {
			w.todo = append(w.todo, int32(i))
		}
	}
	for {
		w.dependencies()
		if !w.supplements(allowed) {
			return
		}
	}
}

// walk goes from packages to what they depend on.
type walk struct {
	*filter
	pkgs         []wantedPkg
	index        *providers
	newest, keep []bool
	todo         []int32
	found        []int32
}

// dependencies adds what the packages in todo depend on, and what that depends on.
func (w *walk) dependencies() {
	for len(w.todo) > 0 {
		pkg := &w.pkgs[w.todo[len(w.todo)-1]]
		w.todo = w.todo[:len(w.todo)-1]
		for i := range pkg.depends {
			w.need(pkg.depends[i : i+1])
		}
		for _, joint := range pkg.joint {
			w.need(joint)
		}
	}
}

// need adds the packages of which each satisfies all of some relations.
func (w *walk) need(joint []relation) {
	w.found = w.found[:0]
	anyNewest := false
	for _, p := range w.index.of(joint[0].name) {
		if w.overlap(p.by, joint[0]) && w.satisfies(&w.pkgs[p.pkg], joint[1:]) {
			w.found = append(w.found, p.pkg)
			anyNewest = anyNewest || w.newest[p.pkg]
		}
	}
	for _, i := range w.found {
		if !w.keep[i] && (w.newest[i] || !anyNewest) {
			w.keep[i] = true
			w.todo = append(w.todo, i)
		}
	}
}

// satisfies reports whether a package alone satisfies all of some relations.
func (w *walk) satisfies(pkg *wantedPkg, all []relation) bool {
	for _, need := range all {
		if !slices.ContainsFunc(pkg.provides, func(have relation) bool { return have.name == need.name && w.overlap(have, need) }) {
			return false
		}
	}
	return true
}

// supplements adds the packages that supplement what is kept, and reports whether there are
// any new ones.
func (w *walk) supplements(allowed []bool) bool {
	for i := range w.pkgs {
		if !w.keep[i] && allowed[i] && w.newest[i] && slices.ContainsFunc(w.pkgs[i].supplements, w.holds) {
			w.keep[i] = true
			w.todo = append(w.todo, int32(i))
		}
	}
	return len(w.todo) > 0
}

// holds reports whether kept packages fulfil a condition.
func (w *walk) holds(c condition) bool {
	switch {
	case c.all != nil:
		return !slices.ContainsFunc(c.all, func(part condition) bool { return !w.holds(part) })
	case c.any != nil:
		return slices.ContainsFunc(c.any, w.holds)
	}
	return slices.ContainsFunc(w.index.of(c.name), func(p provider) bool { return w.keep[p.pkg] && w.overlap(p.by, c.relation) })
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
