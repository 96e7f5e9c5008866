package retain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/ledger"
	"github.com/asof/asof/publisher/reliance"
)

// defaultGrace is how old an object without references must be before it is
// collected.
const defaultGrace = 7 * 24 * time.Hour

// CollectOptions configure Collect.
type CollectOptions struct {
	Apply bool // without it nothing is deleted
	// Grace is how old an object must be, at least 96 hours; 0: 7 days.
	Grace time.Duration
	// Exclusive is the caller's promise that no publisher is at work, nor will be
	// before Collect returns. Then Grace may be anything, even 0.
	Exclusive bool
}

// Collection is what a collection did, or would do.
type Collection struct {
	Deleted []Collected // by kind, also those of which there is nothing
	Waiting []Waiting   // what it left alone for now
}

// Collected counts what was, or would be, deleted.
type Collected struct {
	Kind    string `json:"kind"`
	Objects int    `json:"objects"`
	Bytes   int64  `json:"bytes"`
}

// ErrShortGrace: the grace period is too short while publishers may be at work.
var ErrShortGrace = errors.New("the grace period is too short")

// ErrNoRegistry: the store has no registry to tell what is referred to.
var ErrNoRegistry = errors.New("the store has no registry")

// Collect deletes what nothing refers to any more: trees of pruned checkpoints
// and of unfinished attempts, blobs, manifests, segments of indexes, old attempts
// and pins, and what killed writers left in the store. It deletes nothing if it
// can't read every document that refers to something.
//
// A pruned checkpoint goes only if it was released: see [Prune] and [Confirm]. What was
// listed once, and was not released, stays whatever the index says of it.
//
// It may run while publishers do; see package reliance. A crash leaves less
// garbage; the next run goes on.
func Collect(ctx context.Context, opts Options, what CollectOptions) (Collection, error) {
	opts = opts.complete()
	grace, err := graceOf(what)
	if err != nil {
		return Collection{}, err
	}
	gc := &collector{Options: opts, ledger: opts.ledger(), apply: what.Apply, grace: grace, before: opts.Now().Add(-grace)}
	if err := gc.mark(ctx); err != nil {
		return Collection{}, err
	}
	if what.Apply {
		for _, repo := range gc.repos {
			if err := repo.known.write(ctx); err != nil {
				return Collection{}, fmt.Errorf("repo %s: %w", repo.Name, err)
			}
		}
	}
	// Roots of trees go before what they lead to. Trees go before blobs that
	// clients may still be looking for. What explains a tree goes last.
	for _, repo := range gc.repos {
		if err := gc.sweepTrees(ctx, repo); err != nil {
			return Collection{}, err
		}
	}
	for _, sweep := range []func(context.Context) error{gc.sweepPool, gc.sweepManifests, gc.sweepSegments, gc.sweepPrivate, gc.sweepUnfinished} {
		if err := sweep(ctx); err != nil {
			return Collection{}, err
		}
	}
	return Collection{gc.counts(), gc.waiting.list()}, nil
}

// graceOf returns the grace period that a collection goes by.
func graceOf(what CollectOptions) (time.Duration, error) {
	if what.Exclusive {
		return what.Grace, nil
	}
	grace := cmp.Or(what.Grace, defaultGrace)
	if grace < reliance.MinGrace {
		return 0, fmt.Errorf("%w: %s is less than %s", ErrShortGrace, grace, reliance.MinGrace)
	}
	return grace, nil
}

// collector is one call of Collect, or of Free.
type collector struct {
	Options
	ledger *ledger.Ledger
	apply  bool
	grace  time.Duration
	before time.Time // only objects stored before may be deleted
	free   *freeing  // what to delete without a grace period, and nothing else; nil: see Collect

	repos     []swept
	blobs     map[manifest.Digest]bool // that something refers to
	manifests map[manifest.Digest]bool // that something refers to, or that hold leaves of those
	segments  map[manifest.Digest]bool // that an index refers to

	trees, pool, lists, sealed, private Collected
	unfinished                          Collected // not objects, so without a kind
	waiting                             waiting
}

// swept is a repo with its index.
type swept struct {
	manifest.Repo
	history *manifest.History
	known   *reckoning // by the janitor
	// prepared are the ids of trees that no index names but that stay: a publish
	// of several repos is about to commit them.
	prepared map[manifest.ID]bool
}

// mark finds everything that something refers to.
func (gc *collector) mark(ctx context.Context) error {
	gc.blobs, gc.manifests, gc.segments = map[manifest.Digest]bool{}, map[manifest.Digest]bool{}, map[manifest.Digest]bool{}
	registry, err := catalog.Registry().Load(ctx, gc.Store)
	if err != nil {
		return err
	}
	if !registry.Exists() {
		return cmp.Or(catalog.CheckRegistered(ctx, gc.Store, registry.Doc), ErrNoRegistry)
	}
	if err := catalog.CheckRegistered(ctx, gc.Store, registry.Doc); err != nil {
		return err
	}
	for _, repo := range registry.Doc.Repos {
		if err := gc.markRepo(ctx, repo); err != nil {
			return fmt.Errorf("repo %s: %w", repo.Name, err)
		}
	}
	return nil
}

