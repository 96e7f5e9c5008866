package manifest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
)

const receiptFormat = "asof.changes/1"

// ChangesPath is the path of a checkpoint's receipt, in every checkpoint.
const ChangesPath = GeneratedDir + "changes.json"

// MaxListedChanges bounds the number of changes that a receipt lists.
const MaxListedChanges = 10_000

// MaxListedMissing bounds the number of missing files that a receipt lists.
const MaxListedMissing = 1000

// MaxReceipt bounds the size of a receipt in bytes. A full one has at most 50
// million: the longest paths, with JSON escapes for every byte.
const MaxReceipt = 64 << 20

// Receipt is what a checkpoint says of itself: what it is, which checkpoint came
// before, and what changed since. A receipt and its manifest of pages are enough
// to write the checkpoint's index entry again.
type Receipt struct {
	Repo     string    `json:"repo"`
	Base     string    `json:"base"`
	ID       ID        `json:"id"`
	Layout   Layout    `json:"layout"`
	Manifest Digest    `json:"manifest"`
	Content  Digest    `json:"content"`
	Files    int64     `json:"files"`
	Bytes    int64     `json:"bytes"`
	Previous *Previous `json:"previous"` // nil: the repo's first
	Changes
	Growth int64 `json:"growth"` // in bytes; negative if the tree shrank
	// Complete reports whether List has all changes.
	Complete bool `json:"complete"`
	// Missing holds the paths of files that upstream listed but did not have. The
	// checkpoint was published without them. They are in ascending order: the
	// first MaxListedMissing if there are more.
	Missing []string `json:"missing,omitempty"`
	// HeldBack counts files that upstream lists and the publisher left out because its
	// configuration says so.
	HeldBack HeldBack `json:"held_back,omitzero"`
	// List holds the changes in ascending order of their paths: the first
	// MaxListedChanges if there are more.
	List []Change `json:"-"`
}

// HeldBack counts files that a checkpoint leaves out.
type HeldBack struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"` // as far as upstream says
}

// check reports the first rule that the counts break.
func (h HeldBack) check() error {
	if h.Files < 0 || h.Bytes < 0 || h.Files > maxNumber || h.Bytes > maxNumber || h.Files == 0 && h.Bytes > 0 {
		return fmt.Errorf("%d files of %d bytes can't be held back", h.Files, h.Bytes)
	}
	return nil
}

// Previous is the checkpoint that a checkpoint was compared with.
type Previous struct {
	ID       ID     `json:"id"`
	Manifest Digest `json:"manifest"`
	Pages    Digest `json:"pages"`
	Layout   Layout `json:"layout"`
}

// Change is a file that was added, removed or changed.
type Change struct {
	Path string      `json:"path"`
	Kind ChangeKind  `json:"change"`
	Old  *FileDigest `json:"old,omitempty"` // nil: it was added
	New  *FileDigest `json:"new,omitempty"` // nil: it was removed
}

// ChangeKind says what happened to a file.
type ChangeKind string

const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Changed ChangeKind = "changed"
)

// FileDigest is the content of a file.
type FileDigest struct {
	Size   int64  `json:"size"`
	SHA256 Digest `json:"sha256"`
}

// NewChange returns the change of a file's content from old to now. nil means the
// file does not exist.
func NewChange(path string, old, now *FileDigest) Change {
	return Change{path, KindOfChange(old != nil, now != nil), old, now}
}

// KindOfChange returns the kind of a change. before and now say whether the file
// existed and exists.
func KindOfChange(before, now bool) ChangeKind {
	switch {
	case !before:
		return Added
	case !now:
		return Removed
	}
	return Changed
}

// Checkpoint returns the checkpoint's index entry. pages names the manifest that
// lists the receipt; usage says that it lists UsagePath too.
func (r Receipt) Checkpoint(pages Digest, usage bool) Checkpoint {
	return Checkpoint{
		ID: r.ID, Manifest: r.Manifest, Content: r.Content, Pages: pages,
		Files: r.Files, Bytes: r.Bytes, Changes: r.Changes, Layout: r.Layout, Usage: usage,
		Partial: r.HeldBack.Files > 0 || len(r.Missing) > 0,
	}
}

type receiptHead struct {
	Format string `json:"format"`
	Receipt
}

// Encode returns the document's canonical form: JSON with one line a change.
func (r Receipt) Encode() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	b, err := appendHead(nil, receiptHead{receiptFormat, r})
	if err != nil {
		return nil, err
	}
	b = appendList(b, "changes", r.List, "}\n", func(b []byte, c Change) []byte {
		line, _ := json.Marshal(c) // no change fails
		return append(b, line...)
	})
	return b, nil
}

