package rebuild

import (
	"context"
	"errors"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// rings are the register of rings as it was found, and as it will be.
type rings struct {
	found Outcome
	read  catalog.State[manifest.Rollout]
	next  manifest.Rollout
}

// planRings plans the register of rings. It comes back as in its latest record. A ring's time
// may have moved on since, as long as no member's checkpoint was another one: what it stands
// for is the same.
func planRings(ctx context.Context, s objstore.Reader, now manifest.ID) (r rings, err error) {
	r.read, _, err = catalog.LoadRollout(ctx, s)
	_, damaged := errors.AsType[*catalog.DamagedError](err)
	switch {
	case err == nil && r.read.Exists():
		r.found = Intact
		return r, nil
	case err == nil:
		r.found = Nothing
		return r, nil
	case !damaged && !errors.Is(err, catalog.ErrLost):
		return r, err
	}
	r.found = Rebuilt
	if r.next, err = catalog.LatestRollout(ctx, s); err != nil {
		return r, err
	}
	if r.next.Recorded == 0 {
		return r, &catalog.DamagedError{Key: manifest.RolloutKey, Err: errors.New("the store holds no record of it")}
	}
	// As for an index: larger than any possible number of changes.
	r.next.Generation = max(int64(now), r.next.Generation+1)
	return r, nil
}
