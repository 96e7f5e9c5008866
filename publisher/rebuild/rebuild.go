// Package rebuild restores lost registers from the other objects in the store.
package rebuild

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/job"
	"github.com/asof/asof/publisher/ledger"
)

// Options configure Run.
type Options struct {
	Store objstore.Store // required
	job.Env
	Announcer ledger.Announcer // gets what is rebuilt; nil: none

	Repos []string // by name; nil: all
	// Newest are published checkpoints after which no surviving one was published. They
	// decide if nothing else shows whether a checkpoint was committed, or which of
	// several was. The zero ID stands for a repo that was never published.
	Newest []manifest.ID
	Write  bool // without it nothing is changed

	// Future takes back what lies in the future: what a machine whose clock was ahead has
	// published.
	Future bool
	// Time is what the user says the time is. Taking back the future needs it where nothing
	// but this machine's clock tells: a clock that is behind would take back the present.
	Time manifest.ID

	// Tail and Segment are as in ledger.Options.
	Tail, Segment int
}

// Outcome says what happened to the registry, to an index, or to the register of rings.
type Outcome string

const (
	Intact  Outcome = "intact"  // it can be read, and stays
	Rebuilt Outcome = "rebuilt" // it was lost or damaged, or older than its records
	Nothing Outcome = "nothing" // there never was one

	Ahead     Outcome = "ahead"     // it reaches into the future, and stays
	Withdrawn Outcome = "withdrawn" // what lies in the future was taken back
)

// Report is what Run did, or would do.
type Report struct {
	Registry Outcome `json:"registry"`
	Rings    Outcome `json:"rings"` // of their register
	Repos    []Repo  `json:"repos"` // by base path
}

// Repo says what happened to one repo's index.
type Repo struct {
	manifest.Repo
	Index       Outcome      `json:"index"`
	Checkpoints int          `json:"checkpoints"`
	Pruned      int          `json:"pruned"`
	Newest      *manifest.ID `json:"newest"`
	// Recorded: a record of the index was found. Without one its channels are
	// lost, and checkpoints that were pruned but not collected are listed again.
	Recorded bool `json:"recorded"`
	// Uncommitted are whole trees that no index ever named: another checkpoint
	// was published after the one that they follow.
	Uncommitted []manifest.ID `json:"uncommitted"`
	// Unknown are stretches of time for which nothing shows what was published in
	// them. Their answer is 410.
	Unknown []Stretch `json:"unknown"`
	// Future is what lies in the future, and was or can be taken back; nil: nothing.
	Future *Future `json:"future,omitempty"`

	next     manifest.Index
	segments []manifest.SealedSegment // of next
	read     ledger.State             // what it replaces
}

// Stretch is all instants from one to another, both included.
type Stretch struct {
	From manifest.ID `json:"from"` // manifest.MinID: from the beginning
	To   manifest.ID `json:"to"`
}

// Future is what an index says of times that have not come yet.
type Future struct {
	Now         manifest.ID   `json:"now"`
	Horizon     manifest.ID   `json:"horizon"` // or the id at which a publish of several repos was about to commit
	Checkpoints []manifest.ID `json:"checkpoints"`
	Channels    []string      `json:"channels"` // that name one of them, and are lost
}

// ErrBadNewest means that Options.Newest names a checkpoint that is not the newest, or
// that decides nothing.
var ErrBadNewest = errors.New("it can't be said to be the newest")

// Run writes the registry and the checkpoint indexes again if they are lost or
// damaged, or if somebody put an earlier index back. Of any other index it repairs
// only the lists and the record.
//
// An index comes back as in its latest record. Whatever was published after the
// record, or everything if there is none, comes from receipts and sealed
// segments. A receipt says which checkpoint came before, so receipts form a
// chain. A whole tree that a killed publish left is recognized if another
// checkpoint was published after the one that it follows. If nothing shows
// whether the last one was published, or which of several was, the error is an
// *AmbiguousError, and nothing is written.
//
// No publisher may be at work: one that finds neither an index nor any remains of
// one begins a new history.
func Run(ctx context.Context, opts Options) (Report, error) {
	opts.Env = opts.Env.WithDefaults()
	opts.Store = opts.Env.Guard(opts.Store)
	r := &rebuilding{
		Options: opts, now: manifest.IDOf(opts.Now()), repos: map[string]*Repo{},
		ledger: ledger.New(ledger.Options{
			Store: opts.Store, Env: opts.Env, Announcer: opts.Announcer, Tail: opts.Tail, Segment: opts.Segment,
		}),
	}
	if err := r.survey(ctx); err != nil {
		return Report{}, err
	}
	report, err := r.plan(ctx)
	if err == nil {
		r.rings, err = planRings(ctx, r.Store, r.now)
		report.Rings = r.rings.found
	}
	if err != nil || !opts.Write {
		return report, err
	}
	if err := r.confirmTime(report); err != nil {
		return report, err
	}
	return report, r.write(ctx, report)
}

// rebuilding is one call of Run.
type rebuilding struct {
	Options
	ledger *ledger.Ledger
	now    manifest.ID

	registry manifest.Registry
	read     catalog.State[manifest.Registry] // what it replaces
	found    Outcome                          // of the registry
	rings    rings
	repos    map[string]*Repo
	trees    map[string][]manifest.ID // by base path: ids with objects below them
}

