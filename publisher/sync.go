package publisher

import (
	"context"
	"errors"
	"fmt"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// SyncOptions choose what Sync fetches.
type SyncOptions struct {
	Shard Shard // the zero value: everything
}

// SyncResult is what a sync did.
type SyncResult struct {
	Repo   string
	Staged *manifest.Staged // nil for a shard, which is no revision
	Files  Stats
	// Changes are those against the newest checkpoint; of a shard, none.
	Changes manifest.Changes

	HeldBack HeldBack
}

// Sync captures the remote's state into a staged revision, which Publish with
// NoSync publishes: content goes to the pool unless the newest checkpoint has
// it. Killed and run again, it does not upload again what is there.
//
// With a shard, only that part of the content goes to the pool, and nothing is
// staged: any number of workers fetch a part each, and a Publish after them
// finds all of it there.
func (p *Publisher) Sync(ctx context.Context, repo Repo, opts SyncOptions) (result SyncResult, err error) {
	if err := repo.check(); err != nil {
		return SyncResult{}, err
	}
	err = p.untilSettled(ctx, func() (err error) {
		result, err = p.sync(ctx, repo, opts)
		return err
	})
	return result, err
}

func (p *Publisher) sync(ctx context.Context, repo Repo, opts SyncOptions) (SyncResult, error) {
	current, err := p.loadIndex(ctx, repo)
	if err != nil {
		return SyncResult{}, err
	}
	if current.index.Generation == 0 {
		if err := p.register(ctx, repo); err != nil {
			return SyncResult{}, err
		}
	}
	rev, err := p.capture(ctx, repo, current.index)
	if err != nil {
		return SyncResult{}, err
	}
	defer rev.Close()
	if rev, err = opts.Shard.of(rev); err != nil {
		return SyncResult{}, err
	}

	plan, prevRoot, err := p.compareWithNewest(ctx, repo, current.index, rev)
	if err != nil {
		return SyncResult{}, err
	}
	plan.dst = place{}
	plan.prev = place{} // what stands in the newest tree publishing will copy from there
	left, err := p.leftBehind(ctx, repo, current.index)
	if err != nil {
		return SyncResult{}, err
	}
	if err := p.addSynced(ctx, left.journals, plan); err != nil {
		return SyncResult{}, err
	}
	if err := p.openJournal(ctx, repo, opts.Shard.String(), rev, plan); err != nil {
		return SyncResult{}, err
	}
	result := SyncResult{Repo: repo.Name, HeldBack: rev.held}
	// A staged revision is no commit: publishing looks at every object again.
	rely := p.newReliance()
	if result.Files, err = p.transfer(ctx, repo.Name+": files", rely, rev, plan, manifest.KindBlob); err != nil {
		return SyncResult{}, rev.moved(err)
	}
	if !opts.Shard.whole() {
		return result, nil
	}
	root, err := rootBehind(prevRoot, rev.entries)
	if err != nil {
		return SyncResult{}, err
	}
	if err := p.writeManifest(ctx, rely, root, rev.entries, prevRoot); err != nil {
		return SyncResult{}, err
	}
	result.Changes = plan.changes
	result.Staged = &manifest.Staged{At: rev.at, Manifest: root.Name, Content: root.Content, Files: root.Files, Bytes: root.Bytes}
	return result, p.stage(ctx, repo, *result.Staged)
}

// openJournal records what the sync is about to put into the pool.
func (p *Publisher) openJournal(ctx context.Context, repo Repo, part string, rev *revision, plan *placement) error {
	key := manifest.JournalKey(repo.Base, part)
	for {
		earlier, version, err := p.loadJournal(ctx, key)
		if err != nil {
			return err
		}
		plan.addJournal(earlier.Files)
		uploads := plan.uploads(rev.entries)
		if len(uploads) == 0 {
			return nil
		}
		now := manifest.Attempt{ID: rev.at, Content: rev.root.Content, Layout: manifest.Thin, Files: uploads}
		_, err = objstore.Update(ctx, p.Store, key, version, now.Encode(), attributes(manifest.KindJournal, ""))
		if !errors.Is(err, objstore.ErrChanged) {
			return err
		}
	}
}

func (p *Publisher) loadJournal(ctx context.Context, key string) (manifest.Attempt, objstore.Version, error) {
	data, version, err := p.Store.Load(ctx, key, "")
	if errors.Is(err, objstore.ErrNotFound) {
		return manifest.Attempt{}, "", nil
	}
	if err != nil {
		return manifest.Attempt{}, "", err
	}
	journal, err := manifest.ParseAttempt(data)
	if err != nil {
		return manifest.Attempt{}, "", fmt.Errorf("%s: %w", key, err)
	}
	return journal, version, nil
}

// addSynced makes known what syncs have put into the pool, by their journals.
func (p *Publisher) addSynced(ctx context.Context, journals []objstore.Info, plan *placement) error {
	for _, info := range journals {
		journal, _, err := p.loadJournal(ctx, info.Key)
		if err != nil {
			return err
		}
		plan.addJournal(journal.Files)
	}
	return nil
}

// stage makes a revision the staged one, unless a sync that began later did so.
func (p *Publisher) stage(ctx context.Context, repo Repo, s manifest.Staged) error {
	data, err := s.Encode()
	if err != nil {
		return err
	}
	for {
		have, version, err := p.loadStaged(ctx, repo)
		if err != nil && !errors.Is(err, objstore.ErrNotFound) {
			return err
		}
		if err == nil && have.At > s.At {
			return fmt.Errorf("stage: %w: a sync that began at %s has finished before", ErrConflict, have.At)
		}
		_, err = objstore.Update(ctx, p.Store, manifest.StagedKey(repo.Base), version, data, attributes(manifest.KindStaged, ""))
		if !errors.Is(err, objstore.ErrChanged) {
			return err
		}
	}
}

func entriesOf(files []remote.File) []manifest.Entry {
	list := make([]manifest.Entry, len(files))
	for i, f := range files {
		list[i] = manifest.Entry{Path: f.Path, Size: f.Size, SHA256: f.SHA256}
	}
	return list
}
