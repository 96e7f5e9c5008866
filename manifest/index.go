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

// Index is a repo's checkpoint index, its commit point (invariant 1): a
// checkpoint that it does not name does not exist. It holds the newest entries
// itself and refers to segments for the rest. It changes only by its methods,
// which return a changed copy with the next generation.
type Index struct {
	Repo string
	// Generation counts the changes. 0 means the index was never written.
	Generation int64
	// Horizon is the newest instant whose answer can no longer change; none
	// before the first publish.
	Horizon ID
	// Pending is the id, above the horizon, at which a publish of several repos
	// is about to commit to this one (see Group); nil if there is none.
	Pending  *ID
	Channels map[string]ID // movable names for checkpoints
	// Moved is what channels stood for lately, in the order in which they moved.
	Moved []Moved
	// Grace is how long, in seconds, a file stays reachable below a name that has
	// moved on from it (see Earlier). Nil means DefaultGrace, 0 not at all.
	Grace *int64
	// Retired says what became of a repo that was deleted or moved; nil: it is in use.
	Retired     *Retired
	Segments    []SegmentRef // sealed history, all older than the tail, in ascending order
	Checkpoints []Checkpoint // the tail's, in ascending order of their ids
	Pruned      []Tombstone  // the tail's, in ascending order of their ids
}

// Checkpoint is a published revision.
type Checkpoint struct {
	ID       ID     `json:"id"`
	Manifest Digest `json:"manifest"` // of upstream's files
	Content  Digest `json:"content"`  // of upstream's files without their times: Root.Content
	Pages    Digest `json:"pages"`    // of asof's generated files
	Files    int64  `json:"files"`    // number of upstream's files, without pages
	Bytes    int64  `json:"bytes"`
	Changes
	Layout Layout `json:"layout"`
	Usage  bool   `json:"usage,omitempty"` // the tree says how clients use it: UsagePath
	// Partial: it lacks files that upstream's documents list. The receipt says why.
	Partial bool `json:"partial,omitempty"`
}

// Changes counts the files of upstream that were added, removed or changed in
// content since the checkpoint before. In the first checkpoint all are added. The
// counts stay the same when that earlier checkpoint is pruned.
type Changes struct {
	Added   int64 `json:"added"`
	Removed int64 `json:"removed"`
	Changed int64 `json:"changed"`
}

// Tombstone replaces a pruned checkpoint. What resolved to the checkpoint is
// gone, and does not slide to an older one (invariant 4). A tombstone still says
// what the checkpoint was, as evidence, and to keep its objects from being
// deleted too early.
type Tombstone struct {
	ID       ID     `json:"id"`
	At       ID     `json:"at"`
	Reason   string `json:"reason"` // one line of text
	Manifest Digest `json:"manifest"`
	Pages    Digest `json:"pages"`
	Layout   Layout `json:"layout"`
}

// Layout says where a checkpoint's files are.
type Layout string

const (
	Full Layout = "full" // every file is an object in the tree
	Thin Layout = "thin" // files are in the pool; the tree holds the front page
)

// Pools reports whether a file of a checkpoint is in the pool rather than in the
// tree. The front page, asof's or upstream's, is always in the tree: asof's
// differs in every checkpoint, and a bare bucket has to serve it.
func (l Layout) Pools(path string) bool { return l == Thin && path != IndexPage }

// ParseLayout reads a layout. Empty means Full.
func ParseLayout(s string) (Layout, error) {
	switch l := Layout(s); l {
	case "":
		return Full, nil
	case Full, Thin:
		return l, nil
	}
	return "", fmt.Errorf("layout %q is neither full nor thin", s)
}

// Errors of changes to an index.
var (
	// ErrBehind: an instant is not above the horizon (invariant 3).
	ErrBehind = errors.New("not above the horizon")
	// ErrNoCheckpoint: the index does not list the checkpoint.
	ErrNoCheckpoint = errors.New("no such checkpoint")
	// ErrNoChannel: the index has no channel of that name.
	ErrNoChannel = errors.New("no such channel")
	// ErrInUse: the checkpoint can't be pruned, because it is the newest or a
	// channel names it.
	ErrInUse = errors.New("in use")
)

// NewIndex returns the index, not yet written, of a repo without checkpoints.
func NewIndex(repo string) Index { return Index{Repo: repo} }

// Append adds a checkpoint. Its id must be above the horizon, and becomes the
// horizon.
func (ix Index) Append(c Checkpoint) (Index, error) {
	if c.ID <= ix.Horizon {
		return ix, fmt.Errorf("id %s: %w %s", c.ID, ErrBehind, ix.Horizon)
	}
	if err := ix.InUse(); err != nil {
		return ix, err
	}
	next := ix.next()
	next.Checkpoints = append(next.Checkpoints, c)
	return ix.become(next.upTo(c.ID))
}

// AppendPast is Append for history that was published elsewhere before: it also adds the
// tombstones of what was pruned there since the index's newest checkpoint, in ascending
// order.
func (ix Index) AppendPast(c Checkpoint, dead []Tombstone) (Index, error) {
	for _, t := range dead {
		if t.ID <= ix.Horizon || t.ID >= c.ID {
			return ix, fmt.Errorf("pruned checkpoint %s does not lie between %s and %s", t.ID, ix.Horizon, c.ID)
		}
	}
	next, err := ix.Append(c)
	if err != nil {
		return ix, err
	}
	next.Pruned = append(next.Pruned, dead...)
	return ix.become(next)
}