// plan decides everything, and writes nothing.
func (r *rebuilding) plan(ctx context.Context) (Report, error) {
	evidence, err := r.evidence(ctx)
	if err != nil {
		return Report{}, err
	}
	report := Report{Registry: r.found, Repos: []Repo{}}
	decided := map[manifest.ID]bool{}
	seen := map[string]bool{}
	for _, base := range slices.Sorted(maps.Keys(r.repos)) {
		repo := r.repos[base]
		if repo.Name == "" {
			continue // trees of no known repo
		}
		next, err := r.registry.Add(repo.Repo)
		if err != nil {
			return report, fmt.Errorf("register repo %s: %w", repo.Name, err)
		}
		if next.Generation != r.registry.Generation {
			r.registry, report.Registry = next, Rebuilt
		}
		if seen[repo.Name] = true; r.Repos != nil && !slices.Contains(r.Repos, repo.Name) {
			continue
		}
		repo.Uncommitted, repo.Unknown = []manifest.ID{}, []Stretch{}
		if repo.Index == Intact {
			err = r.planFuture(ctx, repo)
		} else {
			err = r.planIndex(repo, evidence[base], decided)
		}
		if err != nil {
			return report, fmt.Errorf("repo %s: %w", repo.Name, err)
		}
		repo.Checkpoints, repo.Pruned = repo.next.Count()
		if newest, ok := repo.next.Newest(); ok {
			repo.Newest = &newest.ID
			decided[newest.ID] = true // saying so is right even after everything is written
		}
		report.Repos = append(report.Repos, *repo)
	}
	for _, name := range r.Repos {
		if !seen[name] {
			return report, fmt.Errorf("repo %q: %w: the store holds nothing of it", name, objstore.ErrNotFound)
		}
	}
	for _, id := range r.Newest {
		if !decided[id] && !id.IsZero() {
			return report, fmt.Errorf("checkpoint %s: %w: it is not, and nothing depends on it", id, ErrBadNewest)
		}
	}
	return report, nil
}

// planIndex plans a repo's index. decided collects the ids that decided
// something.
func (r *rebuilding) planIndex(repo *Repo, found remains, decided map[manifest.ID]bool) error {
	if found.empty() {
		repo.Index = Nothing
		if repo.read.Exists() {
			return fmt.Errorf("%w: %s is damaged, and the store holds nothing to rebuild it from", catalog.ErrCorrupt, manifest.IndexKey(repo.Base))
		}
		return nil
	}
	checkpoints, uncommitted, err := found.committed(r.Newest, decided, r.now+manifest.MaxSkew)
	if err != nil {
		return err
	}
	if len(checkpoints)+len(found.listed)+len(found.pruned) == 0 && !repo.read.Exists() {
		repo.Index, repo.Uncommitted = Nothing, uncommitted
		return nil
	}
	repo.Index, repo.Uncommitted, repo.Recorded = Rebuilt, uncommitted, found.record != nil
	repo.next = manifest.Index{
		// The number of changes can't be as large as this, also since an earlier
		// rebuild. So readers of the lost index accept this one as newer.
		Repo: repo.Name, Generation: max(int64(r.now), found.generation+1), Horizon: r.now,
	}
	checkpoints, repo.next.Pruned, repo.Unknown = found.tombstones(checkpoints, r.now)
	for _, n := range checkpoints {
		repo.next.Checkpoints = append(repo.next.Checkpoints, n.Checkpoint)
		repo.next.Horizon = max(repo.next.Horizon, n.ID)
	}
	repo.next.Channels = found.channels(repo.next)
	if found.record != nil {
		repo.next.Moved, repo.next.Grace, repo.next.Retired = found.record.Moved, found.record.Grace, found.record.Retired
	}
	if repo.next.Future(r.now) {
		withdrawn, err := repo.next.Withdraw(r.now, nil)
		if err != nil {
			return err
		}
		repo.Future = r.future(repo.next, withdrawn, nil)
		if r.Future {
			repo.next = withdrawn
		}
	}
	if repo.next.Tail().Len() > r.ledger.Tail {
		if repo.next, repo.segments, err = repo.next.Seal(r.ledger.Tail/2, r.ledger.Segment, manifest.Segment{}); err != nil {
			return err
		}
	}
	_, err = repo.next.Encode() // checks the rules of an index
	return err
}

// write does what was planned. A repo is registered before it gets an index, and
// its segments are written before that.
func (r *rebuilding) write(ctx context.Context, report Report) error {
	if report.Registry == Rebuilt {
		if r.found != Intact {
			var err error
			if r.registry.Unsafe, err = r.ledger.CheckStore(ctx); err != nil {
				return err
			}
		}
		if _, err := catalog.Registry().Swap(ctx, r.Store, r.read, r.registry); err != nil {
			return err
		}
	}
	if report.Registry != Nothing {
		if err := r.ledger.RefreshFront(ctx, r.registry.Repos...); err != nil {
			return err
		}
	}
	if report.Rings == Rebuilt {
		if _, err := catalog.Rollout().Swap(ctx, r.Store, r.rings.read, r.rings.next); err != nil {
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

// writeIndex also repairs the lists and the record of an index that is already
// there: an earlier run may have been killed before it got to them.
func (r *rebuilding) writeIndex(ctx context.Context, repo Repo) error {
	if repo.Index == Nothing || repo.next.Generation == 0 {
		return nil
	}
	index := repo.next
	if repo.Future != nil && r.Future {
		if err := r.abandonGroup(ctx, repo); err != nil {
			return err
		}
	}
	if repo.Index == Withdrawn {
		return r.ledger.Withdraw(ctx, repo.Repo)
	}
	if repo.Index == Rebuilt {
		if err := r.ledger.PutSegments(ctx, repo.segments...); err != nil {
			return err
		}
		if _, err := r.ledger.Swap(ctx, repo.Repo, repo.read, index); err != nil {
			return err
		}
	}
	if err := r.ledger.Restore(ctx, repo.Repo, index); err != nil {
		return err
	}
	return r.ledger.Announce(ctx, ledger.Announcement{Repo: repo.Repo, Index: index, HorizonOnly: repo.Index == Intact})
}
