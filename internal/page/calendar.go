package page

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/asof/asof/manifest"
)

// year is a line of the calendar: how many checkpoints each of its months has,
// or the pages of the segments that begin in it.
type year struct {
	Year     string // 2024, or 2024–26 where the last segment ends in another
	Months   []month
	Segments []segmentLink
}

// month is a cell of the calendar; without a Count it is empty.
type month struct {
	Anchor string // of its rows in the list
	Count  int
	Shade  int // 1 to 4, the month with the most checkpoints has 4
}

// segmentLink leads to the page of a sealed segment.
type segmentLink struct {
	Href, SHA256 string
	First, Last  string // days
	Checkpoints  int
	Pruned       int
	Channels     []string
}

// sparse is how many checkpoints a month needs for the deepest shade, where no
// month has more.
const sparse = 5

// calendar has a line for each year in which checkpoints are, the newest first,
// and behind them one for each in which a segment begins.
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
	channels := map[manifest.ID][]string{} // by the first id of the segment
	for _, name := range slices.Sorted(maps.Keys(ix.Channels)) {
		if ref, ok := ix.SegmentOf(ix.Channels[name]); ok {
			channels[ref.First] = append(channels[ref.First], name)
		}
	}
	links := make([]segmentLink, len(ix.Segments))
	for i, ref := range ix.Segments {
		links[i] = segmentLink{
			Href: segmentHref(ref), SHA256: ref.Digest.String(),
			First: instant(ref.First, days), Last: instant(ref.Last, days),
			Checkpoints: ref.Checkpoints, Pruned: ref.Pruned, Channels: channels[ref.First],
		}
	}
	return links
}
