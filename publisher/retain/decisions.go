package retain

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/asof/asof/manifest"
)

// Decision is a policy's decision on one checkpoint.
type Decision struct {
	ID           manifest.ID // the checkpoint's
	Files, Bytes int64
	Keep         bool
	Reasons      []string // why it stays
}

// Decisions are the decisions on all checkpoints of a history. Memory holds only
// the ids of those that stay.
type Decisions struct {
	Listed int // checkpoints
	// Unreleased: what does not stay was pruned, but could not be released, for lack
	// of the janitor's rights. Collect keeps it.
	Unreleased bool
	// Drops says more of each checkpoint that the policy names to go.
	Drops []Drop

	history *manifest.History
	kept    []kept // ascending
}

// kept is a checkpoint that stays.
type kept struct {
	id  manifest.ID
	why reasons
}

// reasons is a set of reasons, one bit each.
type reasons uint16

const (
	becauseNewest = iota
	becauseChannel
	becauseNamed
	becauseLast
	becauseWithin
	becauseHourly // and the other periods, in order
	becauseOther  = becauseHourly + 5
	becauseRing   = becauseOther + 1
)

var reasonNames = [...]string{"newest", "channel", "named", "last", "within", "hourly", "daily", "weekly", "monthly", "yearly", "other", "ring"}

func (r *reasons) add(reason int, holds bool) {
	if holds {
		*r |= 1 << reason
	}
}

func (r reasons) names() []string {
	var names []string
	for i, name := range reasonNames {
		if r&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// Pruned returns the number of checkpoints that do not stay.
func (d *Decisions) Pruned() int { return d.Listed - len(d.kept) }

// All yields the decisions in ascending order of ids. It reads the history part
// by part, in the state that the decisions were made on.
func (d *Decisions) All(ctx context.Context) iter.Seq2[Decision, error] {
	return func(yield func(Decision, error) bool) {
		for part, err := range d.history.All(ctx) {
			if err != nil {
				yield(Decision{}, err)
				return
			}
			for _, c := range part.Checkpoints {
				why := d.why(c.ID)
				if !yield(Decision{c.ID, c.Files, c.Bytes, why != 0, why.names()}, nil) {
					return
				}
			}
		}
	}
}

// why is empty for a checkpoint that does not stay.
func (d *Decisions) why(id manifest.ID) reasons {
	if i, ok := d.at(id); ok {
		return d.kept[i].why
	}
	return 0
}

func (d *Decisions) at(id manifest.ID) (int, bool) {
	return slices.BinarySearchFunc(d.kept, id, func(k kept, id manifest.ID) int { return cmp.Compare(k.id, id) })
}

// keepsAll reports whether everything in a segment stays.
func (d *Decisions) keepsAll(ref manifest.SegmentRef) bool {
	from, _ := d.at(ref.First)
	to, _ := d.at(ref.Last + 1)
	return to-from == ref.Checkpoints
}

// gone returns the ids of those checkpoints that do not stay.
func (d *Decisions) gone(checkpoints []manifest.Checkpoint) (ids []manifest.ID) {
	for _, c := range checkpoints {
		if d.why(c.ID) == 0 {
			ids = append(ids, c.ID)
		}
	}
	return ids
}
