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

// generate makes it for a tree whose files are stored. The remote is asked how
// clients use it.
func (p *publication) generate(ctx context.Context, files *revision, dst place, receipt manifest.Receipt) (g generated, err error) {
	document, err := receipt.Encode()
	if err != nil {
		return g, err
	}
	g.files = map[string][]byte{manifest.ChangesPath: document}
	g.front.Receipt = receipt
	r, ok := p.repo.Remote.(remote.Guided)
	if !ok {
		return g, nil
	}
	guide, err := r.Guide(ctx, &storedTree{p.Store, dst, files.entries})
	if err != nil {
		return g, fmt.Errorf("tell clients how to use it: %w", err)
	}
	if len(guide.Usage.Snippets) == 0 {
		return g, nil
	}
	if g.files[manifest.UsagePath], err = guide.Usage.Encode(); err != nil {
		return g, err
	}
	for name, data := range guide.Files {
		g.files[manifest.GeneratedDir+name] = data
	}
	url := p.PublicURL
	if url == "" {
		url = page.UnknownURL
	}
	url = strings.TrimSuffix(url, "/") + "/"
	g.front.Usage = guide.Usage.For(url+dst.base+"/", url+manifest.TreePrefix(dst.base, dst.id))
	return g, nil
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
