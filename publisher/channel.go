package publisher

import (
	"context"
	"errors"
	"fmt"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// SetChannel makes a channel of a repo name a checkpoint, which must be listed.
// Naming the one that it names already changes nothing.
//
// One swap of the index does it: a crash leaves either state, and at most a list
// page that the next publish mends.
func (p *Publisher) SetChannel(ctx context.Context, repo Repo, name string, id manifest.ID) error {
	return p.changeChannels(ctx, repo, func(index manifest.Index) (manifest.Index, error) {
		if have, ok := index.Channels[name]; ok && have == id {
			return index, nil
		}
		_, listed, err := catalog.NewHistory(p.Store, index).Find(ctx, id)
		if err == nil && !listed {
			err = fmt.Errorf("%s: %w", id, manifest.ErrNoCheckpoint)
		}
		if err != nil {
			return index, err
		}
		return index.SetChannel(name, id)
	})
}

// DropChannel takes a channel away; the checkpoint that it named stays.
func (p *Publisher) DropChannel(ctx context.Context, repo Repo, name string) error {
	return p.changeChannels(ctx, repo, func(index manifest.Index) (manifest.Index, error) {
		return index.DropChannel(name)
	})
}

func (p *Publisher) changeChannels(ctx context.Context, repo Repo, change func(manifest.Index) (manifest.Index, error)) error {
	if err := repo.check(); err != nil {
		return err
	}
	for {
		current, err := p.loadIndex(ctx, repo)
		if err != nil {
			return err
		}
		next, err := change(current.index)
		if err != nil || next.Generation == current.index.Generation {
			return err
		}
		current, err = p.swapIndex(ctx, repo, current, next)
		if errors.Is(err, objstore.ErrChanged) {
			continue // decide again on what is there now
		}
		if err != nil {
			return err
		}
		return p.makeKnown(ctx, repo, current.index, false)
	}
}
