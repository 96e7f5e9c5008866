package retain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/reliance"
)

// FreeOptions choose what Free deletes.
type FreeOptions struct {
	IDs   []manifest.ID // of pruned checkpoints; none: all that were released
	Apply bool          // without it nothing is deleted
	// Grace is that of all others, as in CollectOptions: what they refer to stays.
	Grace time.Duration
	// Exclusive is the caller's promise that no publisher is at work, nor will be before Free
	// returns. Then no claim is in the way.
	Exclusive bool
}

// Freed is what Free did, or would do.
type Freed struct {
	Checkpoints []manifest.Tombstone // whose objects go
	Trees, Pool Collected            // what is deleted
	Shared      Collected            // blobs of them that stay, as others refer to them
	Left        Collected            // what stays for now, as a publisher may rely on it
	Open        []Claim              // what is in the way; with Apply it is an error
}

// Claim is an id that a publish has claimed, and may still commit.
type Claim struct {
	Repo  string      `json:"repo"`
	ID    manifest.ID `json:"id"`
	Until manifest.ID `json:"until"` // it can't be committed later
}

// ErrAtWork: publishers may be at work.
var ErrAtWork = errors.New("publishes are at work, or were killed")

// OpenClaimsError: publishers may be at work, which rely on what is to be deleted. It is an
// ErrAtWork.
type OpenClaimsError struct{ Open []Claim }

func (e *OpenClaimsError) Error() string {
	var list []string
	for _, c := range e.Open {
		list = append(list, fmt.Sprintf("%s %s (until %s)", c.Repo, c.ID, c.Until))
	}
	return ErrAtWork.Error() + ": " + strings.Join(list, ", ")
}

func (e *OpenClaimsError) Unwrap() error { return ErrAtWork }

// Hint says what the user can do.
func (e *OpenClaimsError) Hint() string {
	return "run it again when they are done; where one was killed, publish that repo first; --exclusive promises that none is at work"
}

// Errors of a choice of what to free.
var (
	// ErrListed: a checkpoint is not pruned.
	ErrListed = errors.New("it is listed")
	// ErrWaits: a pruned checkpoint was not released by the janitor.
	ErrWaits = errors.New("it was pruned, and nobody released it")
)

// freeing is what a collection may delete without a grace period.
type freeing struct {
	repo   manifest.Repo
	ids    map[manifest.ID]bool
	blobs  map[manifest.Digest]int64 // that they have in the pool, with their sizes
	before time.Time                 // by the store's clock: what was stored later stays
	lefts  Collected
}

// Free deletes what pruned checkpoints of a repo have and nothing else refers to, without
// waiting for the grace period: trees, and blobs in the pool. Manifests, which name files and
// hold none, stay for it; so a run that is killed, or leaves something, can be repeated.
//
// Publishers may be at work. If one has claimed an id that it may still commit, the error
// is an *OpenClaimsError, and nothing was deleted: see package reliance. A crash leaves less
// garbage, and a notice, which costs publishers some requests until Collect deletes it.
func Free(ctx context.Context, opts Options, repo manifest.Repo, what FreeOptions) (Freed, error) {
	opts = opts.complete()
	grace, err := graceOf(CollectOptions{Grace: what.Grace})
	if err != nil {
		return Freed{}, err
	}
	gc := &collector{Options: opts, ledger: opts.ledger(), apply: what.Apply, grace: grace, before: opts.Now().Add(-grace)}
	gc.free = &freeing{repo: repo, ids: map[manifest.ID]bool{}, blobs: map[manifest.Digest]int64{}, before: opts.Now()}
	var done Freed
	if done.Checkpoints, err = gc.choose(ctx, what.IDs); err != nil || len(done.Checkpoints) == 0 {
		return done, err
	}
	notice := ""
	if what.Apply {
		if notice, gc.free.before, err = reliance.GiveNotice(ctx, opts.Store, opts.Now(), gc.free.keys()); err != nil {
			return done, err
		}
	}
	if err := gc.mark(ctx); err != nil {
		return done, err
	}
	if !what.Exclusive {
		if done.Open, err = gc.openClaims(ctx); err != nil {
			return done, err
		}
	}
	if len(done.Open) > 0 && what.Apply {
		// Nothing was deleted, so nobody needs to heed the notice. It does no harm if it stays.
		if err := opts.Store.Delete(ctx, notice); err != nil {
			opts.Log.Debug("a notice stays", "key", notice, "error", err)
		}
		return done, &OpenClaimsError{done.Open}
	}
	err = gc.sweepFreed(ctx)
	done.Trees, done.Pool, done.Shared, done.Left = gc.trees, gc.pool, gc.free.shared(gc.blobs), gc.free.lefts
	done.Trees.Kind, done.Pool.Kind, done.Shared.Kind, done.Left.Kind = "tree files", "blobs", "shared blobs", "left"
	return done, err
}

