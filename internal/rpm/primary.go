package rpm

import (
	"encoding/xml"
	"fmt"
	"io"
	"iter"
	"slices"
)

// Package is one package of a primary.xml.
type Package struct {
	Name, Arch              string // Arch is src or nosrc for a source package
	Epoch, Version, Release string // Epoch may be empty, which means 0
	Checksum                Checksum
	Size                    int64 // bytes of the file; -1: not given
	FileTime                int64 // when the file changed, seconds since 1970; 0 or less: not known
	Location                Location
	SourceRPM               string // file name of its source package; empty: none
	HeaderStart, HeaderEnd  int64  // bytes of the main header in the file; -1: not given
	Line                    int    // where it begins

	// These are read only if they are asked for.
	Provides, Requires, Recommends, Supplements []Relation
	Files                                       []string // some of its files
}

// IsSource reports whether it is a source package.
func (p *Package) IsSource() bool { return p.Arch == "src" || p.Arch == "nosrc" }

// Relation is what a package provides or needs.
type Relation struct {
	Name                    string
	Flags                   string // EQ, LT, LE, GT or GE; empty: any version
	Epoch, Version, Release string
}

// MaxRelations limits the relations and files of one package. The debug information of a
// kernel provides 10^5.
const MaxRelations = 500_000

// Packages reads a primary.xml as a stream and yields its packages; one is in memory at a
// time. Each is a new one, which the caller may keep. With relations also what packages
// provide, require and recommend is read. The sequence ends at the first error: a
// *SyntaxError, or the error of r.
//
// The caller must check locations and checksums. The number of packages that the document
// announces is not looked at, as no client does.
func Packages(r io.Reader, relations bool) iter.Seq2[*Package, error] {
	return all(func(yield func(*Package) error) error {
		x, err := newDocument(r, "metadata")
		if err != nil {
			return err
		}
		err = x.children(func(e xml.StartElement) error {
			if e.Name.Local != "package" {
				return x.beside(e)
			}
			p, err := x.pkg(relations)
			if err != nil {
				return err
			}
			return yield(p)
		})
		if err != nil {
			return err
		}
		return x.end()
	})
}

// transparent are elements that libsolv knows beside packages. It looks for packages in some,
// and takes others for packages.
var transparent = []string{"metadata", "otherdata", "filelists", "filelists-ext", "diskusagelist", "susedata", "product", "pattern", "patch", "application"}

// beside reads an element beside the packages. Clients pass over one that they do not know.
// One that may say where a package is, to any client, is an error.
func (x *document) beside(e xml.StartElement) error {
	name := e.Name.Local
	wrong := func() error { return x.fail(fmt.Errorf("has the element %.40q beside its packages", name)) }
	leads := slices.ContainsFunc(e.Attr, func(a xml.Attr) bool { return a.Name.Local == "href" || a.Name.Local == "base" })
	if leads || name == "location" || slices.Contains(transparent, name) {
		return wrong()
	}
	return x.children(func(xml.StartElement) error { return wrong() })
}

func (x *document) pkg(relations bool) (*Package, error) {
	p := &Package{Size: -1, FileTime: -1, HeaderStart: -1, HeaderEnd: -1, Line: x.line()}
	var seen uint // bits, in the order of the cases below
	once := func(bit uint, name string) error {
		if seen&bit != 0 {
			return x.fail(fmt.Errorf("the package %.80q has two elements %s", p.Name, name))
		}
		seen |= bit
		return nil
	}
	count := 0 // relations and files
	err := x.children(func(e xml.StartElement) (err error) {
		name := e.Name.Local
		switch name {
		case "name":
			if err = once(1, name); err == nil {
				p.Name, err = x.text()
			}
		case "arch":
			if err = once(2, name); err == nil {
				p.Arch, err = x.text()
			}
		case "checksum":
			if err = once(4, name); err == nil {
				p.Checksum.Type = attr(e, "type")
				p.Checksum.Value, err = x.text()
			}
		case "version":
			if err = once(8, name); err == nil {
				p.Epoch, p.Version, p.Release = attr(e, "epoch"), attr(e, "ver"), attr(e, "rel")
				err = x.skip()
			}
		case "size":
			if size := attr(e, "package"); size != "" { // dnf takes the last one
				p.Size = number(size)
			}
			err = x.skip()
		case "time":
			if err = once(16, name); err == nil {
				p.FileTime = number(attr(e, "file"))
				err = x.skip()
			}
		case "location":
			if err = once(32, name); err == nil {
				p.Location = Location{attr(e, "href"), base(e)}
				err = x.skip()
			}
		case "format":
			err = x.format(p, relations, &count)
		default:
			err = x.skip()
		}
		return err
	})
	return p, err
}

// format reads the element format of a package. Clients read all of several. Of several
// lists of one kind they take the last. count is how many relations and files were read.
func (x *document) format(p *Package, relations bool, count *int) error {
	more := func() error {
		if *count++; *count > MaxRelations {
			return x.fail(fmt.Errorf("the package %.80q has more than %d relations and files", p.Name, MaxRelations))
		}
		return nil
	}
	entries := func(list *[]Relation) error {
		*list = nil
		return x.children(func(e xml.StartElement) error {
			if e.Name.Local == "entry" {
				if err := more(); err != nil {
					return err
				}
				*list = append(*list, Relation{attr(e, "name"), attr(e, "flags"), attr(e, "epoch"), attr(e, "ver"), attr(e, "rel")})
			}
			return x.skip()
		})
	}
	return x.children(func(e xml.StartElement) (err error) {
		switch name := e.Name.Local; {
		case name == "sourcerpm":
			p.SourceRPM, err = x.text()
		case name == "header-range":
			p.HeaderStart, p.HeaderEnd = number(attr(e, "start")), number(attr(e, "end"))
			err = x.skip()
		case relations && name == "provides":
			err = entries(&p.Provides)
		case relations && name == "requires":
			err = entries(&p.Requires)
		case relations && name == "recommends":
			err = entries(&p.Recommends)
		case relations && name == "supplements":
			err = entries(&p.Supplements)
		case relations && name == "file":
			var file string
			if file, err = x.text(); err == nil {
				p.Files = append(p.Files, file)
				err = more()
			}
		default:
			err = x.skip()
		}
		return err
	})
}
