package manifest

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// indexHead is the opening line, its members in their order.
type indexHead struct {
	Format     string        `json:"format"`
	Repo       string        `json:"repo"`
	Generation int64         `json:"generation"`
	Horizon    ID            `json:"horizon"`
	Channels   map[string]ID `json:"channels,omitempty"`
}

// Encode is the index's canonical form: JSON with one line a checkpoint.
func (ix Index) Encode() ([]byte, error) {
	if err := ix.check(); err != nil {
		return nil, err
	}
	b, err := appendHead(nil, indexHead{indexFormat, ix.Repo, ix.Generation, ix.Horizon, ix.Channels})
	if err != nil {
		return nil, err
	}
	if b, err = appendList(b, "checkpoints", ix.Checkpoints, ",\n"); err != nil {
		return nil, err
	}
	if b, err = appendList(b, "pruned", ix.Pruned, "}\n"); err != nil {
		return nil, err
	}
	// What no one could read again must never become the commit point.
	if len(b) > MaxIndex {
		return nil, fmt.Errorf("checkpoint index: larger than %d bytes", MaxIndex)
	}
	return b, nil
}

// ParseIndex reads the canonical form, and nothing else.
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
	ix.Repo, ix.Generation, ix.Horizon, ix.Channels = head.Repo, head.Generation, head.Horizon, head.Channels
	if ix.Checkpoints, err = readList[Checkpoint](d, "checkpoints", ","); err != nil {
		return ix, err
	}
	if ix.Pruned, err = readList[Tombstone](d, "pruned", "}"); err != nil {
		return ix, err
	}
	if err := d.end(); err != nil {
		return ix, err
	}
	return ix, ix.check()
}

// check holds what is true of every index.
func (ix Index) check() error {
	if err := CheckBase(ix.Repo); err != nil {
		return fmt.Errorf("repo: %w", err)
	}
	if ix.Generation < 0 || ix.Generation > maxNumber {
		return fmt.Errorf("generation %d is not within 0 and %d", ix.Generation, int64(maxNumber))
	}
	if !ix.Horizon.Valid() {
		return fmt.Errorf("horizon %d lies outside the years 0001 to 9999", int64(ix.Horizon))
	}
	for i, c := range ix.Checkpoints {
		switch {
		case !c.ID.Valid():
			return fmt.Errorf("checkpoint %d lies outside the years 0001 to 9999", int64(c.ID))
		case i > 0 && c.ID <= ix.Checkpoints[i-1].ID:
			return fmt.Errorf("checkpoint %s is out of order", c.ID)
		case c.ID > ix.Horizon:
			return fmt.Errorf("checkpoint %s lies above the horizon %s", c.ID, ix.Horizon)
		case c.Layout != Full && c.Layout != Thin:
			return fmt.Errorf("checkpoint %s: layout %q is neither full nor thin", c.ID, c.Layout)
		case c.Files < 0 || c.Bytes < 0 || c.Files > maxNumber || c.Bytes > maxNumber:
			return fmt.Errorf("checkpoint %s: files or bytes are not within 0 and %d", c.ID, int64(maxNumber))
		}
	}
	newest, _ := ix.Newest()
	for i, t := range ix.Pruned {
		if i > 0 && t.ID <= ix.Pruned[i-1].ID {
			return fmt.Errorf("pruned checkpoint %s is out of order", t.ID)
		}
		if _, listed := ix.Find(t.ID); listed || len(ix.Checkpoints) == 0 || t.ID > newest.ID {
			return fmt.Errorf("pruned checkpoint %s is listed too, or newer than the newest", t.ID)
		}
		if err := t.check(); err != nil {
			return fmt.Errorf("pruned checkpoint %s: %w", t.ID, err)
		}
	}
	for _, name := range ix.channelNames() {
		if err := CheckChannel(name); err != nil {
			return err
		}
		if _, ok := ix.Find(ix.Channels[name]); !ok {
			return fmt.Errorf("channel %s names %s: %w", name, ix.Channels[name], ErrNoCheckpoint)
		}
	}
	return nil
}

// check holds the rest of a tombstone. JSON would silently mend a reason that is
// no UTF-8, and so write an index that does not read back.
func (t Tombstone) check() error {
	if !t.ID.Valid() || !t.At.Valid() {
		return errors.New("a time outside the years 0001 to 9999")
	}
	if t.Layout != Full && t.Layout != Thin {
		return fmt.Errorf("layout %q is neither full nor thin", t.Layout)
	}
	if len(t.Reason) > MaxReason {
		return fmt.Errorf("the reason is longer than %d bytes", MaxReason)
	}
	if !utf8.ValidString(t.Reason) || strings.ContainsFunc(t.Reason, unicode.IsControl) {
		return fmt.Errorf("the reason %q is not one line of UTF-8 text", t.Reason)
	}
	return nil
}
