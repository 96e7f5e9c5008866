package publisher

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// buildRoot computes the root of a manifest without storing anything.
func buildRoot(entries []manifest.Entry) (manifest.Root, error) {
	return build(entries, nil)
}

func build(entries []manifest.Entry, emit func(manifest.LeafRef, []byte) error) (manifest.Root, error) {
	b := manifest.NewBuilder(emit)
	for _, e := range entries {
		if err := b.Add(e); err != nil {
			return manifest.Root{}, err
		}
	}
	return b.Finish()
}

// writeManifest stores a manifest, leaves first, but for the leaves that prev
// has too, and returns its root.
func (p *Publisher) writeManifest(ctx context.Context, rely *reliance, entries []manifest.Entry, prev manifest.Root) (manifest.Root, error) {
	stored := make(map[manifest.Digest]bool, len(prev.Leaves))
	for _, l := range prev.Leaves {
		stored[l.Digest] = true
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(p.Concurrency)
	root, err := build(entries, func(ref manifest.LeafRef, leaf []byte) error {
		if !stored[ref.Digest] {
			g.Go(func() error { return p.putManifest(gctx, rely, ref.Digest, leaf) })
		}
		return gctx.Err()
	})
	if waitErr := g.Wait(); waitErr != nil {
		err = waitErr
	}
	if err != nil {
		return manifest.Root{}, fmt.Errorf("write manifest: %w", err)
	}
	data := root.Encode()
	if digest := manifest.Sum(data); digest != prev.Digest() {
		err = p.putManifest(ctx, rely, digest, data)
	}
	return root, err
}

func (p *Publisher) putManifest(ctx context.Context, rely *reliance, d manifest.Digest, data []byte) error {
	return p.putNamed(ctx, rely, manifest.KindManifest, manifest.ManifestKey(d), data)
}

// putNamed stores an object whose key is made of its digest, unless it is there.
func (p *Publisher) putNamed(ctx context.Context, rely *reliance, kind manifest.Kind, key string, data []byte) error {
	return p.retry(ctx, key, func() error {
		err := p.Store.Create(ctx, key, objstore.Bytes(data), attributes(kind, ""))
		if errors.Is(err, objstore.ErrExists) {
			return p.relyOn(ctx, rely, key, int64(len(data)))
		}
		return err
	})
}
