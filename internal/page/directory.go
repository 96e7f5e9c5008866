package page

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"iter"
	"strings"

	"github.com/asof/asof/manifest"
)

// Entry is one file or directory in a directory.
type Entry struct {
	Name     string // one segment, without a slash
	Dir      bool
	Size     int64       // bytes; of files
	Modified manifest.ID // manifest.NoTime: unknown
	SHA256   manifest.Digest
}

// WriteDirectory writes the listing page of a directory. path is the directory
// below the root of the tree: empty for the root, otherwise "a/b/". The
// entries come in the order given: directories first, then files.
//
// The page has one plain link an entry, as pip and wget -r read it, and one to
// "../", which is the list of checkpoints at the root. It names neither base
// path nor checkpoint, so that an unchanged directory keeps its page.
func WriteDirectory(w io.Writer, path string, entries iter.Seq[Entry]) error {
	return writeDirectory(w, path, entries, nil)
}

func writeDirectory(w io.Writer, path string, entries iter.Seq[Entry], front *Front) error {
	if path != "" && (path[0] == '/' || !strings.HasSuffix(path, "/")) {
		return fmt.Errorf("directory %q is neither empty nor of the form a/b/", path)
	}
	var bad error
	rows := func(yield func(template.HTML) bool) {
		for e := range entries {
			// A template can't fail by its sequence: the error waits here.
			if bad = checkName(e.Name); bad != nil || !yield(rowOf(e)) {
				return
			}
		}
	}
	up := strings.Repeat("../", strings.Count(path, "/"))
	if up == "" {
		up = "./"
	}
	heading := "Index of /" + path
	if front != nil {
		heading = front.Title()
	}
	err := render(w, "directory", struct {
		Heading string
		Up      string // to the root of the tree
		Crumbs  []crumb
		Front   *Front // nil: a directory further down
		Rows    iter.Seq[template.HTML]
	}{heading, up, crumbs(path), front, rows})
	if bad != nil {
		return fmt.Errorf("directory %q: %w", path, bad)
	}
	return err
}

// crumb is a directory on the way from the root of the tree; without Href, the
// one that the page lists.
type crumb struct{ Href, Name string }

func crumbs(path string) []crumb {
	names := strings.SplitAfter("/"+path, "/")
	names = names[:len(names)-1]
	list := make([]crumb, len(names))
	for i, name := range names {
		list[i] = crumb{strings.Repeat("../", len(names)-1-i), name}
	}
	return list
}

// rowOf is the table row of an entry. It is put together here, with the template
// package's own escaping, because there are as many rows as files: a template's
// actions would take most of the time of a small publish.
func rowOf(e Entry) template.HTML {
	name, ref := e.Name, href(e.Name)
	size, exact, digest := "-", "", "-"
	if e.Dir {
		name, ref = name+"/", ref+"/"
	} else {
		size, exact = human(e.Size)
		digest = e.SHA256.String()
	}
	if exact != "" {
		exact = ` title="` + exact + `"`
	}
	return template.HTML(`<tr><td><bdi><a href="` + template.HTMLEscapeString(ref) + `">` + template.HTMLEscapeString(name) + `</a></bdi></td>` +
		`<td>` + instant(e.Modified, minutes) + `</td><td class="n"` + exact + `>` + size + `</td><td class="h">` + digest + "</td></tr>\n")
}

// checkName guards the links: a name that is no single segment would lead out
// of the directory, whatever its encoding (invariant 8).
func checkName(name string) error {
	if strings.Contains(name, "/") {
		return fmt.Errorf("name %q holds a slash", name)
	}
	if name == "" {
		return errors.New("empty name")
	}
	return manifest.CheckPath(name)
}
