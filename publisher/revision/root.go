package revision

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/reliance"
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

// RootBehind returns the root of the revision's manifest, which shares the leaves
// of prev. It is prev itself if that lists the same.
func (rev *Revision) RootBehind(prev manifest.Root) (manifest.Root, error) {
	root, err := buildRoot(rev.Entries)
	if err != nil {
		return root, fmt.Errorf("write manifest: %w", err)
	}
	if root = root.Sharing(prev); root.Name == prev.Name {
		return prev, nil
	}
	return root, nil
}

// PutManifest stores the revision's manifest, whose root [Revision.RootBehind]
// made, as one object without the leaves that prev has. If root is prev, it is
// stored already.
func (rev *Revision) PutManifest(ctx context.Context, rely *reliance.Reliance, root, prev manifest.Root) error {
	if root.Name == prev.Name {
		return nil
	}
	body, err := manifestBody(root, rev.Entries)
	if err != nil {
		return err
	}
	return rely.Put(ctx, manifest.KindManifest, manifest.ManifestKey(root.Name), body)
}

// manifestBody returns a manifest's object. Its leaves are made while it is read.
func manifestBody(root manifest.Root, entries []manifest.Entry) (objstore.Body, error) {
	hash := sha256.New()
	size, err := io.Copy(hash, root.Object(entries))
	body := objstore.Body{Size: size, Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(root.Object(entries)), nil
	}}
	hash.Sum(body.SHA256[:0])
	return body, err
}
