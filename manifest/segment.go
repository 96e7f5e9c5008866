package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How much history an index and a segment hold. Once the tail is longer than
// TailEntries, a publisher seals half of it. Sealed entries go into one segment
// until it is full. So an index of a million checkpoints has some 245 segments,
// and a publish stores one now and then.
const (
	TailEntries    = 512
	SegmentEntries = 4096
)

// MaxSegmentSize bounds a segment's document in bytes. A full one has at most 27
// million: the longest reasons, with JSON escapes for every byte.
const MaxSegmentSize = 32 << 20

// Segment is a stretch of a repo's history: the tail of its index, or older
// entries sealed into an immutable object. No id is in it twice.
type Segment struct {
	Repo        string
	Checkpoints []Checkpoint // in ascending order of their ids
	Pruned      []Tombstone  // in ascending order of their ids
}

// SegmentRef is what an index says of a segment.
type SegmentRef struct {
	First       ID     `json:"first"` // the first of all ids in it
	Last        ID     `json:"last"`
	Checkpoints int    `json:"checkpoints"` // how many are listed
	Pruned      int    `json:"pruned"`      // how many are pruned
	Digest      Digest `json:"sha256"`
	Size        int64  `json:"size"` // in bytes
}

// Holds reports whether an instant is between the segment's first and last id.
func (s SegmentRef) Holds(at ID) bool { return s.First <= at && at <= s.Last }

// Len returns the number of entries: checkpoints and tombstones.
func (s Segment) Len() int { return len(s.Checkpoints) + len(s.Pruned) }

// Find returns the checkpoint with exactly this id.
func (s Segment) Find(id ID) (Checkpoint, bool) {
	i, ok := searchCheckpoints(s.Checkpoints, id)
	if !ok {
		return Checkpoint{}, false
	}
	return s.Checkpoints[i], true
}

// FindPruned returns the tombstone with exactly this id.
func (s Segment) FindPruned(id ID) (Tombstone, bool) {
	i, ok := slices.BinarySearchFunc(s.Pruned, id, func(t Tombstone, id ID) int { return cmp.Compare(t.ID, id) })
	if !ok {
		return Tombstone{}, false
	}
	return s.Pruned[i], true
}

// Prune returns a copy in which tombstones replace checkpoints. The ids are in
// ascending order.
func (s Segment) Prune(ids []ID, at ID, reason string) (Segment, error) {
	next := Segment{Repo: s.Repo}
	dead := make([]Tombstone, 0, len(ids))
	for _, c := range s.Checkpoints {
		if len(ids) > 0 && ids[0] == c.ID {
			dead, ids = append(dead, Tombstone{c.ID, at, reason, c.Manifest, c.Pages, c.Layout}), ids[1:]
		} else {
			next.Checkpoints = append(next.Checkpoints, c)
		}
	}
	if len(ids) > 0 {
		return s, fmt.Errorf("%s: %w", ids[0], ErrNoCheckpoint)
	}
	next.Pruned = slices.Concat(s.Pruned, dead)
	slices.SortFunc(next.Pruned, func(a, b Tombstone) int { return cmp.Compare(a.ID, b.ID) })
	if err := next.check(); err != nil {
		return s, err
	}
	return next, nil
}

// ids returns the ids of all entries, ascending.
func (s Segment) ids() []ID {
	ids := make([]ID, 0, s.Len())
	pruned := s.Pruned
	for _, c := range s.Checkpoints {
		for ; len(pruned) > 0 && pruned[0].ID < c.ID; pruned = pruned[1:] {
			ids = append(ids, pruned[0].ID)
		}
		ids = append(ids, c.ID)
	}
	for _, t := range pruned {
		ids = append(ids, t.ID)
	}
	return ids
}

// Bounds returns the first and the last id of a segment that is not empty.
func (s Segment) Bounds() (first, last ID) {
	first, last = MaxID, 0
	if n := len(s.Checkpoints); n > 0 {
		first, last = s.Checkpoints[0].ID, s.Checkpoints[n-1].ID
	}
	if n := len(s.Pruned); n > 0 {
		first, last = min(first, s.Pruned[0].ID), max(last, s.Pruned[n-1].ID)
	}
	return first, last
}

// cut splits a segment into its oldest n entries and the rest.
func (s Segment) cut(n int) (older, newer Segment) {
	if n >= s.Len() {
		return s, Segment{Repo: s.Repo}
	}
	at := s.ids()[n]
	i, _ := searchCheckpoints(s.Checkpoints, at)
	j, _ := slices.BinarySearchFunc(s.Pruned, at, func(t Tombstone, id ID) int { return cmp.Compare(t.ID, id) })
	return Segment{s.Repo, s.Checkpoints[:i], s.Pruned[:j]}, Segment{s.Repo, s.Checkpoints[i:], s.Pruned[j:]}
}

