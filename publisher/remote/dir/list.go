package dir

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/pulp"
)

// addList adds a generated PULP_MANIFEST to the files. It is the same for the same
// files: its time is that of the newest of them. A folder without files gets none, so
// that it still counts as empty; see Empty.
func (c *capture) addList() error {
	if len(c.files) == 0 {
		return nil
	}
	i, exists := slices.BinarySearchFunc(c.files, pulp.Name, func(f remote.File, name string) int { return strings.Compare(f.Path, name) })
	others := slices.Clone(c.files)
	if exists {
		others = slices.Delete(others, i, i+1)
	}
	if slices.ContainsFunc(others, func(f remote.File) bool { return strings.HasPrefix(f.Path, pulp.Name+"/") }) {
		return c.noList("is a folder")
	}
	list, text := listOf(others)
	switch {
	case !exists:
		c.files = slices.Insert(c.files, i, list)
		c.sums = slices.Insert(c.sums, i, nil)
		c.generated, c.list = true, text
	case c.files[i].SHA256 != list.SHA256:
		return c.noList("is not what `manifest: true` would write")
	}
	return nil
}

// listOf is the PULP_MANIFEST of files.
func listOf(files []remote.File) (remote.File, []byte) {
	text := pulp.Format(files)
	var newest time.Time
	for _, f := range files {
		if f.Modified.After(newest) {
			newest = f.Modified
		}
	}
	return remote.File{Path: pulp.Name, Size: int64(len(text)), SHA256: manifest.Sum(text), Modified: newest, Phase: remote.Root}, text
}

func (c *capture) noList(why string) error {
	return &remote.InputError{Where: c.where, Err: &refusedError{
		text: fmt.Sprintf("%s %s", pulp.Name, why),
		hint: "remove it; or exclude it, and another is generated; or publish it as it is, without `manifest: true`",
	}}
}

// Empty implements remote.Listing.
func (r *folder) Empty() remote.Capture {
	c := &capture{where: r.opts.Path}
	if r.opts.Manifest {
		list, text := listOf(nil)
		c.files, c.generated, c.list = []remote.File{list}, true, text
	}
	return c
}
