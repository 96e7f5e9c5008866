package page

import (
	"io"
	"iter"
	"slices"

	"github.com/asof/asof/manifest"
)

// WriteList writes the list of a repo's checkpoints, oldest first: a link to
// each, its channels beside it, and pruned ones struck out where they stood. The
// horizon is not on it: a publish that found nothing new leaves the page as it is.
func WriteList(w io.Writer, ix manifest.Index) error {
	data := struct {
		Heading string
		Empty   bool
		Rows    iter.Seq[listRow]
	}{"Checkpoints of " + ix.Repo, len(ix.Checkpoints) == 0, listRows(ix)}
	return render(w, "list", data)
}

type listRow struct {
	ID, Time string

	Pruned     bool
	At, Reason string

	Files, Bytes int64
	Human        string
	Layout       manifest.Layout
	Channels     []string
}

// listRows merges checkpoints and tombstones, both in ascending order.
func listRows(ix manifest.Index) iter.Seq[listRow] {
	channels := make(map[manifest.ID][]string, len(ix.Channels))
	for name, id := range ix.Channels {
		channels[id] = append(channels[id], name)
	}
	for _, names := range channels {
		slices.Sort(names)
	}
	return func(yield func(listRow) bool) {
		pruned := ix.Pruned
		for _, c := range ix.Checkpoints {
			for ; len(pruned) > 0 && pruned[0].ID < c.ID; pruned = pruned[1:] {
				if !yield(prunedRow(pruned[0])) {
					return
				}
			}
			row := listRow{
				ID: c.ID.String(), Time: instant(c.ID, seconds),
				Files: c.Files, Bytes: c.Bytes, Human: human(c.Bytes),
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
