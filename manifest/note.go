package manifest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
)

const noteFormat = "asof.note/1"

// MaxNote bounds the size of a note in bytes.
const MaxNote = MaxIndex

// Note is what the janitor knows of a repo's history. It stands where publishers
// can't write, so that no index and no record of theirs makes a collection delete
// anything: a checkpoint that was listed once goes only if the note releases it.
type Note struct {
	Repo string
	// At is when the note was last compared with the index. None: never; then it
	// says only what is released.
	At ID
	// Records is when the newest record was stored that the note was compared with,
	// by the store's clock. None: there was none.
	Records ID
	// Horizon, Segments, Checkpoints and Pruned are the index's, as it was then.
	Horizon     ID
	Segments    []SegmentRef
	Checkpoints []Checkpoint
	Pruned      []Tombstone
	// Held are checkpoints that stay although the index did not list them, or not
	// as they were: nobody has released them. They ascend by id. One id may be there
	// twice, with other manifests. What only a tombstone tells of has no counts.
	Held []Checkpoint
	// Rejected are checkpoints that the index listed once and that never were: the janitor
	// has said that another one stands at the id. In the order of Held.
	Rejected []Checkpoint
	// Released are checkpoints that may be deleted, in ascending order of their ids.
	Released []Release
}

// Release is the janitor's word that a checkpoint may be deleted.
type Release struct {
	ID ID `json:"id"` // the checkpoint's
	At ID `json:"at"` // when it was released
}

// Seen returns the index as the note knows it: without what publishers alone need.
func (n Note) Seen() Index {
	return Index{Repo: n.Repo, Horizon: n.Horizon, Segments: n.Segments, Checkpoints: n.Checkpoints, Pruned: n.Pruned}
}

// FindReleased returns the release of a checkpoint.
func (n Note) FindReleased(id ID) (Release, bool) {
	i, ok := searchReleases(n.Released, id)
	if !ok {
		return Release{}, false
	}
	return n.Released[i], true
}

func searchReleases(list []Release, id ID) (position int, ok bool) {
	return slices.BinarySearchFunc(list, id, func(r Release, id ID) int { return cmp.Compare(r.ID, id) })
}

// Holds reports whether the note holds a checkpoint with this id.
func (n Note) Holds(id ID) bool {
	_, ok := searchCheckpoints(n.Held, id)
	return ok
}

// Release returns a note that releases checkpoints, given by their ids in ascending
// order, and whether it says anything new. An earlier release of one stays.
func (n Note) Release(ids []ID, at ID) (next Note, changed bool) {
	next = n
	next.Released = slices.Clone(n.Released)
	for _, id := range ids {
		if _, ok := n.FindReleased(id); !ok {
			next.Released = append(next.Released, Release{id, at})
		}
	}
	slices.SortFunc(next.Released, func(a, b Release) int { return cmp.Compare(a.ID, b.ID) })
	next.Held = slices.DeleteFunc(slices.Clone(n.Held), func(c Checkpoint) bool {
		_, released := next.FindReleased(c.ID)
		return released
	})
	return next, len(next.Held) != len(n.Held) || len(next.Released) != len(n.Released)
}

// Withdraw returns a note that no longer releases checkpoints, and whether it says anything
// new.
func (n Note) Withdraw(ids []ID) (next Note, changed bool) {
	next = n
	next.Released = slices.DeleteFunc(slices.Clone(n.Released), func(r Release) bool { return slices.Contains(ids, r.ID) })
	return next, len(next.Released) != len(n.Released)
}

// Rejects reports whether the janitor has said that a checkpoint never was.
func (n Note) Rejects(c Checkpoint) bool {
	_, ok := slices.BinarySearchFunc(n.Rejected, c, CompareHeld)
	return ok
}

// Reject returns a note that rejects checkpoints and holds them no more, and whether it says
// anything new.
func (n Note) Reject(list []Checkpoint) (next Note, changed bool) {
	next = n
	next.Rejected = slices.Clone(n.Rejected)
	for _, c := range list {
		if at, ok := slices.BinarySearchFunc(next.Rejected, c, CompareHeld); !ok {
			next.Rejected = slices.Insert(next.Rejected, at, c)
		}
	}
	next.Held = slices.DeleteFunc(slices.Clone(n.Held), next.Rejects)
	return next, len(next.Held) != len(n.Held) || len(next.Rejected) != len(n.Rejected)
}

// CompareHeld is the order of what a note holds.
func CompareHeld(a, b Checkpoint) int {
	return cmp.Or(cmp.Compare(a.ID, b.ID), bytes.Compare(a.Manifest[:], b.Manifest[:]), bytes.Compare(a.Pages[:], b.Pages[:]), cmp.Compare(a.Layout, b.Layout))
}

