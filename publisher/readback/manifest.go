package readback

import (
	"context"
	"errors"
	"iter"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
)

// proof is a manifest that is being read back.
type proof struct {
	*catalog.Manifest
	// whole becomes false when a part can't be read. Then that part may name what
	// the rest does not.
	whole bool
}

// manifest starts to read a manifest back. It notes damage.
func (v *verification) manifest(ctx context.Context, id *manifest.ID, name manifest.Digest) (*proof, error) {
	m, err := catalog.Open(ctx, v.reader(), name)
	if err != nil {
		m = new(catalog.Manifest)
	} else {
		err = v.checkSize(ctx, m)
	}
	return &proof{m, err == nil}, v.note(id, asDamage(err))
}

// checkSize checks that a manifest's object does not go on after its last leaf.
// Reading the leaves shows whether it ends too early.
func (v *verification) checkSize(ctx context.Context, m *catalog.Manifest) error {
	key := manifest.ManifestKey(m.Name)
	info, err := v.Store.Stat(ctx, key)
	if err != nil {
		return openError(key, err)
	}
	if info.Size > m.Size {
		return wrongSize(key, info.Size, m.Size)
	}
	return nil
}

// entries yields the entries in the readable leaves of a manifest, in ascending
// order of paths. It passes them through a Builder once more, which checks what
// no leaf shows alone: the order and the sums across leaves, and that no path is
// both a file and a directory. It notes damage; any other error ends the
// sequence.
func (v *verification) entries(ctx context.Context, id *manifest.ID, name manifest.Digest, m *proof) iter.Seq2[manifest.Entry, error] {
	return func(yield func(manifest.Entry, error) bool) {
		again := manifest.NewBuilder()
		broken := func(err error) {
			m.whole = false
			_ = v.note(id, damaged(manifest.ManifestKey(name), "it lists what no manifest may: %v", err))
		}
		for leaf := range m.ReadLeaves(ctx) {
			if leaf.Err != nil {
				m.whole = false
				if err := v.note(id, asDamage(leaf.Err)); err != nil {
					yield(manifest.Entry{}, err)
					return
				}
				continue
			}
			for _, e := range leaf.Entries {
				if err := again.Add(e); err != nil {
					broken(err)
					return
				}
				if !yield(e, nil) {
					return
				}
			}
		}
		if !m.whole {
			return
		}
		root, err := again.Finish()
		if err == nil && !root.Lists(m.Root) {
			err = errors.New("its leaves make another root")
		}
		if err != nil {
			broken(err)
		}
	}
}
