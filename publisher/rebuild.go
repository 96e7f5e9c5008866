package publisher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// RebuildOptions configure Rebuild.
type RebuildOptions struct {
	Repos []string // by name; nil: all
	// Newest are checkpoints behind which none was published: they decide where nothing
	// tells whether the last one was committed, or which of several.
	Newest []manifest.ID
	Write  bool // without it nothing is changed
}

// Rebuilding says what becomes of the registry, or of an index.
type Rebuilding string

const (
	Intact  Rebuilding = "intact"  // it is there and can be read, and stays
	Rebuilt Rebuilding = "rebuilt" // it was lost or damaged
	Nothing Rebuilding = "nothing" // there never was one
)

// RebuildReport is what Rebuild did, or would do.
type RebuildReport struct {
	Registry Rebuilding    `json:"registry"`
	Repos    []RebuiltRepo `json:"repos"` // by base path
}

// RebuiltRepo is what became of one repo's index.
type RebuiltRepo struct {
	manifest.Repo
	Index       Rebuilding   `json:"index"`
	Checkpoints int          `json:"checkpoints"`
	Pruned      int          `json:"pruned"`
	Newest      *manifest.ID `json:"newest"`
	// Uncommitted are whole trees that no index ever named: another checkpoint was
	// published behind the same one.
	Uncommitted []manifest.ID `json:"uncommitted"`

	next     manifest.Index
	segments []manifest.SealedSegment // of next
	version  objstore.Version         // of what is to be replaced
}

// Rebuild writes the registry and the checkpoint indexes that are lost or damaged
// anew, from what else the store holds: other indexes, receipts, the manifests of
// pages that list these, and sealed segments. One that can be read it leaves alone.
// What nothing but the index told is lost: channels, the reasons of tombstones in
// its tail, and what was pruned there and not collected yet is listed again.
//
// A receipt says which checkpoint came before, and so receipts make a chain. A
// whole tree that a killed publish left, and behind which another checkpoint was
// published, is told by that, or by the list of checkpoints, which shows nothing that was
// not. If it can't be told whether the last one was published, or which of several, it
// is an error that wraps ErrConflict, and nothing is written.
//
// No publisher may be at work: one that finds neither index nor list begins a new
// history.
func (p *Publisher) Rebuild(ctx context.Context, opts RebuildOptions) (RebuildReport, error) {
	r := &rebuilding{Publisher: p, opts: opts, now: manifest.IDOf(p.Now()), repos: map[string]*RebuiltRepo{}}
	if err := r.survey(ctx); err != nil {
		return RebuildReport{}, err
	}
	report, err := r.plan(ctx)
	if err != nil || !opts.Write {
		return report, err
	}
	return report, r.write(ctx, report)
}

// rebuilding is one call of Rebuild.
type rebuilding struct {
	*Publisher
	opts RebuildOptions
	now  manifest.ID

	registry manifest.Registry
	version  objstore.Version // of the registry
	found    Rebuilding       // the registry
	repos    map[string]*RebuiltRepo
	trees    map[string][]manifest.ID // by base path: ids below which something stands
}

// loadRegistry reads the registry. One that can't be parsed is as good as none.
func (r *rebuilding) loadRegistry(ctx context.Context) error {
	data, version, err := r.Store.Load(ctx, manifest.RegistryKey, "")
	if err != nil && !errors.Is(err, objstore.ErrNotFound) {
		return err
	}
	r.version, r.found = version, Nothing // unless there are repos
	if err == nil {
		r.found = Rebuilt
		if r.registry, err = manifest.ParseRegistry(data); err == nil {
			r.found = Intact
		} else {
			r.Log.Warn("a damaged registry", "key", manifest.RegistryKey, "error", err)
		}
	}
	if r.found != Intact {
		// Above any number of changes that there can have been: who has seen the
		// lost one takes this for a later one.
		r.registry = manifest.Registry{Generation: int64(r.now)}
	}
	for _, repo := range r.registry.Repos {
		r.repos[repo.Base] = &RebuiltRepo{Repo: repo}
	}
	return nil
}

// loadIndex reads the index at a base path, if it can be read.
func (r *rebuilding) loadIndex(ctx context.Context, base string) error {
	repo := r.repos[base]
	data, version, err := r.Store.Load(ctx, manifest.IndexKey(base), "")
	if err != nil && !errors.Is(err, objstore.ErrNotFound) {
		return err
	}
	repo.version = version
	if err != nil {
		return nil
	}
	index, err := manifest.ParseIndex(data)
	switch {
	case err != nil:
		r.Log.Warn("a damaged index", "key", manifest.IndexKey(base), "error", err)
	case repo.Name != "" && index.Repo != repo.Name:
		return fmt.Errorf("%w: %s belongs to repo %s, and the registry has %s there", ErrCorrupt, manifest.IndexKey(base), index.Repo, repo.Name)
	default:
		repo.Name, repo.Index, repo.next = index.Repo, Intact, index
	}
	return nil
}

// wanted reports whether a repo was asked for.
func (r *rebuilding) wanted(name string) bool {
	return r.opts.Repos == nil || slices.Contains(r.opts.Repos, name)
}

