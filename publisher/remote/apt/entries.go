package apt

import (
	"fmt"
	"slices"

	"github.com/asof/asof/publisher/remote/mirror"
)

// checkEntries checks the options that choose indexes against what the suites have. A
// component or an architecture that no suite has is an error, as the mirror would lack
// what somebody wants. If another suite has it, it is a warning, as suites differ: older
// ones of Debian have no non-free-firmware. What else matches nothing is for idle.
func (c *capture) checkEntries() error {
	offers := c.offers()
	arches := c.options.Architectures
	if len(arches) > 1 { // without indexes of its own, "all" is in those of the others
		arches = slices.DeleteFunc(slices.Clone(arches), func(a string) bool { return a == "all" })
	}
	var unlisted mirror.Unmatched
	unlisted.Add(c.unlisted("components", c.options.Components, offers, (*offer).hasComponent, (*offer).componentNames))
	unlisted.Add(c.unlisted("architectures", arches, offers, (*offer).hasArchitecture, (*offer).architectureNames))
	if err := unlisted.Err(); err != nil {
		return err
	}
	var idle mirror.Unmatched
	idle.Add(c.idleLanguages(offers))
	for _, kind := range c.idleKinds(offers) {
		idle.Add(mirror.Entries{Option: kind, Entries: []string{"true"}, Kind: true})
	}
	return c.idle(idle)
}

// unlisted returns the entries of an option that no suite has. It warns about suites that
// lack what another has. A suite of which all is empty, like a flat one, can't tell.
func (c *capture) unlisted(option string, list []string, offers []*offer, has func(*offer, string) bool, all func(*offer) []string) mirror.Entries {
	e := mirror.Entries{Option: option}
	for _, entry := range list {
		var there []string
		var warn []string
		found := false
		for _, o := range offers {
			switch {
			case o.suite.flat || len(all(o)) == 0:
			case has(o, entry):
				found = true
			default:
				there, warn = append(there, all(o)...), append(warn, c.where()+o.suite.dir)
			}
		}
		if !found && len(warn) > 0 {
			e.Entries, e.There = append(e.Entries, entry), there
			if option == "architectures" && entry == "source" {
				e.Advice = "sources: true takes source packages"
			}
			continue
		}
		for _, suite := range warn {
			c.warnings.Add(suite, fmt.Sprintf("%s: this suite has no %s, which another one has", option, entry))
		}
	}
	return e
}

// idleLanguages returns the languages of which no suite has a translation.
func (c *capture) idleLanguages(offers []*offer) mirror.Entries {
	e := mirror.Entries{Option: "translations"}
	for _, o := range offers {
		e.There = append(e.There, o.languages.List...)
	}
	for _, language := range c.options.Translations {
		if language != "none" && !slices.Contains(e.There, language) {
			e.Entries = append(e.Entries, language)
		}
	}
	return e
}

// idleKinds lists the options for a kind of index that are set although no suite has one.
func (c *capture) idleKinds(offers []*offer) (names []string) {
	explicit := func(option *bool) bool { return option != nil && *option }
	for _, kind := range []struct {
		option string
		set    bool
		is     func(indexName) bool
	}{
		{"sources", c.options.Sources, func(ix indexName) bool { return ix.kind == sources }},
		{"udebs", c.options.Udebs, func(ix indexName) bool { return ix.kind == packages && ix.udeb }},
		{"contents", c.options.Contents, func(ix indexName) bool { return ix.kind == contents }},
		{"dep11", explicit(c.options.DEP11), func(ix indexName) bool { return ix.kind == dep11 }},
		{"commands", explicit(c.options.Commands), func(ix indexName) bool { return ix.kind == commands }},
		{"installer", c.options.Installer, func(ix indexName) bool { return ix.kind == installer }},
		{"pdiffs", c.options.PDiffs, func(ix indexName) bool { return ix.kind == pdiff }},
	} {
		if kind.set && !slices.ContainsFunc(offers, func(o *offer) bool { return o.has(&c.options, kind.is) }) {
			names = append(names, kind.option)
		}
	}
	return names
}

// idle warns about entries that match nothing, or fails if the options are strict.
func (c *capture) idle(u mirror.Unmatched) error {
	return u.Tell(c.options.StrictFilters, c.where(), c.warnings.Add)
}
