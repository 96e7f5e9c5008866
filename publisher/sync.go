package publisher

import (
	"cmp"
	"context"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/reliance"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/revision"
	"github.com/asof/asof/publisher/transfer"
)

// SyncOptions choose what Sync fetches.
type SyncOptions struct {
	Shard       Shard // the zero value: everything
	AllowShrink bool  // as in PublishOptions
}

// SyncResult is what a sync did.
type SyncResult struct {
	Repo   string
	Staged *manifest.Staged // nil for a shard, which is not a revision
	Files  transfer.Stats
	// Changes are the changes since the newest checkpoint; none for a shard.
	Changes manifest.Changes

	HeldBack manifest.HeldBack
	Missing  []string // files that upstream lists and does not have
	Lost     []string // as in Result
}

// Sync captures the remote's state into a staged revision, which Publish with
// NoSync publishes. Content goes to the pool unless the newest checkpoint has it.
// Killed and run again, it does not repeat finished uploads.
//
// With a shard, only that part of the content goes to the pool, and nothing is
// staged. Any number of workers can fetch a part each; a later Publish finds
// everything there.
func (p *Publisher) Sync(ctx context.Context, repo Repo, opts SyncOptions) (result SyncResult, err error) {
	if err := repo.check(); err != nil {
		return SyncResult{}, err
	}
	err = p.untilDone(ctx, repo.Name, func() (err error) {
		result, err = p.sync(ctx, repo, opts)
		return err
	})
	return result, err
}

func (p *Publisher) sync(ctx context.Context, repo Repo, opts SyncOptions) (SyncResult, error) {
	current, err := p.ledger.Load(ctx, repo.Repo)
	if err != nil {
		return SyncResult{}, err
	}
	if err := cmp.Or(current.Doc.InUse(), p.ledger.CheckTime(current.Doc)); err != nil {
		return SyncResult{}, err
	}
	if current.Exists() {
		if err := p.ledger.CheckRegistered(ctx, repo.Repo); err != nil {
			return SyncResult{}, err
		}
	}
	rev, err := p.capture(ctx, repo, current.Doc, p.validators(repo.Repo), false)
	if err != nil {
		return SyncResult{}, err
	}
	defer rev.Close()
	if !current.Exists() {
		if err := p.ledger.Register(ctx, repo.Repo); err != nil {
			return SyncResult{}, err
		}
	}
	if rev, err = opts.Shard.of(rev); err != nil {
		return SyncResult{}, err
	}

	plan, prevRoot, err := p.compareWithNewest(ctx, repo.Base, current.Doc, filesOf, rev, false)
	if err != nil {
		return SyncResult{}, err
	}
	if opts.Shard.whole() {
		if err := repo.checkLoss(plan.Loss(), opts.AllowShrink); err != nil {
			return SyncResult{}, err
		}
	}
	plan.Dst = manifest.Place{}
	plan.Prev = manifest.Place{} // publishing will copy what is in the newest tree from there
	newest, _ := current.Doc.Newest()
	left, err := p.claims.leftBehind(ctx, repo.Base, newest.ID, nil)
	if err != nil {
		return SyncResult{}, err
	}
	if err := p.addSynced(ctx, repo.Base, left.journals, plan); err != nil {
		return SyncResult{}, err
	}
	if err := p.openJournal(ctx, repo.Base, opts.Shard.String(), rev, plan); err != nil {
		return SyncResult{}, err
	}
	result := SyncResult{Repo: repo.Name, HeldBack: rev.HeldBack, Missing: rev.Missing}
	if !newest.ID.Valid() {
		result.Lost = rev.Lost
	}
	// A staged revision is not a commit: publishing looks at every object again.
	rely := reliance.New(p.Store, p.Env)
	result.Files, err = p.transfer(ctx, transfer.Options{What: repo.Name + ": files", Kind: manifest.KindBlob, Rely: rely}, rev, plan)
	if err != nil {
		return SyncResult{}, moved(rev, err)
	}
	if !opts.Shard.whole() {
		return result, nil
	}
	root, err := rev.RootBehind(prevRoot)
	if err != nil {
		return SyncResult{}, err
	}
	if err := rev.PutManifest(ctx, rely, root, prevRoot); err != nil {
		return SyncResult{}, err
	}
	staged, err := p.stage(ctx, repo.Base, rev, root)
	result.Changes, result.Staged = plan.Changes, &staged
	return result, err
}

// openJournal records what the sync is about to put into the pool.
func (p *Publisher) openJournal(ctx context.Context, base, part string, rev *revision.Revision, plan *transfer.Plan) error {
	_, err := catalog.Journal(base, part).Change(ctx, p.Store, func(earlier catalog.State[manifest.Attempt]) (manifest.Attempt, bool, error) {
		plan.AddJournal(earlier.Doc.Files)
		uploads := plan.Uploads(rev.Entries)
		return manifest.Attempt{ID: rev.At, Content: rev.Root.Content, Layout: manifest.Thin, Files: uploads}, len(uploads) > 0, nil
	})
	return err
}

// addSynced adds to the plan what syncs have put into the pool, from their
// journals.
func (p *Publisher) addSynced(ctx context.Context, base string, parts []string, plan *transfer.Plan) error {
	for _, part := range parts {
		journal, err := catalog.Journal(base, part).Load(ctx, p.Store)
		if err != nil {
			return err
		}
		plan.AddJournal(journal.Doc.Files)
	}
	return nil
}

func entriesOf(files []remote.File) []manifest.Entry {
	list := make([]manifest.Entry, len(files))
	for i, f := range files {
		list[i] = manifest.Entry{Path: f.Path, Size: f.Size, SHA256: f.SHA256}
	}
	return list
}
