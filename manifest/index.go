package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
)

const indexFormat = "asof.checkpoints/1"

// MaxIndex bounds the size of a checkpoint index in bytes: some 200,000 checkpoints.
const MaxIndex = 64 << 20

// MaxReason bounds the reason on a tombstone in bytes.
const MaxReason = 1000

// Index is a repo's checkpoint index: its commit point (invariant 1). What it
// does not name does not exist. Its methods return a changed copy, one
// generation on; they are the only changes there are.
type Index struct {
	Repo string
	// Generation counts the changes; 0 is the index that was never written.
	Generation int64
	// Horizon is the newest instant whose answer can no longer change.
	Horizon     ID
	Checkpoints []Checkpoint  // in ascending order of their ids
	Channels    map[string]ID // movable names for checkpoints
	Pruned      []Tombstone   // in ascending order of their ids
}

// Checkpoint is a published revision.
type Checkpoint struct {
	ID       ID     `json:"id"`
	Manifest Digest `json:"manifest"` // of upstream's files
	Content  Digest `json:"content"`  // of upstream's files without their times: Root.Content
	Pages    Digest `json:"pages"`    // of what asof generated
	Files    int64  `json:"files"`    // upstream's, without pages
	Bytes    int64  `json:"bytes"`
	Layout   Layout `json:"layout"`
}

// Tombstone stands where a checkpoint was pruned: what resolved to it is gone,
// and does not slide to an older one (invariant 4). It still says what it was:
// as evidence, and so that nothing of it is deleted before its time.
type Tombstone struct {
	ID       ID     `json:"id"`
	At       ID     `json:"at"`
	Reason   string `json:"reason"` // one line of text
	Manifest Digest `json:"manifest"`
	Pages    Digest `json:"pages"`
	Layout   Layout `json:"layout"`
}

// Layout says where a checkpoint's files stand.
type Layout string

const (
	Full Layout = "full" // every file is an object in the tree
	Thin Layout = "thin" // files stand in the pool; the tree holds the front page
)

// ParseLayout reads a layout; empty is Full.
func ParseLayout(s string) (Layout, error) {
	switch l := Layout(s); l {
	case "":
		return Full, nil
	case Full, Thin:
		return l, nil
	}
	return "", fmt.Errorf("layout %q is neither full nor thin", s)
}

// Errors of the changes of an index.
var (
	// ErrBehind: an instant does not lie behind the horizon (invariant 3).
	ErrBehind = errors.New("not above the horizon")
	// ErrNoCheckpoint: the index does not list the checkpoint.
	ErrNoCheckpoint = errors.New("no such checkpoint")
	// ErrInUse: a checkpoint can't be pruned, being the newest or a channel's.
	ErrInUse = errors.New("in use")
)

// NewIndex is the index of a repo without checkpoints, as yet unwritten.
func NewIndex(repo string) Index { return Index{Repo: repo, Horizon: MinID} }

// Append adds a checkpoint, whose id must be above the horizon and becomes it.
func (ix Index) Append(c Checkpoint) (Index, error) {
	if c.ID <= ix.Horizon {
		return ix, fmt.Errorf("id %s: %w %s", c.ID, ErrBehind, ix.Horizon)
	}
	next := ix.next()
	next.Checkpoints = append(next.Checkpoints, c)
	next.Horizon = c.ID
	return ix.become(next)
}

// MoveHorizon makes every answer up to the instant to final.
func (ix Index) MoveHorizon(to ID) (Index, error) {
	if to <= ix.Horizon {
		return ix, fmt.Errorf("instant %s: %w %s", to, ErrBehind, ix.Horizon)
	}
	next := ix.next()
	next.Horizon = to
	return ix.become(next)
}

// SetChannel makes name stand for the checkpoint id.
func (ix Index) SetChannel(name string, id ID) (Index, error) {
	if _, ok := ix.Find(id); !ok {
		return ix, fmt.Errorf("%s: %w", id, ErrNoCheckpoint)
	}
	next := ix.next()
	if next.Channels == nil {
		next.Channels = map[string]ID{}
	}
	next.Channels[name] = id
	return ix.become(next)
}

// Fence is the index with nothing changed but the generation: whoever read it
// before must read it again before a swap.
func (ix Index) Fence() (Index, error) { return ix.become(ix.next()) }

// Prune replaces a checkpoint by a tombstone. The newest, and one that a
// channel names, stay.
func (ix Index) Prune(id, at ID, reason string) (Index, error) {
	i, ok := ix.search(id)
	if !ok {
		return ix, fmt.Errorf("%s: %w", id, ErrNoCheckpoint)
	}
	if i == len(ix.Checkpoints)-1 {
		return ix, fmt.Errorf("%s is %w: it is the newest checkpoint", id, ErrInUse)
	}
	for _, name := range ix.channelNames() {
		if ix.Channels[name] == id {
			return ix, fmt.Errorf("%s is %w: channel %s names it", id, ErrInUse, name)
		}
	}
	next := ix.next()
	c := next.Checkpoints[i]
	next.Checkpoints = slices.Delete(next.Checkpoints, i, i+1)
	j, _ := slices.BinarySearchFunc(next.Pruned, id, func(t Tombstone, id ID) int { return cmp.Compare(t.ID, id) })
	next.Pruned = slices.Insert(next.Pruned, j, Tombstone{id, at, reason, c.Manifest, c.Pages, c.Layout})
	return ix.become(next)
}

func (ix Index) next() Index {
	ix.Generation++
	ix.Checkpoints = slices.Clone(ix.Checkpoints)
	ix.Pruned = slices.Clone(ix.Pruned)
	ix.Channels = maps.Clone(ix.Channels)
	return ix
}

// become returns next if it is valid, and else the index as it was.
func (ix Index) become(next Index) (Index, error) {
	if err := next.check(); err != nil {
		return ix, err
	}
	return next, nil
}

func (ix Index) channelNames() []string { return slices.Sorted(maps.Keys(ix.Channels)) }

// Newest is the newest checkpoint.
func (ix Index) Newest() (Checkpoint, bool) {
	if len(ix.Checkpoints) == 0 {
		return Checkpoint{}, false
	}
	return ix.Checkpoints[len(ix.Checkpoints)-1], true
}

// Find is the checkpoint with the very id.
func (ix Index) Find(id ID) (Checkpoint, bool) {
	i, ok := ix.search(id)
	if !ok {
		return Checkpoint{}, false
	}
	return ix.Checkpoints[i], true
}

func (ix Index) search(id ID) (int, bool) {
	return slices.BinarySearchFunc(ix.Checkpoints, id, func(c Checkpoint, id ID) int { return cmp.Compare(c.ID, id) })
}
