package manifest

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"path"
	"slices"
	"time"
)

// Latest and the channels move. A client that began to read below one of them before
// it moved may ask for a file that only the checkpoint before has. For a while, the
// grace, such a name therefore also leads to what it stood for earlier.

const (
	// DefaultGrace is the grace of an index that says nothing else.
	DefaultGrace = 24 * time.Hour
	// MaxGrace is the longest grace there is.
	MaxGrace = 7 * 24 * time.Hour

	maxMoved   = 256 // entries of Index.Moved
	maxEarlier = 64  // checkpoints that Earlier looks at
)

// Moved says what a channel stood for until it moved or was dropped.
type Moved struct {
	Channel string `json:"channel"`
	ID      ID     `json:"id"`
	Until   ID     `json:"until"`
}

// CheckGrace reports what is wrong with a grace.
func CheckGrace(grace time.Duration) error {
	if grace < 0 || grace > MaxGrace || grace%time.Second != 0 {
		return fmt.Errorf("%s is not a number of seconds from 0s to %s", grace, MaxGrace)
	}
	return nil
}

// SetGrace changes how long files stay reachable below a name that moved on. 0: not at
// all; nil: DefaultGrace. An index that has this grace already is returned as it is.
func (ix Index) SetGrace(grace *time.Duration) (Index, error) {
	var seconds *int64
	if grace != nil && *grace != DefaultGrace {
		if err := CheckGrace(*grace); err != nil {
			return ix, fmt.Errorf("grace: %w", err)
		}
		n := int64(*grace / time.Second)
		seconds = &n
	}
	if equal(seconds, ix.Grace) {
		return ix, nil
	}
	next := ix.next()
	next.Grace = seconds
	return ix.become(next)
}