// noteHead is the opening line of a note, with its members in order.
type noteHead struct {
	Format  string `json:"format"`
	Repo    string `json:"repo"`
	At      ID     `json:"at,omitempty"`
	Records ID     `json:"records,omitempty"`
	Horizon ID     `json:"horizon,omitempty"`
}

// Encode returns the note's canonical form: JSON with one line an entry.
func (n Note) Encode() ([]byte, error) {
	if err := n.check(); err != nil {
		return nil, fmt.Errorf("note: %w", err)
	}
	b, err := appendHead(nil, noteHead{noteFormat, n.Repo, n.At, n.Records, n.Horizon})
	if err != nil {
		return nil, err
	}
	b = appendList(b, "segments", n.Segments, ",\n", appendSegmentRef)
	b = appendList(b, "checkpoints", n.Checkpoints, ",\n", appendCheckpoint)
	b = appendList(b, "pruned", n.Pruned, ",\n", appendTombstone)
	b = appendList(b, "held", n.Held, ",\n", appendCheckpoint)
	if len(n.Rejected) > 0 {
		b = appendList(b, "rejected", n.Rejected, ",\n", appendCheckpoint)
	}
	b = appendList(b, "released", n.Released, "}\n", func(b []byte, r Release) []byte {
		return fmt.Appendf(b, `{"id":%q,"at":%q}`, r.ID, r.At)
	})
	if len(b) > MaxNote {
		return nil, fmt.Errorf("note: larger than %d bytes", MaxNote)
	}
	return b, nil
}

// ParseNote reads the canonical form only.
func ParseNote(data []byte) (Note, error) {
	n, err := parseNote(data)
	if err == nil {
		err = n.check()
	}
	if err != nil {
		return Note{}, fmt.Errorf("note: %w", err)
	}
	return n, nil
}

func parseNote(data []byte) (n Note, err error) {
	d, err := openDocument(data, MaxNote, noteFormat)
	if err != nil {
		return n, err
	}
	var head noteHead
	if err := d.head(&head); err != nil {
		return n, err
	}
	n.Repo, n.At, n.Records, n.Horizon = head.Repo, head.At, head.Records, head.Horizon
	if n.Segments, err = readList(d, "segments", ",", readSegmentRef); err != nil {
		return n, err
	}
	if n.Checkpoints, err = readList(d, "checkpoints", ",", readCheckpoint); err != nil {
		return n, err
	}
	if n.Pruned, err = readList(d, "pruned", ",", readTombstone); err != nil {
		return n, err
	}
	if n.Held, err = readList(d, "held", ",", readCheckpoint); err != nil {
		return n, err
	}
	if d.opens("rejected") {
		if n.Rejected, err = readList(d, "rejected", ",", readCheckpoint); err != nil {
			return n, err
		}
		if len(n.Rejected) == 0 {
			return n, d.fail(errors.New("not in canonical form: an empty list of rejected checkpoints"))
		}
	}
	if n.Released, err = readList(d, "released", "}", func([]byte) (r Release, ok bool) { return r, false }); err != nil {
		return n, err
	}
	return n, d.end()
}

// check reports the first rule that a note breaks.
func (n Note) check() error {
	for _, at := range []ID{n.At, n.Records} {
		if !at.IsZero() && !at.Valid() {
			return at.check()
		}
	}
	if err := n.Seen().checkHistory(); err != nil {
		return err
	}
	for name, list := range map[string][]Checkpoint{"held": n.Held, "rejected": n.Rejected} {
		for i, c := range list {
			if err := (Segment{Checkpoints: list[i : i+1]}).check(); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if i > 0 && CompareHeld(list[i-1], c) >= 0 {
				return fmt.Errorf("%s checkpoint %s is out of order", name, c.ID)
			}
		}
	}
	if i := slices.IndexFunc(n.Held, n.Rejects); i >= 0 {
		return fmt.Errorf("checkpoint %s is held and rejected", n.Held[i].ID)
	}
	for i, r := range n.Released {
		if err := cmp.Or(r.ID.check(), r.At.check()); err != nil {
			return fmt.Errorf("released: %w", err)
		}
		if i > 0 && r.ID <= n.Released[i-1].ID {
			return fmt.Errorf("released checkpoint %s is out of order", r.ID)
		}
		if n.Holds(r.ID) {
			return fmt.Errorf("checkpoint %s is held and released", r.ID)
		}
	}
	return nil
}
