package apt

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/mirror"
)

// sourceOptions are what a source for a suite says, so that apt asks only for what the
// tree has. Release lists more, as it is signed.
type sourceOptions struct {
	types      string   // deb, deb-src or both
	components []string // empty: a flat repository
	languages  string   // of translations, or "none"; empty: whatever apt wants
	lacks      []string // targets that apt must not ask for
	noPDiffs   bool
}

// The names of apt's download targets (Created-By in apt-get indextargets) for indexes
// that packages besides apt ask for: apt-file, appstream and command-not-found.
const (
	targetContents = "Contents-deb"
	targetOldPlace = "Contents-deb-legacy" // Contents beside the components, as in Ubuntu
	targetDEP11    = "DEP-11"
	targetCommands = "CNF"
)

// iconTargets are the targets for the icons of AppStream metadata.
func iconTargets() []string {
	return []string{"DEP-11-icons-small", "DEP-11-icons", "DEP-11-icons-hidpi", "DEP-11-icons-large", "DEP-11-icons-large-hidpi"}
}

// bareSource returns the options for a suite without Release. If the tree has no index of
// it, the error is fs.ErrNotExist.
func (o *Options) bareSource(ctx context.Context, name suiteName, tree remote.Tree) (s sourceOptions, err error) {
	var of offer
	for _, stem := range o.bareIndexes(name.flat) {
		for _, ext := range preference() {
			_, ok, err := tree.Find(ctx, name.dir+stem+ext)
			if err != nil {
				return s, err
			}
			if ok {
				of.add(parseIndexName(stem + ext))
				break
			}
		}
	}
	if len(of.names) == 0 {
		return s, fs.ErrNotExist
	}
	of.suite = &suite{suiteName: name, bare: true, release: &release{architectures: []string{"all"}}}
	s = sourceOptions{types: o.sourceTypes(&of), languages: "none"}
	if !name.flat {
		s.components = o.sourceComponents(&of)
	}
	return s, nil
}

// sourceFor returns the options for a suite. It compares what Release lists with what the
// tree has.
func (o *Options) sourceFor(ctx context.Context, of *offer, tree remote.Tree) (s sourceOptions, err error) {
	s.types = o.sourceTypes(of)
	if !of.suite.flat {
		s.components = o.sourceComponents(of)
	}
	all := *o // what the options choose, with every kind of index
	on := true
	all.Contents, all.DEP11, all.Commands, all.PDiffs, all.Translations = true, &on, &on, true, nil
	// Clients ask for these of their own architecture, even if the source names another.
	foreign := slices.Equal(o.sourceArchitectures(), []string{"all"})
	native := func(ix indexName) bool {
		return foreign && (ix.kind == dep11 || ix.kind == commands) && o.wantsComponent(ix.component)
	}
	listed, there := map[string]indexName{}, map[string]bool{} // by stem
	for _, ix := range of.names {
		language := of.suite.flat && isLanguage(ix.stem) // where flat repositories have translations
		if !language && !all.wants(ix, of.suite.release, of.suite.flat) && !native(ix) {
			continue
		}
		listed[ix.stem] = ix
		if there[ix.stem] {
			continue
		}
		if _, there[ix.stem], err = tree.Find(ctx, of.suite.dir+ix.name); err != nil {
			return s, err
		}
	}
	have, lack := map[string]bool{}, map[string]bool{} // languages
	for stem, ix := range listed {
		switch {
		case ix.kind == translation && there[stem]:
			have[ix.arch] = true
		case ix.kind == translation:
			lack[ix.arch] = true
		case there[stem]:
		case ix.kind == contents && ix.component == "" && !of.suite.flat:
			s.lacks = append(s.lacks, targetContents, targetOldPlace)
		case ix.kind == contents && !ix.udeb && ix.arch != "source":
			s.lacks = append(s.lacks, targetContents)
		case ix.kind == dep11 && strings.HasPrefix(path.Base(stem), "icons-"):
			s.lacks = append(s.lacks, iconTargets()...)
		case ix.kind == dep11:
			s.lacks = append(s.lacks, targetDEP11)
		case ix.kind == commands:
			s.lacks = append(s.lacks, targetCommands)
		case ix.kind == pdiff:
			s.noPDiffs = true
		case of.suite.flat && isLanguage(stem):
			lack[stem] = true
		}
	}
	slices.Sort(s.lacks)
	s.lacks = slices.Compact(s.lacks)
	s.languages = o.sourceLanguages(have, lack)
	return s, nil
}