func equal[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

// grace is in seconds, as the difference of two ids is.
func (ix Index) grace() ID {
	if ix.Grace == nil {
		return ID(DefaultGrace / time.Second)
	}
	return ID(*ix.Grace)
}

// remember notes what a channel stood for until now. What no grace reaches any more is
// forgotten, and the oldest where there is too much.
func (ix Index) remember(channel string, now ID) Index {
	id, ok := ix.Channels[channel]
	if !ok {
		return ix
	}
	ix.Moved = slices.DeleteFunc(ix.Moved, func(m Moved) bool { return m.Until <= now-ID(MaxGrace/time.Second) })
	ix.Moved = append(ix.Moved, Moved{channel, id, now})
	ix.Moved = ix.Moved[max(0, len(ix.Moved)-maxMoved):]
	return ix
}

func (ix Index) checkMoving() error {
	if most := int64(MaxGrace / time.Second); ix.Grace != nil && (*ix.Grace < 0 || *ix.Grace > most) {
		return fmt.Errorf("grace %d is not within 0 and %d seconds", *ix.Grace, most)
	}
	if len(ix.Moved) > maxMoved {
		return fmt.Errorf("channels moved %d times, more than %d", len(ix.Moved), maxMoved)
	}
	for _, m := range ix.Moved {
		if err := CheckChannel(m.Channel); err != nil {
			return err
		}
		if !m.ID.Valid() || !m.Until.Valid() {
			return fmt.Errorf("channel %s stood for %s until %s: no such time", m.Channel, m.ID, m.Until)
		}
	}
	return nil
}

// LooksBack reports whether a file that a moving name's checkpoint lacks may come
// from an earlier one. Documents that clients begin with never do, nor do pages. They
// say what all other files are, so an earlier one beside later files is a mixed state:
// apt asks for InRelease first, also from an archive that now has only Release.
func LooksBack(p string) bool { return !IsRootDocument(p) && !IsRootSignature(p) && !IsPage(p) }

// RootDocuments are the names of the documents that clients begin with, in the
// formats that asof knows.
func RootDocuments() []string { return []string{"PULP_MANIFEST", "InRelease", "Release", "repomd.xml"} }

// RootSignatures are the names of what clients read only to verify those.
func RootSignatures() []string { return []string{"Release.gpg", "repomd.xml.asc", "repomd.xml.key"} }

// IsRootDocument reports whether a path, by its name alone, is a root document's.
func IsRootDocument(p string) bool { return slices.Contains(RootDocuments(), path.Base(p)) }

// IsRootSignature reports the same of a root document's signature or key.
func IsRootSignature(p string) bool { return slices.Contains(RootSignatures(), path.Base(p)) }

// Earlier yields the listed checkpoints that a moving name stood for within the grace
// before now, without the one that it stands for, newest first: at most 64. A time
// never stood for anything else. Earlier stops after an error, which is that of the
// reader of segments.
func (h *History) Earlier(ctx context.Context, when When, now ID) iter.Seq2[Checkpoint, error] {
	since := now - h.Index.grace()
	switch {
	case since == now:
	case when.Kind == WhenLatest:
		return h.newestSince(ctx, since)
	case when.Kind == WhenName && h.isRing(when.Name):
		return h.ringSince(ctx, when.Name, since)
	case when.Kind == WhenName:
		return h.namedSince(ctx, when.Name, since)
	}
	return func(func(Checkpoint, error) bool) {}
}

// isRing reports whether a name stands for a ring. A channel goes first.
func (h *History) isRing(name string) bool {
	_, channel := h.Index.Channels[name]
	_, ring := h.ring(name)
	return ring && !channel
}

// ringSince yields the checkpoints of the times that a ring stood for at some moment after an
// instant, but for the one that it stands for.
func (h *History) ringSince(ctx context.Context, name string, since ID) iter.Seq2[Checkpoint, error] {
	return func(yield func(Checkpoint, error) bool) {
		ring, _ := h.ring(name)
		found := map[ID]Checkpoint{}
		now := ID(0)
		for i, s := range slices.Backward(ring.Stands) {
			if i < len(ring.Stands)-1 && ring.Stands[i+1].At <= since || len(found) == maxEarlier {
				break
			}
			answer, err := h.at(ctx, s.Time)
			if err != nil {
				yield(Checkpoint{}, err)
				return
			}
			if i == len(ring.Stands)-1 {
				now = answer.ID
			} else if answer.Outcome == Found && answer.ID != now {
				found[answer.ID] = *answer.Checkpoint
			}
		}
		for _, id := range slices.Backward(slices.Sorted(maps.Keys(found))) {
			if !yield(found[id], nil) {
				return
			}
		}
	}
}

// newestSince yields what was the newest checkpoint at some moment after an instant, but
// for the one that is. Each was it until the id of the next, pruned or not.
func (h *History) newestSince(ctx context.Context, since ID) iter.Seq2[Checkpoint, error] {
	return func(yield func(Checkpoint, error) bool) {
		newest, _ := h.Index.Newest()
		next := newest.ID
		for i := 0; i < maxEarlier && next > since; i++ {
			answer, err := h.at(ctx, next-1)
			if err != nil {
				yield(Checkpoint{}, err)
				return
			}
			if answer.Outcome == Found && !yield(*answer.Checkpoint, nil) || answer.Outcome != Found && answer.Outcome != Gone {
				return
			}
			next = answer.ID
		}
	}
}

// namedSince yields what a channel stood for at some moment after an instant, but for
// what it stands for.
func (h *History) namedSince(ctx context.Context, channel string, since ID) iter.Seq2[Checkpoint, error] {
	return func(yield func(Checkpoint, error) bool) {
		var ids []ID
		for _, m := range h.Index.Moved {
			if m.Channel == channel && m.Until > since && m.ID != h.Index.Channels[channel] {
				ids = append(ids, m.ID)
			}
		}
		slices.SortFunc(ids, func(a, b ID) int { return cmp.Compare(b, a) })
		ids = slices.Compact(ids)
		for _, id := range ids[:min(len(ids), maxEarlier)] {
			c, listed, err := h.Find(ctx, id)
			if (listed || err != nil) && !yield(c, err) || err != nil {
				return
			}
		}
	}
}
