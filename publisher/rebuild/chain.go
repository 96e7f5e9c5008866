package rebuild

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
)

// remains is what is left of a repo with a lost index.
type remains struct {
	nodes []node // whole trees
	// listed are checkpoints that an index once named, in records and segments. Their
	// objects may be gone.
	listed []manifest.Checkpoint
	pruned []manifest.Tombstone
	// record is the latest copy of the index; nil: there is none. Up to its horizon,
	// listed and pruned are complete, because nothing can be published there any more.
	record *manifest.Index
	// generation is that of the latest record, complete or not.
	generation int64
	// stretches are sealed segments. Within one, listed and pruned are complete.
	stretches []manifest.SegmentRef
}

// node is a whole tree, and the checkpoint before it.
type node struct {
	manifest.Checkpoint
	receipt  bool               // its receipt was read
	previous *manifest.Previous // nil: the repo's first, or no receipt
}

// Reasons of tombstones for checkpoints about which nothing else is known.
const (
	lostReason    = "its objects were gone when the index was rebuilt"
	unknownReason = "what was published here was lost with the index"
)

func (r remains) empty() bool { return len(r.nodes) == 0 && len(r.listed) == 0 && len(r.pruned) == 0 }

// known returns the ids that an index once named.
func (r remains) known() map[manifest.ID]bool {
	ids := map[manifest.ID]bool{}
	for _, c := range r.listed {
		ids[c.ID] = true
	}
	for _, t := range r.pruned {
		ids[t.ID] = true
	}
	return ids
}

// committed separates the published checkpoints, in the order of their ids, from
// the trees that killed publishes left. A tree names the checkpoint that it was
// compared with, and a publish commits only directly after that one. So of
// several trees that name the same one, only one was committed: the one that
// another tree follows, that an index named, or that is in newest. decided
// collects the ids of newest that decided something. A tree beyond limit lies in the
// future: it was committed only if an index named it.
func (r remains) committed(newest []manifest.ID, decided map[manifest.ID]bool, limit manifest.ID) (list []node, left []manifest.ID, err error) {
	named := r.known()
	followed := map[manifest.Digest]bool{} // by their pages, which no two share
	behind := map[manifest.ID][]node{}     // by the id before
	left = []manifest.ID{}
	for _, n := range r.nodes {
		if (r.recorded(n.ID) || n.ID > limit) && !named[n.ID] {
			left = append(left, n.ID)
			continue
		}
		if !n.receipt {
			list = append(list, n)
			continue
		}
		var before manifest.ID
		if n.previous != nil {
			before, followed[n.previous.Pages] = n.previous.ID, true
		}
		behind[before] = append(behind[before], n)
	}
	var doubts []string
	for _, before := range slices.Sorted(maps.Keys(behind)) {
		rivals := behind[before]
		kept := slices.DeleteFunc(slices.Clone(rivals), func(n node) bool { return !followed[n.Pages] && !named[n.ID] })
		if len(kept) == 0 {
			var doubt string
			if kept, doubt = choose(before, rivals, newest, decided); doubt != "" {
				doubts = append(doubts, doubt)
			}
		}
		if len(kept) > 1 {
			return nil, nil, fmt.Errorf("%w: %s all follow the same checkpoint, and others follow them", catalog.ErrCorrupt, idsOf(kept))
		}
		list = append(list, kept...)
		for _, n := range rivals {
			if !slices.Contains(kept, n) {
				left = append(left, n.ID)
			}
		}
	}
	if len(doubts) > 0 {
		return nil, nil, &AmbiguousError{strings.Join(doubts, "; ")}
	}
	slices.SortFunc(list, func(a, b node) int { return cmp.Compare(a.ID, b.ID) })
	slices.Sort(left)
	return list, left, nil
}

// choose picks one of several trees if nothing shows which was published: the one that
// newest names. If newest names the checkpoint before them, it picks none. doubt
// describes what is still undecided.
func choose(before manifest.ID, rivals []node, newest []manifest.ID, decided map[manifest.ID]bool) (kept []node, doubt string) {
	for _, id := range newest {
		i := slices.IndexFunc(rivals, func(n node) bool { return n.ID == id })
		if i >= 0 || id == before {
			decided[id] = true
		}
		if i >= 0 {
			return rivals[i : i+1], ""
		}
		if id == before {
			return nil, ""
		}
	}
	if len(rivals) > 1 {
		return nil, "at most one of " + idsOf(rivals) + " was published, and nothing in the store tells which"
	}
	return nil, idsOf(rivals) + " may never have been published: no record of the index lists it"
}

