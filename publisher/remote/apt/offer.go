package apt

import (
	"maps"
	"path"
	"slices"

	"github.com/asof/asof/publisher/remote/mirror"
)

// offer is what a suite has to choose from. Where Release lacks a field, the names of its
// indexes tell.
type offer struct {
	suite      *suite
	names      []indexName // of indexes, as Release lists them or, without one, as upstream has them
	components mirror.Names
	indexed    mirror.Names // components that have indexes
	arches     mirror.Names
	languages  mirror.Names // of translations
}

// newOffer returns what the Release file of a suite lists.
func newOffer(s *suite) *offer {
	o := &offer{suite: s}
	if s.bare {
		return o
	}
	o.components.Add(s.release.components...)
	o.arches.Add(s.release.architectures...)
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		o.add(parseIndexName(name))
	}
	return o
}

// offers lists what each suite has. What a suite without Release has is only known once
// its indexes were obtained.
func (c *capture) offers() (list []*offer) {
	for _, s := range c.suites {
		o := newOffer(s)
		for _, ix := range c.indexes {
			if s.bare && ix.suite == s {
				o.add(ix.indexName)
			}
		}
		list = append(list, o)
	}
	return list
}

func (o *offer) add(ix indexName) {
	o.names = append(o.names, ix)
	switch ix.kind {
	case packages, sources, contents:
		o.indexed.Add(ix.component)
		o.components.Add(ix.component)
		if ix.arch != "source" {
			o.arches.Add(ix.arch)
		}
	case translation:
		o.languages.Add(ix.arch)
	}
}

// hasComponent reports whether an entry of Options.Components names a component. Release
// may put a part of the suite's name in front of it, so that main stands for
// updates/main, unless the indexes are there too.
func (o *offer) hasComponent(entry string) bool {
	return o.components.Has(entry) || o.components.Has(path.Base(entry)) ||
		slices.ContainsFunc(o.components.List, func(c string) bool { return path.Base(c) == entry && !o.indexed.Has(c) })
}

// componentNames lists the components as apt asks for them.
func (o *offer) componentNames() []string {
	return slices.DeleteFunc(slices.Clone(o.components.List), func(c string) bool { return !o.indexed.Has(c) && o.indexed.Has(path.Base(c)) })
}

func (o *offer) architectureNames() []string { return o.arches.List }

func (o *offer) hasArchitecture(entry string) bool { return o.arches.Has(entry) }

// has reports whether the suite has an index of a kind that the options choose.
func (o *offer) has(options *Options, kind func(indexName) bool) bool {
	return slices.ContainsFunc(o.names, func(ix indexName) bool {
		return kind(ix) && options.wants(ix, o.suite.release, o.suite.flat)
	})
}
