package catalog

import (
	"context"
	"iter"

	"github.com/asof/asof/manifest"
)

// Change is a path that two manifests do not have in common. Old is nil where
// it was added, New where it was removed; both are set where its content changed.
type Change struct {
	Path     string
	Old, New *manifest.Entry
}

// Kind is what became of the file.
func (c Change) Kind() manifest.ChangeKind { return manifest.KindOfChange(c.Old != nil, c.New != nil) }

// Diff yields what changed from one manifest to another, in path order. Leaves
// that both have are not read: they hold the same paths with the same content.
// Modification times alone are no change.
func Diff(ctx context.Context, from, to *Manifest) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		olds, stopOlds := iter.Pull2(from.without(to.Root).Entries(ctx))
		defer stopOlds()
		news, stopNews := iter.Pull2(to.without(from.Root).Entries(ctx))
		defer stopNews()

		before, err, more := olds()
		after, err2, moreNew := news()
		for more || moreNew {
			if err == nil {
				err = err2
			}
			if err != nil {
				yield(Change{}, err)
				return
			}
			var c Change
			switch {
			case !moreNew || more && before.Path < after.Path:
				old := before
				c = Change{old.Path, &old, nil}
				before, err, more = olds()
			case !more || after.Path < before.Path:
				added := after
				c = Change{added.Path, nil, &added}
				after, err2, moreNew = news()
			default:
				old, changed := before, after
				before, err, more = olds()
				after, err2, moreNew = news()
				if old.SHA256 == changed.SHA256 {
					continue
				}
				c = Change{changed.Path, &old, &changed}
			}
			if !yield(c, nil) {
				return
			}
		}
	}
}
