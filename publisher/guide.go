package publisher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// generated is what asof adds to a tree besides listing pages.
type generated struct {
	front page.Front
	files map[string][]byte // by path, below manifest.GeneratedDir
}

// generate makes it for a tree whose files are stored.
func (p *publication) generate(ctx context.Context, files *revision, dst place, receipt manifest.Receipt) (g generated, err error) {
	document, err := receipt.Encode()
	if err != nil {
		return g, err
	}
	g.files = map[string][]byte{manifest.ChangesPath: document}
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
		usage = page.PlainUsage(receipt.Repo, dst.base, dst.id)
	}
	url := p.PublicURL
	if url == "" {
		url = page.UnknownURL
	}
	url = strings.TrimSuffix(url, "/") + "/"
	g.front = page.Front{Receipt: receipt, Usage: usage.For(url+page.EscapePath(dst.base)+"/", url+page.EscapePath(manifest.TreePrefix(dst.base, dst.id)))}
	return g, nil
}

// guide asks the remote how clients use a tree whose files are stored; empty: it
// has nothing of its own to say.
func (p *publication) guide(ctx context.Context, files *revision, dst place) (remote.Guide, error) {
	r, ok := p.repo.Remote.(remote.Guided)
	if !ok {
		return remote.Guide{}, nil
	}
	return r.Guide(ctx, &storedTree{p.Store, dst, files.entries})
}

// storedTree is a tree whose files are in the store, as remotes see it.
type storedTree struct {
	store   objstore.Store
	place   place
	entries []manifest.Entry
}

// Find implements remote.Previous.
func (t *storedTree) Find(_ context.Context, path string) (remote.File, bool, error) {
	e, ok := find(t.entries, path)
	return remote.File{Path: e.Path, Size: e.Size, SHA256: e.SHA256}, ok, nil
}

// Open implements remote.Previous.
func (t *storedTree) Open(ctx context.Context, f remote.File) (io.ReadCloser, error) {
	return t.store.Open(ctx, t.place.key(f.Path, f.SHA256), 0, objstore.Whole)
}

// checkReserved refuses files of upstream's where asof has its own.
func checkReserved(files []remote.File) error {
	for _, f := range files {
		if strings.HasPrefix(f.Path+"/", manifest.GeneratedDir) {
			return &remote.InputError{Where: f.Path, Err: errors.New("upstream has a file where asof keeps its own")}
		}
	}
	return nil
}
