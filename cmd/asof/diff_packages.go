package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/packages"
	"github.com/asof/asof/manifest"
)

// tree is a checkpoint whose files are read.
type tree struct {
	store objstore.Store
	repo  manifest.Repo
	manifest.Checkpoint
	files *catalog.Manifest
}

// open reads a file, verified against the manifest.
func (t tree) open(ctx context.Context, e manifest.Entry) (io.ReadCloser, error) {
	key := t.Place(t.repo.Base).Key(e.Path, e.SHA256)
	return objstore.Body{Size: e.Size, SHA256: e.SHA256, Open: func(ctx context.Context) (io.ReadCloser, error) {
		return t.store.Open(ctx, key, 0, objstore.Whole)
	}}.Reader(ctx), nil
}

// compared is the tree for package packages.
func (t tree) compared() packages.Tree {
	return packages.Tree{Open: t.open, Find: catalog.NewFinder(catalog.From(t.store), t.Manifest).Find}
}

// changedIndexes are the package indexes that differ between two trees.
func changedIndexes(ctx context.Context, from, to tree) ([]packages.Index, error) {
	var indexes packages.Indexes
	for c, err := range catalog.Diff(ctx, from.files, to.files) {
		if err != nil {
			return nil, err
		}
		indexes.Add(c)
	}
	// An index may gain or lose a form (.gz, .xz) without a change: then both trees
	// have its other forms, unchanged.
	if lacking := indexes.Lacking(); len(lacking) > 0 {
		for e, err := range to.files.Entries(ctx) {
			if err != nil {
				return nil, err
			}
			indexes.AddForm(lacking, e)
		}
	}
	return indexes.List(), nil
}

// countedPackages sums changes of packages up.
type countedPackages struct {
	Added      int `json:"added"`
	Removed    int `json:"removed"`
	Upgraded   int `json:"upgraded"`
	Downgraded int `json:"downgraded"`
	Rebuilt    int `json:"rebuilt"`
}

func (n *countedPackages) add(changes []packages.Event) {
	for _, c := range changes {
		switch c.Kind {
		case packages.Added:
			n.Added++
		case packages.Removed:
			n.Removed++
		case packages.Upgraded:
			n.Upgraded++
		case packages.Downgraded:
			n.Downgraded++
		case packages.Rebuilt:
			n.Rebuilt++
		}
	}
}

func (n countedPackages) String() string {
	return fmt.Sprintf("%d added, %d removed, %d upgraded, %d downgraded, %d rebuilt", n.Added, n.Removed, n.Upgraded, n.Downgraded, n.Rebuilt)
}

// changedPackage is a change of a package as it is printed.
type changedPackage struct {
	Suite     string        `json:"suite"`
	Component string        `json:"component"`
	Arch      string        `json:"architecture"`
	Package   string        `json:"package"`
	Change    packages.Kind `json:"change"`
	Old       string        `json:"old,omitempty"`
	New       string        `json:"new,omitempty"`
}

// diffPackages prints what changed in terms of packages, one index after the
// other. Only the changes of one are in memory.
func (d *differ) diffPackages(ctx context.Context, log *slog.Logger) error {
	indexes, err := changedIndexes(ctx, d.from, d.to)
	if err != nil || len(indexes) == 0 {
		return err
	}
	d.packages = &countedPackages{}
	separator := "\n"
	lists := d.json && !d.stat
	if lists {
		fmt.Fprint(d.w, "\"packages\":[")
	}
	from, to := d.from.compared(), d.to.compared()
	for _, index := range indexes {
		changes, err := index.Diff(ctx, from, to)
		if bad, ok := errors.AsType[*packages.FormatError](err); ok {
			log.Warn("this is no index of packages, or a broken one", "file", bad.Path, "error", bad.Err)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", index.Stem, err)
		}
		d.packages.add(changes)
		switch {
		case lists:
			separator, err = d.packagesJSON(index, changes, separator)
		case !d.json:
			err = d.packagesText(index, changes)
		}
		if err != nil {
			return err
		}
	}
	if lists {
		fmt.Fprint(d.w, "],\n")
	}
	return nil
}

func (d *differ) packagesJSON(index packages.Index, changes []packages.Event, separator string) (string, error) {
	for _, c := range changes {
		shown := changedPackage{index.Suite, index.Component, index.Arch, c.Package, c.Kind, c.Old, c.New}
		if shown.Arch == "" {
			shown.Arch = c.Arch
		}
		line, err := json.Marshal(shown)
		if err != nil {
			return separator, err
		}
		fmt.Fprintf(d.w, "%s%s", separator, line)
		separator = ",\n"
	}
	return separator, nil
}

func (d *differ) packagesText(index packages.Index, changes []packages.Event) error {
	if len(changes) == 0 {
		return nil
	}
	var sum countedPackages
	sum.add(changes)
	place := strings.Join(strings.Fields(strings.Join([]string{index.Suite, index.Component, index.Arch}, " ")), " ")
	fmt.Fprintf(d.w, "%s: %s\n", place, sum)
	if d.stat {
		return nil
	}
	separator := ":"
	if index.RPM {
		separator = "."
	}
	t := tabwriter.NewWriter(d.w, 0, 0, 2, ' ', 0)
	for _, c := range changes {
		name := c.Package
		if c.Arch != index.Arch && c.Arch != "all" && c.Arch != "noarch" && c.Arch != "" {
			name += separator + c.Arch
		}
		version := c.Old + c.New
		if c.Kind == packages.Rebuilt {
			version = c.New
		} else if c.Old != "" && c.New != "" {
			version = c.Old + " -> " + c.New
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", c.Kind, name, version)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(d.w)
	return err
}

// differ prints the difference of two checkpoints.
type differ struct {
	from, to   tree
	w          *bufio.Writer
	json, stat bool
	packages   *countedPackages // nil: no index of packages changed
}
