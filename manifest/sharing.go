package manifest

import (
	"cmp"
	"slices"
)

// selfContained is the total size of leaves, in bytes, up to which a manifest
// stores all of them itself. So a small one takes one read, whatever came before
// it.
const selfContained = 256 << 10

// Sharing returns the root of the same manifest, but leaves that prev lists too
// stay where they are. If the leaves are exactly prev's, it returns prev.
//
// If that would refer to more than MaxSources objects, the leaves of some sources
// move behind the new root. It gives up the least used ones until few enough
// remain, and goes on while the next holds no more than the new object already
// does. So a leaf is seldom written again, and then together with many.
func (r Root) Sharing(prev Root) Root {
	if r.Lists(prev) {
		return prev
	}
	total := int64(0)
	for _, l := range r.Leaves {
		total += l.Size
	}
	there := make(map[Digest]LeafRef, len(prev.Leaves))
	if total > selfContained {
		for _, l := range prev.Leaves {
			there[l.Digest] = l
		}
	}
	// live[n] is how much would stay in prev's source n; live[0], in prev's
	// object.
	live := make([]int64, 1+len(prev.Sources))
	fresh := int64(0)
	for _, l := range r.Leaves {
		if old, ok := there[l.Digest]; ok {
			live[old.Source] += l.Size
		} else {
			fresh += l.Size
		}
	}
	kept := keep(live, fresh)

	shared := Root{Files: r.Files, Bytes: r.Bytes, Content: r.Content, Leaves: slices.Clone(r.Leaves)}
	number := make([]int, len(live)) // of prev's sources, in the new root
	for i := range shared.Leaves {
		l := &shared.Leaves[i]
		old, ok := there[l.Digest]
		if !ok || !kept[old.Source] {
			l.Source = 0
			continue
		}
		if number[old.Source] == 0 {
			shared.Sources = append(shared.Sources, prev.In(old))
			number[old.Source] = len(shared.Sources)
		}
		l.Source, l.Offset = number[old.Source], old.Offset
	}
	shared.seal()
	return shared
}

// keep chooses the sources to keep, given the bytes in use in each. fresh is the
// number of bytes that the new object holds in any case.
func keep(live []int64, fresh int64) []bool {
	kept := make([]bool, len(live))
	var bySize []int
	for i, size := range live {
		if size > 0 {
			kept[i] = true
			bySize = append(bySize, i)
		}
	}
	if len(bySize) <= MaxSources {
		return kept
	}
	slices.SortStableFunc(bySize, func(a, b int) int { return cmp.Compare(live[a], live[b]) })
	for n, i := range bySize {
		if len(bySize)-n <= MaxSources && live[i] > fresh {
			break
		}
		kept[i] = false
		fresh += live[i]
	}
	return kept
}
