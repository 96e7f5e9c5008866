package page

import (
	"io"
	"iter"

	"github.com/asof/asof/manifest"
)

// Front is what the front page of a checkpoint shows besides its root directory.
type Front struct {
	Receipt manifest.Receipt // what the checkpoint is, and what changed
	Usage   manifest.Usage   // how clients use it, with URLs filled in
}

// WriteFront writes the listing page of a tree's root. As it names the checkpoint,
// it is another one in every checkpoint. What leads elsewhere a script makes links
// of: whoever reads the page as a directory finds its entries only.
func WriteFront(w io.Writer, entries iter.Seq[Entry], front Front) error {
	return writeDirectory(w, "", entries, &front)
}

// shownChanges is how many changed paths stand on a front page, and openChanges
// up to how many are shown without a click.
const (
	shownChanges = 100
	openChanges  = 12
)

// Title is the heading.
func (f Front) Title() string { return f.Receipt.Repo + " at " + f.Time() + " UTC" }

// Time is when the checkpoint was made.
func (f Front) Time() string { return instant(f.Receipt.ID, seconds) }

// Top leads to the store's front page.
func (f Front) Top() string { return "../" + up(f.Receipt.Base) }

// URL is that of the repo in the texts, where nobody said where the server is.
func (f Front) URL() string { return repoURL(f.Receipt.Base) }

// Size is the sum of the files' sizes, rounded.
func (f Front) Size() string {
	size, _ := human(f.Receipt.Bytes)
	return size
}

// Growth is by how much the sum of all sizes grew, rounded; empty: not at all.
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

// Count is the number of changes.
func (f Front) Count() int64 { return f.Receipt.Total() }

// Open reports whether the changes are shown without a click.
func (f Front) Open() bool { return f.Count() <= openChanges }

// Changes are the changes that the page shows.
func (f Front) Changes() []manifest.Change {
	return f.Receipt.List[:min(len(f.Receipt.List), shownChanges)]
}

// More is the number of the others.
func (f Front) More() int64 { return f.Count() - int64(len(f.Changes())) }
