package manifest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

const indexFormat = "asof.checkpoints/1"

// MaxIndex bounds the size of a checkpoint index in bytes: some 300,000 segments.
const MaxIndex = 64 << 20

// MaxReason bounds the reason on a tombstone in bytes.
const MaxReason = 1000

// Index is a repo's checkpoint index: its commit point (invariant 1). What it
// does not name does not exist. It holds the newest entries itself and refers to
// segments for the rest. Its methods return a changed copy, one generation on;
// they are the only changes there are.
type Index struct {
	Repo string
	// Generation counts the changes; 0 is the index that was never written.
	Generation int64
	// Horizon is the newest instant whose answer can no longer change.
	Horizon ID
	// Pending is the id, above the horizon, at which a publish of several repos is
	// about to commit to this one: see Together. nil: there is none.
	Pending     *ID
	Channels    map[string]ID // movable names for checkpoints
	Segments    []SegmentRef  // sealed history, older than all that follows, in ascending order
	Checkpoints []Checkpoint  // of the tail, in ascending order of their ids
	Pruned      []Tombstone   // of the tail, in ascending order of their ids
}

// Checkpoint is a published revision.
type Checkpoint struct {
	ID       ID     `json:"id"`
	Manifest Digest `json:"manifest"` // of upstream's files
	Content  Digest `json:"content"`  // of upstream's files without their times: Root.Content
	Pages    Digest `json:"pages"`    // of what asof generated
	Files    int64  `json:"files"`    // upstream's, without pages
	Bytes    int64  `json:"bytes"`
	Changes
	Layout Layout `json:"layout"`
	Usage  bool   `json:"usage,omitempty"` // the tree says how clients use it: UsagePath
}

// Changes counts upstream's files that are not as in the checkpoint before, whose
// content or whose presence differs. In the first checkpoint all are added. They
// stay what they were when that checkpoint is pruned.
type Changes struct {
	Added   int64 `json:"added"`
	Removed int64 `json:"removed"`
	Changed int64 `json:"changed"`
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

// Pools reports whether a file of a checkpoint stands in the pool, and not in the
// tree. The front page never does, be it asof's or upstream's: one of asof's is
// another in every checkpoint, and a bare bucket serves it.
func (l Layout) Pools(path string) bool { return l == Thin && path != IndexPage }

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
	// ErrNoChannel: the index has no channel of that name.
	ErrNoChannel = errors.New("no such channel")
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
	return ix.become(next.upTo(c.ID))
}

// MoveHorizon makes every answer up to the instant to final.
func (ix Index) MoveHorizon(to ID) (Index, error) {
	if to <= ix.Horizon {
		return ix, fmt.Errorf("instant %s: %w %s", to, ErrBehind, ix.Horizon)
	}
	return ix.become(ix.next().upTo(to))
}

// upTo has a new horizon, and nothing pending up to it.
func (ix Index) upTo(horizon ID) Index {
	ix.Horizon = horizon
	if ix.Pending != nil && *ix.Pending <= horizon {
		ix.Pending = nil
	}
	return ix
}

// SetChannel makes name stand for the checkpoint id. Whether a sealed one is
// listed the index does not know: the caller must have found it in its segment.
func (ix Index) SetChannel(name string, id ID) (Index, error) {
	if !ix.mayList(id) {
		return ix, fmt.Errorf("%s: %w", id, ErrNoCheckpoint)
	}
	next := ix.next()
	if next.Channels == nil {
		next.Channels = map[string]ID{}
	}
	next.Channels[name] = id
	return ix.become(next)
}

// DropChannel takes a channel away.
func (ix Index) DropChannel(name string) (Index, error) {
	if _, ok := ix.Channels[name]; !ok {
		return ix, fmt.Errorf("%s: %w", name, ErrNoChannel)
	}
	next := ix.next()
	delete(next.Channels, name)
	if len(next.Channels) == 0 {
		next.Channels = nil
	}
	return ix.become(next)
}

// Fence is the index with nothing changed but the generation: whoever read it
// before must read it again before a swap.
func (ix Index) Fence() (Index, error) { return ix.become(ix.next()) }

// Announce is a fence that says as well that a publish of several repos is about
// to commit at an id: whoever reads the index finishes that first.
func (ix Index) Announce(id ID) (Index, error) {
	if id <= ix.Horizon {
		return ix, fmt.Errorf("id %s: %w %s", id, ErrBehind, ix.Horizon)
	}
	next := ix.next()
	next.Pending = &id
	return ix.become(next)
}

// Prune replaces a checkpoint of the tail by a tombstone. The newest, and one
// that a channel names, stay.
func (ix Index) Prune(id, at ID, reason string) (Index, error) {
	if newest, ok := ix.Newest(); ok && id == newest.ID {
		return ix, fmt.Errorf("%s is %w: it is the newest checkpoint", id, ErrInUse)
	}
	for _, name := range ix.channelNames() {
		if ix.Channels[name] == id {
			return ix, fmt.Errorf("%s is %w: channel %s names it", id, ErrInUse, name)
		}
	}
	tail, err := ix.Tail().Prune([]ID{id}, at, reason)
	if err != nil {
		return ix, err
	}
	next := ix.next()
	next.Checkpoints, next.Pruned = tail.Checkpoints, tail.Pruned
	return ix.become(next)
}

func (ix Index) next() Index {
	ix.Generation++
	ix.Segments = slices.Clone(ix.Segments)
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

// Find is the checkpoint with the very id, if it is in the tail.
func (ix Index) Find(id ID) (Checkpoint, bool) { return ix.Tail().Find(id) }
