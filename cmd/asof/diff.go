package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

func newDiffCmd(a *app) *cobra.Command {
	var stat bool
	cmd := &cobra.Command{
		Use:   "diff REPO TIME [TIME]",
		Short: "Show which files changed between two checkpoints",
		Long: `Show which files were added, removed or changed from one checkpoint to another, by
default to the newest. Only what differs of the two manifests is read.

` + whenHelp,
		Example: `  asof diff myfile 2025-03-18
  asof diff myfile 2025-03-18 2025-04-01 --stat
  asof diff myfile 2025-03-18 latest -o json | jq -r '.changes[].path'`,
		Args:              cobra.RangeArgs(2, 3),
		ValidArgsFunction: a.completeStored(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.openStore(cmd.Context())
			if err != nil {
				return err
			}
			if len(args) == 2 {
				args = append(args, manifest.Latest)
			}
			return a.diff(cmd.Context(), store, args[0], args[1], args[2], stat)
		},
	}
	cmd.Flags().BoolVar(&stat, "stat", false, "only count")
	return cmd
}

// changed is a change as it is printed.
type changed struct {
	Path   string `json:"path"`
	Change string `json:"change"` // added, removed or changed
	Old    *shown `json:"old,omitempty"`
	New    *shown `json:"new,omitempty"`
}

func showChange(c catalog.Change) changed {
	s := changed{Path: c.Path, Change: "changed"}
	if c.Old == nil {
		s.Change = "added"
	} else {
		old := showEntry(*c.Old)
		s.Old = &old
	}
	if c.New == nil {
		s.Change = "removed"
	} else {
		now := showEntry(*c.New)
		s.New = &now
	}
	return s
}

// sign is the change as a character.
func sign(c catalog.Change) string {
	switch {
	case c.Old == nil:
		return "+"
	case c.New == nil:
		return "-"
	}
	return "~"
}

// counted sums changes up.
type counted struct {
	Added   int   `json:"added"`
	Removed int   `json:"removed"`
	Changed int   `json:"changed"`
	Bytes   int64 `json:"bytes"` // by which the checkpoint grew
}

func (n *counted) add(c catalog.Change) {
	switch {
	case c.Old == nil:
		n.Added++
		n.Bytes += c.New.Size
	case c.New == nil:
		n.Removed++
		n.Bytes -= c.Old.Size
	default:
		n.Changed++
		n.Bytes += c.New.Size - c.Old.Size
	}
}

func (a *app) diff(ctx context.Context, store objstore.Store, name, from, to string, stat bool) error {
	var ids [2]manifest.ID
	var roots [2]manifest.Root
	for i, when := range []string{from, to} {
		_, answer, err := resolve(ctx, store, name, when)
		if err != nil {
			return err
		}
		ids[i] = answer.ID
		if roots[i], err = catalog.Root(ctx, store, answer.Checkpoint.Manifest); err != nil {
			return err
		}
	}
	w := bufio.NewWriter(a.stdout)
	asJSON := a.output == "json"
	if asJSON {
		head, err := json.Marshal(struct {
			Repo string      `json:"repo"`
			From manifest.ID `json:"from"`
			To   manifest.ID `json:"to"`
		}{name, ids[0], ids[1]})
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s,\n\"changes\":[", head[:len(head)-1])
	}
	var sum counted
	separator := "\n"
	for c, err := range catalog.Diff(ctx, store, roots[0], roots[1]) {
		if err != nil {
			return err
		}
		sum.add(c)
		switch {
		case stat:
		case asJSON:
			line, err := json.Marshal(showChange(c))
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%s%s", separator, line)
			separator = ",\n"
		default:
			fmt.Fprintf(w, "%s %s\n", sign(c), c.Path)
		}
	}
	if asJSON {
		total, err := json.Marshal(sum)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "],\n\"total\":%s}\n", total)
	} else {
		fmt.Fprintf(w, "%s to %s: %d added, %d removed, %d changed, %+d bytes\n", ids[0], ids[1], sum.Added, sum.Removed, sum.Changed, sum.Bytes)
	}
	return w.Flush()
}
