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

// guided is what a tree's pages say to clients, and the files that go with it.
type guided struct {
	usage manifest.Usage // with URLs filled in
	files map[string][]byte
}

// guide asks the remote how clients use a tree whose files are stored.
func (p *publication) guide(ctx context.Context, files *revision, dst place) (g guided, err error) {
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
	document, err := guide.Usage.Encode()
	if err != nil {
		return g, err
	}
	g.files = map[string][]byte{manifest.UsagePath: document}
	for name, data := range guide.Files {
		g.files[manifest.GeneratedDir+name] = data
	}
	url := p.PublicURL
	if url == "" {
		url = page.UnknownURL
	}
	url = strings.TrimSuffix(url, "/") + "/"
	g.usage = guide.Usage.For(url+dst.base+"/", url+manifest.TreePrefix(dst.base, dst.id))
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