// AmbiguousError means that nothing shows whether checkpoints were published, or which of
// several were.
type AmbiguousError struct{ text string }

func (e *AmbiguousError) Error() string { return e.text }

func idsOf(nodes []node) string {
	var ids []string
	for _, n := range nodes {
		ids = append(ids, n.ID.String())
	}
	slices.Sort(ids)
	return strings.Join(ids, ", ")
}

// tombstones returns the tombstones of the index: its former ones; one for each
// published checkpoint whose objects are gone; and one at the start of each
// stretch of unknown history. It also removes the checkpoints from the list that
// the tombstones replace.
func (r remains) tombstones(list []node, now manifest.ID) ([]node, []manifest.Tombstone, []Stretch) {
	dead := map[manifest.ID]manifest.Tombstone{}
	for _, t := range r.pruned {
		dead[t.ID] = t
	}
	list = slices.DeleteFunc(list, func(n node) bool { _, pruned := dead[n.ID]; return pruned })
	there := map[manifest.ID]bool{}
	for _, n := range list {
		there[n.ID] = true
	}
	lost := func(c manifest.Previous) {
		if _, pruned := dead[c.ID]; !pruned && !there[c.ID] {
			dead[c.ID] = manifest.Tombstone{ID: c.ID, At: now, Reason: lostReason, Manifest: c.Manifest, Pages: c.Pages, Layout: c.Layout}
		}
	}
	for _, c := range r.listed {
		lost(manifest.Previous{ID: c.ID, Manifest: c.Manifest, Pages: c.Pages, Layout: c.Layout})
	}
	for _, n := range list {
		if n.previous != nil {
			lost(*n.previous)
		}
	}
	unknown := r.unknown(list, slices.Sorted(maps.Keys(dead)))
	for _, s := range unknown {
		dead[s.From] = manifest.Tombstone{ID: s.From, At: now, Reason: unknownReason, Layout: manifest.Full}
	}
	return list, slices.SortedFunc(maps.Values(dead), func(a, b manifest.Tombstone) int { return cmp.Compare(a.ID, b.ID) }), unknown
}

// unknown finds stretches between two neighbours where other checkpoints may have
// existed.
func (r remains) unknown(list []node, dead []manifest.ID) []Stretch {
	before := map[manifest.ID]manifest.ID{} // as receipts say
	ids := slices.Clone(dead)
	for _, n := range list {
		ids = append(ids, n.ID)
		if n.receipt {
			before[n.ID] = 0
		}
		if n.previous != nil {
			before[n.ID] = n.previous.ID
		}
	}
	slices.Sort(ids)
	unknown := []Stretch{}
	var last manifest.ID
	for _, id := range ids {
		said, ok := before[id]
		if !(ok && said == last) && !r.complete(last, id) && id-last > 1 {
			unknown = append(unknown, Stretch{From: last + 1, To: id - 1})
		}
		last = id
	}
	return unknown
}

// recorded reports whether the record is complete at an id.
func (r remains) recorded(id manifest.ID) bool { return r.record != nil && id <= r.record.Horizon }

// complete reports whether everything between two ids is known. from may be none.
func (r remains) complete(from, to manifest.ID) bool {
	return r.recorded(to) || slices.ContainsFunc(r.stretches, func(s manifest.SegmentRef) bool { return s.Holds(from) && s.Holds(to) })
}

// channels returns the record's channels whose checkpoints are still listed.
func (r remains) channels(next manifest.Index) map[string]manifest.ID {
	if r.record == nil {
		return nil
	}
	channels := maps.Clone(r.record.Channels)
	maps.DeleteFunc(channels, func(_ string, id manifest.ID) bool { _, ok := next.Find(id); return !ok })
	if len(channels) == 0 {
		return nil
	}
	return channels
}