// choose finds the checkpoints to free, and what they have.
func (gc *collector) choose(ctx context.Context, ids []manifest.ID) (chosen []manifest.Tombstone, err error) {
	repo := gc.free.repo
	held, known, err := heldOf(ctx, gc.Options, repo)
	if err != nil {
		return nil, err
	}
	var wrong []error
	for _, id := range ids {
		_, listed, err := known.index.Find(ctx, id)
		if err != nil {
			return nil, err
		}
		t, pruned, err := known.index.FindPruned(ctx, id)
		switch {
		case err != nil:
			return nil, err
		case listed:
			wrong = append(wrong, fmt.Errorf("checkpoint %s: %w", id, ErrListed))
		case slices.ContainsFunc(held, func(h Held) bool { return h.Checkpoint.ID == id }):
			wrong = append(wrong, fmt.Errorf("checkpoint %s: %w", id, ErrWaits))
		case !pruned:
			wrong = append(wrong, fmt.Errorf("checkpoint %s: %w", id, manifest.ErrNoCheckpoint))
		case !gc.free.ids[id]:
			gc.free.ids[id] = true
			chosen = append(chosen, t)
		}
	}
	if len(ids) == 0 {
		for part, err := range known.index.All(ctx) {
			if err != nil {
				return nil, err
			}
			for _, t := range part.Pruned {
				if !known.heldIDs[t.ID] && (known.hasTree(t.ID) || !known.since(t).Before(gc.before)) {
					gc.free.ids[t.ID] = true
					chosen = append(chosen, t)
				}
			}
		}
	}
	for _, t := range chosen {
		if err := gc.addBlobs(ctx, t); err != nil {
			wrong = append(wrong, err)
		}
	}
	return chosen, errors.Join(wrong...)
}

// addBlobs notes what a pruned checkpoint has in the pool. Where a manifest is gone, a
// collection has deleted the rest before.
func (gc *collector) addBlobs(ctx context.Context, t manifest.Tombstone) error {
	if t.Layout == manifest.Full {
		return nil // nothing
	}
	for _, name := range []manifest.Digest{t.Manifest, t.Pages} {
		m, err := catalog.Open(ctx, catalog.From(gc.Store), name)
		if errors.Is(err, objstore.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		for e, err := range m.Entries(ctx) {
			if err != nil {
				return err
			}
			if t.Layout.Pools(e.Path) {
				gc.free.blobs[e.SHA256] = e.Size
			}
		}
	}
	return nil
}

// keys are the keys for the notice: of the blobs, and of the trees as a whole.
func (f *freeing) keys() (keys []string) {
	for id := range f.ids {
		keys = append(keys, manifest.TreePrefix(f.repo.Base, id))
	}
	for d := range f.blobs {
		keys = append(keys, manifest.BlobKey(d))
	}
	return keys
}

// frees reports whether a pruned checkpoint of a repo is to be freed. One that is held by
// now is not.
func (gc *collector) frees(known *reckoning, id manifest.ID) bool {
	return gc.free != nil && known.repo.Base == gc.free.repo.Base && gc.free.ids[id] && !known.heldIDs[id]
}

// claimSlack is how much longer a claim counts than its owner goes by, whose clock is another.
const claimSlack = time.Hour

// openClaims returns the claims of all repos that may still be committed. It goes by the
// indexes as they were read: who commits later has claimed a later id.
func (gc *collector) openClaims(ctx context.Context) (open []Claim, err error) {
	for _, repo := range gc.repos {
		attempts, err := gc.attemptsOf(ctx, repo.Base)
		if err != nil {
			return nil, err
		}
		for id, info := range attempts {
			until := info.Modified.Add(reliance.Fresh + claimSlack)
			if id > repo.history.Index.Horizon && gc.Now().Before(until) {
				open = append(open, Claim{repo.Name, id, manifest.IDOf(until)})
			}
		}
	}
	slices.SortFunc(open, func(a, b Claim) int { return strings.Compare(a.Repo+a.ID.String(), b.Repo+b.ID.String()) })
	return open, nil
}

// sweepFreed deletes what is to be freed, after the notes are written.
func (gc *collector) sweepFreed(ctx context.Context) error {
	for _, repo := range gc.repos {
		if gc.apply {
			if err := repo.known.write(ctx); err != nil {
				return fmt.Errorf("repo %s: %w", repo.Name, err)
			}
		}
		if repo.Base != gc.free.repo.Base {
			continue
		}
		for id := range gc.free.ids {
			_, pruned, err := repo.history.FindPruned(ctx, id)
			if err != nil {
				return err
			}
			if !pruned || !gc.frees(repo.known, id) || repo.prepared[id] {
				continue // listed again meanwhile
			}
			if err := gc.sweepTree(ctx, repo.Base, id, func(objstore.Info) bool { return true }); err != nil {
				return err
			}
		}
	}
	return gc.sweep(ctx, manifest.BlobPrefix, &gc.pool, func(info objstore.Info) bool {
		d, err := manifest.ParseBlobKey(info.Key)
		if _, ours := gc.free.blobs[d]; err != nil || !ours || gc.blobs[d] {
			return false
		}
		if !info.Modified.Before(gc.free.before) {
			gc.left(info)
			return false
		}
		return true
	})
}

// left notes what should be freed and is not: the next run may.
func (gc *collector) left(objects ...objstore.Info) {
	if gc.free == nil {
		return
	}
	for _, info := range objects {
		gc.free.lefts.Objects++
		gc.free.lefts.Bytes += info.Size
	}
}

// shared counts the blobs that others refer to.
func (f *freeing) shared(marked map[manifest.Digest]bool) (c Collected) {
	for d, size := range f.blobs {
		if marked[d] {
			c.Objects++
			c.Bytes += size
		}
	}
	return c
}
