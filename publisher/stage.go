package publisher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/revision"
)

// stage makes a revision the staged one, unless a sync that began later, and not in the
// future, was faster. Its manifest must be stored already.
func (p *Publisher) stage(ctx context.Context, base string, rev *revision.Revision, root manifest.Root) (manifest.Staged, error) {
	staged := manifest.Staged{At: rev.At, Manifest: root.Name, Content: root.Content, Files: root.Files, Bytes: root.Bytes, Missing: listedMissing(rev), HeldBack: rev.HeldBack, Modes: rev.Modes}
	for _, f := range rev.Files {
		if f.Phase != remote.Payload {
			staged.Later = append(staged.Later, manifest.LaterFile{Path: f.Path, Phase: int(f.Phase)})
		}
	}
	_, err := catalog.Staged(base).Change(ctx, p.Store, func(have catalog.State[manifest.Staged]) (manifest.Staged, bool, error) {
		if have.Doc.At > staged.At && !p.inFuture(have.Doc.At) {
			return staged, false, fmt.Errorf("stage: %w: a sync that began at %s has finished before", ErrConflict, have.Doc.At)
		}
		return staged, true, nil
	})
	return staged, err
}

// inFuture reports whether a time was noted by a machine whose clock was ahead.
func (p *Publisher) inFuture(at manifest.ID) bool {
	return at > manifest.IDOf(p.Now())+manifest.MaxSkew
}

// stagedRevision returns what a sync staged. If a repo was never synced or
// published and empty is set, it returns the empty revision.
func (p *Publisher) stagedRevision(ctx context.Context, repo Repo, index manifest.Index, empty bool) (*revision.Revision, error) {
	newest, published := index.Newest()
	state, err := catalog.Staged(repo.Base).Load(ctx, p.Store)
	staged := state.Doc
	switch {
	case err != nil:
		return nil, err
	case !state.Exists() && empty && !published:
		return revision.New(&stagedCapture{}, manifest.IDOf(p.Now()))
	case !state.Exists():
		return nil, ErrNothingStaged
	case p.inFuture(staged.At):
		return nil, fmt.Errorf("%w: the revision of %s lies in the future: sync again", ErrNothingStaged, staged.At)
	case published && staged.At < newest.ID && staged.Content != newest.Content:
		return nil, staleStage(staged, newest)
	case staged.Unphased:
		return nil, fmt.Errorf("%w: an earlier version of asof staged the revision of %s: sync again", ErrNothingStaged, staged.At)
	}
	if published && staged.At < newest.ID {
		differing, err := p.otherModes(ctx, repo.Base, newest, staged.Modes)
		if err == nil && len(differing) > 0 {
			err = staleStage(staged, newest)
		}
		if err != nil {
			return nil, err
		}
	}
	m, err := catalog.Open(ctx, catalog.From(p.Store), staged.Manifest)
	if err != nil {
		return nil, damagedStage(err)
	}
	c := &stagedCapture{store: p.Store, modes: staged.Modes}
	later := staged.Later
	for e, err := range m.Entries(ctx) {
		if err != nil {
			return nil, damagedStage(err)
		}
		f := revision.FileOf(e)
		if len(later) > 0 && later[0].Path == f.Path {
			f.Phase, later = remote.Phase(later[0].Phase), later[1:]
		}
		c.files = append(c.files, f)
	}
	if len(later) > 0 || c.badPhase() {
		return nil, fmt.Errorf("%s: it says what to write last of files that its manifest does not list", manifest.StagedKey(repo.Base))
	}
	rev, err := revision.New(c, staged.At)
	if err == nil {
		rev.Missing, rev.HeldBack = staged.Missing, staged.HeldBack
	}
	return rev, err
}

// staleStage: to publish the revision would be to go back.
func staleStage(staged manifest.Staged, newest manifest.Checkpoint) error {
	return fmt.Errorf("%w: the revision of %s is older than the newest checkpoint %s", ErrNothingStaged, staged.At, newest.ID)
}

// damagedStage makes a part of the staged manifest that is missing as bad as one
// that is damaged.
func damagedStage(err error) error {
	if errors.Is(err, objstore.ErrNotFound) {
		err = fmt.Errorf("%w: the staged manifest is incomplete: %w", catalog.ErrCorrupt, err)
	}
	return err
}

// stagedCapture is a capture whose files are in the pool.
type stagedCapture struct {
	store objstore.Reader
	files []remote.File
	modes *manifest.Modes
}

// Modes implements remote.Moded.
func (c *stagedCapture) Modes() *manifest.Modes { return c.modes }

// badPhase reports whether a file has a phase that does not exist.
func (c *stagedCapture) badPhase() bool {
	for _, f := range c.files {
		if int(f.Phase) >= remote.Phases {
			return true
		}
	}
	return false
}

func (c *stagedCapture) Files() []remote.File { return c.files }

func (c *stagedCapture) Open(ctx context.Context, f remote.File) (remote.Content, error) {
	body, err := c.store.Open(ctx, manifest.BlobKey(f.SHA256), 0, objstore.Whole)
	if errors.Is(err, objstore.ErrNotFound) {
		err = fmt.Errorf("%w: the staged content is gone: %w", ErrNothingStaged, err)
	}
	return remote.Content{Body: body}, err
}

func (c *stagedCapture) Modified(_ context.Context, f remote.File) (time.Time, error) {
	return f.Modified, nil
}

func (c *stagedCapture) Close() error { return nil }
