package publisher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// publication is one call of Publish.
type publication struct {
	*Publisher
	repo Repo
	opts PublishOptions

	group *manifest.ID // the id that all repos of a group take; nil: there is no group

	mine  []attempt            // attempts of this call that were overtaken
	avoid map[manifest.ID]bool // ids whose trees hold something else
	began time.Time            // of the present run
	rely  *reliance            // of the present run
}

// revision captures what is to be published.
func (p *publication) revision(ctx context.Context, index manifest.Index) (rev *revision, err error) {
	if p.opts.NoSync {
		rev, err = p.stagedRevision(ctx, p.repo, index, p.opts.Empty)
	} else {
		rev, err = p.capture(ctx, p.repo, index)
	}
	if err != nil {
		return nil, err
	}
	if len(rev.files) == 0 && !p.opts.Empty {
		rev.Close()
		return nil, ErrEmptyRevision
	}
	return rev, nil
}

// unchanged makes the answer final up to now, and the list right if an earlier
// run was killed before it got to it.
func (p *publication) unchanged(ctx context.Context, current state) (Result, error) {
	newest, _ := current.index.Newest()
	for {
		now := manifest.IDOf(p.Now())
		horizon := current.index.Horizon
		if horizon.Time().Sub(now.Time()) > clockSlack {
			return Result{}, fmt.Errorf("%w: it is %s, the horizon is %s", ErrClock, now, horizon)
		}
		to := now
		if p.opts.At != nil {
			to = min(now, *p.opts.At) // what came later may still be published
		}
		if to <= horizon {
			break
		}
		next, err := current.index.MoveHorizon(to)
		if err != nil {
			return Result{}, err
		}
		swapped, err := p.swapIndex(ctx, p.repo, current, next)
		if err == nil {
			current = swapped
			break
		}
		if !errors.Is(err, objstore.ErrChanged) {
			return Result{}, err
		}
		if current, err = p.look(ctx, p.repo); err != nil {
			return Result{}, err
		}
		if latest, _ := current.index.Newest(); latest != newest {
			return Result{}, fmt.Errorf("%w: the newest checkpoint is now %s", errOvertaken, latest.ID)
		}
	}
	result := Result{Repo: p.repo.Name, Base: p.repo.Base, Outcome: Unchanged, Checkpoint: newest, Horizon: current.index.Horizon}
	return result, p.makeKnown(ctx, p.repo, current.index, true)
}

// compareWithNewest plans the transfer by what the newest checkpoint holds, and
// returns that one's root.
func (p *Publisher) compareWithNewest(ctx context.Context, repo Repo, index manifest.Index, rev *revision) (*placement, manifest.Root, error) {
	newest, ok := index.Newest()
	if !ok {
		plan, err := compare(rev.entries, place{}, new(catalog.Manifest).Entries(ctx))
		return plan, manifest.Root{}, err
	}
	m, err := catalog.Open(ctx, catalog.From(p.Store), newest.Manifest)
	if err != nil {
		return nil, manifest.Root{}, err
	}
	plan, err := compare(rev.entries, place{repo.Base, newest.ID, newest.Layout}, m.Entries(ctx))
	return plan, m.Root, err
}

// takeID gives the plan its place: below the id of an attempt that was killed
// while it published this very revision, or below a new one. It adds to the
// plan what attempts and syncs have left in the store.
func (p *publication) takeID(ctx context.Context, current state, rev *revision, plan *placement) (claimed attempt, err error) {
	plan.dst = place{p.repo.Base, 0, p.repo.layout()}
	claimed = attempt{manifest.Attempt{Content: rev.root.Content, Layout: plan.dst.layout}, p.Now()}
	if staged, ok := rev.Capture.(*stagedCapture); ok {
		plan.addJournal(entriesOf(staged.files))
	} else if err := p.addSynced(ctx, current.left.journals, plan); err != nil {
		return attempt{}, err
	}
	claimed.Files = plan.uploads(rev.entries)
	left := p.attempts(ctx, p.repo, current.left.attempts, p.avoid)
	if err := ctx.Err(); err != nil {
		return attempt{}, err
	}
	for _, a := range slices.Concat(left, p.mine) {
		if err := p.addAttempt(ctx, plan, p.repo.Base, a.Attempt); err != nil {
			return attempt{}, err
		}
	}
	at := cmp.Or(p.group, p.opts.At)
	resumable := slices.IndexFunc(left, func(a attempt) bool {
		return a.isFor(rev, plan.dst.layout) && a.ID > current.index.Horizon && (at == nil || *at == a.ID) && p.fresh(a.made)
	})
	if resumable >= 0 {
		claimed = left[resumable]
		p.Log.Info("resuming an unfinished publish", "repo", p.repo.Name, "id", claimed.ID)
	} else {
		above := current.index.Horizon
		if at == nil {
			for id := range p.avoid {
				above = max(above, id)
			}
		}
		if claimed.ID, err = p.claim(ctx, p.repo, above, at, claimed.Attempt); err != nil {
			return attempt{}, err
		}
	}
	plan.dst.id = claimed.ID
	if plan.dst.layout == manifest.Full && (resumable >= 0 || plan.copies(rev.entries)) {
		if err := p.lookAround(ctx, plan, claimed, resumable >= 0); err != nil {
			return attempt{}, err
		}
	}
	p.mine = append(p.mine, claimed)
	return claimed, nil
}