// sourceTypes says whether the suite has binary packages, sources, or both.
func (o *Options) sourceTypes(of *offer) string {
	var types []string
	if of.has(o, func(ix indexName) bool { return ix.kind == packages && !ix.udeb }) {
		types = append(types, "deb")
	}
	if of.has(o, func(ix indexName) bool { return ix.kind == sources }) {
		types = append(types, "deb-src")
	}
	return strings.Join(types, " ")
}

// sourceComponents lists the components as the names of the indexes have them: apt asks
// for these. Those without indexes are left out.
func (o *Options) sourceComponents(of *offer) []string {
	entries := o.Components
	if len(entries) == 0 {
		entries = of.components.List
	}
	if len(of.indexed.List) == 0 {
		return entries
	}
	var list mirror.Names
	for _, entry := range entries {
		for _, name := range []string{entry, path.Base(entry)} {
			if of.indexed.Has(name) {
				list.Add(name)
				break
			}
		}
	}
	return list.List
}

// sourceLanguages returns the languages that apt may ask for, if Release lists any that
// the tree lacks. A client downloads all that a source names. So where nobody chose
// languages and upstream lacks some, it is English, as apt's own default is.
func (o *Options) sourceLanguages(have, lack map[string]bool) string {
	if len(lack) == 0 {
		return ""
	}
	wanted := o.Translations
	if len(wanted) == 0 {
		wanted = []string{"en"}
	}
	var list mirror.Names
	for _, language := range wanted {
		if have[language] && !lack[language] {
			list.Add(language)
		}
	}
	if len(list.List) == 0 {
		return "none"
	}
	return strings.Join(list.List, " ")
}

// isLanguage reports whether a name is a language as apt knows it: en, pt_BR, sr@latin.
func isLanguage(name string) bool {
	language, _, _ := strings.Cut(name, "@")
	language, country, ok := strings.Cut(language, "_")
	letters := func(s, alphabet string) bool { return strings.Trim(s, alphabet) == "" }
	return (len(language) == 2 || len(language) == 3) && letters(language, "abcdefghijklmnopqrstuvwxyz") &&
		(!ok || len(country) == 2 && letters(country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
}

// source writes a deb822 source at an address for all suites. Consecutive suites with the same
// settings share a stanza.
func (r *upstream) source(at string, suites []described, signedBy string) string {
	var b strings.Builder
	suites = slices.DeleteFunc(slices.Clone(suites), described.empty)
	for len(suites) > 0 {
		n := 1
		for n < len(suites) && suites[n].alike(suites[0]) {
			n++
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		r.stanza(&b, at, suites[:n], signedBy)
		suites = suites[n:]
	}
	return b.String()
}

// empty reports whether the options choose nothing that apt could ask for.
func (s described) empty() bool { return s.types == "" || !s.flat && len(s.components) == 0 }

// alike reports whether two suites can share a stanza.
func (s described) alike(other described) bool {
	return !s.flat && !other.flat && s.unsigned == other.unsigned && s.types == other.types && s.languages == other.languages &&
		s.noPDiffs == other.noPDiffs && slices.Equal(s.components, other.components) && slices.Equal(s.lacks, other.lacks)
}

func (r *upstream) stanza(b *strings.Builder, at string, suites []described, signedBy string) {
	first := suites[0]
	fmt.Fprintf(b, "Types: %s\nURIs: %s\nSuites:", first.types, at)
	for _, s := range suites {
		suite := strings.TrimSuffix(strings.TrimPrefix(s.dir, "dists/"), "/")
		if s.flat {
			suite = "./" + s.dir
		}
		b.WriteString(" " + suite)
	}
	b.WriteByte('\n')
	field := func(name string, values ...string) {
		if len(values) > 0 && values[0] != "" {
			fmt.Fprintf(b, "%s: %s\n", name, strings.Join(values, " "))
		}
	}
	if !first.flat {
		field("Components", first.components...)
		field("Architectures", r.options.sourceArchitectures()...)
	}
	field("Languages", first.languages)
	field("Signed-By", signedBy)
	if first.unsigned {
		field("Trusted", "yes")
	}
	if slices.ContainsFunc(suites, func(s described) bool { return s.expires }) {
		field("Check-Valid-Until", "no")
	}
	field("Targets-Remove", first.lacks...)
	if first.noPDiffs {
		field("PDiffs", "no")
	}
}

// sourceArchitectures lists the chosen architectures. apt takes "all" with any other.
func (o *Options) sourceArchitectures() []string {
	list := slices.DeleteFunc(slices.Clone(o.Architectures), func(a string) bool { return a == "all" || a == "source" })
	if len(list) == 0 && slices.Contains(o.Architectures, "all") {
		return []string{"all"}
	}
	return list
}
