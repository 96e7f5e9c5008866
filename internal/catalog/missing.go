package catalog

import (
	"context"
	"errors"
	"iter"

	"golang.org/x/sync/errgroup"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// Missing returns the key of an object that the checkpoint c needs and the store
// lacks; empty if nothing is missing. previous is a checkpoint known to be whole,
// or the zero one: blobs that it needs too are not checked again. atOnce is the
// number of concurrent requests.
func Missing(ctx context.Context, s objstore.Reader, atOnce int, base string, c, previous manifest.Checkpoint) (key string, err error) {
	place := c.Place(base)
	there, err := treeKeys(ctx, s, place)
	if err != nil {
		return "", err
	}
	if front := manifest.TreeKey(base, c.ID, manifest.IndexPage); !there[front] {
		return front, nil
	}
	looks, looking := errgroup.WithContext(ctx)
	looks.SetLimit(atOnce)
	err = walk(looking, s, c, previous, place.Layout == manifest.Thin && previous.Layout == manifest.Thin, func(e manifest.Entry) error {
		key := place.Key(e.Path, e.SHA256)
		if !place.Pools(e.Path) {
			if !there[key] {
				return &missingError{key}
			}
			return nil
		}
		looks.Go(func() error {
			_, err := s.Stat(looking, key)
			if errors.Is(err, objstore.ErrNotFound) {
				return &missingError{key}
			}
			return err
		})
		return nil
	})
	// The first look that fails also ends the walk.
	if failed := looks.Wait(); failed != nil {
		err = failed
	}
	if missing, ok := errors.AsType[*missingError](err); ok {
		return missing.key, nil
	}
	return "", err
}

// walk calls look for every entry of a checkpoint's manifest and pages, until
// one fails. With shared, it leaves out those that previous has too.
func walk(ctx context.Context, s objstore.Reader, c, previous manifest.Checkpoint, shared bool, look func(manifest.Entry) error) error {
	for _, lists := range [][2]manifest.Digest{{previous.Manifest, c.Manifest}, {previous.Pages, c.Pages}} {
		for e, err := range added(ctx, s, lists[0], lists[1], shared) {
			if errors.Is(err, objstore.ErrNotFound) {
				return &missingError{manifest.ManifestKey(lists[1])}
			}
			if err == nil {
				err = look(e)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

type missingError struct{ key string }

func (e *missingError) Error() string { return e.key + " is missing" }

// treeKeys lists the keys below a checkpoint's id.
func treeKeys(ctx context.Context, s objstore.Reader, place manifest.Place) (map[string]bool, error) {
	there := map[string]bool{}
	for info, err := range s.List(ctx, manifest.TreePrefix(place.Base, place.ID), "") {
		if err != nil {
			return nil, err
		}
		there[info.Key] = true
	}
	return there, ctx.Err()
}

// added yields the entries of a manifest. With shared, it leaves out those that
// an earlier manifest, if any, has too.
func added(ctx context.Context, s objstore.Reader, before, name manifest.Digest, shared bool) iter.Seq2[manifest.Entry, error] {
	return func(yield func(manifest.Entry, error) bool) {
		m, err := Open(ctx, From(s), name)
		old := new(Manifest)
		if err == nil && shared && before != (manifest.Digest{}) {
			old, err = Open(ctx, From(s), before)
		}
		if err != nil {
			yield(manifest.Entry{}, err)
			return
		}
		for change, err := range Diff(ctx, old, m) {
			if err == nil && change.New == nil {
				continue // removed
			}
			var e manifest.Entry
			if err == nil {
				e = *change.New
			}
			if !yield(e, err) {
				return
			}
		}
	}
}