// lookAround lists the claimed tree. One that is resumed holds nothing but what
// its claim announces; a new one, nothing at all, and whoever writes there from
// now on publishes this very content. What stands in a new one all the same is
// not understood, and so every file is met with a look.
func (p *publication) lookAround(ctx context.Context, plan *placement, claimed attempt, resumed bool) error {
	there, err := p.treePaths(ctx, p.repo.Base, claimed.ID)
	if err != nil {
		return err
	}
	if resumed {
		plan.present = there
	}
	if resumed || len(there) == 0 {
		plan.claimed = claimed.made
	}
	return nil
}

// fresh reports whether what was stored since a moment can't be collected yet.
func (p *Publisher) fresh(since time.Time) bool { return p.Now().Sub(since) < freshAge }

// writePages stores the listing pages of the tree and returns them with the
// root of the newest checkpoint's pages.
func (p *publication) writePages(ctx context.Context, index manifest.Index, files *revision, plan *placement, receipt manifest.Receipt, result *Result) (*revision, manifest.Root, error) {
	prev := new(catalog.Manifest)
	own, err := p.generate(ctx, files, plan.dst, receipt)
	if err != nil {
		return nil, prev.Root, err
	}
	rendered, err := newPages(files.entries, own)
	if err != nil {
		return nil, prev.Root, err
	}
	rev, err := newRevision(rendered, files.at)
	if err != nil {
		return nil, prev.Root, err
	}
	if newest, ok := index.Newest(); ok {
		if prev, err = catalog.Open(ctx, catalog.From(p.Store), newest.Pages); err != nil {
			return nil, manifest.Root{}, err
		}
	}
	pagePlan, err := compare(rev.entries, plan.prev, prev.Entries(ctx))
	if err != nil {
		return nil, prev.Root, err
	}
	// Pages show times, and two runs for the same content may carry over times
	// from different checkpoints. So in a tree that is taken over no page is
	// taken for granted: a different one is met as such.
	pagePlan.dst = plan.dst
	if result.Pages, err = p.transfer(ctx, p.repo.Name+": pages", p.rely, rev, pagePlan, manifest.KindPage); err != nil {
		return nil, prev.Root, err
	}
	if p.repo.SlashPages && plan.dst.layout == manifest.Full {
		err = p.slashPages(ctx, plan.dst, rev.entries)
	}
	return rev, prev.Root, err
}

// commit appends the checkpoint to the index, also to one that another publisher
// moved on meanwhile, as long as the id is still above its horizon and the newest
// checkpoint is the one that this was compared with. Behind another it would not
// be what it says of itself: what changed, and what came before. So it starts
// again, and finds everything stored; its id is left, as the tree's own pages say
// the same.
func (p *publication) commit(ctx context.Context, current state, c manifest.Checkpoint, claim attempt) (state, error) {
	previous, _ := current.index.Newest()
	for {
		next, err := current.index.Append(c)
		if errors.Is(err, manifest.ErrBehind) {
			return state{}, fmt.Errorf("%w: the horizon is now %s", errOvertaken, current.index.Horizon)
		}
		if err != nil {
			return state{}, err
		}
		if next, err = p.seal(ctx, next); err != nil {
			return state{}, p.heldUp(ctx, current, err)
		}
		if !p.fresh(claim.made) || !p.fresh(p.began) {
			return state{}, fmt.Errorf("%w: it took longer than %s", errOvertaken, freshAge)
		}
		swapped, err := p.swapIndex(ctx, p.repo, current, next)
		if !errors.Is(err, objstore.ErrChanged) {
			return swapped, err
		}
		if current, err = p.look(ctx, p.repo); err != nil {
			return state{}, err
		}
		if newest, ok := current.index.Newest(); ok && newest.ID != previous.ID {
			if p.opts.At == nil {
				p.avoid[c.ID] = true
			}
			return state{}, fmt.Errorf("%w: the newest checkpoint is now %s", errOvertaken, newest.ID)
		}
	}
}

// differs recognizes a tree in which something else stands than was meant: pages of
// a publish that was killed and behind which another checkpoint was added, or the
// remains of another version of asof. Another id is taken.
func (p *publication) differs(err error, id manifest.ID) error {
	switch {
	case !errors.Is(err, objstore.ErrDiffers):
		return err
	case p.opts.At != nil:
		return fmt.Errorf("id %s: %w: another publish has begun its tree: %w", id, ErrBadID, err)
	}
	p.avoid[id] = true
	return fmt.Errorf("%w: id %s: %w", errOvertaken, id, err)
}

// heldUp recognizes that what this run built on is gone because it was pruned
// and collected: the run was held up for longer than the grace period.
func (p *publication) heldUp(ctx context.Context, current state, err error) error {
	if !errors.Is(err, objstore.ErrNotFound) {
		return err
	}
	if now, loadErr := p.loadIndex(ctx, p.repo); loadErr == nil && now.version != current.version {
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
