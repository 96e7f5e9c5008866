package manifest

import (
	"cmp"
	"errors"
	"fmt"
)

// indexHead is the opening line, with its members in order.
type indexHead struct {
	Format     string        `json:"format"`
	Repo       string        `json:"repo"`
	Generation int64         `json:"generation"`
	Horizon    ID            `json:"horizon,omitempty"`
	Pending    *ID           `json:"pending,omitempty"`
	Channels   map[string]ID `json:"channels,omitempty"`
	Moved      []Moved       `json:"moved,omitempty"`
	Grace      *int64        `json:"grace,omitempty"`
	Retired    *Retired      `json:"retired,omitempty"`
}

// Encode returns the index's canonical form: JSON with one line a checkpoint.
func (ix Index) Encode() ([]byte, error) {
	if err := ix.check(); err != nil {
		return nil, err
	}
	b, err := appendHead(nil, indexHead{indexFormat, ix.Repo, ix.Generation, ix.Horizon, ix.Pending, ix.Channels, ix.Moved, ix.Grace, ix.Retired})
	if err != nil {
		return nil, err
	}
	if len(ix.Segments) > 0 {
		b = appendList(b, "segments", ix.Segments, ",\n", appendSegmentRef)
	}
	b = appendList(b, "checkpoints", ix.Checkpoints, ",\n", appendCheckpoint)
	b = appendList(b, "pruned", ix.Pruned, "}\n", appendTombstone)
	// A document that no one can read must never become the commit point.
	if len(b) > MaxIndex {
		return nil, fmt.Errorf("checkpoint index: larger than %d bytes", MaxIndex)
	}
	return b, nil
}

// ParseIndex reads the canonical form only.
func ParseIndex(data []byte) (Index, error) {
	ix, err := parseIndex(data)
	if err != nil {
		return Index{}, fmt.Errorf("checkpoint index: %w", err)
	}
	return ix, nil
}

func parseIndex(data []byte) (ix Index, err error) {
	d, err := openDocument(data, MaxIndex, indexFormat)
	if err != nil {
		return ix, err
	}
	var head indexHead
	if err := d.head(&head); err != nil {
		return ix, err
	}
	ix.Repo, ix.Generation, ix.Horizon = head.Repo, head.Generation, head.Horizon
	ix.Pending, ix.Channels, ix.Moved, ix.Grace, ix.Retired = head.Pending, head.Channels, head.Moved, head.Grace, head.Retired
	if d.opens("segments") {
		if ix.Segments, err = readList(d, "segments", ",", readSegmentRef); err != nil {
			return ix, err
		}
		if len(ix.Segments) == 0 {
			return ix, d.fail(errors.New("not in canonical form: an empty list of segments"))
		}
	}
	if ix.Checkpoints, err = readList(d, "checkpoints", ",", readCheckpoint); err != nil {
		return ix, err
	}
	if ix.Pruned, err = readList(d, "pruned", "}", readTombstone); err != nil {
		return ix, err
	}
	if err := d.end(); err != nil {
		return ix, err
	}
	return ix, ix.check()
}

// check reports the first rule that an index breaks.
func (ix Index) check() error { return cmp.Or(ix.checkNewest(), ix.checkHistory(), ix.checkRetired()) }

// checkNewest makes sure that the newest entry of a repo in use is a checkpoint.
func (ix Index) checkNewest() error {
	n := len(ix.Pruned)
	if newest, ok := ix.Newest(); n > 0 && ix.Retired == nil && (!ok || ix.Pruned[n-1].ID > newest.ID) {
		return fmt.Errorf("pruned checkpoint %s is newer than the newest", ix.Pruned[n-1].ID)
	}
	return nil
}

// checkHistory reports the first rule that an index breaks, but for those that depend on
// whether the repo is in use.
func (ix Index) checkHistory() error {
	if err := CheckBase(ix.Repo); err != nil {
		return fmt.Errorf("repo: %w", err)
	}
	if ix.Generation < 0 || ix.Generation > maxNumber {
		return fmt.Errorf("generation %d is not within 0 and %d", ix.Generation, int64(maxNumber))
	}
	if !ix.Horizon.IsZero() && !ix.Horizon.Valid() {
		return fmt.Errorf("horizon: %w", ix.Horizon.check())
	}
	if ix.Pending != nil && (!ix.Pending.Valid() || *ix.Pending <= ix.Horizon) {
		return fmt.Errorf("pending id %s is not above the horizon %s", *ix.Pending, ix.Horizon)
	}
	if err := ix.Tail().check(); err != nil {
		return err
	}
	newest, ok := ix.Newest()
	if ok && newest.ID > ix.Horizon {
		return fmt.Errorf("checkpoint %s lies above the horizon %s", newest.ID, ix.Horizon)
	}
	if err := ix.checkSegments(); err != nil {
		return err
	}
	for _, name := range ix.channelNames() {
		if err := CheckChannel(name); err != nil {
			return err
		}
		if !ix.mayList(ix.Channels[name]) {
			return fmt.Errorf("channel %s names %s: %w", name, ix.Channels[name], ErrNoCheckpoint)
		}
	}
	return ix.checkMoving()
}

// checkSegments reports the first rule that the references to segments break.
func (ix Index) checkSegments() error {
	for i, ref := range ix.Segments {
		switch n := ref.Checkpoints + ref.Pruned; {
		case !ref.First.Valid() || !ref.Last.Valid() || ref.First > ref.Last:
			return fmt.Errorf("segment %d: its first and last id are none", i)
		case i > 0 && ref.First <= ix.Segments[i-1].Last:
			return fmt.Errorf("segment %s is out of order", ref.First)
		case ref.Checkpoints < 0 || ref.Pruned < 0 || ref.Checkpoints > SegmentEntries || ref.Pruned > SegmentEntries || n < 1 || n > SegmentEntries:
			return fmt.Errorf("segment %s: its entries are not within 1 and %d", ref.First, SegmentEntries)
		case int64(ref.Last-ref.First) < int64(n-1) || (n == 1) != (ref.First == ref.Last):
			return fmt.Errorf("segment %s can't hold %d entries up to %s", ref.First, n, ref.Last)
		case ref.Size < 1 || ref.Size > MaxSegmentSize:
			return fmt.Errorf("segment %s: its size is not within 1 and %d", ref.First, MaxSegmentSize)
		}
	}
	if n := len(ix.Segments); n > 0 {
		last := ix.Segments[n-1].Last
		if oldest, _ := ix.Tail().Bounds(); ix.Tail().Len() == 0 || oldest <= last {
			return fmt.Errorf("segment %s does not end before the entries of the index", ix.Segments[n-1].First)
		}
	}
	return nil
}

// mayList reports whether a checkpoint is listed, as far as the index itself can
// tell.
func (ix Index) mayList(id ID) bool {
	if ref, ok := ix.SegmentOf(id); ok {
		return ref.Checkpoints > 0
	}
	_, ok := ix.Find(id)
	return ok
}
