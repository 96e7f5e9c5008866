package readback

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// Found is a file of a checkpoint with a content that was looked for.
type Found struct {
	Repo       string          `json:"repo"`
	Checkpoint manifest.ID     `json:"checkpoint"`
	Pruned     bool            `json:"pruned"` // the checkpoint is pruned, and not collected yet
	Path       string          `json:"path"`
	Size       int64           `json:"size"`
	SHA256     manifest.Digest `json:"sha256"`
}

// Find looks for upstream's files with some contents in all checkpoints of all repos, in
// the order of repos, checkpoints and paths; within a part of a history the listed ones
// come first. It reads every manifest's root, and each leaf once.
func Find(ctx context.Context, opts Options, digests []manifest.Digest) ([]Found, error) {
	registry, err := catalog.Registry().Load(ctx, opts.Store)
	if err != nil {
		return nil, err
	}
	f := &finding{Options: opts, wanted: map[manifest.Digest]bool{}, read: map[manifest.Digest][]manifest.Entry{}}
	for _, d := range digests {
		f.wanted[d] = true
	}
	for _, repo := range registry.Doc.Repos {
		if err := f.repo(ctx, repo); err != nil {
			return nil, fmt.Errorf("repo %s: %w", repo.Name, err)
		}
	}
	return f.found, nil
}

// finding is one call of Find.
type finding struct {
	Options
	wanted map[manifest.Digest]bool
	read   map[manifest.Digest][]manifest.Entry // of each leaf: what was looked for
	found  []Found
}

func (f *finding) repo(ctx context.Context, repo manifest.Repo) error {
	index, err := catalog.LoadIndex(ctx, f.Store, repo)
	if err != nil {
		return err
	}
	for part, err := range catalog.NewHistory(f.Store, index.Doc).All(ctx) {
		if err != nil {
			return err
		}
		for _, c := range part.Checkpoints {
			if err := f.checkpoint(ctx, repo.Name, c.ID, c.Manifest, false); err != nil {
				return err
			}
		}
		for _, t := range part.Pruned {
			err := f.checkpoint(ctx, repo.Name, t.ID, t.Manifest, true)
			if err != nil && !errors.Is(err, objstore.ErrNotFound) { // collected
				return err
			}
		}
	}
	return nil
}

func (f *finding) checkpoint(ctx context.Context, repo string, id manifest.ID, name manifest.Digest, pruned bool) error {
	m, err := catalog.Open(ctx, catalog.From(f.Store), name)
	if err != nil {
		return fmt.Errorf("checkpoint %s: %w", id, err)
	}
	unread := *m
	unread.Leaves = slices.DeleteFunc(slices.Clone(m.Leaves), func(l manifest.LeafRef) bool { _, known := f.read[l.Digest]; return known })
	for leaf := range unread.ReadLeaves(ctx) {
		if leaf.Err != nil {
			return fmt.Errorf("checkpoint %s: %w", id, leaf.Err)
		}
		f.read[leaf.Digest] = slices.DeleteFunc(leaf.Entries, func(e manifest.Entry) bool { return !f.wanted[e.SHA256] })
	}
	for _, l := range m.Leaves {
		for _, e := range f.read[l.Digest] {
			f.found = append(f.found, Found{repo, id, pruned, e.Path, e.Size, e.SHA256})
		}
	}
	return nil
}
