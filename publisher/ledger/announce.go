package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
)

// Announcer learns of every change of a repo's index, once it is committed and
// its list is written. It updates whatever keeps copies in front of the store.
// Changes may come out of order, twice, or, if a publisher was killed, not at
// all; the next change carries the state of its time.
type Announcer interface {
	Announce(ctx context.Context, a Announcement) error
}

// Announcement is a committed change of a repo.
type Announcement struct {
	Repo  manifest.Repo
	Index manifest.Index
	// HorizonOnly: no checkpoint was added or pruned; only answers became final.
	HorizonOnly bool
	// Rings: the store has rings that hold for the repo.
	Rings bool
}

// ErrNotAnnounced: the work is done and committed, but not announced to
// everybody.
var ErrNotAnnounced = errors.New("committed, but not announced")

// Announce announces a change.
func (l *Ledger) Announce(ctx context.Context, a Announcement) error {
	if l.Announcer == nil {
		return nil
	}
	rings, err := catalog.Rollout().Load(ctx, l.Store)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotAnnounced, err)
	}
	a.Rings = len(rings.Doc.Rings) > 0 && rings.Doc.Holds(a.Repo.Name)
	if err := l.Announcer.Announce(ctx, a); err != nil {
		return fmt.Errorf("%w: %w", ErrNotAnnounced, err)
	}
	return nil
}
