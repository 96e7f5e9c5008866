package publisher

import (
	"context"
	"errors"
	"fmt"

	"github.com/asof/asof/manifest"
)

// Announcer is told of every change of a repo's index, after it is committed
// and its list page is written: by what stands in front of the store and keeps
// copies. It may be told of changes out of order, twice, or not at all where a
// publisher was killed; the next publish tells the state that holds then.
type Announcer interface {
	Announce(ctx context.Context, change Change) error
}

// Change is a committed change of a repo.
type Change struct {
	Repo  manifest.Repo
	Index manifest.Index
	// HorizonOnly: no checkpoint was added or pruned. Answers became final.
	HorizonOnly bool
}

// ErrNotAnnounced: what was to be done is done and committed, but not everybody
// who should know of it does.
var ErrNotAnnounced = errors.New("committed, but not announced")

// makeKnown does what follows a commit: it makes the list page right, and tells
// the announcer. Neither can undo the commit; the next publish does both again.
func (p *Publisher) makeKnown(ctx context.Context, repo Repo, index manifest.Index, horizonOnly bool) error {
	if err := p.refreshList(ctx, repo, index); err != nil {
		return err
	}
	return p.tell(ctx, Change{repo.registered(), index, horizonOnly})
}

func (p *Publisher) tell(ctx context.Context, change Change) error {
	if p.Announcer == nil {
		return nil
	}
	if err := p.Announcer.Announce(ctx, change); err != nil {
		return fmt.Errorf("%w: %w", ErrNotAnnounced, err)
	}
	return nil
}
