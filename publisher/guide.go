package publisher

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/revision"
)

// generated is what asof adds to a tree besides listing pages.
type generated struct {
	front page.Front
	files map[string][]byte // by path, below manifest.GeneratedDir
}

// generate makes the generated files of a tree whose own files are already
// stored.
func (p *publication) generate(ctx context.Context, files *revision.Revision, dst manifest.Place, receipt manifest.Receipt) (g generated, err error) {
	document, err := receipt.Encode()
	if err != nil {
		return g, err
	}
	g.files = map[string][]byte{manifest.ChangesPath: document}
	if m := files.Modes; m != nil && len(m.Executable) > 0 {
		if g.files[manifest.ModesPath], err = m.Encode(); err != nil {
			return g, err
		}
	}
	guide, err := p.guide(ctx, files, dst)
	if err != nil {
		return g, fmt.Errorf("tell clients how to use it: %w", err)
	}
	usage := guide.Usage
	if len(usage.Snippets) > 0 {
		if g.files[manifest.UsagePath], err = usage.Encode(); err != nil {
			return g, err
		}
		for name, data := range guide.Files {
			g.files[manifest.GeneratedDir+name] = data
		}
	} else if receipt.Files > 0 {
		usage = page.PlainUsage(receipt.Repo, dst.Base, dst.ID)
	}
	url := p.PublicURL
	if url == "" {
		url = page.UnknownURL
	}
	g.front = page.Front{Receipt: receipt, Usage: usage.For(strings.TrimSuffix(url, "/"), page.EscapePath(dst.Base), dst.ID, "")}
	return g, nil
}

// guide asks the remote how clients use a tree whose files are stored. The guide
// is empty if the remote has nothing to say.
func (p *publication) guide(ctx context.Context, files *revision.Revision, dst manifest.Place) (remote.Guide, error) {
	r, ok := p.repo.Remote.(remote.Guided)
	if !ok {
		return remote.Guide{}, nil
	}
	return r.Guide(ctx, &storedTree{p.Store, dst, files.Entries})
}

// storedTree is a tree whose files are in the store, as remotes see it.
type storedTree struct {
	store   objstore.Reader
	place   manifest.Place
	entries []manifest.Entry
}

// Find implements remote.Tree.
func (t *storedTree) Find(_ context.Context, path string) (remote.File, bool, error) {
	e, ok := find(t.entries, path)
	return remote.File{Path: e.Path, Size: e.Size, SHA256: e.SHA256}, ok, nil
}

// Open implements remote.Tree.
func (t *storedTree) Open(ctx context.Context, f remote.File) (io.ReadCloser, error) {
	return t.store.Open(ctx, t.place.Key(f.Path, f.SHA256), 0, objstore.Whole)
}