// ParseReceipt reads the canonical form only.
func ParseReceipt(data []byte) (Receipt, error) {
	r, err := parseReceipt(data)
	if err != nil {
		return Receipt{}, fmt.Errorf("receipt: %w", err)
	}
	return r, nil
}

func parseReceipt(data []byte) (r Receipt, err error) {
	d, err := openDocument(data, MaxReceipt, receiptFormat)
	if err != nil {
		return r, err
	}
	var head receiptHead
	if err := d.head(&head); err != nil {
		return r, err
	}
	r = head.Receipt
	r.List, err = readList(d, "changes", "}", func([]byte) (c Change, ok bool) { return c, false })
	if err != nil {
		return r, err
	}
	if err := d.end(); err != nil {
		return r, err
	}
	return r, r.check()
}

// check reports the first rule that a receipt breaks.
func (r Receipt) check() error {
	if err := CheckBase(r.Base); err != nil {
		return err
	}
	// The rest are the rules of the index that would list the checkpoint.
	if _, err := NewIndex(r.Repo).Append(r.Checkpoint(Digest{}, false)); err != nil {
		return err
	}
	if r.Previous == nil {
		if r.Changes != (Changes{Added: r.Files}) || r.Growth != r.Bytes {
			return errors.New("nothing came before, but not all files are added")
		}
	} else if err := r.Previous.check(r.ID); err != nil {
		return err
	}
	if r.Growth > r.Bytes || r.Growth < -maxNumber {
		return fmt.Errorf("a growth of %d bytes is not within -%d and %d", r.Growth, int64(maxNumber), r.Bytes)
	}
	return cmp.Or(checkMissing(r.Missing), r.HeldBack.check(), r.checkList())
}

// checkMissing reports the first rule that a list of missing files breaks.
func checkMissing(list []string) error {
	if len(list) > MaxListedMissing {
		return fmt.Errorf("more than %d missing files are listed", MaxListedMissing)
	}
	for i, path := range list {
		if err := CheckPath(path); err != nil {
			return err
		}
		if i > 0 && path <= list[i-1] {
			return fmt.Errorf("missing path %q is out of order", path)
		}
	}
	return nil
}

func (p Previous) check(next ID) error {
	if !p.ID.Valid() || p.ID >= next {
		return errors.New("the previous checkpoint is not an earlier one")
	}
	if p.Layout != Full && p.Layout != Thin {
		return fmt.Errorf("previous checkpoint: layout %q is neither full nor thin", p.Layout)
	}
	return nil
}

// checkList checks the list against the counts. If the list is cut off, the
// counts are larger.
func (r Receipt) checkList() error {
	var listed Changes
	growth := int64(0)
	for i, c := range r.List {
		if i > 0 && c.Path <= r.List[i-1].Path {
			return fmt.Errorf("path %q is out of order", c.Path)
		}
		size, err := c.check()
		if err != nil {
			return err
		}
		listed, growth = listed.Plus(c.Kind), growth+size
	}
	switch {
	case r.Complete != (r.Total() <= MaxListedChanges):
		return fmt.Errorf("of %d changes, complete is %t", r.Total(), r.Complete)
	case r.Complete && (listed != r.Changes || growth != r.Growth):
		return errors.New("the changes are not what their sums say")
	case !r.Complete && (len(r.List) != MaxListedChanges || listed.Added > r.Added || listed.Removed > r.Removed || listed.Changed > r.Changed):
		return errors.New("the changes are not the first of those that the sums say")
	}
	return nil
}

// check also returns by how many bytes the change grows the tree.
func (c Change) check() (growth int64, err error) {
	if err := CheckPath(c.Path); err != nil {
		return 0, err
	}
	if c.Kind != KindOfChange(c.Old != nil, c.New != nil) || c.Old == nil && c.New == nil || c.Old != nil && c.New != nil && c.Old.SHA256 == c.New.SHA256 {
		return 0, fmt.Errorf("%s: what was and what is make no change of the kind %q", c.Path, c.Kind)
	}
	if c.New != nil {
		growth += c.New.Size
	}
	if c.Old != nil {
		growth -= c.Old.Size
	}
	for _, f := range []*FileDigest{c.Old, c.New} {
		if f != nil && (f.Size < 0 || f.Size > MaxSize) {
			return 0, fmt.Errorf("%s: its size is not within 0 and %d", c.Path, int64(MaxSize))
		}
	}
	return growth, nil
}

// Total returns the number of files that changed in any way.
func (c Changes) Total() int64 { return c.Added + c.Removed + c.Changed }

// Plus counts one more change.
func (c Changes) Plus(kind ChangeKind) Changes {
	switch kind {
	case Added:
		c.Added++
	case Removed:
		c.Removed++
	case Changed:
		c.Changed++
	}
	return c
}