func (gc *collector) markRepo(ctx context.Context, repo manifest.Repo) error {
	known, err := beginReckoning(ctx, gc.Options, repo)
	if err != nil {
		return err
	}
	index, err := gc.fence(ctx, repo)
	if err != nil {
		return err
	}
	// A document about to be deleted can no longer tell that it was pruned.
	if gc.apply && index.Generation > 0 {
		if err := gc.ledger.EnsureRecord(ctx, repo, index); err != nil {
			return err
		}
	}
	history := catalog.NewHistory(gc.Store, index)
	if err := known.checkInserted(ctx, history); err != nil {
		return err
	}
	if err := known.with(ctx, history); err != nil {
		return err
	}
	roots := catalog.RootsOf{Store: gc.Store, Repo: repo, History: history, Now: manifest.IDOf(gc.Now())}
	prepared := map[manifest.ID]bool{}
	for root, err := range roots.All(ctx) {
		if err != nil {
			return err
		}
		if root.By == manifest.KindGroup {
			prepared[root.Checkpoint.ID] = true
		}
		if root.Pruned != nil {
			known.holdPruned(*root.Pruned)
		}
		if err := gc.markRoot(ctx, known, root); err != nil {
			return fmt.Errorf("%s: %w", root.Key, err)
		}
	}
	for _, c := range known.all() {
		if err := gc.markAll(ctx, c.Place(repo.Base), true, c.Manifest, c.Pages); err != nil {
			return fmt.Errorf("%s: %w", manifest.NoteKey(repo.Base), err)
		}
	}
	gc.repos = append(gc.repos, swept{repo, history, known, prepared})
	return nil
}

// markRoot marks a root and all that belongs to it. Pruned checkpoints stay for
// the grace period, for clients and publishers that began with them. One without a tree was
// freed, and keeps nothing.
func (gc *collector) markRoot(ctx context.Context, known *reckoning, root catalog.Root) error {
	if root.Segment != nil {
		gc.segments[root.Segment.Digest] = true
		return nil
	}
	if p := root.Pruned; p != nil && (known.since(*p).Before(gc.before) || !known.hasTree(p.ID) || gc.frees(known, p.ID)) {
		return nil // or it is held
	}
	return gc.markAll(ctx, root.Place(known.repo.Base), root.Pruned != nil, root.Manifests()...)
}

// markAll marks manifests. If they may be gone, because an earlier collection with a
// shorter period has deleted some of a checkpoint, that is accepted.
func (gc *collector) markAll(ctx context.Context, at manifest.Place, mayBeGone bool, names ...manifest.Digest) error {
	for _, name := range names {
		err := gc.markManifest(ctx, name, at)
		if err != nil && !(mayBeGone && errors.Is(err, objstore.ErrNotFound)) {
			return err
		}
	}
	return nil
}

// markManifest marks a manifest, those that hold leaves of it, and its files in
// the pool.
func (gc *collector) markManifest(ctx context.Context, d manifest.Digest, at manifest.Place) error {
	m, err := catalog.Open(ctx, catalog.From(gc.Store), d)
	if err != nil {
		return err
	}
	gc.manifests[d] = true
	for _, source := range m.Sources {
		gc.manifests[source] = true
	}
	if at.Layout == manifest.Full {
		return nil // none
	}
	for e, err := range m.Entries(ctx) {
		if err != nil {
			return err
		}
		if at.Pools(e.Path) {
			gc.blobs[e.SHA256] = true
		}
	}
	return nil
}

// fence reads a repo's index. Before anything is deleted, it moves the index's
// generation on. So a publisher that was at work before, however long it was held
// up, can't commit without noticing how late it is.
func (gc *collector) fence(ctx context.Context, repo manifest.Repo) (manifest.Index, error) {
	shown, err := gc.ledger.Shown(ctx, repo)
	if err != nil {
		return manifest.Index{}, err
	}
	now, err := catalog.Index(repo).Change(ctx, gc.Store, func(now ledger.State) (next manifest.Index, changed bool, err error) {
		if !now.Exists() {
			return now.Doc, false, catalog.CheckNeverPublished(ctx, gc.Store, repo)
		}
		if err := gc.ledger.CheckCurrent(ctx, repo, shown, now.Doc); err != nil {
			return now.Doc, false, err
		}
		if !gc.apply {
			return now.Doc, false, nil
		}
		next, err = now.Doc.Fence()
		return next, true, err
	})
	return now.Doc, err
}

// sweepUnfinished deletes what killed writers left that is not an object. What is fresh waits:
// a writer may still be at work.
func (gc *collector) sweepUnfinished(ctx context.Context) (err error) {
	tidier, ok := objstore.As[objstore.Tidier](gc.Store)
	if !ok {
		return nil
	}
	now := gc.Now()
	all, bytes := 0, int64(0)
	if gc.before.Before(now) {
		if all, bytes, err = tidier.Tidy(ctx, now, false); err != nil {
			return err
		}
	}
	gc.unfinished.Kind = "unfinished writes"
	gc.unfinished.Objects, gc.unfinished.Bytes, err = tidier.Tidy(ctx, gc.before, gc.apply)
	if fresh := all - gc.unfinished.Objects; err == nil && fresh > 0 {
		gc.waiting.objects(gc.unfinished.Kind, fresh, bytes-gc.unfinished.Bytes, gc.until(now))
	}
	return err
}

func (gc *collector) counts() []Collected {
	gc.trees.Kind, gc.pool.Kind, gc.lists.Kind, gc.sealed.Kind, gc.private.Kind = "tree files", "blobs", "manifests", "index segments", "attempts, pins, records"
	counts := []Collected{gc.trees, gc.pool, gc.lists, gc.sealed, gc.private}
	if gc.unfinished.Kind != "" {
		counts = append(counts, gc.unfinished)
	}
	return counts
}
