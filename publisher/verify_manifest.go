package publisher

import (
	"context"
	"errors"
	"iter"

	"github.com/asof/asof/manifest"
)

// proof is a manifest that is being read back.
type proof struct {
	root manifest.Root
	// whole turns false when a part can't be read. What the rest does not name
	// may be named there.
	whole bool
}

// root begins to read a manifest back. Damage is noted.
func (v *verification) root(ctx context.Context, id *manifest.ID, name manifest.Digest) (*proof, error) {
	root, n, err := v.readRoot(ctx, name)
	v.bytes.Add(int64(n))
	return &proof{root, err == nil}, v.note(id, err)
}

// entries yields what the readable leaves of a manifest list, in ascending order
// of paths. All of it goes through a Builder once more, which holds what no leaf
// can show alone: the order and the sums across leaves, and no file where a
// directory stands. Damage is noted; an error ends the sequence.
func (v *verification) entries(ctx context.Context, id *manifest.ID, name manifest.Digest, m *proof) iter.Seq2[manifest.Entry, error] {
	return func(yield func(manifest.Entry, error) bool) {
		again := manifest.NewBuilder(nil)
		broken := func(err error) {
			m.whole = false
			_ = v.note(id, damaged(manifest.ManifestKey(name), "it lists what no manifest may: %v", err))
		}
		for _, ref := range m.root.Leaves {
			leaf, n, err := v.readLeaf(ctx, ref)
			v.bytes.Add(int64(n))
			if err != nil {
				m.whole = false
				if err := v.note(id, err); err != nil {
					yield(manifest.Entry{}, err)
					return
				}
				continue
			}
			for _, e := range leaf {
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
		if err == nil && root.Digest() != name {
			err = errors.New("its leaves make another root")
		}
		if err != nil {
			broken(err)
		}
	}
}
