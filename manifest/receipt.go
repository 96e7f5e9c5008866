package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
)

const receiptFormat = "asof.changes/1"

// ChangesPath is the path of a checkpoint's receipt, in every checkpoint.
const ChangesPath = GeneratedDir + "changes.json"

// MaxListedChanges bounds the changes that a receipt lists.
const MaxListedChanges = 10_000

// MaxReceipt bounds the size of a receipt's document in bytes. With the longest
// paths, all of whose bytes JSON escapes, a full one has 50 million.
const MaxReceipt = 64 << 20

// Receipt is what a checkpoint says of itself: what it is, which checkpoint came
// before, and what changed since that one. With the manifest of pages that it
// stands in, it is enough to write the checkpoint's entry in the index again.
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
	Growth int64 `json:"growth"` // in bytes, negative where it shrank
	// Complete says that List has all changes.
	Complete bool `json:"complete"`
	// List are the changes in ascending order of their paths, or of more than
	// MaxListedChanges the first so many.
	List []Change `json:"-"`
}

// Previous is the checkpoint that a checkpoint was compared with.
type Previous struct {
	ID       ID     `json:"id"`
	Manifest Digest `json:"manifest"`
	Pages    Digest `json:"pages"`
	Layout   Layout `json:"layout"`
}

// Change is a file that is not as it was.
type Change struct {
	Path string      `json:"path"`
	Kind ChangeKind  `json:"change"`
	Old  *FileDigest `json:"old,omitempty"` // nil: it was added
	New  *FileDigest `json:"new,omitempty"` // nil: it was removed
}

// ChangeKind is what became of a file.
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

// NewChange is the change from one content of a file to another; nil: there is no
// such file.
func NewChange(path string, old, now *FileDigest) Change {
	return Change{path, KindOfChange(old != nil, now != nil), old, now}
}

// KindOfChange is that of a file which was there before or not, and is there now or
// not.
func KindOfChange(before, now bool) ChangeKind {
	switch {
	case !before:
		return Added
	case !now:
		return Removed
	}
	return Changed
}

// Checkpoint is the entry of the index. pages names the manifest that lists the
// receipt, usage says that it lists UsagePath too.
func (r Receipt) Checkpoint(pages Digest, usage bool) Checkpoint {
	return Checkpoint{
		ID: r.ID, Manifest: r.Manifest, Content: r.Content, Pages: pages,
		Files: r.Files, Bytes: r.Bytes, Changes: r.Changes, Layout: r.Layout, Usage: usage,
	}
}

type receiptHead struct {
	Format string `json:"format"`
	Receipt
}

// Encode is the document's canonical form: JSON with one line a change.
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

// ParseReceipt reads the canonical form, and nothing else.
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

// check holds what is true of every receipt.
func (r Receipt) check() error {
	if err := CheckBase(r.Base); err != nil {
		return err
	}
	// The index that would list the checkpoint holds the rest of its rules.
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
	return r.checkList()
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

// checkList holds the list against the sums. Of a list that is cut off, the sums
// are more.
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

// check returns by how many bytes the change makes a tree larger.
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

// Total is the number of files that changed in whatever way.
func (c Changes) Total() int64 { return c.Added + c.Removed + c.Changed }

// Plus counts one change more.
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
