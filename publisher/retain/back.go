package retain

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/reliance"
)

// A collection may be about to delete what was pruned and released. So whoever lists it again
// does as a publisher that meets old content: it pins all of it, waits, and looks again. That
// needs no wait while the release is fresh and no notice names the checkpoint, as only a
// collection that gives notice takes it then; one that does so later fences the index, and the
// swap fails.

// ErrPartlyGone: a pruned checkpoint can't be listed again, as a collection took some of it.
var ErrPartlyGone = errors.New("gc has deleted some of it")

// chooseBack returns what is held of a repo, or with ids only those: there also what was
// released.
func chooseBack(ctx context.Context, opts Options, repo manifest.Repo, ids []manifest.ID) ([]Held, *reckoning, error) {
	held, known, err := heldOf(ctx, opts, repo)
	if err != nil || len(ids) == 0 {
		return held, known, err
	}
	var chosen []Held
	var wrong []error
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		was := len(chosen)
		for _, h := range held {
			if h.Checkpoint.ID == id {
				chosen = append(chosen, h)
			}
		}
		if len(chosen) > was {
			continue
		}
		_, listed, err := known.index.Find(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		t, pruned, err := known.index.FindPruned(ctx, id)
		switch {
		case err != nil:
			return nil, nil, err
		case listed: // by an earlier run, which may have been killed behind its swap
		case pruned && known.hasTree(id):
			c := manifest.Checkpoint{ID: id, Manifest: t.Manifest, Pages: t.Pages, Layout: t.Layout}
			chosen = append(chosen, Held{c, InGrace, &t})
		case pruned:
			wrong = append(wrong, fmt.Errorf("checkpoint %s: %w", id, ErrPartlyGone))
		default:
			wrong = append(wrong, fmt.Errorf("checkpoint %s: %w", id, ErrNotHeld))
		}
	}
	return chosen, known, errors.Join(wrong...)
}

// releasedOf returns those that the janitor pruned.
func releasedOf(chosen []Held) []Held {
	return slices.DeleteFunc(slices.Clone(chosen), func(h Held) bool { return h.Why != InGrace })
}

// withdraw takes back the janitor's word that checkpoints may be deleted. A crash leaves them
// pruned and not released: they wait, and stay. The error is ErrNotReleased without the
// janitor's rights.
func withdraw(ctx context.Context, opts Options, known *reckoning, released []Held) error {
	if len(released) == 0 {
		return nil
	}
	if err := keepReleased(ctx, opts, known, released); err != nil {
		return err
	}
	var ids []manifest.ID
	for _, h := range released {
		ids = append(ids, h.Checkpoint.ID)
	}
	_, err := catalog.Note(known.repo).Change(ctx, opts.Store, func(note catalog.State[manifest.Note]) (manifest.Note, bool, error) {
		next, changed := note.Doc.Withdraw(ids)
		return next, changed, nil
	})
	if errors.Is(err, objstore.ErrDenied) {
		err = fmt.Errorf("%w: %w", ErrNotReleased, err)
	}
	return err
}

// keepReleased makes sure that all of some checkpoints is there, and stays.
func keepReleased(ctx context.Context, opts Options, known *reckoning, released []Held) error {
	rely := reliance.New(opts.Store, opts.Env)
	for _, h := range released {
		noticed, err := reliance.Noticed(ctx, opts.Store, []string{manifest.TreePrefix(known.repo.Base, h.Checkpoint.ID)})
		if err != nil {
			return err
		}
		if len(noticed) == 0 && reliance.IsFresh(opts.Now(), known.since(*h.Pruned)) {
			continue
		}
		if err := relyOnAll(ctx, opts, known.repo, h.Checkpoint, rely); err != nil {
			return goneOr(h.Checkpoint.ID, err)
		}
	}
	err := rely.Settle(ctx)
	if errors.Is(err, reliance.ErrCollected) {
		return fmt.Errorf("%w: %w", ErrPartlyGone, err)
	}
	if err != nil {
		return err
	}
	return checkWhole(ctx, opts, known.repo, released)
}

// relyOnAll notes that all objects of a checkpoint are to stay, however old they are.
func relyOnAll(ctx context.Context, opts Options, repo manifest.Repo, c manifest.Checkpoint, rely *reliance.Reliance) error {
	for info, err := range opts.Store.List(ctx, manifest.TreePrefix(repo.Base, c.ID), "") {
		if err != nil {
			return err
		}
		rely.On(info.Key, objstore.Info{})
	}
	place := c.Place(repo.Base)
	for _, name := range []manifest.Digest{c.Manifest, c.Pages} {
		m, err := catalog.Open(ctx, catalog.From(opts.Store), name)
		if err != nil {
			return err
		}
		for _, d := range append([]manifest.Digest{name}, m.Sources...) {
			rely.On(manifest.ManifestKey(d), objstore.Info{})
		}
		for e, err := range m.Entries(ctx) {
			if err != nil {
				return err
			}
			if place.Pools(e.Path) {
				rely.On(place.Key(e.Path, e.SHA256), objstore.Info{})
			}
		}
	}
	return nil
}

// checkWhole makes sure that all of some checkpoints is there.
func checkWhole(ctx context.Context, opts Options, repo manifest.Repo, list []Held) error {
	for _, h := range list {
		missing, err := catalog.Missing(ctx, opts.Store, opts.Concurrency, repo.Base, h.Checkpoint, manifest.Checkpoint{})
		if err == nil && missing != "" {
			err = fmt.Errorf("%s: %w", missing, objstore.ErrNotFound)
		}
		if err != nil {
			return goneOr(h.Checkpoint.ID, err)
		}
	}
	return nil
}

// goneOr says of a checkpoint that something of it is gone, if that is the error.
func goneOr(id manifest.ID, err error) error {
	if errors.Is(err, objstore.ErrNotFound) {
		return fmt.Errorf("checkpoint %s: %w: %w", id, ErrPartlyGone, err)
	}
	return fmt.Errorf("checkpoint %s: %w", id, err)
}
