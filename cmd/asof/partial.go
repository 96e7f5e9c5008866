package main

import (
	"context"
	"fmt"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// leftOut is what a partial checkpoint lacks of what upstream lists, as it is printed.
type leftOut struct {
	HeldBack manifest.HeldBack `json:"held_back,omitzero"`
	Missing  []string          `json:"missing,omitempty"` // what upstream does not have
}

// leftOut reads it from the checkpoint's receipt.
func (t tree) leftOut(ctx context.Context) (leftOut, error) {
	if !t.Partial {
		return leftOut{}, nil
	}
	data, ok, err := t.generated(ctx, manifest.ChangesPath, manifest.MaxReceipt)
	if err != nil || !ok {
		return leftOut{}, err
	}
	r, err := manifest.ParseReceipt(data)
	return leftOut{r.HeldBack, r.Missing}, err
}

// lines says it in words.
func (l leftOut) lines() (lines []string) {
	if l.HeldBack.Files > 0 {
		lines = append(lines, fmt.Sprintf("its filters hold back %s, %s", count(l.HeldBack.Files, "file", "files"), size(l.HeldBack.Bytes)))
	}
	if n := len(l.Missing); n > 0 {
		lines = append(lines, fmt.Sprintf("upstream does not have %s that it lists", count(int64(n), "file", "files")))
	}
	return lines
}

// notePartial warns that a repo leaves out files that its documents list.
func (a *app) notePartial(repo string, held manifest.HeldBack, missing []string) {
	for _, line := range (leftOut{held, missing}).lines() {
		fmt.Fprintf(a.stderr, "%s: a partial mirror: %s\n", repo, line)
	}
	for _, path := range remote.First(missing) {
		fmt.Fprintf(a.stderr, "  %s\n", path)
	}
}

// filesOf is a checkpoint's number of files, as lists print it.
func filesOf(c manifest.Checkpoint) string {
	if c.Partial {
		return fmt.Sprintf("%d (partial)", c.Files)
	}
	return fmt.Sprint(c.Files)
}
