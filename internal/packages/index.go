// Package packages tells what changed between two trees in terms of packages, if
// the trees hold indexes of APT or RPM repositories.
package packages

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/unpack"
	"github.com/asof/asof/manifest"
)

// Place is where an archive lists packages.
type Place struct {
	Suite     string // "bookworm"; for a flat or an RPM repository its directory: "./"
	Component string // "main", "main/debian-installer"; empty in such a repository
	Arch      string // the index's: "amd64", "source"; empty in such a repository
}

func (p Place) compare(q Place) int {
	return cmp.Or(cmp.Compare(p.Suite, q.Suite), cmp.Compare(p.Component, q.Component), cmp.Compare(p.Arch, q.Arch))
}

// Index is a list of packages in two trees.
type Index struct {
	Place
	Stem     string // its path without the extension of a compression
	Old, New File   // one form in each tree
	RPM      bool   // they are root documents, which name lists of packages
}

// File is one form of an index in a tree. The zero value: the tree has none.
type File struct {
	manifest.Entry
	Ext string
}

// There reports whether the tree has the index.
func (f File) There() bool { return f.Path != "" }

// Indexes collects the indexes that changed between two trees.
type Indexes struct {
	forms map[string]*[2]forms // by stem; of a root document in RPM: by its path
	roots map[string]bool      // directories of Release files
}

// forms are the files of an index in a tree, by their extensions.
type forms map[string]manifest.Entry

// Add notes a changed file. It reports whether the file is an index.
func (x *Indexes) Add(c catalog.Difference) bool {
	if x.forms == nil {
		x.forms, x.roots = map[string]*[2]forms{}, map[string]bool{}
	}
	switch path.Base(c.Path) {
	case "InRelease", "Release.gpg":
		x.roots[path.Dir(c.Path)] = true
	}
	stem, ext, ok := split(c.Path)
	if !ok {
		return false
	}
	both := x.forms[stem]
	if both == nil {
		both = &[2]forms{{}, {}}
		x.forms[stem] = both
	}
	for i, e := range []*manifest.Entry{c.Old, c.New} {
		if e != nil {
			both[i][ext] = *e
		}
	}
	return true
}

// Lacking returns the stems with changed files in only one of the trees. The
// other tree may have an unchanged file, which AddForm then adds.
func (x *Indexes) Lacking() (stems map[string]bool) {
	stems = map[string]bool{}
	for stem, both := range x.forms {
		if len(both[0]) == 0 || len(both[1]) == 0 {
			stems[stem] = true
		}
	}
	return stems
}

// AddForm notes a file of the new tree if it is a form of one of the stems. If
// Add did not see it as a change, it is in both trees.
func (x *Indexes) AddForm(stems map[string]bool, e manifest.Entry) {
	stem, ext, ok := split(e.Path)
	if !ok || !stems[stem] {
		return
	}
	if both := x.forms[stem]; both[1][ext].Path == "" {
		both[0][ext], both[1][ext] = e, e
	}
}

// List returns what to compare, in the order of the places.
func (x *Indexes) List() []Index {
	var list []Index
	for _, stem := range slices.Sorted(maps.Keys(x.forms)) {
		i := Index{Place: x.place(stem), Stem: stem, Old: x.forms[stem][0].best(), New: x.forms[stem][1].best()}
		if root, ok := repository(stem); ok {
			i.Place, i.RPM = Place{Suite: cmp.Or(root, "./")}, true
		}
		for _, ext := range unpack.Extensions() { // if both trees have the same form, equal digests spare the reading
			was, ok1 := x.forms[stem][0][ext]
			is, ok2 := x.forms[stem][1][ext]
			if ok1 && ok2 {
				i.Old, i.New = File{was, ext}, File{is, ext}
				break
			}
		}
		if i.Old.SHA256 != i.New.SHA256 || !i.Old.There() || !i.New.There() {
			list = append(list, i)
		}
	}
	slices.SortStableFunc(list, func(a, b Index) int { return a.compare(b.Place) })
	return list
}

func (f forms) best() File {
	for _, ext := range unpack.Extensions() {
		if e, ok := f[ext]; ok {
			return File{e, ext}
		}
	}
	return File{}
}

// split recognizes the path of an index.
func split(p string) (stem, ext string, ok bool) {
	if _, ok := repository(p); ok {
		return p, "", true
	}
	ext = path.Ext(p)
	if !slices.Contains(unpack.Extensions(), ext) {
		return "", "", false
	}
	stem = strings.TrimSuffix(p, ext)
	base := path.Base(stem)
	return stem, ext, base == "Packages" || base == "Sources"
}

// place derives the place from the path of an index, which may be
//
//	dists/bookworm/main/binary-amd64/Packages
//	dists/bookworm/main/debian-installer/binary-amd64/Packages
//	dists/bookworm/main/source/Sources
//	Packages                                         flat
//
// A suite may contain slashes. It is the directory of the signed Release file if
// that changed too, as it must; otherwise a component is taken to be one segment.
func (x *Indexes) place(stem string) Place {
	dir := path.Dir(stem)
	below, found := strings.CutPrefix("/"+dir, "/dists/")
	before := ""
	if !found {
		before, below, found = strings.Cut(dir, "/dists/")
		before += "/"
	}
	segments := strings.Split(below, "/")
	last := segments[len(segments)-1]
	arch, binary := strings.CutPrefix(last, "binary-")
	if last == "source" {
		arch = last
	}
	if !found || !binary && last != "source" || len(segments) < 3 {
		return Place{Suite: strings.TrimSuffix(dir, "/") + "/"}
	}
	segments = segments[:len(segments)-1]
	cut := len(segments) - 1
	if segments[cut] == "debian-installer" && cut > 1 {
		cut--
	}
	for i := len(segments) - 1; i > 0; i-- {
		if x.roots[path.Join(before, "dists", path.Join(segments[:i]...))] {
			cut = i
			break
		}
	}
	return Place{before + strings.Join(segments[:cut], "/"), strings.Join(segments[cut:], "/"), arch}
}
