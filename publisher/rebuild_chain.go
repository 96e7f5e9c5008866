package publisher

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
)

// remains are what is left of a repo whose index is lost.
type remains struct {
	nodes  []node                // whole trees, by their receipts
	listed []manifest.Checkpoint // in segments
	pruned []manifest.Tombstone  // in segments
	list   []byte                // the page, which may lack the newest; nil: it is lost
}

// node is a whole tree, and the checkpoint before it.
type node struct {
	manifest.Checkpoint
	previous *manifest.Previous // nil: it is the repo's first
}

// lostReason is that of a tombstone of which nothing else is known.
const lostReason = "its objects were gone when the index was rebuilt"

// committed tells the checkpoints that were published, in the order of their ids,
// from the trees that killed publishes left. Each names the checkpoint that it was
// compared with, which a publish commits behind or not at all. So of those that
// name the same one a single one was committed: that behind which another one was
// made, or that a segment or the list has, or that is one of newest, or, where the list
// is lost, the only one there is.
// decided takes up which of newest told.
func (r remains) committed(newest []manifest.ID, decided map[manifest.ID]bool) (list []node, left []manifest.ID, err error) {
	followed := map[manifest.Digest]bool{} // by their pages, which no two share
	behind := map[manifest.ID][]node{}     // by the id before
	sealed := map[manifest.ID]bool{}
	for _, c := range r.listed {
		sealed[c.ID] = true
	}
	for _, t := range r.pruned {
		sealed[t.ID] = true
	}
	for _, n := range r.nodes {
		before := manifest.NoTime
		if n.previous != nil {
			before, followed[n.previous.Pages] = n.previous.ID, true
		}
		behind[before] = append(behind[before], n)
	}
	left = []manifest.ID{}
	for _, before := range slices.Sorted(maps.Keys(behind)) {
		rivals := behind[before]
		kept := slices.DeleteFunc(slices.Clone(rivals), func(n node) bool { return !followed[n.Pages] && !sealed[n.ID] && !page.Lists(r.list, n.ID) })
		if len(kept) == 0 {
			if kept, err = r.choose(before, rivals, newest, decided); err != nil {
				return nil, nil, err
			}
		}
		if len(kept) > 1 {
			return nil, nil, fmt.Errorf("%w: %s all follow the same checkpoint, and others follow them", ErrCorrupt, idsOf(kept))
		}
		list = append(list, kept...)
		for _, n := range rivals {
			if !slices.Contains(kept, n) {
				left = append(left, n.ID)
			}
		}
	}
	slices.SortFunc(list, func(a, b node) int { return cmp.Compare(a.ID, b.ID) })
	slices.Sort(left)
	return list, left, nil
}

// choose is the one among trees of whose publishing nothing tells that is said to be
// the newest, or, where the list is lost, there is alone; none if that before them is
// said to be.
func (r remains) choose(before manifest.ID, rivals []node, newest []manifest.ID, decided map[manifest.ID]bool) ([]node, error) {
	for _, id := range newest {
		i := slices.IndexFunc(rivals, func(n node) bool { return n.ID == id })
		if i >= 0 || id == before {
			decided[id] = true
		}
		if i >= 0 {
			return rivals[i : i+1], nil
		}
		if id == before {
			return nil, nil
		}
	}
	if len(rivals) > 1 {
		return nil, &AmbiguousError{"only one of " + idsOf(rivals) + " was published, and nothing in the store tells which"}
	}
	if r.list != nil {
		return nil, &AmbiguousError{idsOf(rivals) + " may never have been published: the list of checkpoints lacks it"}
	}
	return rivals, nil
}

// AmbiguousError: nothing tells whether a checkpoint was published, or which of several.
type AmbiguousError struct{ text string }

func (e *AmbiguousError) Error() string { return e.text }

// Unwrap makes it an ErrConflict.
func (e *AmbiguousError) Unwrap() error { return ErrConflict }

func idsOf(nodes []node) string {
	var ids []string
	for _, n := range nodes {
		ids = append(ids, n.ID.String())
	}
	slices.Sort(ids)
	return strings.Join(ids, ", ")
}

// tombstones are those of segments, and one for each checkpoint that is known to
// have been published and of which nothing else is left. What they stand for is
// taken out of the list.
func (r remains) tombstones(list []node, now manifest.ID) ([]node, []manifest.Tombstone) {
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
	return list, slices.SortedFunc(maps.Values(dead), func(a, b manifest.Tombstone) int { return cmp.Compare(a.ID, b.ID) })
}
