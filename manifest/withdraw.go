package manifest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A machine whose clock was ahead may have published at ids that lie in the future. Nothing
// can be published before them, and no resolver has ever called an answer final for a time
// beyond ClockSkew after its own. So what lies beyond MaxSkew after now may be taken back,
// and only that.

// ErrNothingLeft: taking back the future would leave an index whose newest entry is a
// tombstone.
var ErrNothingLeft = errors.New("no checkpoint would be left")

// Future reports whether anything in the index lies in the future, and so may be withdrawn.
func (ix Index) Future(now ID) bool {
	limit := now + MaxSkew
	return ix.Horizon > limit || ix.Pending != nil && *ix.Pending > limit
}

// Opens returns how many of its newest segments an index must open to withdraw the future:
// those that reach into it.
func (ix Index) Opens(now ID) int {
	i := slices.IndexFunc(ix.Segments, func(ref SegmentRef) bool { return ref.Last > now+MaxSkew })
	if i < 0 {
		return 0
	}
	return len(ix.Segments) - i
}

// Withdraw takes back what lies in the future: checkpoints, tombstones, the channels that
// name them, a pending id, and the horizon, which becomes MaxSkew after now. It also brings
// back to now when channels moved and checkpoints of the tail were pruned. opened are the
// newest segments of the index, oldest first; their entries become the tail's. If the tail
// would be left without a checkpoint although there are more segments, one more must be
// opened: the error is ErrNothingLeft, as it is where only tombstones would be left.
func (ix Index) Withdraw(now ID, opened []Segment) (Index, error) {
	limit := now + MaxSkew
	next := ix.next()
	if len(opened) > len(next.Segments) {
		return ix, errOtherSegment
	}
	next.Segments = next.Segments[:len(next.Segments)-len(opened)]
	var entries Segment
	for i, s := range append(slices.Clone(opened), ix.Tail()) {
		if i < len(opened) {
			if sealed, err := s.seal(); err != nil || sealed.Ref != ix.Segments[len(next.Segments)+i] {
				return ix, errors.Join(errOtherSegment, err)
			}
		}
		entries.Checkpoints = append(entries.Checkpoints, s.Checkpoints...)
		entries.Pruned = append(entries.Pruned, s.Pruned...)
	}
	next.Checkpoints = slices.DeleteFunc(entries.Checkpoints, func(c Checkpoint) bool { return c.ID > limit })
	next.Pruned = slices.DeleteFunc(entries.Pruned, func(t Tombstone) bool { return t.ID > limit })
	if n := len(next.Pruned); len(next.Checkpoints) == 0 && n+len(next.Segments) > 0 ||
		n > 0 && next.Pruned[n-1].ID > next.Checkpoints[len(next.Checkpoints)-1].ID {
		return ix, fmt.Errorf("%w before %s", ErrNothingLeft, limit)
	}
	for i := range next.Pruned {
		next.Pruned[i].At = min(next.Pruned[i].At, now)
	}
	maps.DeleteFunc(next.Channels, func(_ string, id ID) bool { return id > limit })
	if len(next.Channels) == 0 {
		next.Channels = nil
	}
	next.Moved = slices.DeleteFunc(next.Moved, func(m Moved) bool { return m.ID > limit })
	for i := range next.Moved {
		next.Moved[i].Until = min(next.Moved[i].Until, now)
	}
	if next.Pending != nil && *next.Pending > limit {
		next.Pending = nil
	}
	next.Horizon = min(next.Horizon, limit)
	return ix.become(next)
}
