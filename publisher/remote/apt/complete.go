package apt

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/mirror"
)

// complete finds out what the indexes did not say: the SHA-256 of files listed by other
// digests, the sizes of installer images, and which one of several contradicting entries
// is right. With missing: skip it also leaves out files that upstream does not have.
func (c *capture) complete(ctx context.Context, files []poolFile) ([]poolFile, error) {
	return mirror.Complete(ctx, c.session, c.faults, files, func(f *poolFile) bool {
		return !f.Complete() || c.rivals[f.Path] != nil
	}, func(ctx context.Context, f *poolFile) error {
		if rivals := c.rivals[f.Path]; rivals != nil {
			return c.decide(ctx, f, rivals)
		}
		return c.session.Learn(ctx, &f.Entry)
	})
}

// decide picks one of several contradicting entries for a file: the one that matches
// upstream's bytes. If the archive has not changed, the newest checkpoint has those
// bytes.
func (c *capture) decide(ctx context.Context, f *poolFile, rivals []poolFile) error {
	take := func(right int, got mirror.Spooled) {
		*f = rivals[right]
		f.Take(got)
		for i, other := range rivals {
			if i != right {
				c.warnings.Add(other.place(), fmt.Sprintf("%s is listed with another size or digest than at %s, which is right", f.Path, f.place()))
			}
		}
	}
	if !c.changed() {
		for i, r := range rivals {
			if got, ok, err := c.session.Reuse(ctx, f.Path, r.Listed(), false); ok || err != nil {
				take(i, got)
				return err
			}
		}
	}
	var wrong []error
	for i, r := range rivals {
		got, err := c.session.Download(ctx, f.Path, r.Listed())
		switch err = mirror.Gone(err); {
		case err == nil:
			take(i, got)
			return nil
		case !errors.Is(err, remote.ErrMoved) || errors.Is(err, remote.ErrMissing):
			return err
		}
		wrong = append(wrong, fmt.Errorf("%w (%s)", err, r.place()))
	}
	return joined(wrong)
}

// changed reports whether any suite differs from the newest checkpoint.
func (c *capture) changed() bool {
	return slices.ContainsFunc(c.suites, func(s *suite) bool { return !s.Unchanged() })
}
