package publisher

import (
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/transfer"
)

// newReceipt returns the receipt of a new checkpoint: everything but its pages,
// since the receipt is one of them. root is the root of its files, and plan says
// where they go.
func newReceipt(repo manifest.Repo, index manifest.Index, root manifest.Root, plan *transfer.Plan) manifest.Receipt {
	r := manifest.Receipt{
		Repo: repo.Name, Base: repo.Base, ID: plan.Dst.ID, Layout: plan.Dst.Layout,
		Manifest: root.Name, Content: root.Content, Files: root.Files, Bytes: root.Bytes,
		Changes: plan.Changes, Growth: root.Bytes, Complete: plan.Changes.Total() <= manifest.MaxListedChanges, List: plan.Changed,
	}
	if c, ok := index.Newest(); ok {
		r.Previous = &manifest.Previous{ID: c.ID, Manifest: c.Manifest, Pages: c.Pages, Layout: c.Layout}
		if plan.Prev.ID.Valid() { // otherwise its files are not known, and all count as added
			r.Growth -= c.Bytes
		}
	}
	return r
}
