package publisher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// defaultGrace is how old what nobody refers to must be before it is collected.
const defaultGrace = 7 * 24 * time.Hour

// CollectOptions configure Collect.
type CollectOptions struct {
	Apply bool // without it nothing is deleted
	// Grace is how old an object must be, at least 96 hours; 0: 7 days.
	Grace time.Duration
	// Exclusive is the caller's word that no publisher is at work, nor will be
	// before Collect returns. Then Grace may be anything, also 0.
	Exclusive bool
}

// Collected counts what was, or would be, deleted.
type Collected struct {
	Kind    string `json:"kind"`
	Objects int    `json:"objects"`
	Bytes   int64  `json:"bytes"`
}

// ErrShortGrace: a grace period that publishers at work do not allow.
var ErrShortGrace = errors.New("the grace period is too short")

// ErrNoRegistry: a store in which nothing says what is referred to.
var ErrNoRegistry = errors.New("the store has no registry")

// Collect deletes what nothing refers to any more: trees of pruned checkpoints
// and of unfinished attempts, blobs, manifests, segments of indexes, and old attempts
// and pins. It deletes nothing if it can't read all that refers to something.
//
// It may run while publishers do, see the constants in reliance.go. A crash
// leaves less garbage; the next run goes on.
func (p *Publisher) Collect(ctx context.Context, opts CollectOptions) ([]Collected, error) {
	grace := opts.Grace
	if !opts.Exclusive {
		if grace == 0 {
			grace = defaultGrace
		}
		if grace < minGrace {
			return nil, fmt.Errorf("%w: %s is less than %s", ErrShortGrace, grace, minGrace)
		}
	}
	gc := &collector{Publisher: p, apply: opts.Apply, before: p.Now().Add(-grace)}
	if err := gc.mark(ctx); err != nil {
		return nil, err
	}
	// Roots of trees go before what they lead to, trees before the blobs that
	// a client may still be looking for, and what explains a tree goes last.
	for _, repo := range gc.repos {
		if err := gc.sweepTrees(ctx, repo); err != nil {
			return nil, err
		}
	}
	if err := gc.sweepPool(ctx); err != nil {
		return nil, err
	}
	if err := gc.sweepManifests(ctx); err != nil {
		return nil, err
	}
	if err := gc.sweepSegments(ctx); err != nil {
		return nil, err
	}
	if err := gc.sweepPrivate(ctx); err != nil {
		return nil, err
	}
	return gc.counts(), nil
}

// collector is one call of Collect.
type collector struct {
	*Publisher
	apply  bool
	before time.Time // only what was stored before may be deleted

	repos     []collected
	blobs     map[manifest.Digest]bool // that something refers to
	manifests map[manifest.Digest]bool // that something refers to, or that hold leaves of such
	segments  map[manifest.Digest]bool // that an index refers to

	trees, pool, lists, sealed, private Collected
}

// collected is a repo with what its index says.
type collected struct {
	manifest.Repo
	history *catalog.History
}

// mark reads everything that refers to anything.
func (gc *collector) mark(ctx context.Context) error {
	gc.blobs, gc.manifests, gc.segments = map[manifest.Digest]bool{}, map[manifest.Digest]bool{}, map[manifest.Digest]bool{}
	registry, version, err := catalog.Registry(ctx, gc.Store)
	if err != nil {
		return err
	}
	if version == "" {
		return ErrNoRegistry
	}
	for _, repo := range registry.Repos {
		index, err := gc.fence(ctx, Repo{Name: repo.Name, Base: repo.Base})
		if err != nil {
			return err
		}
		history := catalog.NewHistory(gc.Store, index)
		gc.repos = append(gc.repos, collected{repo, history})
		if err := gc.markHistory(ctx, repo.Base, history); err != nil {
			return fmt.Errorf("repo %s: %w", repo.Name, err)
		}
		staged, _, err := gc.loadStaged(ctx, Repo{Name: repo.Name, Base: repo.Base})
		if err == nil {
			err = gc.markManifest(ctx, staged.Manifest, place{})
		} else if errors.Is(err, objstore.ErrNotFound) {
			err = nil
		}
		if err != nil {
			return fmt.Errorf("staged revision of %s: %w", repo.Name, err)
		}
	}
	return nil
}

// fence reads a repo's index and, before anything is deleted by it, moves its
// generation on. So a publisher that was at work before, however long it was
// held up, can't commit without finding out how late it is.
func (gc *collector) fence(ctx context.Context, repo Repo) (manifest.Index, error) {
	for {
		current, err := gc.loadIndex(ctx, repo)
		if err == nil && current.version == "" {
			err = gc.checkNeverPublished(ctx, repo)
		}
		if err != nil || !gc.apply || current.version == "" {
			return current.index, err
		}
		next, err := current.index.Fence()
		if err != nil {
			return next, err
		}
		_, err = gc.swapIndex(ctx, repo, current, next)
		if !errors.Is(err, objstore.ErrChanged) {
			return next, err
		}
	}
}

// markHistory marks what a repo's checkpoints consist of, and its segments.
func (gc *collector) markHistory(ctx context.Context, base string, history *catalog.History) error {
	for _, ref := range history.Index.Segments {
		gc.segments[ref.Digest] = true
	}
	for part, err := range history.All(ctx) {
		if err != nil {
			return err
		}
		for _, c := range part.Checkpoints {
			if err := gc.markCheckpoint(ctx, place{base, c.ID, c.Layout}, c.Manifest, c.Pages); err != nil {
				return err
			}
		}
		for _, t := range part.Pruned {
			if t.At.Time().Before(gc.before) {
				continue
			}
			// Clients and publishers that began with it get the grace period.
			if err := gc.markCheckpoint(ctx, place{base, t.ID, t.Layout}, t.Manifest, t.Pages); err != nil {
				return err
			}
		}
	}
	return nil
}

func (gc *collector) markCheckpoint(ctx context.Context, at place, roots ...manifest.Digest) error {
	for _, root := range roots {
		if err := gc.markManifest(ctx, root, at); err != nil {
			return fmt.Errorf("checkpoint %s: %w", at.id, err)
		}
	}
	return nil
}

// markManifest marks a manifest with those that hold leaves of it, and which of its
// files stand in the pool.
func (gc *collector) markManifest(ctx context.Context, d manifest.Digest, at place) error {
	m, err := catalog.Open(ctx, catalog.From(gc.Store), d)
	if err != nil {
		return err
	}
	gc.manifests[d] = true
	for _, source := range m.Sources {
		gc.manifests[source] = true
	}
	if at.layout == manifest.Full {
		return nil // none
	}
	for e, err := range m.Entries(ctx) {
		if err != nil {
			return err
		}
		if at.pools(e.Path) {
			gc.blobs[e.SHA256] = true
		}
	}
	return nil
}

func (gc *collector) counts() []Collected {
	gc.trees.Kind, gc.pool.Kind, gc.lists.Kind, gc.sealed.Kind, gc.private.Kind = "tree files", "blobs", "manifests", "index segments", "attempts and pins"
	return []Collected{gc.trees, gc.pool, gc.lists, gc.sealed, gc.private}
}
