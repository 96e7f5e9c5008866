package page

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/asof/asof/manifest"
)

// WriteList writes the list of a repo's checkpoints, oldest first: a link to
// each, its channels beside it, and pruned ones struck out where they stood. Of
// older ones that are sealed it has a link to the page of each segment. The
// horizon is not on it: a publish that found nothing new leaves the page as it is.
func WriteList(w io.Writer, ix manifest.Index) error {
	return render(w, "list", list{
		Heading: "Checkpoints of " + ix.Repo, Empty: len(ix.Checkpoints) == 0,
		Segments: segmentRows(ix), Rows: listRows(ix.Tail(), namesOf(ix.Channels)),
	})
}

// WriteSegment writes the page of a sealed segment: its checkpoints as in
// WriteList. Channels are not on it, so that it changes only with the segment.
func WriteSegment(w io.Writer, s manifest.Segment) error {
	first, last := s.Bounds()
	heading := fmt.Sprintf("Checkpoints of %s, %s to %s", s.Repo, first, last)
	return render(w, "list", list{Heading: heading, Part: true, Rows: listRows(s, nil)})
}

// ListsSegment reports whether a page that WriteList wrote lists a segment as it
// is now. The page of the segment is written before it does.
func ListsSegment(list []byte, ref manifest.SegmentRef) bool {
	return bytes.Contains(list, fmt.Appendf(nil, `<tr title="%s"><td><a href="%s">`, segmentTitle(ref), segmentHref(ref)))
}

func segmentHref(ref manifest.SegmentRef) string {
	return strings.TrimPrefix(manifest.SegmentListKey("", ref.First), "/")
}

func segmentTitle(ref manifest.SegmentRef) string { return "sha256:" + ref.Digest.String() }

// list is what the template is given.
type list struct {
	Heading  string
	Empty    bool
	Part     bool // it is the page of a segment
	Segments []segmentRow
	Rows     iter.Seq[listRow]
}

type segmentRow struct {
	Href, Title string
	First, Last string
	Time        string
	Checkpoints int
	Pruned      int
	Channels    []string
}

func segmentRows(ix manifest.Index) []segmentRow {
	channels := map[manifest.ID][]string{} // by the first id of the segment
	for _, name := range slices.Sorted(maps.Keys(ix.Channels)) {
		if ref, ok := ix.SegmentOf(ix.Channels[name]); ok {
			channels[ref.First] = append(channels[ref.First], name)
		}
	}
	rows := make([]segmentRow, len(ix.Segments))
	for i, ref := range ix.Segments {
		rows[i] = segmentRow{
			Href: segmentHref(ref), Title: segmentTitle(ref),
			First: ref.First.String(), Last: ref.Last.String(), Time: instant(ref.First, seconds),
			Checkpoints: ref.Checkpoints, Pruned: ref.Pruned, Channels: channels[ref.First],
		}
	}
	return rows
}

type listRow struct {
	ID, Time string

	Pruned     bool
	At, Reason string

	Files       int64
	Size, Exact string
	Layout      manifest.Layout
	Channels    []string
}

// namesOf are the channels of each checkpoint, sorted.
func namesOf(channels map[string]manifest.ID) map[manifest.ID][]string {
	names := make(map[manifest.ID][]string, len(channels))
	for _, name := range slices.Sorted(maps.Keys(channels)) {
		names[channels[name]] = append(names[channels[name]], name)
	}
	return names
}

// listRows merges checkpoints and tombstones, both in ascending order.
func listRows(s manifest.Segment, channels map[manifest.ID][]string) iter.Seq[listRow] {
	return func(yield func(listRow) bool) {
		pruned := s.Pruned
		for _, c := range s.Checkpoints {
			for ; len(pruned) > 0 && pruned[0].ID < c.ID; pruned = pruned[1:] {
				if !yield(prunedRow(pruned[0])) {
					return
				}
			}
			size, exact := human(c.Bytes)
			row := listRow{
				ID: c.ID.String(), Time: instant(c.ID, seconds),
				Files: c.Files, Size: size, Exact: exact,
				Layout: c.Layout, Channels: channels[c.ID],
			}
			if !yield(row) {
				return
			}
		}
		for _, t := range pruned {
			if !yield(prunedRow(t)) {
				return
			}
		}
	}
}

func prunedRow(t manifest.Tombstone) listRow {
	return listRow{ID: t.ID.String(), Time: instant(t.ID, seconds), Pruned: true, At: instant(t.At, minutes), Reason: t.Reason}
}
