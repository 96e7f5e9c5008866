package publisher

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/revision"
)

// validators is a repo's register of validators. It is read when a remote first
// asks for one, and written after a publish that changed it. It only saves
// requests to upstream, so a publish never fails because of it.
type validators struct {
	*Publisher
	repo manifest.Repo

	load  sync.Once
	read  catalog.State[manifest.Validators]
	known map[string]manifest.Validator // by path
}

func (p *Publisher) validators(repo manifest.Repo) *validators {
	return &validators{Publisher: p, repo: repo}
}

// of returns the register's validator for a file of the newest checkpoint. It is
// zero if the register has none, or only one for other bytes.
func (v *validators) of(ctx context.Context, f remote.File) remote.Validator {
	v.load.Do(func() { v.loadAll(ctx) })
	have, ok := v.known[f.Path]
	if !ok || have.SHA256 != f.SHA256 {
		return remote.Validator{}
	}
	return remote.Validator{URL: have.URL, ETag: have.ETag, Modified: have.Modified.Time(), Options: have.Options}
}

func (v *validators) loadAll(ctx context.Context) {
	read, err := catalog.Validators(v.repo.Base).Load(ctx, v.Store)
	v.read = read
	if err != nil {
		v.Log.Warn("what upstream said of its documents can't be read; they are read in full", "repo", v.repo.Name, "error", err)
		return
	}
	v.known = make(map[string]manifest.Validator, len(read.Doc))
	for _, one := range read.Doc {
		v.known[one.Path] = one
	}
}

// keepValidators records what upstream said of the documents of a revision that
// was published, or equals the newest checkpoint.
func (p *publication) keepValidators(ctx context.Context, rev *revision.Revision) {
	c, ok := rev.Capture.(remote.Revalidating)
	if !ok || p.known == nil {
		return
	}
	said := maps.Clone(c.Validators())
	for path, v := range said {
		v.Options = boundTo(rev.Root.Content, v.Options)
		said[path] = v
	}
	if err := p.known.write(ctx, rev.Files, said); err != nil {
		p.Log.Warn("what upstream said of its documents can't be kept; they are read in full next time", "repo", p.repo.Name, "error", err)
	}
}

func (v *validators) write(ctx context.Context, files []remote.File, said map[string]remote.Validator) error {
	var list manifest.Validators
	for _, f := range files {
		if val := said[f.Path]; val != (remote.Validator{}) {
			list = append(list, validatorOf(f, val))
		}
	}
	if len(list) == 0 {
		return nil // the register as it is does no harm
	}
	v.load.Do(func() { v.loadAll(ctx) })
	if slices.Equal(list, v.read.Doc) {
		return nil
	}
	_, err := catalog.Validators(v.repo.Base).Swap(ctx, v.Store, v.read, list)
	if errors.Is(err, objstore.ErrChanged) {
		return nil // another publisher has recorded what it was told
	}
	return err
}

// boundTo ties options to the content that they gave: what was staged by other options may
// have the same documents.
func boundTo(content, options manifest.Digest) manifest.Digest {
	if options == (manifest.Digest{}) {
		return options
	}
	return manifest.Sum(append(content[:], options[:]...))
}

func validatorOf(f remote.File, val remote.Validator) manifest.Validator {
	one := manifest.Validator{Path: f.Path, SHA256: f.SHA256, URL: val.URL, ETag: val.ETag, Options: val.Options}
	if val.ETag == "" {
		one.Modified = manifest.IDOf(val.Modified)
	}
	return one
}
