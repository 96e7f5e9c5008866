package page

import (
	"fmt"
	"io"

	"github.com/asof/asof/manifest"
)

// boardPath is where a resolver shows the rings, from the store's front page on.
const boardPath = "-/rings"

// WriteBoard writes the page of the rings: what each stands for, in which repo, since when, and
// what comes next. base gives the base path of a repo by its name. The page stands at /-/rings.
func WriteBoard(w io.Writer, board manifest.Board, base func(repo string) string) error {
	b := boardPage{Heading: "Rings", Way: folders("../", ""), Absent: board.Absent, Blocks: []blockRow{}}
	repos := map[string]*boardRow{}
	for i, ring := range board.Rings {
		b.Rings = append(b.Rings, newRingRow(ring))
		for _, s := range ring.Repos {
			row := repos[s.Repo]
			if row == nil {
				row = &boardRow{Name: s.Repo, Href: "../" + EscapePath(base(s.Repo)) + "/"}
				repos[s.Repo] = row
				b.Rows = append(b.Rows, row)
			}
			for len(row.Cells) < i { // rings that stand for nothing yet
				row.Cells = append(row.Cells, boardCell{Ring: board.Rings[len(row.Cells)].Name, Note: "-"})
			}
			row.Cells = append(row.Cells, newBoardCell(row.Href, ring.Name, s))
		}
	}
	for _, row := range b.Rows {
		for n := len(row.Cells); n < len(board.Rings); n++ {
			row.Cells = append(row.Cells, boardCell{Ring: board.Rings[n].Name, Note: "-"})
		}
	}
	for _, block := range board.Blocks {
		for _, repo := range block.Repos {
			b.Blocks = append(b.Blocks, blockRow{repo, instant(block.After, seconds), instant(block.Through, seconds), instant(block.At, minutes), block.Reason})
		}
	}
	return render(w, "board", b)
}

// boardPage is the template's data.
type boardPage struct {
	Heading string
	Way     []step
	Rings   []ringRow
	Rows    []*boardRow
	Blocks  []blockRow
	Absent  []string
}

// ringRow is a ring: what it stands for, and what comes next.
type ringRow struct{ Name, Time, Since, After, Next, Why, Held string }

func newRingRow(r manifest.BoardRing) ringRow {
	row := ringRow{Name: r.Name, Time: instant(r.Time, seconds), Since: instant(r.Since, minutes), Next: "-", Why: r.Why}
	if r.After > 0 {
		row.After = Span(r.After)
	}
	switch {
	case r.Held != nil:
		row.Next, row.Why = "held", fmt.Sprintf("since %s", instant(r.Held.At, minutes))
		if r.Held.Reason != "" {
			row.Why += ": " + r.Held.Reason
		}
	case r.Due.Valid() && !r.Same:
		row.Next, row.Why = instant(r.Due, seconds), "with the next promotion"
	case r.Next.Valid():
		row.Next = "not before " + instant(r.Next, minutes)
	}
	return row
}

// boardRow is a repo, with a cell for each ring.
type boardRow struct {
	Name, Href string
	Cells      []boardCell
}

type boardCell struct{ Ring, ID, Href, Behind, Note string }

func newBoardCell(repo, ring string, s manifest.Standing) boardCell {
	if !s.Checkpoint.Valid() {
		return boardCell{Ring: ring, Note: s.Note}
	}
	cell := boardCell{Ring: ring, ID: s.Checkpoint.String(), Href: repo + s.Checkpoint.String() + "/"}
	if s.Behind > 0 {
		cell.Behind = Span(s.Behind) + " behind"
	}
	return cell
}

type blockRow struct{ Repo, After, Through, At, Reason string }
