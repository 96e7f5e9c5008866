package publisher

import (
	"context"
	"errors"
	"fmt"

	"github.com/asof/asof/manifest"
)

// PublishOptions choose what Publish publishes.
type PublishOptions struct {
	NoSync bool         // publish what Sync staged instead of syncing
	Empty  bool         // an empty revision is meant, also of a repo never synced
	Force  bool         // add a checkpoint although nothing changed
	At     *manifest.ID // the new checkpoint's id, or how far the horizon moves; nil: now
}

// Outcome says what a publish came to.
type Outcome string

const (
	Published Outcome = "published" // a checkpoint was added
	Unchanged Outcome = "unchanged" // the newest checkpoint is still right
)

// Result is what a publish did.
type Result struct {
	Repo       string
	Base       string
	Outcome    Outcome
	Checkpoint manifest.Checkpoint // the new one, or the newest
	Horizon    manifest.ID
	Files      Stats
	Pages      Stats
	HeldBack   HeldBack
}

// maxOvertaken is how often a publish starts again because others were faster.
const maxOvertaken = 20

// Publish makes the repo's newest checkpoint hold the present state of its
// remote. It may be killed at any moment: until the index is swapped, all that
// was there stays valid and nothing new is visible; run again, it finishes.
func (p *Publisher) Publish(ctx context.Context, repo Repo, opts PublishOptions) (Result, error) {
	if err := repo.check(); err != nil {
		return Result{}, err
	}
	job := publication{Publisher: p, repo: repo, opts: opts, avoid: map[manifest.ID]bool{}}
	for range maxOvertaken {
		var result Result
		err := p.untilSettled(ctx, func() (err error) {
			result, err = job.run(ctx)
			return err
		})
		if !errors.Is(err, errOvertaken) {
			return result, err
		}
		p.Log.Info("starting again", "repo", repo.Name, "reason", err)
	}
	return Result{}, fmt.Errorf("%w: other publishers were faster %d times", ErrConflict, maxOvertaken)
}

func (p *publication) run(ctx context.Context) (Result, error) {
	// 1. Read the index. A new repo is registered before it has one, so that
	//    whatever an index names a resolver can find.
	//    A crash leaves: at most a registered repo without checkpoints.
	// 2. Sync: capture the remote's state. A crash leaves: nothing new.
	current, rev, err := p.begin(ctx)
	if err != nil {
		return Result{}, err
	}
	defer rev.Close()

	// 3. The same content as the newest checkpoint: move the horizon, done.
	if !p.changed(current, rev) {
		result, err := p.unchanged(ctx, current)
		result.HeldBack = rev.held
		return result, err
	}

	// 4 to 7. Everything but the index. A crash leaves: a tree, a part of it or
	//    all, that no index names.
	made, err := p.build(ctx, current, rev)
	if err != nil {
		return Result{}, err
	}

	// 8. Swap the index: the commit. Once in a while old entries are sealed into
	//    a segment first. A crash before leaves the old state, and maybe a segment
	//    that no index names; a crash after it the new one.
	list, err := p.loadList(ctx, p.repo)
	if err != nil {
		return Result{}, err
	}
	current, err = p.commit(ctx, current, made.Checkpoint, made.claim)
	if err != nil {
		return Result{}, err
	}
	made.Horizon = current.index.Horizon

	// 9. Rewrite the list of checkpoints, and tell who keeps copies. A crash
	//    leaves: a list, or copies, without the newest one until the next
	//    publish, changed or not.
	if err := p.updateList(ctx, p.repo, list, current.index); err != nil {
		return made.Result, err
	}
	return made.Result, p.tell(ctx, Change{p.repo.registered(), current.index, false})
}

// begin does steps 1 and 2, and if a checkpoint will come of it, looks for what
// others have left behind.
func (p *publication) begin(ctx context.Context) (state, *revision, error) {
	p.began, p.rely = p.Now(), p.newReliance()
	current, err := p.look(ctx, p.repo)
	if err != nil {
		return state{}, nil, err
	}
	if current.index.Generation == 0 {
		if err := p.checkNeverPublished(ctx, p.repo); err != nil {
			return state{}, nil, err
		}
		if err := p.register(ctx, p.repo); err != nil {
			return state{}, nil, err
		}
	}
	rev, err := p.revision(ctx, current.index)
	if err != nil || !p.changed(current, rev) {
		return current, rev, err
	}
	if current.left, err = p.leftBehind(ctx, p.repo, current.index); err != nil {
		rev.Close()
	}
	return current, rev, err
}

// changed reports whether the revision makes a checkpoint.
func (p *publication) changed(current state, rev *revision) bool {
	newest, ok := current.index.Newest()
	return !ok || newest.Content != rev.root.Content || p.opts.Force
}

// built is a checkpoint of which all but the index entry is in the store.
type built struct {
	Result
	claim attempt
}

// build does steps 4 to 7.
func (p *publication) build(ctx context.Context, current state, rev *revision) (built, error) {
	// 4. Take the id. Only publishers of this very content write below it.
	//    A crash leaves: an attempt, by which the next run finds what 5 stored.
	plan, prevRoot, err := p.compareWithNewest(ctx, p.repo, current.index, rev)
	if err != nil {
		return built{}, p.heldUp(ctx, current, err)
	}
	claim, err := p.takeID(ctx, current, rev, plan)
	if err != nil {
		return built{}, err
	}
	id := claim.ID
	p.Log.Info("publishing", "repo", p.repo.Name, "id", id, "layout", p.repo.layout())

	// 5. Write the blobs or the tree's files. A crash leaves: a part of them,
	//    below an id that no index names.
	result := Result{Repo: p.repo.Name, Base: p.repo.Base, Outcome: Published, HeldBack: rev.held}
	if result.Files, err = p.transfer(ctx, p.repo.Name+": files", p.rely, rev, plan, manifest.KindFile); err != nil {
		return built{}, p.differs(rev.moved(err), id)
	}
	for i := range rev.entries {
		if rev.entries[i].Modified == manifest.NoTime {
			rev.entries[i].Modified = id // nobody knows; never later than this
		}
	}

	// 6. Write the listing pages, one of which names the manifest of the files.
	//    A crash leaves: as after 5.
	root, err := rootBehind(prevRoot, rev.entries)
	if err != nil {
		return built{}, err
	}
	receipt := p.receipt(current.index, root, plan)
	pages, prevPages, err := p.writePages(ctx, current.index, rev, plan, receipt, &result)
	if err != nil {
		return built{}, p.heldUp(ctx, current, p.differs(err, id))
	}

	// 7. Write the manifests, one object each. A crash leaves: a whole tree that
	//    no index names.
	if err := p.writeManifest(ctx, p.rely, root, rev.entries, prevRoot); err != nil {
		return built{}, err
	}
	pagesRoot, err := rootBehind(prevPages, pages.entries)
	if err != nil {
		return built{}, err
	}
	if err := p.writeManifest(ctx, p.rely, pagesRoot, pages.entries, prevPages); err != nil {
		return built{}, err
	}
	_, usage := find(pages.entries, manifest.UsagePath)
	result.Checkpoint = receipt.Checkpoint(pagesRoot.Name, usage)

	// What was met, and may be garbage to a collection, must stay from here on.
	return built{result, claim}, p.settle(ctx, p.rely)
}
