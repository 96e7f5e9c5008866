package page

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/asof/asof/manifest"
)

// year is a line of the calendar: the number of checkpoints in each of its
// months, or links to the pages of the segments that begin in it.
type year struct {
	Year     string // 2024, or 2024–26 if the last segment ends in another year
	Months   []month
	Segments []segmentLink
}

// month is a cell of the calendar; it is empty without a Count.
type month struct {
	Anchor string // of its first row in the list
	Count  int
	Shade  int // 1 to 4; the month with the most checkpoints has 4
}

// segmentLink links to the page of a sealed segment.
type segmentLink struct {
	Href, SHA256 string
	First, Last  string // days
	Checkpoints  int
	Pruned       int
}

// sparse is how many checkpoints a month needs for the deepest shade, where no
// month has more.
const sparse = 5

// calendar returns a line for each year with checkpoints, the newest first, then
// one for each year in which a segment begins.
func calendar(checkpoints []manifest.Checkpoint, segments []segmentLink) []year {
	months := map[int]*[12]int{} // by year
	most := sparse
	for _, c := range checkpoints {
		t := c.ID.Time()
		counts, ok := months[t.Year()]
		if !ok {
			counts = new([12]int)
			months[t.Year()] = counts
		}
		counts[t.Month()-1]++
		most = max(most, counts[t.Month()-1])
	}
	var years []year
	for _, n := range slices.Backward(slices.Sorted(maps.Keys(months))) {
		y := year{Year: fmt.Sprintf("%04d", n)}
		for i, count := range months[n] {
			y.Months = append(y.Months, month{fmt.Sprintf("%04d-%02d", n, i+1), count, (4*count + most - 1) / most})
		}
		years = append(years, y)
	}
	for _, s := range slices.Backward(segments) {
		first, end := s.First[:4], s.Last[:4]
		if last := len(years) - 1; last < 0 || years[last].Months != nil || years[last].Year[:4] != first {
			name := first
			if end != first {
				name += "–" + end[2:]
			}
			years = append(years, year{Year: name})
		}
		y := &years[len(years)-1]
		y.Segments = append(y.Segments, s)
	}
	return years
}

// monthNames head the calendar.
func monthNames() (names []string) {
	for m := time.January; m <= time.December; m++ {
		names = append(names, m.String()[:3])
	}
	return names
}

func segmentLinks(ix manifest.Index) []segmentLink {
	links := make([]segmentLink, len(ix.Segments))
	for i, ref := range ix.Segments {
		links[i] = segmentLink{
			Href: segmentHref(ref), SHA256: ref.Digest.String(),
			First: instant(ref.First, days), Last: instant(ref.Last, days),
			Checkpoints: ref.Checkpoints, Pruned: ref.Pruned,
		}
	}
	return links
}
