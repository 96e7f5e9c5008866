package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

func newDiffCmd(a *app) *cobra.Command {
	var stat bool
	cmd := &cobra.Command{
		Use:   "diff REPO [TIME [TIME]]",
		Short: "Show what changed between two checkpoints",
		Long: `Show which files were added, removed or changed between two checkpoints. The second
defaults to the newest; without times, the first is the one before it. Only the parts
of the two manifests that differ are read. +x and -x are files that became executable,
and files that no longer are.

If the repo holds the indexes of APT archives or RPM repositories, packages come first:
added, removed, upgraded, downgraded or rebuilt, per suite, component and architecture, or
per folder, in the order of versions that dpkg or rpm knows.

` + whenHelp,
		Example: `  asof diff myfile
  asof diff myfile 2025-03-18
  asof diff myfile 2025-03-18 2025-04-01 --stat
  asof diff debian 2025-03-18 -o json | jq -r '.packages[]? | select(.change == "upgraded").package'
  asof diff myfile 2025-03-18 latest -o json | jq -r '.changes[].path'`,
		Args:              cobra.RangeArgs(1, 3),
		ValidArgsFunction: a.completeStored(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, log, err := a.setup()
			if err != nil {
				return err
			}
			store, err := a.store(cmd.Context(), cfg, log, false)
			if err != nil {
				return err
			}
			switch len(args) {
			case 1:
				if args, err = lastTwo(cmd.Context(), store, args[0]); err != nil {
					return err
				}
			case 2:
				args = append(args, manifest.Latest)
			}
			d := differ{w: bufio.NewWriter(a.stdout), json: a.output == "json", stat: stat}
			for i, t := range []*tree{&d.from, &d.to} {
				if *t, err = openTree(cmd.Context(), store, args[0], args[i+1]); err != nil {
					return err
				}
			}
			return d.run(cmd.Context(), log)
		},
	}
	cmd.Flags().BoolVar(&stat, "stat", false, "only print totals")
	return cmd
}

// lastTwo returns a repo's name and its two newest checkpoints.
func lastTwo(ctx context.Context, store objstore.Store, name string) ([]string, error) {
	_, newest, err := resolve(ctx, store, name, manifest.Latest)
	if err != nil {
		return nil, err
	}
	_, index, err := findRepo(ctx, store, name)
	if err != nil {
		return nil, err
	}
	before, ok, err := catalog.NewHistory(store, index).Before(ctx, newest.ID)
	if err == nil && !ok {
		err = notFound(fmt.Errorf("%s has no checkpoint before %s", name, newest.ID), "asof show "+name+" lists the files of that one")
	}
	return []string{name, before.ID.String(), newest.ID.String()}, err
}

// changed is a change as it is printed.
type changed struct {
	Path   string              `json:"path"`
	Change manifest.ChangeKind `json:"change"`
	Old    *shown              `json:"old,omitempty"`
	New    *shown              `json:"new,omitempty"`
}

func showChange(c catalog.Difference) changed {
	s := changed{Path: c.Path, Change: c.Kind()}
	if c.Old != nil {
		old := showEntry(*c.Old)
		s.Old = &old
	}
	if c.New != nil {
		now := showEntry(*c.New)
		s.New = &now
	}
	return s
}

// sign is the change as a character.
func sign(kind manifest.ChangeKind) string {
	switch kind {
	case manifest.Added:
		return "+"
	case manifest.Removed:
		return "-"
	}
	return "~"
}

// counted sums changes up.
type counted struct {
	manifest.Changes
	Modes int   `json:"modes,omitempty"` // files of both that are executable in one
	Bytes int64 `json:"bytes"`           // by which the checkpoint grew

	Packages *countedPackages `json:"packages,omitempty"`
}

func (n *counted) add(c catalog.Difference) {
	n.Changes = n.Changes.Plus(c.Kind())
	if c.New != nil {
		n.Bytes += c.New.Size
	}
	if c.Old != nil {
		n.Bytes -= c.Old.Size
	}
}

// openTree finds the checkpoint of a repo that a time stands for.
func openTree(ctx context.Context, store objstore.Store, name, when string) (tree, error) {
	repo, answer, err := resolve(ctx, store, name, when)
	if err != nil {
		return tree{}, err
	}
	files, err := catalog.Open(ctx, catalog.From(store), answer.Checkpoint.Manifest)
	return tree{store, repo, *answer.Checkpoint, files}, err
}

func (d *differ) run(ctx context.Context, log *slog.Logger) error {
	if d.json {
		head, err := json.Marshal(struct {
			Repo string      `json:"repo"`
			From manifest.ID `json:"from"`
			To   manifest.ID `json:"to"`
		}{d.from.repo.Name, d.from.ID, d.to.ID})
		if err != nil {
			return err
		}
		fmt.Fprintf(d.w, "%s,\n", head[:len(head)-1])
	}
	if err := d.diffPackages(ctx, log); err != nil {
		return err
	}
	if err := d.diffFiles(ctx); err != nil {
		return err
	}
	return d.w.Flush()
}

func (d *differ) diffFiles(ctx context.Context) error {
	modes, err := d.changedModes(ctx)
	if err != nil {
		return err
	}
	lists := d.json && !d.stat
	if lists {
		fmt.Fprint(d.w, "\"changes\":[")
	}
	var sum counted
	separator := "\n"
	for c, err := range catalog.Diff(ctx, d.from.files, d.to.files) {
		if err != nil {
			return err
		}
		sum.add(c)
		if c.Kind() != manifest.Changed {
			modes.drop(c.Path)
		}
		switch {
		case d.stat:
		case d.json:
			line, err := json.Marshal(showChange(c))
			if err != nil {
				return err
			}
			fmt.Fprintf(d.w, "%s%s", separator, line)
			separator = ",\n"
		default:
			fmt.Fprintf(d.w, "%s %s\n", sign(c.Kind()), c.Path)
		}
	}
	sum.Packages, sum.Modes = d.packages, len(modes.paths)
	if !d.json {
		if err := d.printModes(modes); err != nil {
			return err
		}
		fmt.Fprintf(d.w, "%s to %s: %d added, %d removed, %d changed, %+d bytes%s\n", d.from.ID, d.to.ID, sum.Added, sum.Removed, sum.Changed, sum.Bytes, ofModes(sum.Modes))
		if d.packages != nil {
			fmt.Fprintf(d.w, "packages: %s\n", d.packages)
		}
		return nil
	}
	if lists {
		fmt.Fprint(d.w, "],\n")
	}
	if err := d.printModes(modes); err != nil {
		return err
	}
	total, err := json.Marshal(sum)
	if err == nil {
		_, err = fmt.Fprintf(d.w, "\"total\":%s}\n", total)
	}
	return err
}
