package publisher

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/revision"
)

// past is a checkpoint of another repo in the same store, as a remote: it is to be published
// again, at its own id.
type past struct {
	store      objstore.Store
	base       string // of the repo that it is in
	checkpoint manifest.Checkpoint
	dead       []manifest.Tombstone // what was pruned there since the checkpoint before
	receipt    manifest.Receipt
}

// newPast reads what the checkpoint says of itself.
func newPast(ctx context.Context, store objstore.Store, base string, c manifest.Checkpoint, dead []manifest.Tombstone) (*past, error) {
	p := &past{store: store, base: base, checkpoint: c, dead: dead}
	data, err := p.generated(ctx, manifest.ChangesPath, manifest.MaxReceipt)
	if err == nil && data != nil {
		p.receipt, err = manifest.ParseReceipt(data)
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", c.ID, err)
	}
	return p, nil
}

// pruned returns the tombstones that come before the checkpoint.
func (p *past) pruned() []manifest.Tombstone {
	if p == nil {
		return nil
	}
	return p.dead
}

func (p *past) generated(ctx context.Context, path string, limit int64) ([]byte, error) {
	return catalog.Generated(ctx, catalog.From(p.store), p.base, p.checkpoint, path, limit)
}

// Capture implements remote.Remote.
func (p *past) Capture(ctx context.Context, _ remote.Previous) (remote.Capture, error) {
	m, err := catalog.Open(ctx, catalog.From(p.store), p.checkpoint.Manifest)
	if err != nil {
		return nil, err
	}
	c := &pastCapture{past: p}
	for e, err := range m.Entries(ctx) {
		if err != nil {
			return nil, err
		}
		f := revision.FileOf(e)
		f.Phase = remote.PhaseOf(f.Path)
		c.files = append(c.files, f)
	}
	modes, err := catalog.Modes(ctx, catalog.From(p.store), p.base, p.checkpoint)
	if err == nil && len(modes.Executable) > 0 {
		c.modes = &modes
	}
	return c, err
}

// Guide implements remote.Guided: the guide is as it was.
func (p *past) Guide(ctx context.Context, _ remote.Tree) (guide remote.Guide, err error) {
	data, err := p.generated(ctx, manifest.UsagePath, manifest.MaxUsage)
	if err != nil || data == nil {
		return guide, err
	}
	if guide.Usage, err = manifest.ParseUsage(data); err != nil {
		return guide, err
	}
	guide.Files = map[string][]byte{}
	pages, err := catalog.Open(ctx, catalog.From(p.store), p.checkpoint.Pages)
	if err != nil {
		return guide, err
	}
	for e, err := range pages.Entries(ctx) {
		if err != nil {
			return guide, err
		}
		name, own := strings.CutPrefix(e.Path, manifest.GeneratedDir)
		switch e.Path {
		case manifest.ChangesPath, manifest.ModesPath, manifest.UsagePath:
			own = false // made anew
		}
		if !own {
			continue
		}
		if guide.Files[name], err = p.generated(ctx, e.Path, maxGuideFile); err != nil {
			return guide, err
		}
	}
	return guide, nil
}

// maxGuideFile bounds a file that usages refer to, in bytes: a keyring, for one.
const maxGuideFile = 16 << 20

// pastCapture is the capture of a past checkpoint.
type pastCapture struct {
	*past
	files []remote.File
	modes *manifest.Modes
}

func (c *pastCapture) Files() []remote.File { return c.files }

// Modes implements remote.Moded.
func (c *pastCapture) Modes() *manifest.Modes { return c.modes }

func (c *pastCapture) Open(ctx context.Context, f remote.File) (remote.Content, error) {
	body, err := c.store.Open(ctx, c.checkpoint.Place(c.base).Key(f.Path, f.SHA256), 0, objstore.Whole)
	return remote.Content{Body: body, Modified: f.Modified}, err
}

func (c *pastCapture) Modified(_ context.Context, f remote.File) (time.Time, error) {
	return f.Modified, nil
}

func (c *pastCapture) Close() error { return nil }
