package publisher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/ledger"
	"github.com/asof/asof/publisher/reliance"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/revision"
)

// publication is one call of Publish, or one repo of PublishGroup.
type publication struct {
	*Publisher
	repo Repo
	opts PublishOptions

	past   *past       // what is published is a checkpoint of another repo; nil: upstream's state
	shared manifest.ID // the id that all repos of a group take; none without a group

	mine  []attempt            // attempts of this call that were overtaken
	avoid map[manifest.ID]bool // ids whose trees hold something else

	// Of the current run:
	began time.Time
	rely  *reliance.Reliance
	left  *leftBehind // nil: not looked for yet
	known *validators // nil: nothing captured yet
	shown ledger.Shown

	onlyModes int // how many files have other modes, where nothing else changed
}

func (p *Publisher) publication(repo Repo, opts PublishOptions) *publication {
	return &publication{Publisher: p, repo: repo, opts: opts, avoid: map[manifest.ID]bool{}}
}

// revision captures what is to be published.
func (p *publication) revision(ctx context.Context, index manifest.Index) (rev *revision.Revision, err error) {
	if p.opts.NoSync {
		rev, err = p.stagedRevision(ctx, p.repo, index, p.opts.Empty)
	} else {
		p.known = p.validators(p.repo.Repo)
		rev, err = p.capture(ctx, p.repo, index, p.known, p.opts.Force)
	}
	if err == nil && p.past != nil {
		rev.Missing, rev.HeldBack = p.past.receipt.Missing, p.past.receipt.HeldBack
	}
	if err != nil {
		return nil, err
	}
	if len(rev.Files) > 0 {
		return rev, nil
	}
	newest, _ := index.Newest()
	listing, ok := p.repo.Remote.(remote.Listing)
	switch {
	case !p.opts.Empty && newest.Files == 0: // where files get lost, compare decides
		rev.Close()
		return nil, ErrEmptyRevision
	case ok:
		rev.Close()
		return revision.New(listing.Empty(), rev.At)
	}
	return rev, nil
}

// unchanged makes the answer final up to now. It also finishes an earlier run
// that was killed after its commit.
func (p *publication) unchanged(ctx context.Context, current ledger.State, rev *revision.Revision) (Result, error) {
	newest, _ := current.Doc.Newest()
	for {
		now := manifest.IDOf(p.Now())
		horizon := current.Doc.Horizon
		to := now
		if p.opts.At.Valid() {
			to = min(now, p.opts.At) // a later checkpoint may still be published
		}
		if to <= horizon {
			break
		}
		next, err := current.Doc.MoveHorizon(to)
		if err != nil {
			return Result{}, err
		}
		swapped, err := p.ledger.Swap(ctx, p.repo.Repo, current, next)
		if err == nil {
			current = swapped
			break
		}
		if !errors.Is(err, objstore.ErrChanged) {
			return Result{}, err
		}
		if current, err = p.groups.look(ctx, p.repo.Repo); err != nil {
			return Result{}, err
		}
		if latest, _ := current.Doc.Newest(); latest != newest {
			return Result{}, fmt.Errorf("%w: the newest checkpoint is now %s", errOvertaken, latest.ID)
		}
	}
	result := Result{
		Repo: p.repo.Name, Base: p.repo.Base, Outcome: Unchanged,
		Checkpoint: newest, Horizon: current.Doc.Horizon, HeldBack: rev.HeldBack, Missing: rev.Missing,
	}
	if err := p.ledger.Follow(ctx, p.repo.Repo, p.shown, manifest.Index{}, current.Doc); err != nil {
		return result, err
	}
	p.keepValidators(ctx, rev)
	return result, p.ledger.Announce(ctx, ledger.Announcement{Repo: p.repo.Repo, Index: current.Doc, HorizonOnly: true})
}

// commit appends the checkpoint to the index, even to an index that another
// publisher has changed meanwhile. The id must still be above the horizon, and
// the newest checkpoint still the one that this one was compared with. After any
// other checkpoint, the receipt would be wrong about what changed and what came
// before. So the publish then starts again, and finds everything stored. It takes
// another id, because the tree's own pages contain the receipt.
func (p *publication) commit(ctx context.Context, current ledger.State, made built) (ledger.State, error) {
	previous, _ := current.Doc.Newest()
	c := made.Checkpoint
	for {
		next, err := current.Doc.AppendPast(c, p.past.pruned())
		if errors.Is(err, manifest.ErrBehind) {
			return current, fmt.Errorf("%w: the horizon is now %s", errOvertaken, current.Doc.Horizon)
		}
		if err != nil {
			return current, err
		}
		if next, err = p.ledger.Seal(ctx, next); err != nil {
			return current, p.heldUp(ctx, current, err)
		}
		if !p.fresh(made.claim.made) || !p.fresh(p.began) {
			return current, fmt.Errorf("%w: it took longer than %s", errOvertaken, reliance.Fresh)
		}
		swapped, err := p.ledger.Swap(ctx, p.repo.Repo, current, next)
		if !errors.Is(err, objstore.ErrChanged) {
			return swapped, err
		}
		if current, err = p.groups.look(ctx, p.repo.Repo); err != nil {
			return current, err
		}
		if newest, ok := current.Doc.Newest(); ok && newest.ID != previous.ID {
			if !p.opts.At.Valid() {
				p.avoid[c.ID] = true
			}
			return current, fmt.Errorf("%w: the newest checkpoint is now %s", errOvertaken, newest.ID)
		}
	}
}

// fresh reports whether objects stored since a moment can't be collected yet.
func (p *Publisher) fresh(since time.Time) bool { return reliance.IsFresh(p.Now(), since) }

// differs recognizes a tree with unexpected content: pages of a killed publish
// after which another checkpoint was added, or what another version of asof has
// left. The publish then takes another id.
func (p *publication) differs(err error, id manifest.ID) error {
	switch {
	case !errors.Is(err, objstore.ErrDiffers):
		return err
	case p.opts.At.Valid():
		return fmt.Errorf("id %s: %w: another publish has begun its tree: %w", id, ErrBadID, err)
	}
	p.avoid[id] = true
	return fmt.Errorf("%w: id %s: %w", errOvertaken, id, err)
}

// heldUp recognizes that what this run built on was pruned and collected: the run
// was held up for longer than the grace period.
func (p *publication) heldUp(ctx context.Context, current ledger.State, err error) error {
	if !errors.Is(err, objstore.ErrNotFound) {
		return err
	}
	if now, loadErr := p.ledger.Load(ctx, p.repo.Repo); loadErr == nil && now.Version != current.Version {
		return fmt.Errorf("%w: %w", errOvertaken, err)
	}
	return err
}

func find(entries []manifest.Entry, path string) (manifest.Entry, bool) {
	i, ok := slices.BinarySearchFunc(entries, path, func(e manifest.Entry, path string) int { return cmp.Compare(e.Path, path) })
	if !ok {
		return manifest.Entry{}, false
	}
	return entries[i], true
}
