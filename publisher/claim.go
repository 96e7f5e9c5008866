package publisher

import (
	"cmp"
	"context"
	"slices"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/revision"
	"github.com/asof/asof/publisher/transfer"
)

// leftBehind is what others have left of their work on the repo. It looks once per
// run.
func (p *publication) leftBehind(ctx context.Context, index manifest.Index) (leftBehind, error) {
	if p.left != nil {
		return *p.left, nil
	}
	newest, _ := index.Newest()
	found, err := p.claims.leftBehind(ctx, p.repo.Base, newest.ID, p.avoid)
	if err == nil {
		p.left = &found
	}
	return found, err
}

// takeID gives the plan its place: below the id of a killed attempt at publishing
// this very revision, or below a new id. It adds to the plan what attempts and
// syncs have left in the store.
func (p *publication) takeID(ctx context.Context, index manifest.Index, rev *revision.Revision, plan *transfer.Plan) (claimed attempt, err error) {
	left, err := p.leftBehind(ctx, index)
	if err != nil {
		return attempt{}, err
	}
	plan.Dst = manifest.Place{Base: p.repo.Base, Layout: p.repo.layout()}
	claimed = attempt{manifest.Attempt{Content: rev.Root.Content, Layout: plan.Dst.Layout}, p.Now()}
	if staged, ok := rev.Capture.(*stagedCapture); ok {
		plan.AddJournal(entriesOf(staged.files))
	} else if err := p.addSynced(ctx, p.repo.Base, left.journals, plan); err != nil {
		return attempt{}, err
	}
	if p.past != nil {
		place := p.past.checkpoint.Place(p.past.base)
		plan.AddTree(place, rev.Entries)
		for _, e := range rev.Entries {
			if place.Pools(e.Path) {
				p.rely.OnUnseen(place.Key(e.Path, e.SHA256)) // it may be dropped meanwhile
			}
		}
	}
	claimed.Files = plan.Uploads(rev.Entries)
	for _, a := range slices.Concat(left.attempts, p.mine) {
		if err := plan.AddAttempt(ctx, p.Store, p.repo.Base, a.Attempt); err != nil {
			return attempt{}, err
		}
	}
	at := cmp.Or(p.shared, p.opts.At)
	resumable := slices.IndexFunc(left.attempts, func(a attempt) bool {
		return p.mayResume(a, rev, plan.Dst.Layout) && a.ID > index.Horizon && (!at.Valid() || at == a.ID)
	})
	if resumable >= 0 {
		claimed = left.attempts[resumable]
		p.Log.Info("resuming an unfinished publish", "repo", p.repo.Name, "id", claimed.ID)
	} else {
		above := index.Horizon
		if !at.Valid() {
			for id := range p.avoid {
				above = max(above, id)
			}
		}
		if claimed.ID, err = p.claims.claim(ctx, p.repo.Base, above, at, claimed.Attempt); err != nil {
			return attempt{}, err
		}
	}
	plan.Dst.ID = claimed.ID
	if plan.Dst.Layout == manifest.Full && (resumable >= 0 || plan.Copies(rev.Entries)) {
		if err := p.lookAround(ctx, plan, claimed, resumable >= 0); err != nil {
			return attempt{}, err
		}
	}
	p.mine = append(p.mine, claimed)
	return claimed, nil
}

// lookAround lists the claimed tree. A resumed tree holds only what its claim
// announces. A new one is empty, and from now on only this very content is
// written there. If a new tree is not empty, nobody knows why, so every file in
// it is checked before it is used.
func (p *publication) lookAround(ctx context.Context, plan *transfer.Plan, claimed attempt, resumed bool) error {
	there, err := transfer.TreePaths(ctx, p.Store, p.repo.Base, claimed.ID)
	if err != nil {
		return err
	}
	if resumed {
		plan.Present = there
	}
	if resumed || len(there) == 0 {
		plan.Claimed = claimed.made
	}
	return nil
}
