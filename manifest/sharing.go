package manifest

import (
	"cmp"
	"slices"
)

// selfContained is the size of all leaves, in bytes, up to which a manifest
// holds them itself. So a small one is read at once, whatever came before it.
const selfContained = 256 << 10

// Sharing returns the root of the same manifest with the leaves that prev lists
// too left where they stand. If all are, and no other, it is prev itself.
//
// Where that would refer to more than MaxSources objects, the leaves in the
// least of them (counting what is still of use) move behind the new root: as
// many sources as are not larger than what the object holds already, so that a
// leaf is seldom written again, and then together with many.
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
	// live[n] is what would stay in prev's source n, or with 0 in prev's object.
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
	number := make([]int, len(live)) // of a source of prev's among those of the new root
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

// keep chooses the sources that stay such, by what is of use in each. fresh is
// what the new object holds in any case.
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
