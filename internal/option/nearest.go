package option

import (
	"slices"
	"strings"
)

// Nearest is the candidate most similar to name; empty if none is similar. A third of the
// letters may differ, so a single letter is near to nothing. Small and capital letters are
// the same.
func Nearest(name string, candidates []string) string {
	const longest = 100 // bytes: no name is as long
	if len(name) > longest {
		return ""
	}
	best, bestAt := "", (len(name)+1)/3+1
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if d := distance(strings.ToLower(name), strings.ToLower(c)); d < bestAt {
			best, bestAt = c, d
		}
	}
	return best
}

// distance is the number of edits that make b of a: a byte more, less or another, or two
// neighbours swapped (Damerau; no byte is edited twice).
func distance(a, b string) int {
	var before, last []int // the rows above
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			d := last[j]
			if a[i] != b[j] {
				d++
			}
			d = min(d, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				d = min(d, before[j-1]+1)
			}
			row[j+1] = d
		}
	}
	return row[len(b)]
}
