package catalog

import (
	"context"
	"iter"

	"github.com/asof/asof/manifest"
)

// Difference is a path whose presence or content differs between two manifests.
// Old is nil if it was added, New if it was removed; both are set if its content
// changed.
type Difference struct {
	Path     string
	Old, New *manifest.Entry
}

// Kind returns the kind of change.
func (c Difference) Kind() manifest.ChangeKind {
	return manifest.KindOfChange(c.Old != nil, c.New != nil)
}

// Diff yields what changed from one manifest to another, in path order. It does
// not read leaves that both have: they hold the same paths with the same content.
// A new modification time alone is not a change.
func Diff(ctx context.Context, from, to *Manifest) iter.Seq2[Difference, error] {
	return func(yield func(Difference, error) bool) {
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
				yield(Difference{}, err)
				return
			}
			var c Difference
			switch {
			case !moreNew || more && before.Path < after.Path:
				old := before
				c = Difference{old.Path, &old, nil}
				before, err, more = olds()
			case !more || after.Path < before.Path:
				added := after
				c = Difference{added.Path, nil, &added}
				after, err2, moreNew = news()
			default:
				old, changed := before, after
				before, err, more = olds()
				after, err2, moreNew = news()
				if old.SHA256 == changed.SHA256 {
					continue
				}
				c = Difference{changed.Path, &old, &changed}
			}
			if !yield(c, nil) {
				return
			}
		}
	}
}
