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
// each, its channels beside it, and pruned ones struck out where they stood. A
// calendar in front of it leads to their months, and to the pages of sealed
// segments. The horizon is not on it: a publish that found nothing new leaves
// the page as it is.
func WriteList(w io.Writer, base string, ix manifest.Index) error {
	segments := segmentLinks(ix)
	l := list{
		Repo: ix.Repo, Up: up(base), Heading: "Checkpoints of " + ix.Repo,
		Empty: len(ix.Checkpoints) == 0,
		Names: monthNames(), Years: calendar(ix.Checkpoints, segments),
	}
	l.Count, l.Pruned = ix.Count()
	newest, ok := ix.Newest()
	if ok {
		first := ix.Checkpoints[0].ID
		if len(ix.Segments) > 0 {
			first = ix.Segments[0].First
		}
		l.First, l.Newest = instant(first, days), instant(newest.ID, minutes)
		if newest.Usage {
			l.Tree = newest.ID.String() + "/"
		}
		l.URL = repoURL(base)
		l.Usage = PlainUsage(ix.Repo, base, newest.ID).For(l.URL, l.URL+newest.ID.String()+"/")
	}
	l.Rows = listRows(ix.Tail(), namesOf(ix.Channels), newest.ID)
	return render(w, "list", l)
}

// WriteSegment writes the page of a sealed segment: its checkpoints as in
// WriteList. Channels are not on it, so that it changes only with the segment.
func WriteSegment(w io.Writer, base string, s manifest.Segment) error {
	first, last := s.Bounds()
	return render(w, "list", list{
		Repo: s.Repo, Up: up(base), Part: true,
		Heading: fmt.Sprintf("Checkpoints of %s, %s to %s", s.Repo, instant(first, days), instant(last, days)),
		Count:   len(s.Checkpoints), Pruned: len(s.Pruned),
		Names: monthNames(), Years: calendar(s.Checkpoints, nil),
		Rows: listRows(s, nil, manifest.NoTime),
	})
}

// Lists reports whether a page that WriteList wrote lists a checkpoint itself.
func Lists(list []byte, id manifest.ID) bool {
	return bytes.Contains(list, fmt.Appendf(nil, `<td><a href="%s/">`, id))
}

// ListsSegment reports whether a page that WriteList wrote lists a segment as it
// is now. The page of the segment is written before it does.
func ListsSegment(list []byte, ref manifest.SegmentRef) bool {
	return bytes.Contains(list, fmt.Appendf(nil, `<span data-sha256="%s"><a href="%s">`, ref.Digest, segmentHref(ref)))
}

func segmentHref(ref manifest.SegmentRef) string {
	return strings.TrimPrefix(manifest.SegmentListKey("", ref.First), "/")
}

// up leads from a repo's list to the store's front page.
func up(base string) string { return strings.Repeat("../", strings.Count(base, "/")+1) }

// list is what the template is given.
type list struct {
	Heading, Repo string
	Up            string // to the store's front page
	Empty         bool
	Part          bool // it is the page of a segment
	Count, Pruned int
	First, Newest string

	Names []string // of months
	Years []year
	Rows  iter.Seq[listRow]

	Usage manifest.Usage // of the newest checkpoint
	URL   string         // of the repo, in these texts
	Tree  string         // of the newest checkpoint, if that says more
}

type listRow struct {
	ID, Time string
	// Month and Anchor are set where a month begins; First on the first row.
	Month, Anchor string
	First, Newest bool

	Pruned     bool
	At, Reason string

	Files       int64
	Size, Exact string
	Channels    []string
	manifest.Changes
}

// namesOf are the channels of each checkpoint, sorted.
func namesOf(channels map[string]manifest.ID) map[manifest.ID][]string {
	names := make(map[manifest.ID][]string, len(channels))
	for _, name := range slices.Sorted(maps.Keys(channels)) {
		names[channels[name]] = append(names[channels[name]], name)
	}
	return names
}

// listRows merges checkpoints and tombstones, both in ascending order, and
// marks where months begin.
func listRows(s manifest.Segment, channels map[manifest.ID][]string, newest manifest.ID) iter.Seq[listRow] {
	return func(yield func(listRow) bool) {
		last := -1 // month
		emit := func(id manifest.ID, row listRow) bool {
			t := id.Time()
			if n := 12*t.Year() + int(t.Month()); n != last {
				row.First, last = last < 0, n
				row.Month, row.Anchor = t.Format("January 2006"), t.Format("2006-01")
			}
			row.ID, row.Time = id.String(), instant(id, seconds)
			return yield(row)
		}
		pruned := s.Pruned
		for _, c := range s.Checkpoints {
			for ; len(pruned) > 0 && pruned[0].ID < c.ID; pruned = pruned[1:] {
				if !emit(pruned[0].ID, prunedRow(pruned[0])) {
					return
				}
			}
			size, exact := human(c.Bytes)
			if !emit(c.ID, listRow{Files: c.Files, Size: size, Exact: exact, Channels: channels[c.ID], Newest: c.ID == newest, Changes: c.Changes}) {
				return
			}
		}
		for _, t := range pruned {
			if !emit(t.ID, prunedRow(t)) {
				return
			}
		}
	}
}

func prunedRow(t manifest.Tombstone) listRow {
	return listRow{Pruned: true, At: instant(t.At, minutes), Reason: t.Reason}
}
