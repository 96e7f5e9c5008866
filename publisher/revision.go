package publisher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// revision is a captured state of a remote: its files, and the manifest that
// they make. entries[i] describes files[i]; its time may be unknown until the
// file was transferred.
type revision struct {
	remote.Capture
	at      manifest.ID // when it was captured
	files   []remote.File
	entries []manifest.Entry
	root    manifest.Root // without times that are not known yet
	nature
}

// nature is what may be true of a capture.
type nature struct {
	moving bool // upstream replaces files while they are read
	held   HeldBack
}

func natureOf(c remote.Capture) (n nature) {
	_, n.moving = c.(remote.Moving)
	if partial, ok := c.(remote.Partial); ok {
		n.held.Files, n.held.Bytes = partial.HeldBack()
	}
	return n
}

func newRevision(c remote.Capture, at manifest.ID) (*revision, error) {
	rev := &revision{Capture: c, at: at, files: c.Files()}
	rev.entries = make([]manifest.Entry, len(rev.files))
	for i, f := range rev.files {
		rev.entries[i] = manifest.Entry{Path: f.Path, Size: f.Size, SHA256: f.SHA256, Modified: timeOf(f.Modified)}
	}
	var err error
	rev.root, err = buildRoot(rev.entries)
	return rev, err
}

// fileOf is an entry of a manifest as remotes have it.
func fileOf(e manifest.Entry) remote.File {
	f := remote.File{Path: e.Path, Size: e.Size, SHA256: e.SHA256}
	if e.Modified != manifest.NoTime {
		f.Modified = e.Modified.Time()
	}
	return f
}

// timeOf is a modification time as manifests have it.
func timeOf(t time.Time) manifest.ID {
	if id := manifest.IDOf(t); !t.IsZero() && id.Valid() {
		return id
	}
	return manifest.NoTime
}

// capture reads the state of the repo's remote.
func (p *Publisher) capture(ctx context.Context, repo Repo, index manifest.Index) (*revision, error) {
	if repo.Remote == nil {
		return nil, fmt.Errorf("sync: %w", ErrNoRemote)
	}
	at := manifest.IDOf(p.Now())
	p.Progress.Begin(repo.Name+": reading the remote", -1, -1)
	defer p.Progress.End()
	c, err := repo.Remote.Capture(ctx, p.previous(repo, index))
	if errors.Is(err, remote.ErrMoved) {
		err = &movedError{err}
	}
	if err != nil {
		return nil, fmt.Errorf("sync: %w", err)
	}
	rev, err := newRevision(c, at)
	if err == nil {
		err = checkReserved(rev.files)
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("sync: %w", err)
	}
	rev.nature = natureOf(c)
	p.Log.Info("captured the remote", "repo", repo.Name, "files", rev.root.Files, "bytes", rev.root.Bytes)
	return rev, nil
}

// stagedRevision is what a sync staged. In its place, and if empty says so, a
// repo that was never synced or published has the empty revision.
func (p *Publisher) stagedRevision(ctx context.Context, repo Repo, index manifest.Index, empty bool) (*revision, error) {
	newest, published := index.Newest()
	staged, _, err := p.loadStaged(ctx, repo)
	switch {
	case errors.Is(err, objstore.ErrNotFound):
		if empty && !published {
			return newRevision(&stagedCapture{}, manifest.IDOf(p.Now()))
		}
		return nil, ErrNothingStaged
	case err != nil:
		return nil, err
	case published && staged.At < newest.ID && staged.Content != newest.Content:
		return nil, fmt.Errorf("%w: the revision of %s is older than the newest checkpoint %s", ErrNothingStaged, staged.At, newest.ID)
	}
	m, err := catalog.Open(ctx, catalog.From(p.Store), staged.Manifest)
	if err != nil {
		return nil, err
	}
	c := &stagedCapture{store: p.Store}
	for e, err := range m.Entries(ctx) {
		if err != nil {
			return nil, err
		}
		f := fileOf(e)
		f.Phase = remote.PhaseOf(e.Path)
		c.files = append(c.files, f)
	}
	return newRevision(c, staged.At)
}

// stagedCapture is a capture whose files stand in the pool.
type stagedCapture struct {
	store objstore.Store
	files []remote.File
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

// body is the content of a file of the revision, as its store wants it. opened
// is told the modification time that came with it.
func (rev *revision) body(f remote.File, opened func(time.Time)) objstore.Body {
	body := objstore.Body{Size: f.Size, SHA256: f.SHA256, Open: func(ctx context.Context) (io.ReadCloser, error) {
		content, err := rev.Capture.Open(ctx, f)
		if err != nil {
			return nil, err
		}
		opened(content.Modified)
		return content.Body, nil
	}}
	if c, ok := rev.Capture.(remote.Checked); ok {
		body.OpenAt = func(ctx context.Context, offset int64) (io.ReadCloser, error) { return c.OpenAt(ctx, f, offset) }
	}
	return body
}
