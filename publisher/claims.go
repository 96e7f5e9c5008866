package publisher

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/job"
	"github.com/asof/asof/publisher/revision"
)

// maxAhead is how far an id that a caller asks for may be in the future.
const maxAhead = 5 * time.Second

// attempt is an attempt found in the store.
type attempt struct {
	manifest.Attempt
	made time.Time
}

// isFor reports whether the attempt was made to publish the revision.
func (a attempt) isFor(rev *revision.Revision, layout manifest.Layout) bool {
	return a.Content == rev.Root.Content && a.Layout == layout
}

// mayResume reports whether a publish of the revision may take the attempt's id: what it
// stored can't be collected yet, and it does not lie in the future.
func (p *Publisher) mayResume(a attempt, rev *revision.Revision, layout manifest.Layout) bool {
	return a.isFor(rev, layout) && p.fresh(a.made) && !a.ID.Time().After(p.Now().Add(maxAhead))
}

// leftBehind is what publishers and syncs have left of their work on a repo.
type leftBehind struct {
	// attempts with an id above the newest checkpoint's belong to publishers that
	// were killed, or that are at work right now.
	attempts []attempt
	journals []string // their part names
}

// claims takes ids by creating attempts, and finds those of others.
type claims struct {
	job.Env
	store objstore.Store
}

// leftBehind finds the attempts above an id, and the journals, of a repo. It takes one
// listing, however many attempts there have been. It skips the ids in avoid.
func (c *claims) leftBehind(ctx context.Context, base string, above manifest.ID, avoid map[manifest.ID]bool) (found leftBehind, err error) {
	prefix := manifest.RepoPrefix(base)
	from := manifest.AttemptPrefix(base)
	if above.Valid() {
		from = manifest.AttemptKey(base, above)
	}
	for info, err := range c.store.List(ctx, prefix, from) {
		if err != nil {
			return found, err
		}
		if part, ok := strings.CutPrefix(info.Key, manifest.JournalPrefix(base)); ok {
			found.journals = append(found.journals, part)
			continue
		}
		if info.Key > manifest.JournalPrefix(base) {
			break // records: there may be many
		}
		id, err := manifest.ParseAttemptKey(base, info.Key)
		if err != nil || avoid[id] {
			continue // not one of ours
		}
		a, err := c.readAttempt(ctx, info)
		if err != nil {
			c.Log.Warn("an attempt can't be read and is passed over", "key", info.Key, "error", err)
			continue
		}
		found.attempts = append(found.attempts, attempt{a, info.Modified})
	}
	return found, ctx.Err()
}

func (c *claims) readAttempt(ctx context.Context, info objstore.Info) (manifest.Attempt, error) {
	if info.Size > manifest.MaxAttempt {
		return manifest.Attempt{}, fmt.Errorf("it is larger than %d bytes", manifest.MaxAttempt)
	}
	data, err := catalog.From(c.store)(ctx, info.Key, 0, manifest.MaxAttempt+1)
	if err != nil {
		return manifest.Attempt{}, err
	}
	return manifest.ParseAttempt(data)
}

// claim takes an id above the horizon for this publisher alone. The same object
// records what it is about to upload. Two publishers never share an id unless
// they publish exactly the same content.
func (c *claims) claim(ctx context.Context, base string, horizon, at manifest.ID, a manifest.Attempt) (manifest.ID, error) {
	if at.Valid() {
		if at == horizon {
			return 0, notAbove(at, horizon)
		}
		if err := c.checkAt(at, horizon); err != nil {
			return 0, err
		}
		a.ID = at
		err := c.createAttempt(ctx, base, a)
		if errors.Is(err, objstore.ErrDiffers) {
			return 0, fmt.Errorf("id %s is taken: %w: another publisher claimed it for other content", a.ID, ErrConflict)
		}
		return a.ID, err
	}
	for {
		now, err := c.afterHorizon(ctx, horizon)
		if err != nil {
			return 0, err
		}
		a.ID = now
		err = c.createAttempt(ctx, base, a)
		if !errors.Is(err, objstore.ErrDiffers) {
			return a.ID, err
		}
		horizon = now // another publisher has this second; take a later one
	}
}

func (c *claims) createAttempt(ctx context.Context, base string, a manifest.Attempt) error {
	data, err := a.Encode()
	if err != nil {
		return err
	}
	key := manifest.AttemptKey(base, a.ID)
	_, err = objstore.Put(ctx, c.store, key, objstore.Bytes(data), catalog.Attributes(manifest.KindAttempt, ""))
	return err
}

// checkAt checks an id that a caller asks for. One that is the horizon may be that of
// an earlier run, which was killed after its commit. Then there is nothing to claim.
func (c *claims) checkAt(at, horizon manifest.ID) error {
	switch now := c.Now(); {
	case at < horizon:
		return notAbove(at, horizon)
	case at.Time().After(now.Add(maxAhead)):
		return fmt.Errorf("id %s: %w: it lies in the future", at, ErrBadID)
	}
	return nil
}

// afterHorizon returns the current second, which must be above the horizon
// (invariant 3). It waits for that while the horizon is no further ahead than it may be.
func (c *claims) afterHorizon(ctx context.Context, horizon manifest.ID) (manifest.ID, error) {
	for {
		now := c.Now()
		id := manifest.IDOf(now)
		if id > horizon {
			return id, nil
		}
		if err := c.CheckFuture(c.store, "the horizon", horizon); err != nil {
			return 0, err
		}
		if err := c.await(ctx, horizon, (horizon + 1).Time().Sub(now)); err != nil {
			return 0, err
		}
	}
}

// await waits until a horizon is past, and says so if that takes long.
func (c *claims) await(ctx context.Context, horizon manifest.ID, wait time.Duration) error {
	if wait > 5*time.Second {
		what := fmt.Sprintf("waiting until the horizon %s is past", horizon)
		c.Log.Info(what, "wait", wait.Round(time.Second))
		c.Progress.Begin(what, -1, -1)
		defer c.Progress.End()
	}
	return c.Sleep(ctx, wait)
}

func notAbove(at, horizon manifest.ID) error {
	return fmt.Errorf("id %s: %w: it is not above the horizon %s", at, ErrBadID, horizon)
}