// plan decides on everything, and writes nothing.
func (r *rebuilding) plan(ctx context.Context) (RebuildReport, error) {
	evidence, err := r.evidence(ctx)
	if err != nil {
		return RebuildReport{}, err
	}
	report := RebuildReport{Registry: r.found, Repos: []RebuiltRepo{}}
	decided := map[manifest.ID]bool{}
	seen := map[string]bool{}
	for _, base := range slices.Sorted(maps.Keys(r.repos)) {
		repo := r.repos[base]
		if repo.Name == "" {
			continue // trees of nothing that is known
		}
		next, err := r.registry.Add(repo.Repo)
		if err != nil {
			return report, fmt.Errorf("register repo %s: %w", repo.Name, err)
		}
		if next.Generation != r.registry.Generation {
			r.registry, report.Registry = next, Rebuilt
		}
		if seen[repo.Name] = true; !r.wanted(repo.Name) {
			continue
		}
		repo.Uncommitted = []manifest.ID{}
		if repo.Index != Intact {
			if err := r.planIndex(ctx, repo, evidence[base], decided); err != nil {
				return report, fmt.Errorf("repo %s: %w", repo.Name, err)
			}
		}
		repo.Checkpoints, repo.Pruned = repo.next.Count()
		if newest, ok := repo.next.Newest(); ok {
			repo.Newest = &newest.ID
		}
		report.Repos = append(report.Repos, *repo)
	}
	for _, name := range r.opts.Repos {
		if !seen[name] {
			return report, fmt.Errorf("repo %q: %w: the store holds nothing of it", name, objstore.ErrNotFound)
		}
	}
	for _, id := range r.opts.Newest {
		if !decided[id] {
			return report, fmt.Errorf("checkpoint %s: %w: nothing depends on its being the newest", id, ErrBadNewest)
		}
	}
	return report, nil
}

// planIndex makes a repo's index. decided takes up the ids that decided something.
func (r *rebuilding) planIndex(ctx context.Context, repo *RebuiltRepo, found remains, decided map[manifest.ID]bool) error {
	if len(found.nodes) == 0 && len(found.listed) == 0 && len(found.pruned) == 0 {
		repo.Index = Nothing
		if repo.version != "" {
			return fmt.Errorf("%w: %s is damaged, and the store holds nothing to rebuild it from", ErrCorrupt, manifest.IndexKey(repo.Base))
		}
		return nil
	}
	list, err := r.loadList(ctx, Repo{Base: repo.Base})
	if err != nil {
		return err
	}
	found.list = list.data
	checkpoints, uncommitted, err := found.committed(r.opts.Newest, decided)
	if err != nil {
		return err
	}
	repo.Index, repo.Uncommitted = Rebuilt, uncommitted
	repo.next = manifest.Index{
		// As with the registry, and as an instant is: it only grows.
		Repo: repo.Name, Generation: int64(r.now), Horizon: r.now,
	}
	checkpoints, repo.next.Pruned = found.tombstones(checkpoints, r.now)
	for _, n := range checkpoints {
		repo.next.Checkpoints = append(repo.next.Checkpoints, n.Checkpoint)
		repo.next.Horizon = max(repo.next.Horizon, n.ID)
	}
	if repo.next.Tail().Len() > r.tail {
		if repo.next, repo.segments, err = repo.next.Seal(r.tail/2, r.fill, manifest.Segment{}); err != nil {
			return err
		}
	}
	_, err = repo.next.Encode() // which holds the rules of an index
	return err
}

// write does what was planned: a repo is registered before it has an index, and
// has its segments before that.
func (r *rebuilding) write(ctx context.Context, report RebuildReport) error {
	if report.Registry == Rebuilt {
		if r.found != Intact {
			var err error
			if r.registry.Unsafe, err = r.checkStore(ctx); err != nil {
				return err
			}
		}
		data, err := r.registry.Encode()
		if err != nil {
			return err
		}
		if _, err := objstore.Update(ctx, r.Store, manifest.RegistryKey, r.version, data, attributes(manifest.KindRegistry, "")); err != nil {
			return err
		}
	}
	if report.Registry != Nothing {
		if err := r.refreshFront(ctx); err != nil {
			return err
		}
	}
	for _, repo := range report.Repos {
		if err := r.writeIndex(ctx, repo); err != nil {
			return fmt.Errorf("repo %s: %w", repo.Name, err)
		}
	}
	return nil
}

// writeIndex makes the lists right, too, of an index that is there: an earlier run
// may have been killed before it got to them.
func (r *rebuilding) writeIndex(ctx context.Context, repo RebuiltRepo) error {
	at := Repo{Name: repo.Name, Base: repo.Base}
	switch repo.Index {
	case Nothing:
		return nil
	case Intact:
		return r.refreshList(ctx, at, repo.next)
	}
	rely := r.newReliance()
	for _, s := range repo.segments {
		if err := r.putSegment(ctx, rely, s); err != nil {
			return err
		}
	}
	if err := r.settle(ctx, rely); err != nil {
		return err
	}
	swapped, err := r.swapIndex(ctx, at, state{version: repo.version}, repo.next)
	if err != nil {
		return err
	}
	return r.makeKnown(ctx, at, swapped.index, false)
}

// openReceipt reads a receipt, and says what the object holds.
func (r *rebuilding) openReceipt(ctx context.Context, key string) (manifest.Receipt, content, error) {
	body, err := r.Store.Open(ctx, key, 0, objstore.Whole)
	if err != nil {
		return manifest.Receipt{}, content{}, err
	}
	defer body.Close()
	data, err := catalog.ReadUpTo(body, manifest.MaxReceipt+1)
	if err != nil {
		return manifest.Receipt{}, content{}, fmt.Errorf("read %s: %w", key, err)
	}
	receipt, err := manifest.ParseReceipt(data)
	if err != nil {
		err = fmt.Errorf("%s: %w: %w", key, ErrCorrupt, err)
	}
	return receipt, content{manifest.Sum(data), int64(len(data))}, err
}
