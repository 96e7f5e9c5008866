package rpm

import (
	"context"
	"fmt"

	"github.com/asof/asof/internal/rpm"
	"github.com/asof/asof/publisher/remote/mirror"
)

// prior is what the metadata of the newest checkpoint say about its files, by path.
type prior map[string]mirror.Listed

// learn completes a file of which only another digest than SHA-256 is known, or no size.
// What the newest checkpoint has under the same digest is not read again: it was checked
// when it was captured.
func (c *capture) learn(ctx context.Context, f *file, known prior) error {
	if f.Sums() == (mirror.Sums{}) {
		return c.learnUnverified(ctx, f)
	}
	if was, ok := known[f.Path]; ok && !f.Known && was == f.Listed() {
		have, ok, err := c.session.Find(ctx, f.Path)
		if err != nil {
			return err
		}
		if ok && (f.Size < 0 || have.Size == f.Size) {
			f.Take(mirror.InStore(have))
			return nil
		}
	}
	return c.session.Learn(ctx, &f.Entry)
}

// readPrior parses primary.xml of the newest checkpoint. What can't be read says nothing.
func (c *capture) readPrior(ctx context.Context) (prior, error) {
	known := prior{}
	for _, r := range c.repos {
		repomd, err := c.previousRepomd(ctx, r)
		if err != nil {
			return nil, err
		}
		if repomd == nil || repomd.Find(primaryType) == nil {
			continue
		}
		if err := c.addPrior(ctx, r, repomd.Find(primaryType), known); err != nil {
			return nil, err
		}
	}
	return known, nil
}

func (c *capture) addPrior(ctx context.Context, r *repository, data *rpm.Data, known prior) error {
	path, err := data.Location.Path(r.dir)
	if err != nil {
		return nil
	}
	have, ok, err := c.session.Find(ctx, path)
	if err != nil || !ok {
		return err
	}
	want := mirror.Listed{Size: have.Size}
	if err := want.Sums.Set(mirror.SHA256, have.SHA256.String()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	f, ok, err := c.session.Reuse(ctx, path, want, true)
	if err != nil || !ok {
		return err
	}
	m := &metadata{repo: r, Entry: mirror.Entry{Path: path}}
	err = c.packages(ctx, m, f, false, func(p *rpm.Package) error {
		if path, err := p.Location.Path(r.dir); err == nil {
			if l, err := listed(p.Size, p.Checksum); err == nil {
				known[path] = l
			}
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		c.log.Debug("the newest checkpoint has metadata that can't be read", "error", err)
		return nil
	}
	return err
}