// MoveHorizon makes every answer up to the instant to final.
func (ix Index) MoveHorizon(to ID) (Index, error) {
	if err := ix.InUse(); err != nil {
		return ix, err
	}
	if to <= ix.Horizon {
		return ix, fmt.Errorf("instant %s: %w %s", to, ErrBehind, ix.Horizon)
	}
	return ix.become(ix.next().upTo(to))
}

// upTo sets the horizon, and clears a pending id up to it.
func (ix Index) upTo(horizon ID) Index {
	ix.Horizon = horizon
	if ix.Pending != nil && *ix.Pending <= horizon {
		ix.Pending = nil
	}
	return ix
}

// SetChannel points a channel to a checkpoint from now on. The index does not know
// whether a sealed checkpoint is listed: the caller must have found it in its
// segment.
func (ix Index) SetChannel(name string, id, now ID) (Index, error) {
	if err := ix.InUse(); err != nil {
		return ix, err
	}
	if !ix.mayList(id) {
		return ix, fmt.Errorf("%s: %w", id, ErrNoCheckpoint)
	}
	next := ix.next().remember(name, now)
	if next.Channels == nil {
		next.Channels = map[string]ID{}
	}
	next.Channels[name] = id
	return ix.become(next)
}

// DropChannel removes a channel. If it comes back within the grace, it still leads
// to what it stood for.
func (ix Index) DropChannel(name string, now ID) (Index, error) {
	if _, ok := ix.Channels[name]; !ok {
		return ix, fmt.Errorf("%s: %w", name, ErrNoChannel)
	}
	next := ix.next().remember(name, now)
	delete(next.Channels, name)
	if len(next.Channels) == 0 {
		next.Channels = nil
	}
	return ix.become(next)
}

// Fence changes nothing but the generation. So a publisher that read the index
// before must read it again before it can swap.
func (ix Index) Fence() (Index, error) { return ix.become(ix.next()) }

// Prepare returns a Fence that also announces that a publish of several repos is
// about to commit at an id. A publisher that reads such an index finishes that
// publish first.
func (ix Index) Prepare(id ID) (Index, error) {
	if id <= ix.Horizon {
		return ix, fmt.Errorf("id %s: %w %s", id, ErrBehind, ix.Horizon)
	}
	if err := ix.InUse(); err != nil {
		return ix, err
	}
	next := ix.next()
	next.Pending = &id
	return ix.become(next)
}

// Prune replaces a checkpoint of the tail by a tombstone. It refuses the newest,
// and one that a channel names.
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

// spare is how many changes are kept back for a rebuild.
const spare = 1 << 20

// ErrUsedUp: no changes can be counted any more. Only somebody who wrote a generation by hand
// can have brought that about.
var ErrUsedUp = errors.New("the count of its changes is used up")

// UsedUp reports whether the index counts more changes than any repo can have had. Nothing may
// be built on it. A rebuild begins earlier than its users end (soon), so that it helps them.
func (ix Index) UsedUp(soon bool) bool {
	limit := int64(maxNumber - spare)
	if soon {
		limit -= spare
	}
	return ix.Generation > limit
}

func (ix Index) next() Index {
	ix.Generation++
	ix.Segments = slices.Clone(ix.Segments)
	ix.Checkpoints = slices.Clone(ix.Checkpoints)
	ix.Pruned = slices.Clone(ix.Pruned)
	ix.Channels = maps.Clone(ix.Channels)
	ix.Moved = slices.Clone(ix.Moved)
	return ix
}

// become returns next if it is valid, or else the index unchanged.
func (ix Index) become(next Index) (Index, error) {
	if err := next.check(); err != nil {
		return ix, err
	}
	return next, nil
}

func (ix Index) channelNames() []string { return slices.Sorted(maps.Keys(ix.Channels)) }

// Newest returns the newest checkpoint.
func (ix Index) Newest() (Checkpoint, bool) {
	if len(ix.Checkpoints) == 0 {
		return Checkpoint{}, false
	}
	return ix.Checkpoints[len(ix.Checkpoints)-1], true
}

// Lists reports whether both indexes list the same. Horizon, generation and
// pending id may differ.
func (ix Index) Lists(other Index) bool {
	return ix.Repo == other.Repo && equal(ix.Grace, other.Grace) && equal(ix.Retired, other.Retired) &&
		maps.Equal(ix.Channels, other.Channels) && slices.Equal(ix.Moved, other.Moved) && slices.Equal(ix.Segments, other.Segments) &&
		slices.Equal(ix.Checkpoints, other.Checkpoints) && slices.Equal(ix.Pruned, other.Pruned)
}

// Ahead reports whether the index is not in another one's past: it has seen more
// changes, or as many other ones. The zero Index is ahead of none.
func (ix Index) Ahead(other Index) bool {
	return ix.Generation > other.Generation || ix.Generation == other.Generation && ix.Generation > 0 && !ix.Lists(other)
}

// Find returns the checkpoint with exactly this id, if it is in the tail.
func (ix Index) Find(id ID) (Checkpoint, bool) { return ix.Tail().Find(id) }
