package publisher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/revision"
	"github.com/asof/asof/publisher/transfer"
)

// damagedError: the newest checkpoint is missing an object, or has a damaged one,
// that the run needs. It is a catalog.ErrCorrupt.
type damagedError struct {
	id  manifest.ID
	err error
}

func (e *damagedError) Error() string {
	return fmt.Sprintf("the newest checkpoint %s is damaged: %v", e.id, e.err)
}

func (e *damagedError) Unwrap() []error { return []error{e.err, catalog.ErrCorrupt} }

// Hint says what the user can do.
func (e *damagedError) Hint() string {
	return "asof verify shows the damage; asof publish --force stores a whole checkpoint"
}

// damaged recognizes damage to the newest checkpoint. Other errors stay as they
// are: a store that can't be reached may be whole.
func damaged(newest manifest.Checkpoint, err error) error {
	if errors.Is(err, catalog.ErrCorrupt) || errors.Is(err, objstore.ErrNotFound) {
		return &damagedError{newest.ID, err}
	}
	return err
}

// compareWithNewest plans the transfer of a revision from the newest checkpoint's
// files or pages, whichever list picks. It also returns the root of that list. With
// doubt, the transfer looks at every object, and a damaged list counts as empty.
func (p *Publisher) compareWithNewest(ctx context.Context, base string, index manifest.Index, list func(manifest.Checkpoint) manifest.Digest, rev *revision.Revision, doubt bool) (plan *transfer.Plan, root manifest.Root, err error) {
	if newest, ok := index.Newest(); ok {
		plan, root, err = p.compare(ctx, rev, newest.Place(base), list(newest))
		err = damaged(newest, err)
		if _, lost := errors.AsType[*damagedError](err); lost && doubt {
			p.Log.Warn("comparing with nothing", "base", base, "reason", err)
			plan, err = nil, nil
		}
	}
	if plan == nil && err == nil {
		root = manifest.Root{}
		plan, err = transfer.Compare(rev.Entries, manifest.Place{}, new(catalog.Manifest).Entries(ctx))
	}
	if err != nil {
		return nil, manifest.Root{}, err
	}
	plan.Doubt = doubt
	return plan, root, nil
}

func (p *Publisher) compare(ctx context.Context, rev *revision.Revision, place manifest.Place, list manifest.Digest) (*transfer.Plan, manifest.Root, error) {
	m, err := catalog.Open(ctx, catalog.From(p.Store), list)
	if err != nil {
		return nil, manifest.Root{}, err
	}
	plan, err := transfer.Compare(rev.Entries, place, m.Entries(ctx))
	return plan, m.Root, err
}

func filesOf(c manifest.Checkpoint) manifest.Digest { return c.Manifest }
func pagesOf(c manifest.Checkpoint) manifest.Digest { return c.Pages }

// newestCheckpoint is the newest checkpoint, as remotes see it.
type newestCheckpoint struct {
	manifest.Checkpoint
	store  objstore.Reader
	place  manifest.Place
	finder *catalog.Finder
	known  *validators
	// doubt: what is lost or damaged is not there. A look at each file that a
	// remote asks for tells. No validator is used: upstream's answer that nothing
	// changed would be of no use without the file.
	doubt bool
}

// newest returns nil if nothing is published yet. It reads nothing before it is
// asked.
func (p *Publisher) newest(base string, index manifest.Index, known *validators, doubt bool) remote.Previous {
	c, ok := index.Newest()
	if !ok {
		return nil
	}
	return &newestCheckpoint{c, p.Store, c.Place(base), catalog.NewFinder(catalog.From(p.Store), c.Manifest), known, doubt}
}

// Find implements remote.Previous.
func (n *newestCheckpoint) Find(ctx context.Context, path string) (remote.File, bool, error) {
	e, ok, err := n.finder.Find(ctx, path)
	if err == nil && ok && n.doubt {
		var info objstore.Info
		info, err = n.store.Stat(ctx, n.place.Key(e.Path, e.SHA256))
		ok = info.Size == e.Size
	}
	err = damaged(n.Checkpoint, err)
	if _, lost := errors.AsType[*damagedError](err); lost && n.doubt {
		return remote.File{}, false, nil
	}
	if err != nil || !ok {
		return remote.File{}, false, err
	}
	return revision.FileOf(e), true, nil
}

// Open implements remote.Previous.
func (n *newestCheckpoint) Open(ctx context.Context, f remote.File) (io.ReadCloser, error) {
	body, err := n.store.Open(ctx, n.place.Key(f.Path, f.SHA256), 0, objstore.Whole)
	return body, damaged(n.Checkpoint, err)
}

// Whole implements remote.Listed.
func (n *newestCheckpoint) Whole() bool { return !n.Partial && !n.doubt }

// MadeWith implements remote.Listed.
func (n *newestCheckpoint) MadeWith(ctx context.Context, f remote.File, options manifest.Digest) bool {
	return n.Validator(ctx, f).Options == boundTo(n.Content, options)
}

// Files implements remote.Listed.
func (n *newestCheckpoint) Files(ctx context.Context) iter.Seq2[remote.File, error] {
	return func(yield func(remote.File, error) bool) {
		m, err := catalog.Open(ctx, catalog.From(n.store), n.Manifest)
		if err != nil {
			yield(remote.File{}, damaged(n.Checkpoint, err))
			return
		}
		for e, err := range m.Entries(ctx) {
			if !yield(revision.FileOf(e), damaged(n.Checkpoint, err)) || err != nil {
				return
			}
		}
	}
}

// Validator implements remote.Previous.
func (n *newestCheckpoint) Validator(ctx context.Context, f remote.File) remote.Validator {
	if n.doubt {
		return remote.Validator{}
	}
	return n.known.of(ctx, f)
}
