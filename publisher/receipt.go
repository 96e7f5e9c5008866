package publisher

import (
	"github.com/asof/asof/manifest"
)

// receipt is what a new checkpoint says of itself: all but its pages, of which the
// receipt is one. root is that of its files, where plan brings them.
func (p *publication) receipt(index manifest.Index, root manifest.Root, plan *placement) manifest.Receipt {
	r := manifest.Receipt{
		Repo: p.repo.Name, Base: p.repo.Base, ID: plan.dst.id, Layout: plan.dst.layout,
		Manifest: root.Name, Content: root.Content, Files: root.Files, Bytes: root.Bytes,
		Changes: plan.changes, Growth: root.Bytes, Complete: plan.changes.Total() <= manifest.MaxListedChanges, List: plan.changed,
	}
	if c, ok := index.Newest(); ok {
		r.Previous = &manifest.Previous{ID: c.ID, Manifest: c.Manifest, Pages: c.Pages, Layout: c.Layout}
		r.Growth -= c.Bytes
	}
	return r
}
