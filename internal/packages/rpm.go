package packages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/asof/asof/internal/rpm"
	"github.com/asof/asof/internal/unpack"
	"github.com/asof/asof/manifest"
)

// repomd is the path of an RPM repository's root document in the repository. It names the
// list of packages, whose own name changes with its content.
const repomd = "repodata/repomd.xml"

// repository recognizes a root document, by its path in the tree. It returns the folder of the
// repository: empty, or it ends in a slash.
func repository(p string) (root string, ok bool) {
	root, ok = strings.CutSuffix("/"+p, "/"+repomd)
	return strings.TrimPrefix(root+"/", "/"), ok
}

// primaries finds the lists of packages that the root documents of an index name.
func (i Index) primaries(ctx context.Context, old, now Tree) (was, is File, err error) {
	for _, side := range []struct {
		document File
		tree     Tree
		list     *File
	}{{i.Old, old, &was}, {i.New, now, &is}} {
		if !side.document.There() {
			continue
		}
		if *side.list, err = primary(ctx, side.document.Entry, side.tree); err != nil {
			break
		}
	}
	return was, is, err
}

// primary finds the list of packages that a root document names.
func primary(ctx context.Context, document manifest.Entry, t Tree) (f File, err error) {
	body, err := t.Open(ctx, document)
	if err != nil {
		return f, err
	}
	defer body.Close()
	src := &failing{r: body}
	parsed, err := rpm.ParseRepomd(src)
	if err != nil {
		return f, src.or(&FormatError{document.Path, err})
	}
	d := parsed.Find("primary")
	if d == nil {
		return f, &FormatError{document.Path, errors.New("names no primary.xml")}
	}
	root, _ := repository(document.Path)
	p, err := d.Location.Path(root)
	if err != nil {
		return f, &FormatError{document.Path, err}
	}
	e, ok, err := t.Find(ctx, p)
	if err == nil && !ok {
		err = &FormatError{document.Path, fmt.Errorf("names %q, which is not there", p)}
	}
	ext := path.Ext(p)
	if !slices.Contains(unpack.Extensions(), ext) {
		ext = "" // .xml
	}
	return File{e, ext}, err
}

// rpmFormat is that of primary.xml.
var rpmFormat = format{parsePrimary, func(a, b string) int { return rpm.ParseEVR(a).Compare(rpm.ParseEVR(b)) }, unpack.XML}

func parsePrimary(r io.Reader) ([]listed, error) {
	var list []listed
	known := map[string]string{} // one string for each architecture
	for p, err := range rpm.Packages(r, false) {
		if err != nil {
			return nil, err
		}
		if p.Name == "" {
			return nil, fmt.Errorf("line %d: a package without a name", p.Line)
		}
		if len(list) == maxPackages {
			return nil, fmt.Errorf("line %d: more than %d packages", p.Line, maxPackages)
		}
		arch, ok := known[p.Arch]
		if !ok {
			arch = p.Arch
			known[arch] = arch
		}
		version := rpm.EVR{Epoch: p.Epoch, Version: p.Version, Release: p.Release}.String()
		sum := manifest.Sum([]byte(strings.ToLower(p.Checksum.Type + ":" + p.Checksum.Value)))
		list = append(list, listed{p.Name, arch, version, [16]byte(sum[:16])})
	}
	return list, nil
}
