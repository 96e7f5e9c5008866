// Package ledger changes what a store says of its repos: the registry, and the
// checkpoint indexes, which are the commit points. It also does whatever follows
// from a change, so that every command that makes one finishes it: the lists of
// checkpoints, the record, and the announcement.
package ledger

import (
	"cmp"
	"context"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/job"
)

// Options configure a Ledger.
type Options struct {
	Store objstore.Store // required
	job.Env
	Announcer Announcer // gets every change; nil: none

	// AllowUnsafe accepts a new store without a working compare-and-swap. Two
	// publishers at once may then lose a checkpoint.
	AllowUnsafe bool

	// Tail and Segment are the most entries that an index and a segment hold. 0:
	// manifest.TailEntries and manifest.SegmentEntries. Tests set less.
	Tail, Segment int
}

// Ledger changes the documents of a store. It is safe for concurrent use.
type Ledger struct{ Options }

// New returns a Ledger.
func New(opts Options) *Ledger {
	opts.Env = opts.Env.WithDefaults()
	if opts.Tail == 0 {
		opts.Tail = manifest.TailEntries
	}
	if opts.Segment == 0 {
		opts.Segment = manifest.SegmentEntries
	}
	return &Ledger{opts}
}

// State is a repo's index as it was read.
type State = catalog.State[manifest.Index]

// CheckTime makes sure that nothing of an index lies in the future: then a clock is
// wrong, and nothing may be built on it. The error is job.ErrClock.
func (l *Ledger) CheckTime(index manifest.Index) error {
	newest, _ := index.Newest()
	return cmp.Or(
		l.CheckFuture(l.Store, "the newest checkpoint", newest.ID),
		l.CheckFuture(l.Store, "the horizon", index.Horizon),
	)
}

// Load reads a repo's index. A repo that was never published has an empty one. If
// the index is lost, the error is catalog.ErrLost.
func (l *Ledger) Load(ctx context.Context, repo manifest.Repo) (State, error) {
	return catalog.LoadIndex(ctx, l.Store, repo)
}

// Swap commits an index that was made from the one that was read. The error is
// objstore.ErrChanged if somebody else has committed meanwhile. [Ledger.Follow]
// must follow.
func (l *Ledger) Swap(ctx context.Context, repo manifest.Repo, read State, next manifest.Index) (State, error) {
	return catalog.Index(repo).Swap(ctx, l.Store, read, next)
}

// Change commits the index that change returns, unless a clock is wrong: see
// [Ledger.CheckTime]. If somebody else was faster, it starts again. Then it does what
// follows, even if change returns the index as it was, or an error: an earlier run may have
// been killed before it got there.
func (l *Ledger) Change(ctx context.Context, repo manifest.Repo, change func(manifest.Index) (manifest.Index, error)) error {
	return l.change(ctx, repo, l.CheckTime, change)
}

// change is Change with a check of the index, which must hold before anything is written.
func (l *Ledger) change(ctx context.Context, repo manifest.Repo, check func(manifest.Index) error, change func(manifest.Index) (manifest.Index, error)) error {
	shown, err := l.Shown(ctx, repo)
	if err != nil {
		return err
	}
	var before manifest.Index
	var refused error
	now, err := catalog.Index(repo).Change(ctx, l.Store, func(now State) (manifest.Index, bool, error) {
		before = now.Doc
		if refused = check(now.Doc); refused != nil {
			return now.Doc, false, refused
		}
		if err := l.CheckCurrent(ctx, repo, shown, now.Doc); err != nil {
			return now.Doc, false, err
		}
		next, err := change(now.Doc)
		return next, next.Generation != now.Doc.Generation, err
	})
	if refused != nil {
		return refused
	}
	if !now.Exists() {
		return cmp.Or(catalog.CheckNeverPublished(ctx, l.Store, repo), err)
	}
	if followErr := l.Follow(ctx, repo, shown, before, now.Doc); followErr != nil || err != nil {
		return cmp.Or(err, followErr)
	}
	return l.Announce(ctx, Announcement{Repo: repo, Index: now.Doc})
}
