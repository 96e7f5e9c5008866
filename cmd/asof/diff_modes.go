package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
)

// changedMode is a file that both checkpoints have, and that is executable in one of them.
type changedMode struct {
	Path       string `json:"path"`
	Executable bool   `json:"executable"` // in the second
}

// modesOf reads the modes of a checkpoint.
func (t tree) modesOf(ctx context.Context) (manifest.Modes, error) {
	return catalog.Modes(ctx, catalog.From(t.store), t.repo.Base, t.Checkpoint)
}

// changedModes are the files that are executable in only one of the checkpoints. Those that
// one of them does not have must be dropped.
type changedModes struct {
	paths []string // ascending
	to    manifest.Modes
}

func (d *differ) changedModes(ctx context.Context) (changedModes, error) {
	if d.from.Pages == d.to.Pages {
		return changedModes{}, nil
	}
	from, err := d.from.modesOf(ctx)
	if err != nil {
		return changedModes{}, err
	}
	to, err := d.to.modesOf(ctx)
	return changedModes{from.Differing(to), to}, err
}

func (m *changedModes) drop(path string) {
	if i, ok := slices.BinarySearch(m.paths, path); ok {
		m.paths = slices.Delete(m.paths, i, i+1)
	}
}

func (m changedModes) list() (list []changedMode) {
	for _, path := range m.paths {
		list = append(list, changedMode{path, m.to.Of(path)})
	}
	return list
}

// printModes prints them behind the files.
func (d *differ) printModes(m changedModes) error {
	if d.stat || len(m.paths) == 0 {
		return nil
	}
	if d.json {
		list, err := json.Marshal(m.list())
		if err == nil {
			_, err = fmt.Fprintf(d.w, "\"modes\":%s,\n", list)
		}
		return err
	}
	for _, c := range m.list() {
		sign := "-x"
		if c.Executable {
			sign = "+x"
		}
		fmt.Fprintf(d.w, "%s %s\n", sign, c.Path)
	}
	return nil
}
