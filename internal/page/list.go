package page

import (
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/asof/asof/manifest"
)

// WriteList writes the list of a repo's checkpoints, newest first: a link to each
// with its channels, and pruned ones struck out in their places. Above it are links
// to the newest and to the channels, a form that asks for a moment, and a calendar
// that leads to months and to the pages of sealed segments. The horizon is not on
// the page: a publish that found nothing new leaves it unchanged.
//
// The form asks the page's own address for ?at=, which the resolver answers with a
// redirect. A bucket answers with the page again; then its script finds the row.
//
// Rings are names that only a resolver knows, so they are only on the page that it makes.
func WriteList(w io.Writer, base string, ix manifest.Index, rings ...manifest.RingMark) error {
	segments := segmentLinks(ix)
	l := list{
		Way: folders(up(base), base), Heading: "Checkpoints of " + ix.Repo,
		Empty:    len(ix.Checkpoints) == 0,
		Channels: channelLinks(ix.Channels),
		Rings:    ringLinks(rings), Board: up(base) + boardPath,
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
		l.NewestID = newest.ID.String()
		if newest.Usage {
			l.Tree = l.NewestID + "/"
		}
		l.URL, l.Name = repoURL(base), strings.ReplaceAll(base, "/", "-")
		l.Usage = PlainUsage(ix.Repo, base, newest.ID).For(UnknownURL, EscapePath(base), newest.ID, "")
	}
	if ix.Retired != nil {
		l.Retired, l.Usage = retiredOf(base, *ix.Retired), manifest.Usage{}
	}
	names := namesOf(ix.Channels)
	for _, r := range rings {
		names[r.ID] = append(names[r.ID], r.Ring)
	}
	l.Rows = listRows(ix.Tail(), names)
	return render(w, "list", l)
}

// WriteSegment writes the page of a sealed segment, with its checkpoints as in
// WriteList. It has no channels, so it changes only with the segment.
func WriteSegment(w io.Writer, base string, s manifest.Segment) error {
	first, last := s.Bounds()
	return render(w, "list", list{
		Way: way(up(base), manifest.Repo{Name: s.Repo, Base: base}), Part: true,
		Heading: fmt.Sprintf("Checkpoints of %s, %s to %s", s.Repo, instant(first, days), instant(last, days)),
		Count:   len(s.Checkpoints), Pruned: len(s.Pruned),
		Names: monthNames(), Years: calendar(s.Checkpoints, nil),
		Rows: listRows(s, nil),
	})
}

// retired is what became of a repo that is no longer in use.
type retired struct {
	At, Reason string
	To, Href   string // the repo that has its history; empty: it was deleted
}

func retiredOf(base string, r manifest.Retired) *retired {
	left := &retired{At: instant(r.At, minutes), Reason: r.Reason, To: r.To}
	if r.To != "" {
		left.Href = up(base) + EscapePath(r.To) + "/"
	}
	return left
}

func segmentHref(ref manifest.SegmentRef) string {
	return strings.TrimPrefix(manifest.SegmentListKey("", ref.First), "/")
}

// list is the template's data.
type list struct {
	Heading       string
	Way           []step
	Empty         bool
	Part          bool // the page of a segment
	Count, Pruned int
	First, Newest string
	NewestID      string
	Retired       *retired // nil: the repo is in use
	Channels      []channelLink
	Rings         []ringLink
	Board         string // where the page of the rings is

	Names []string // of months
	Years []year
	Rows  iter.Seq[listRow]

	Usage manifest.Usage // of the newest checkpoint
	URL   string         // of the repo, in these texts
	Name  string         // of the repo on a client
	Tree  string         // of the newest checkpoint, if that adds something
}

type listRow struct {
	ID, Time string
	// Month and Anchor are set in the first row of a month; First in the very
	// first row.
	Month, Anchor string
	First         bool

	Pruned     bool
	At, Reason string

	Files       int64
	Partial     bool
	Size, Exact string
	Marks       []string // channels and rings
	manifest.Changes
}

// namesOf returns the channels of each checkpoint, sorted.
func namesOf(channels map[string]manifest.ID) map[manifest.ID][]string {
	names := make(map[manifest.ID][]string, len(channels))
	for _, name := range slices.Sorted(maps.Keys(channels)) {
		names[channels[name]] = append(names[channels[name]], name)
	}
	return names
}

// channelLink leads from a channel to its checkpoint.
type channelLink struct{ Name, ID string }

func channelLinks(channels map[string]manifest.ID) (links []channelLink) {
	for _, name := range slices.Sorted(maps.Keys(channels)) {
		links = append(links, channelLink{name, channels[name].String()})
	}
	return links
}

// ringLink leads from a ring to what it stands for.
type ringLink struct{ Name, Time string }

func ringLinks(rings []manifest.RingMark) (links []ringLink) {
	for _, r := range rings {
		links = append(links, ringLink{r.Ring, instant(r.Time, seconds)})
	}
	return links
}

// listRows merges checkpoints and tombstones, newest first, and marks the first row
// of each month.
func listRows(s manifest.Segment, names map[manifest.ID][]string) iter.Seq[listRow] {
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
		checkpoints, pruned := s.Checkpoints, s.Pruned
		for len(checkpoints)+len(pruned) > 0 {
			c, t := len(checkpoints)-1, len(pruned)-1
			if c < 0 || t >= 0 && pruned[t].ID > checkpoints[c].ID {
				if !emit(pruned[t].ID, prunedRow(pruned[t])) {
					return
				}
				pruned = pruned[:t]
				continue
			}
			if !emit(checkpoints[c].ID, listedRow(checkpoints[c], names[checkpoints[c].ID])) {
				return
			}
			checkpoints = checkpoints[:c]
		}
	}
}

func listedRow(c manifest.Checkpoint, names []string) listRow {
	size, exact := human(c.Bytes)
	return listRow{Files: c.Files, Partial: c.Partial, Size: size, Exact: exact, Marks: names, Changes: c.Changes}
}

func prunedRow(t manifest.Tombstone) listRow {
	return listRow{Pruned: true, At: instant(t.At, minutes), Reason: t.Reason}
}
