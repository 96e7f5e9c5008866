package page

import (
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/asof/asof/manifest"
)

// Front is what a checkpoint's front page shows besides its root directory.
type Front struct {
	Receipt manifest.Receipt // what the checkpoint is, and what changed
	Usage   manifest.Usage   // how clients use it, with URLs filled in
}

// WriteFront writes the listing page of a tree's root. It names the checkpoint,
// so it differs in every checkpoint. Links that lead elsewhere are made by a
// script: so a client that reads the page as a directory finds its entries only.
func WriteFront(w io.Writer, entries iter.Seq[Entry], front Front) error {
	return writeDirectory(w, front.Repo(), "", entries, &front)
}

// shownChanges is how many changed paths a front page shows. Up to openChanges
// are shown without a click.
const (
	shownChanges = 100
	openChanges  = 12
)

// Title returns the heading.
func (f Front) Title() string { return f.Receipt.Repo + " at " + f.Time() + " UTC" }

// Time is when the checkpoint was made.
func (f Front) Time() string { return instant(f.Receipt.ID, seconds) }

// Repo returns the repo.
func (f Front) Repo() manifest.Repo {
	return manifest.Repo{Name: f.Receipt.Repo, Base: f.Receipt.Base}
}

// URL returns the repo's URL in the texts, as long as the server's is unknown.
func (f Front) URL() string { return repoURL(f.Receipt.Base) }

// Size returns the sum of the files' sizes, rounded.
func (f Front) Size() string {
	size, _ := human(f.Receipt.Bytes)
	return size
}

// Growth is by how much that sum grew, rounded; empty if it did not change.
func (f Front) Growth() string {
	sign, growth := "+", f.Receipt.Growth
	if growth == 0 || f.Receipt.Previous == nil {
		return ""
	}
	if growth < 0 {
		sign, growth = "−", -growth
	}
	size, _ := human(growth)
	return sign + size
}

// Partial says which files the checkpoint leaves out; empty: none.
func (f Front) Partial() string {
	var parts []string
	if held := f.Receipt.HeldBack; held.Files > 0 {
		size, _ := human(held.Bytes)
		files := "files"
		if held.Files == 1 {
			files = "file"
		}
		parts = append(parts, fmt.Sprintf("filters hold back %d %s, %s, that upstream lists", held.Files, files, size))
	}
	if n := len(f.Receipt.Missing); n > 0 {
		more := ""
		if n == manifest.MaxListedMissing {
			more = " or more"
		}
		parts = append(parts, fmt.Sprintf("upstream lists %d%s that it does not have", n, more))
	}
	return strings.Join(parts, "; ")
}

// Count returns the number of changes.
func (f Front) Count() int64 { return f.Receipt.Total() }

// Open reports whether the changes are shown without a click.
func (f Front) Open() bool { return f.Count() <= openChanges }

// Changes returns the changes that the page shows.
func (f Front) Changes() []manifest.Change {
	return f.Receipt.List[:min(len(f.Receipt.List), shownChanges)]
}

// More returns the number of changes that the page leaves out.
func (f Front) More() int64 { return f.Count() - int64(len(f.Changes())) }
