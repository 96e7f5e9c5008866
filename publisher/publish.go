package publisher

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/ledger"
	"github.com/asof/asof/publisher/reliance"
	"github.com/asof/asof/publisher/revision"
	"github.com/asof/asof/publisher/transfer"
)

// PublishOptions choose what Publish publishes.
type PublishOptions struct {
	NoSync bool // publish what Sync staged instead of syncing
	Empty  bool // allow an empty revision, also of a repo never synced
	// AllowShrink accepts a revision that lacks more files of the newest checkpoint
	// than [Repo.MaxRemoved], or all.
	AllowShrink bool
	// Force adds a checkpoint even if nothing changed, and takes nothing in the
	// store on trust: it looks at every object once, stores what is missing, and
	// does without a list of the newest checkpoint that is missing or damaged.
	Force bool
	At    manifest.ID // the new checkpoint's id, or how far the horizon moves; none: now
}

// Outcome is the outcome of a publish.
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
	Files      transfer.Stats
	Pages      transfer.Stats
	HeldBack   manifest.HeldBack
	Missing    []string // files that upstream lists and does not have
	Lost       []string // what upstream has and no checkpoint keeps; told with a repo's first
	// OnlyModes counts the files that became executable, or no longer are, where nothing
	// else changed.
	OnlyModes int
}

// maxOvertaken is how often a publish starts again because others were faster.
const maxOvertaken = 20

// Publish makes the repo's newest checkpoint hold the current state of its
// remote. It may be killed at any moment: until the index is swapped, everything
// old stays valid and nothing new is visible. Run again, it finishes.
func (p *Publisher) Publish(ctx context.Context, repo Repo, opts PublishOptions) (Result, error) {
	if err := repo.check(); err != nil {
		return Result{}, err
	}
	job := p.publication(repo, opts)
	var result Result
	err := p.untilDone(ctx, repo.Name, func() (err error) {
		result, err = job.run(ctx)
		return err
	})
	return result, err
}

// untilDone repeats a publish or a sync that was overtaken, whose upstream
// changed, or that now leaves out files that upstream does not have.
func (p *Publisher) untilDone(ctx context.Context, what string, run func() error) error {
	for range maxOvertaken {
		err := p.untilSettled(ctx, run)
		if !mustStartAgain(err) {
			return err
		}
		p.Log.Info("starting again", "repo", what, "reason", err)
	}
	return fmt.Errorf("%w: other publishers were faster %d times", ErrConflict, maxOvertaken)
}

func (p *publication) run(ctx context.Context) (Result, error) {
	// 1. Read the index. 2. Sync: capture the remote's state. Up to here nothing is
	//    written: a clock may turn out to be wrong. Then a new repo is registered: before
	//    it has an index, so that a resolver can find every index.
	//    A crash leaves: at most a registered repo without checkpoints.
	current, rev, err := p.begin(ctx)
	if err != nil {
		return Result{}, err
	}
	defer rev.Close()

	// 3. The same content as the newest checkpoint: move the horizon, done.
	changed, err := p.changed(ctx, current, rev)
	if err != nil {
		return Result{}, err
	}
	if !changed {
		return p.unchanged(ctx, current, rev)
	}

	// 4 to 7. Everything but the index. A crash leaves: a tree, whole or in part,
	//    that no index names.
	against, err := p.compare(ctx, current, rev)
	if err != nil {
		return Result{}, err
	}
	made, err := p.build(ctx, current, rev, against)
	if err != nil {
		return Result{}, err
	}

	// 8. Swap the index: the commit. Now and then, old entries are sealed into a
	//    segment first. A crash before the swap leaves: the old state, and maybe a
	//    segment that no index names. A crash after it: the new state.
	committed, err := p.commit(ctx, current, made)
	if err != nil {
		return Result{}, err
	}
	made.Horizon = committed.Doc.Horizon

	// 9. Record the index, rewrite the list of checkpoints, and announce the change.
	//    A crash leaves: a list, or copies, without the newest checkpoint. The next
	//    command on the repo mends that, even if it changes nothing else.
	if err := p.ledger.Follow(ctx, p.repo.Repo, p.shown, current.Doc, committed.Doc); err != nil {
		return made.Result, err
	}
	p.keepValidators(ctx, rev)
	return made.Result, p.ledger.Announce(ctx, ledger.Announcement{Repo: p.repo.Repo, Index: committed.Doc})
}

// begin does steps 1 and 2.
func (p *publication) begin(ctx context.Context) (ledger.State, *revision.Revision, error) {
	p.began, p.rely, p.left, p.known = p.Now(), reliance.New(p.Store, p.Env), nil, nil
	p.onlyModes = 0
	p.rely.Doubt = p.opts.Force
	current, err := p.groups.look(ctx, p.repo.Repo)
	if err != nil {
		return current, nil, err
	}
	if err := cmp.Or(current.Doc.InUse(), p.checkTime(current.Doc)); err != nil {
		return current, nil, err
	}
	if current.Exists() {
		if err := p.ledger.CheckRegistered(ctx, p.repo.Repo); err != nil {
			return current, nil, err
		}
	}
	if p.shown, err = p.ledger.Shown(ctx, p.repo.Repo); err != nil {
		return current, nil, err
	}
	if err := p.ledger.CheckCurrent(ctx, p.repo.Repo, p.shown, current.Doc); err != nil {
		return current, nil, err
	}
	rev, err := p.revision(ctx, current.Doc)
	if err != nil {
		return current, nil, err
	}
	if current.Exists() {
		current, err = p.setGrace(ctx, current)
	} else {
		err = p.ledger.Register(ctx, p.repo.Repo)
	}
	if err != nil {
		rev.Close()
		return current, nil, err
	}
	return current, rev, nil
}

