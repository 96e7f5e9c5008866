package page

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/asof/asof/manifest"
)

// Entry is one file or directory in a directory.
type Entry struct {
	Name     string // one segment, without a slash
	Dir      bool
	Size     int64       // bytes; of files
	Modified manifest.ID // manifest.NoTime: unknown
}

// WriteDirectory writes the listing page of a directory. path is the directory
// below the root of the tree: empty for the root, otherwise "a/b/". The
// entries come in the order given: directories first, then files.
//
// The page has one plain link an entry, as pip and wget -r read it, and one to
// "../", which is the list of checkpoints at the root. It names neither base
// path nor checkpoint, so that an unchanged directory keeps its page.
func WriteDirectory(w io.Writer, path string, entries iter.Seq[Entry]) error {
	if path != "" && (path[0] == '/' || !strings.HasSuffix(path, "/")) {
		return fmt.Errorf("directory %q is neither empty nor of the form a/b/", path)
	}
	var bad error
	rows := func(yield func(directoryRow) bool) {
		for e := range entries {
			// A template can't fail by its sequence: the error waits here.
			if bad = checkName(e.Name); bad != nil || !yield(rowOf(e)) {
				return
			}
		}
	}
	err := render(w, "directory", struct {
		Heading string
		Rows    iter.Seq[directoryRow]
	}{"Index of /" + path, rows})
	if bad != nil {
		return fmt.Errorf("directory %q: %w", path, bad)
	}
	return err
}

type directoryRow struct {
	Href, Name, Modified, Size, Human string
}

func rowOf(e Entry) directoryRow {
	if e.Dir {
		return directoryRow{Href: href(e.Name) + "/", Name: e.Name + "/", Modified: instant(e.Modified, minutes), Size: "-"}
	}
	return directoryRow{
		Href:     href(e.Name),
		Name:     e.Name,
		Modified: instant(e.Modified, minutes),
		Size:     strconv.FormatInt(e.Size, 10),
		Human:    human(e.Size),
	}
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
