package page

import (
	"cmp"
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
	Modified manifest.ID // none: unknown
	SHA256   manifest.Digest
}

// WriteDirectory writes the listing page of a directory in a checkpoint of a repo.
// path is the directory below the root of the tree: empty for the root, otherwise
// "a/b/". The entries come in the given order: directories first, then files.
//
// The page has one plain link per entry, as pip and wget -r expect, one to "../",
// and one to each directory above. A script makes links to the lists above the tree.
// The page does not name the checkpoint, so an unchanged directory keeps its page.
func WriteDirectory(w io.Writer, repo manifest.Repo, path string, entries iter.Seq[Entry]) error {
	return writeDirectory(w, repo, path, entries, nil)
}

func writeDirectory(w io.Writer, repo manifest.Repo, path string, entries iter.Seq[Entry], front *Front) error {
	if path != "" && (path[0] == '/' || !strings.HasSuffix(path, "/")) {
		return fmt.Errorf("directory %q is neither empty nor of the form a/b/", path)
	}
	var bad error
	rows := func(yield func(template.HTML) bool) {
		for e := range entries {
			// A sequence can't make a template fail, so the error is kept for
			// later.
			if bad = checkName(e.Name); bad != nil || !yield(rowOf(e)) {
				return
			}
		}
	}
	root := strings.Repeat("../", strings.Count(path, "/"))
	steps := way(root+"../"+up(repo.Base), repo)
	title := "/" + path + " of " + repo.Name
	if front != nil {
		title = front.Title()
	}
	err := render(w, "directory", struct {
		Title  string
		Root   string // leads to the root of the tree
		Way    []step
		Crumbs []step
		Front  *Front // nil: a directory below the root
		Rows   iter.Seq[template.HTML]
	}{title, cmp.Or(root, "./"), steps, crumbs(path), front, rows})
	if bad != nil {
		return fmt.Errorf("directory %q: %w", path, bad)
	}
	return err
}

// crumbs returns the directories on the way from the root of the tree. The page's own
// has no Href.
func crumbs(path string) []step {
	names := strings.SplitAfter("/"+path, "/")
	names = names[:len(names)-1]
	list := make([]step, len(names))
	for i, name := range names {
		list[i] = step{strings.Repeat("../", len(names)-1-i), name}
	}
	return list
}

// rowOf returns the table row of an entry. It is built here, with the template
// package's own escaping, because there are as many rows as files: template
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

// checkName guards the links: a name that is not a single segment would lead out
// of the directory, however it is encoded (invariant 8).
func checkName(name string) error {
	if strings.Contains(name, "/") {
		return fmt.Errorf("name %q holds a slash", name)
	}
	if name == "" {
		return errors.New("empty name")
	}
	return manifest.CheckPath(name)
}
