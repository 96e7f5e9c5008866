package publisher

import (
	"context"
	"io"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// previous is the newest checkpoint, as remotes see it.
type previous struct {
	store  objstore.Store
	place  place
	finder *catalog.Finder
}

// previous returns nil where nothing was published yet. It reads nothing before
// it is asked.
func (p *Publisher) previous(repo Repo, index manifest.Index) remote.Previous {
	newest, ok := index.Newest()
	if !ok {
		return nil
	}
	return &previous{p.Store, place{repo.Base, newest.ID, newest.Layout}, catalog.NewFinder(p.Store, newest.Manifest)}
}

// Find implements remote.Previous.
func (pr *previous) Find(ctx context.Context, path string) (remote.File, bool, error) {
	e, ok, err := pr.finder.Find(ctx, path)
	if err != nil || !ok {
		return remote.File{}, false, err
	}
	return fileOf(e), true, nil
}

// Open implements remote.Previous.
func (pr *previous) Open(ctx context.Context, f remote.File) (io.ReadCloser, error) {
	return pr.store.Open(ctx, pr.place.key(f.Path, f.SHA256), 0, objstore.Whole)
}
