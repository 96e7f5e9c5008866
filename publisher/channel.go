package publisher

import (
	"context"
	"fmt"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
)

// SetChannel points a channel of a repo to a checkpoint, which must be listed.
//
// It is one swap of the index. A crash leaves the old state or the new one, and
// at most a stale list page, which the next command on the repo mends, this one
// included.
func (p *Publisher) SetChannel(ctx context.Context, repo manifest.Repo, name string, id manifest.ID) error {
	return p.ledger.Change(ctx, repo, func(index manifest.Index) (manifest.Index, error) {
		if err := index.InUse(); err != nil || index.Channels[name] == id {
			return index, err
		}
		if rings, _, err := catalog.LoadRollout(ctx, p.Store); err != nil {
			return index, err
		} else if _, ring := rings.Doc.Ring(name); ring {
			return index, fmt.Errorf("channel %s: %w: a ring has this name", name, manifest.ErrTaken)
		}
		_, listed, err := catalog.NewHistory(p.Store, index).Find(ctx, id)
		if err == nil && !listed {
			err = fmt.Errorf("%s: %w", id, manifest.ErrNoCheckpoint)
		}
		if err != nil {
			return index, err
		}
		return index.SetChannel(name, id, manifest.IDOf(p.Now()))
	})
}

// DropChannel removes a channel. The checkpoint that it named stays.
func (p *Publisher) DropChannel(ctx context.Context, repo manifest.Repo, name string) error {
	return p.ledger.Change(ctx, repo, func(index manifest.Index) (manifest.Index, error) {
		return index.DropChannel(name, manifest.IDOf(p.Now()))
	})
}