// checkTime checks the id that the caller asks for, or the clock that gives one,
// before anything is read from upstream.
func (p *publication) checkTime(index manifest.Index) error {
	if at := p.opts.At; at.Valid() {
		return p.claims.checkAt(at, index.Horizon)
	}
	return p.ledger.CheckTime(index)
}

// setGrace makes the index say what the repo's grace is. A repo without an index waits
// for its second publish: before that nothing has moved.
func (p *publication) setGrace(ctx context.Context, current ledger.State) (ledger.State, error) {
	next, err := current.Doc.SetGrace(p.repo.Grace)
	if err != nil || next.Generation == current.Doc.Generation {
		return current, err
	}
	swapped, err := p.ledger.Swap(ctx, p.repo.Repo, current, next)
	if errors.Is(err, objstore.ErrChanged) {
		err = fmt.Errorf("%w: the index changed before it got a new grace", errOvertaken)
	}
	return swapped, err
}

// changed reports whether the revision makes a checkpoint: its content is another one, or
// other files are executable.
func (p *publication) changed(ctx context.Context, current ledger.State, rev *revision.Revision) (bool, error) {
	newest, ok := current.Doc.Newest()
	if !ok || newest.Content != rev.Root.Content || p.opts.Force || p.past != nil {
		return true, nil
	}
	differing, err := p.otherModes(ctx, p.repo.Base, newest, rev.Modes)
	p.onlyModes = len(differing)
	return len(differing) > 0, err
}

// otherModes returns the files that are executable in only one of a checkpoint and a
// capture. It reads nothing if the capture does not know modes.
func (p *Publisher) otherModes(ctx context.Context, base string, c manifest.Checkpoint, now *manifest.Modes) ([]string, error) {
	if now == nil {
		return nil, nil
	}
	before, err := catalog.Modes(ctx, catalog.From(p.Store), base, c)
	return now.Differing(before), damaged(c, err)
}

// built is a checkpoint that is in the store, except for its index entry.
type built struct {
	Result
	claim attempt
}

// compared is a revision beside the newest checkpoint.
type compared struct {
	plan *transfer.Plan
	prev manifest.Root // of the newest checkpoint's files
}

// compare begins step 4, up to where it writes: it compares a revision with the newest
// checkpoint, and refuses one that lacks too much of it.
func (p *publication) compare(ctx context.Context, current ledger.State, rev *revision.Revision) (c compared, err error) {
	if c.plan, c.prev, err = p.compareWithNewest(ctx, p.repo.Base, current.Doc, filesOf, rev, p.opts.Force); err != nil {
		return c, p.heldUp(ctx, current, err)
	}
	return c, p.repo.checkLoss(c.plan.Loss(), p.opts.AllowShrink)
}

// build does steps 4 to 7.
func (p *publication) build(ctx context.Context, current ledger.State, rev *revision.Revision, against compared) (built, error) {
	// 4. Take the id. Only publishers of this very content write below it.
	//    A crash leaves: an attempt, by which the next run finds what 5 stored.
	plan, prevRoot := against.plan, against.prev
	claim, err := p.takeID(ctx, current.Doc, rev, plan)
	if err != nil {
		return built{}, err
	}
	id := claim.ID
	p.Log.Info("publishing", "repo", p.repo.Name, "id", id, "layout", p.repo.layout())

	// 5. Write the blobs or the tree's files. A crash leaves: a part of them,
	//    below an id that no index names.
	result := Result{Repo: p.repo.Name, Base: p.repo.Base, Outcome: Published, HeldBack: rev.HeldBack, Missing: rev.Missing, OnlyModes: p.onlyModes}
	if _, published := current.Doc.Newest(); !published {
		result.Lost = rev.Lost
	}
	result.Files, err = p.transfer(ctx, transfer.Options{What: p.repo.Name + ": files", Kind: manifest.KindFile, Rely: p.rely}, rev, plan)
	if err != nil {
		return built{}, p.differs(moved(rev, err), id)
	}
	for i := range rev.Entries {
		if !rev.Entries[i].Modified.Valid() {
			rev.Entries[i].Modified = id // unknown; never later than this
		}
	}

	// 6. Write the pages. One of them names the manifest of the files.
	//    A crash leaves: as after 5.
	root, err := rev.RootBehind(prevRoot)
	if err != nil {
		return built{}, err
	}
	receipt := newReceipt(p.repo.Repo, current.Doc, root, plan)
	receipt.Missing, receipt.HeldBack = listedMissing(rev), rev.HeldBack
	pages, err := p.writePages(ctx, current.Doc, rev, plan, receipt)
	if err != nil {
		return built{}, p.heldUp(ctx, current, p.differs(err, id))
	}
	result.Pages = pages.stats

	// 7. Write the manifests, one object each. A crash leaves: a whole tree that
	//    no index names.
	if err := rev.PutManifest(ctx, p.rely, root, prevRoot); err != nil {
		return built{}, err
	}
	pagesRoot, err := pages.rev.RootBehind(pages.prev)
	if err != nil {
		return built{}, err
	}
	if err := pages.rev.PutManifest(ctx, p.rely, pagesRoot, pages.prev); err != nil {
		return built{}, err
	}
	_, usage := find(pages.rev.Entries, manifest.UsagePath)
	result.Checkpoint = receipt.Checkpoint(pagesRoot.Name, usage)

	// From here on, whatever the run relied on must stay, even if a collection
	// takes it for garbage.
	return built{result, claim}, p.rely.Settle(ctx)
}

// listedMissing returns the missing files that documents have room for.
func listedMissing(rev *revision.Revision) []string {
	return rev.Missing[:min(len(rev.Missing), manifest.MaxListedMissing)]
}
