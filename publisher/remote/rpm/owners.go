package rpm

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/asof/asof/internal/rpm"
)

// readFilelists makes sure that the lists of files do not say where packages are. If the
// filter follows dependencies, it adds to pkgs the files that packages depend on: primary.xml
// names only some of them.
func (c *capture) readFilelists(ctx context.Context, pkgs []wantedPkg) error {
	owners := c.filter.owners(pkgs)
	for _, r := range c.repos {
		for _, m := range r.metadata {
			if !m.namesFiles() || !m.got {
				continue
			}
			err := c.unpack(ctx, m, *m.Spooled, func(r io.Reader) error {
				err := rpm.Filelists(r, owners.wanted, owners.add)
				if _, wrong := errors.AsType[*rpm.SyntaxError](err); wrong {
					return syntax(m.Path, err)
				}
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	owners.tell(pkgs)
	return nil
}

// owners finds the packages that have certain files. A primary.xml names only files below
// /etc and the like; any others are in filelists.xml.
type owners struct {
	f      *filter
	sought map[string]bool     // paths
	found  map[string][]string // by identity of the package
}

// owners looks for the files that packages depend on, also those that one provides by name:
// clients take any package that has the file.
func (f *filter) owners(pkgs []wantedPkg) *owners {
	o := &owners{f: f, sought: map[string]bool{}, found: map[string][]string{}}
	if !f.follows() {
		return o
	}
	for i := range pkgs {
		for _, r := range pkgs[i].depends {
			o.seek(r)
		}
		for _, joint := range pkgs[i].joint {
			for _, r := range joint {
				o.seek(r)
			}
		}
	}
	return o
}

func (o *owners) seek(r relation) {
	if name := o.f.texts.list[r.name]; strings.HasPrefix(name, "/") {
		o.sought[name] = true
	}
}

func (o *owners) wanted(name []byte) bool { return o.sought[string(name)] }

// add notes files of a package.
func (o *owners) add(p *rpm.Package, files []string) {
	id := identityOf(p.Name, rpm.EVR{Epoch: p.Epoch, Version: p.Version, Release: p.Release}, p.Arch)
	o.found[id] = append(o.found[id], files...)
}

// tell adds the files that were found to what packages provide. All packages of one name,
// version and architecture count as having them.
func (o *owners) tell(pkgs []wantedPkg) {
	if len(o.found) == 0 {
		return
	}
	for i := range pkgs {
		w := &pkgs[i]
		for _, file := range o.found[identityOf(o.f.texts.list[w.name], w.evr, o.f.texts.list[w.arch])] {
			if one := (relation{name: o.f.texts.number(file)}); !slices.Contains(w.provides, one) {
				w.provides = append(w.provides, one)
			}
		}
	}
}