// check reports the first rule that a stretch of history breaks.
func (s Segment) check() error {
	for i, c := range s.Checkpoints {
		switch {
		case !c.ID.Valid():
			return fmt.Errorf("checkpoint: %w", c.ID.check())
		case i > 0 && c.ID <= s.Checkpoints[i-1].ID:
			return fmt.Errorf("checkpoint %s is out of order", c.ID)
		case c.Layout != Full && c.Layout != Thin:
			return fmt.Errorf("checkpoint %s: layout %q is neither full nor thin", c.ID, c.Layout)
		case c.Files < 0 || c.Bytes < 0 || c.Files > maxNumber || c.Bytes > maxNumber:
			return fmt.Errorf("checkpoint %s: files or bytes are not within 0 and %d", c.ID, int64(maxNumber))
		}
		if err := c.Changes.check(c.Files); err != nil {
			return fmt.Errorf("checkpoint %s: %w", c.ID, err)
		}
	}
	for i, t := range s.Pruned {
		if i > 0 && t.ID <= s.Pruned[i-1].ID {
			return fmt.Errorf("pruned checkpoint %s is out of order", t.ID)
		}
		if _, listed := s.Find(t.ID); listed {
			return fmt.Errorf("pruned checkpoint %s is listed too", t.ID)
		}
		if err := t.check(); err != nil {
			return fmt.Errorf("pruned checkpoint %s: %w", t.ID, err)
		}
	}
	return nil
}

// check reports whether the changes can have led to this number of files.
func (c Changes) check(files int64) error {
	switch {
	case c.Added < 0 || c.Removed < 0 || c.Changed < 0 || c.Removed > maxNumber:
		return fmt.Errorf("changes are not within 0 and %d", int64(maxNumber))
	case c.Added > files || c.Changed > files-c.Added:
		return fmt.Errorf("more files are added or changed than the %d there are", files)
	}
	return nil
}

// check reports the first rule that a tombstone breaks.
func (t Tombstone) check() error {
	if err := cmp.Or(t.ID.check(), t.At.check()); err != nil {
		return err
	}
	if t.Layout != Full && t.Layout != Thin {
		return fmt.Errorf("layout %q is neither full nor thin", t.Layout)
	}
	return checkReason(t.Reason)
}

// checkReason reports what is wrong with a text that everybody may read. JSON would silently
// replace invalid UTF-8 in it, and the document would not read back.
func checkReason(reason string) error {
	if len(reason) > MaxReason {
		return fmt.Errorf("the reason is longer than %d bytes", MaxReason)
	}
	if !utf8.ValidString(reason) || strings.ContainsFunc(reason, unicode.IsControl) {
		return fmt.Errorf("the reason %q is not one line of UTF-8 text", reason)
	}
	return nil
}

const segmentFormat = "asof.segment/1"

// segmentHead is the opening line of a segment, with its members in order.
type segmentHead struct {
	Format string `json:"format"`
	Repo   string `json:"repo"`
}

// Encode returns the segment's canonical form: JSON with one line an entry.
func (s Segment) Encode() ([]byte, error) {
	if err := s.checkSealed(); err != nil {
		return nil, err
	}
	b, err := appendHead(nil, segmentHead{segmentFormat, s.Repo})
	if err != nil {
		return nil, err
	}
	b = appendList(b, "checkpoints", s.Checkpoints, ",\n", appendCheckpoint)
	return appendList(b, "pruned", s.Pruned, "}\n", appendTombstone), nil
}

// ParseSegment reads the canonical form only, of a segment that a repo's index
// refers to. The segment must match the reference.
func ParseSegment(data []byte, repo string, ref SegmentRef) (Segment, error) {
	s, err := parseSegment(data)
	if err == nil && s.Repo != repo {
		err = fmt.Errorf("it belongs to repo %s, not %s", s.Repo, repo)
	}
	if err == nil && s.ref(data) != ref {
		err = errors.New("it is not what the index says of it")
	}
	if err != nil {
		return Segment{}, fmt.Errorf("segment: %w", err)
	}
	return s, nil
}

// ParseAnySegment reads the canonical form only, of a segment without a
// reference.
func ParseAnySegment(data []byte) (Segment, error) {
	s, err := parseSegment(data)
	if err != nil {
		return Segment{}, fmt.Errorf("segment: %w", err)
	}
	return s, nil
}

func parseSegment(data []byte) (s Segment, err error) {
	d, err := openDocument(data, MaxSegmentSize, segmentFormat)
	if err != nil {
		return s, err
	}
	var head segmentHead
	if err := d.head(&head); err != nil {
		return s, err
	}
	s.Repo = head.Repo
	if s.Checkpoints, err = readList(d, "checkpoints", ",", readCheckpoint); err != nil {
		return s, err
	}
	if s.Pruned, err = readList(d, "pruned", "}", readTombstone); err != nil {
		return s, err
	}
	if err := d.end(); err != nil {
		return s, err
	}
	return s, s.checkSealed()
}

func (s Segment) checkSealed() error {
	if err := CheckBase(s.Repo); err != nil {
		return fmt.Errorf("repo: %w", err)
	}
	if n := s.Len(); n < 1 || n > SegmentEntries {
		return fmt.Errorf("%d entries are not within 1 and %d", n, SegmentEntries)
	}
	return s.check()
}

// ref returns the index's reference to the segment. data is its document.
func (s Segment) ref(data []byte) SegmentRef {
	first, last := s.Bounds()
	return SegmentRef{first, last, len(s.Checkpoints), len(s.Pruned), Sum(data), int64(len(data))}
}
