package apt

import (
	"path"
	"slices"
	"strings"

	"github.com/asof/asof/internal/unpack"
)

// kind is the kind of an index that Release lists.
type kind uint8

const (
	other kind = iota
	packages
	sources
	stub // the small Release file beside an index
	contents
	translation
	dep11
	commands
	installer
	pdiff
)

// indexName is a name in a Release file, split into its parts.
type indexName struct {
	name      string // relative to the suite's folder
	stem, ext string // name without and with its extension: "", ".xz", …
	kind      kind
	of        kind   // the kind of index that a pdiff applies to
	component string // empty: none
	arch      string // or the language of a translation; empty: none
	udeb      bool
}

// parseIndexName splits a name into its parts:
//
//	main/binary-amd64/Packages.xz, main/debian-installer/binary-amd64/Packages.gz
//	main/source/Sources.xz, main/source/Release
//	main/Contents-amd64.gz, Contents-amd64.gz, main/Contents-udeb-amd64.gz
//	main/i18n/Translation-en.bz2, main/dep11/icons-64x64.tar.gz
//	main/cnf/Commands-amd64.xz, main/installer-amd64/current/images/SHA256SUMS
//	main/binary-amd64/Packages.diff/Index
//	Packages.gz, Sources                                        in flat repositories
func parseIndexName(name string) indexName {
	ix := indexName{name: name, stem: name}
	for _, ext := range unpack.Extensions() {
		if ext != "" && strings.HasSuffix(name, ext) {
			ix.stem, ix.ext = strings.TrimSuffix(name, ext), ext
		}
	}
	segments := strings.Split(ix.stem, "/")
	last := len(segments) - 1
	if last > 0 && segments[last] == "Index" && strings.HasSuffix(segments[last-1], ".diff") {
		of := parseIndexName(strings.TrimSuffix(path.Dir(name), ".diff"))
		of.name, of.stem, of.kind, of.of = name, ix.stem, pdiff, of.kind
		return of
	}
	ix.classify(segments[:last], segments[last])
	return ix
}

func (ix *indexName) classify(dirs []string, base string) {
	parent, above := "", dirs
	if len(dirs) > 0 {
		parent, above = dirs[len(dirs)-1], dirs[:len(dirs)-1]
	}
	arch, binary := strings.CutPrefix(parent, "binary-")
	if binary {
		ix.arch = arch
		if len(above) > 0 && above[len(above)-1] == "debian-installer" {
			ix.udeb, above = true, above[:len(above)-1]
		}
	}
	ix.component = strings.Join(above, "/")
	switch {
	case base == "Packages":
		ix.kind = packages
		if !binary {
			ix.component = ""
		}
	case base == "Sources":
		ix.kind = sources
		if parent != "source" {
			ix.component = ""
		}
	case base == "Release" && (binary || parent == "source"):
		ix.kind = stub
	case strings.HasPrefix(base, "Contents-"):
		ix.kind, ix.component = contents, strings.Join(dirs, "/")
		ix.arch = strings.TrimPrefix(base, "Contents-")
		ix.arch, ix.udeb = strings.CutPrefix(ix.arch, "udeb-")
	case parent == "i18n" && strings.HasPrefix(base, "Translation-"):
		ix.kind, ix.arch = translation, strings.TrimPrefix(base, "Translation-")
	case parent == "dep11":
		ix.kind = dep11
		if rest, ok := strings.CutPrefix(base, "Components-"); ok {
			ix.arch, _, _ = strings.Cut(rest, ".")
		} else if rest, ok := strings.CutPrefix(base, "CID-Index-"); ok {
			ix.arch, _, _ = strings.Cut(rest, ".")
		}
	case parent == "cnf" && strings.HasPrefix(base, "Commands-"):
		ix.kind, ix.arch = commands, strings.TrimPrefix(base, "Commands-")
	case base == "SHA256SUMS" || base == "MD5SUMS":
		for i, dir := range dirs {
			if arch, ok := strings.CutPrefix(dir, "installer-"); ok {
				ix.kind, ix.arch, ix.component = installer, arch, strings.Join(dirs[:i], "/")
			}
		}
	}
}

// wants reports whether the options choose an index of a suite.
func (o *Options) wants(ix indexName, rel *release, flat bool) bool {
	if !flat && !o.wantsComponent(ix.component) {
		return false
	}
	k := ix.kind
	if k == pdiff {
		if !o.PDiffs {
			return false
		}
		k = ix.of
	}
	arch := flat || o.wantsArchitecture(ix.arch, rel)
	switch k {
	case packages:
		return (flat || ix.arch != "") && arch && (!ix.udeb || o.Udebs)
	case sources:
		return o.Sources
	case stub:
		if ix.arch == "" {
			return o.Sources
		}
		return arch && (!ix.udeb || o.Udebs)
	case contents:
		if ix.arch == "source" {
			return o.Contents && o.Sources
		}
		return o.Contents && arch && (!ix.udeb || o.Udebs)
	case translation:
		return len(o.Translations) == 0 || slices.Contains(o.Translations, ix.arch)
	case dep11:
		return on(o.DEP11) && (ix.arch == "" || arch)
	case commands:
		return on(o.Commands) && arch
	case installer:
		return o.Installer && arch
	}
	return false
}

// lacksContents reports whether contents: false leaves out Contents indexes that the
// other options would choose.
func (o *Options) lacksContents(s *suite) bool {
	if o.Contents {
		return false
	}
	with := *o
	with.Contents = true
	for name := range s.files {
		if ix := parseIndexName(name); ix.kind == contents && with.wants(ix, s.release, s.flat) {
			return true
		}
	}
	return false
}

// wantsComponent reports whether the options choose a component. Release files may put
// the last part of the suite's name in front of it, as in updates/main.
func (o *Options) wantsComponent(name string) bool {
	return len(o.Components) == 0 || name == "" || slices.Contains(o.Components, name) ||
		slices.ContainsFunc(o.Components, func(c string) bool { return path.Base(c) == name })
}

// wantsArchitecture reports whether the options choose an architecture. Clients read the
// index of "all" besides their own, unless Release says that their own contains it.
func (o *Options) wantsArchitecture(arch string, rel *release) bool {
	if len(o.Architectures) == 0 || slices.Contains(o.Architectures, arch) {
		return true
	}
	return arch == "all" && slices.Contains(rel.architectures, "all") && !rel.noAll
}
