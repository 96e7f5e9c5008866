package publisher

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// buildRoot computes the root of a manifest without storing anything.
func buildRoot(entries []manifest.Entry) (manifest.Root, error) {
	b := manifest.NewBuilder()
	for _, e := range entries {
		if err := b.Add(e); err != nil {
			return manifest.Root{}, err
		}
	}
	return b.Finish()
}

// rootBehind is the root of the manifest that comes behind prev, whose leaves it
// shares: prev itself, if it lists the same.
func rootBehind(prev manifest.Root, entries []manifest.Entry) (manifest.Root, error) {
	root, err := buildRoot(entries)
	if err != nil {
		return root, fmt.Errorf("write manifest: %w", err)
	}
	if root = root.Sharing(prev); root.Name == prev.Name {
		return prev, nil
	}
	return root, nil
}

// writeManifest stores a manifest as one object, but for the leaves that prev
// has too. prev itself is stored already.
func (p *Publisher) writeManifest(ctx context.Context, rely *reliance, root manifest.Root, entries []manifest.Entry, prev manifest.Root) error {
	if root.Name == prev.Name {
		return nil
	}
	body, err := manifestBody(root, entries)
	if err != nil {
		return err
	}
	return p.putNamed(ctx, rely, manifest.KindManifest, manifest.ManifestKey(root.Name), body)
}

// manifestBody is a manifest's object. Its leaves are made while it is read.
func manifestBody(root manifest.Root, entries []manifest.Entry) (objstore.Body, error) {
	hash := sha256.New()
	size, err := io.Copy(hash, root.Object(entries))
	body := objstore.Body{Size: size, Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(root.Object(entries)), nil
	}}
	hash.Sum(body.SHA256[:0])
	return body, err
}

// putNamed stores an object whose key commits to its bytes, unless it is there:
// a segment's does as a digest, a manifest's through its root.
func (p *Publisher) putNamed(ctx context.Context, rely *reliance, kind manifest.Kind, key string, body objstore.Body) error {
	return p.retry(ctx, key, func() error {
		err := p.Store.Create(ctx, key, body, attributes(kind, ""))
		if errors.Is(err, objstore.ErrExists) {
			return p.relyOn(ctx, rely, key, body.Size)
		}
		return err
	})
}
