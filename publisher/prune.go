package publisher

import (
	"context"
	"errors"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// PruneOptions configure Prune.
type PruneOptions struct {
	Policy Policy
	Reason string // kept in the tombstones; one line
	Apply  bool   // without it nothing is changed
}

// Prune takes the checkpoints that the policy does not keep out of the index and
// leaves tombstones: what resolved to them is gone, and never slides to an older
// one (invariant 4). It deletes nothing; Collect does, later. With Apply unset
// it only decides.
//
// One swap of the index does it all: a crash leaves either state, and at most
// segments that no index names and a list page that the next publish mends.
func (p *Publisher) Prune(ctx context.Context, repo Repo, opts PruneOptions) (*Decisions, error) {
	if err := repo.check(); err != nil {
		return nil, err
	}
	for {
		current, err := p.loadIndex(ctx, repo)
		if err != nil {
			return nil, err
		}
		decisions, err := opts.Policy.Decide(ctx, catalog.NewHistory(p.Store, current.index))
		if err != nil || !opts.Apply || current.version == "" {
			return decisions, err // a repo that was never published has no list either
		}
		now := manifest.IDOf(p.Now())
		next, err := p.pruneSegments(ctx, decisions, now, opts.Reason)
		if err != nil {
			return nil, err
		}
		for _, id := range decisions.gone(next.Tail().Checkpoints) {
			if next, err = next.Prune(id, now, opts.Reason); err != nil {
				return nil, err
			}
		}
		if next.Generation != current.index.Generation {
			swapped, err := p.swapIndex(ctx, repo, current, next)
			if errors.Is(err, objstore.ErrChanged) {
				continue // decide again on what is there now
			}
			if err != nil {
				return nil, err
			}
			current = swapped
		}
		return decisions, p.makeKnown(ctx, repo, current.index, false)
	}
}
