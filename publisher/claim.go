package publisher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// clockSlack is how far the clock may lag behind the horizon before it is an
// error rather than a reason to wait; and how far an id may lie in the future.
const clockSlack = 5 * time.Second

// attempt is one that was found in the store.
type attempt struct {
	manifest.Attempt
	made time.Time
}

// isFor reports whether the attempt was made to publish the revision.
func (a attempt) isFor(rev *revision, layout manifest.Layout) bool {
	return a.Content == rev.root.Content && a.Layout == layout
}

// leftBehind is what publishers and syncs have left of their work on a repo.
type leftBehind struct {
	// attempts above the newest checkpoint's id are those of publishers that were
	// killed, or are at work right now.
	attempts []objstore.Info
	journals []objstore.Info
}

// leftBehind finds it, with one request however many attempts there have been.
func (p *Publisher) leftBehind(ctx context.Context, repo Repo, index manifest.Index) (found leftBehind, err error) {
	newest, ok := index.Newest()
	if !ok {
		newest.ID = manifest.MinID
	}
	for info, err := range p.Store.List(ctx, manifest.RepoPrefix(repo.Base), manifest.AttemptKey(repo.Base, newest.ID)) {
		switch {
		case err != nil:
			return found, err
		case strings.HasPrefix(info.Key, manifest.AttemptPrefix(repo.Base)):
			found.attempts = append(found.attempts, info)
		case strings.HasPrefix(info.Key, manifest.JournalPrefix(repo.Base)):
			found.journals = append(found.journals, info)
		}
	}
	return found, ctx.Err()
}

// attempts reads the attempts that were found. The ids in avoid are passed over.
func (p *Publisher) attempts(ctx context.Context, repo Repo, infos []objstore.Info, avoid map[manifest.ID]bool) []attempt {
	var found []attempt
	for _, info := range infos {
		id, err := manifest.ParseAttemptKey(repo.Base, info.Key)
		if err != nil || avoid[id] {
			continue // not ours to understand
		}
		a, err := p.readAttempt(ctx, info)
		if err != nil {
			p.Log.Warn("an attempt can't be read and is passed over", "key", info.Key, "error", err)
			continue
		}
		found = append(found, attempt{a, info.Modified})
	}
	return found
}

func (p *Publisher) readAttempt(ctx context.Context, info objstore.Info) (manifest.Attempt, error) {
	if info.Size > manifest.MaxAttempt {
		return manifest.Attempt{}, fmt.Errorf("it is larger than %d bytes", manifest.MaxAttempt)
	}
	r, err := p.Store.Open(ctx, info.Key, 0, objstore.Whole)
	if err != nil {
		return manifest.Attempt{}, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, manifest.MaxAttempt+1))
	if err != nil {
		return manifest.Attempt{}, err
	}
	return manifest.ParseAttempt(data)
}

// claim takes an id above the horizon for this publisher alone, and records in
// the same object what it is about to upload. Two publishers never share an id
// unless they publish the very same thing, and then share every byte of it.
func (p *Publisher) claim(ctx context.Context, repo Repo, horizon manifest.ID, at *manifest.ID, a manifest.Attempt) (manifest.ID, error) {
	if at != nil {
		if err := p.checkAt(*at, horizon); err != nil {
			return 0, err
		}
		a.ID = *at
		err := p.createAttempt(ctx, repo, a)
		if errors.Is(err, objstore.ErrDiffers) {
			return 0, fmt.Errorf("id %s is taken: %w: another publisher claimed it for other content", a.ID, ErrConflict)
		}
		return a.ID, err
	}
	for {
		now, err := p.afterHorizon(ctx, horizon)
		if err != nil {
			return 0, err
		}
		a.ID = now
		err = p.createAttempt(ctx, repo, a)
		if !errors.Is(err, objstore.ErrDiffers) {
			return a.ID, err
		}
		horizon = now // somebody else's second; take a later one
	}
}

func (p *Publisher) createAttempt(ctx context.Context, repo Repo, a manifest.Attempt) error {
	key := manifest.AttemptKey(repo.Base, a.ID)
	_, err := objstore.Put(ctx, p.Store, key, objstore.Bytes(a.Encode()), attributes(manifest.KindAttempt, ""))
	return err
}

func (p *Publisher) checkAt(at, horizon manifest.ID) error {
	switch now := p.Now(); {
	case at <= horizon:
		return fmt.Errorf("id %s: %w: it is not above the horizon %s", at, ErrBadID, horizon)
	case at.Time().After(now.Add(clockSlack)):
		return fmt.Errorf("id %s: %w: it lies in the future", at, ErrBadID)
	}
	return nil
}

// afterHorizon is the present second, which must lie above the horizon
// (invariant 3). It waits for a second to end where that is enough.
func (p *Publisher) afterHorizon(ctx context.Context, horizon manifest.ID) (manifest.ID, error) {
	for {
		now := p.Now()
		id := manifest.IDOf(now)
		if id > horizon {
			return id, nil
		}
		wait := (horizon + 1).Time().Sub(now)
		if wait > clockSlack+time.Second {
			return 0, fmt.Errorf("%w: it is %s, the horizon is %s", ErrClock, id, horizon)
		}
		if err := p.Sleep(ctx, wait); err != nil {
			return 0, err
		}
	}
}
