// Package publisher turns the state of an upstream into a checkpoint: it syncs a
// remote into a revision and publishes revisions as immutable trees.
//
// It has no state of its own; everything is in the store. Any number of
// publishers may run at the same time, in one process or many. The checkpoint
// index, swapped last, decides between them.
//
// Other work on a store is in the packages below: ledger (the index, and what
// follows from a change of it), revision and transfer (what is captured, and how
// it gets to its place), retain (prune and gc), readback (verify and restore),
// rebuild.
package publisher

import (
	"context"
	"fmt"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/job"
	"github.com/asof/asof/publisher/ledger"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/revision"
	"github.com/asof/asof/publisher/transfer"
)

// Options configure a Publisher.
type Options struct {
	Store objstore.Store // required
	job.Env

	// PublicURL is where clients find the store, or a resolver of it. Pages show
	// it. Empty: they show a placeholder.
	PublicURL string
	Announcer ledger.Announcer // gets every change; nil: none

	// AllowUnsafe accepts a new store without a working compare-and-swap. Two
	// publishers at once may then lose a checkpoint.
	AllowUnsafe bool

	// TrustClock publishes although an upstream's clock differs from this machine's and
	// the store has none that decides.
	TrustClock bool
}

// Publisher publishes checkpoints to one store. It is safe for concurrent use.
type Publisher struct {
	Options
	ledger *ledger.Ledger
	groups *groups
	claims *claims
	dry    bool // set for a DryRun
}

// New returns a Publisher.
func New(opts Options) *Publisher {
	opts.Env = opts.Env.WithDefaults()
	opts.Store = opts.Env.Guard(opts.Store)
	return newPublisher(opts)
}

// newPublisher returns a publisher on a guarded store.
func newPublisher(opts Options) *Publisher {
	l := ledger.New(ledger.Options{
		Store: opts.Store, Env: opts.Env, Announcer: opts.Announcer, AllowUnsafe: opts.AllowUnsafe,
	})
	return &Publisher{
		Options: opts,
		ledger:  l,
		groups:  &groups{opts.Env, opts.Store, l},
		claims:  &claims{opts.Env, opts.Store},
	}
}

// Repo is a repo to sync or publish.
type Repo struct {
	manifest.Repo
	Layout manifest.Layout // of new checkpoints; empty: full
	Remote remote.Remote   // nil: the repo has none
	// SlashPages stores each listing page a second time, at the key that ends
	// in the directory's slash, so that a bare bucket shows it. Full layout only.
	SlashPages bool
	// Grace is how long files stay reachable below a name that moved on from them; 0:
	// not at all, nil: manifest.DefaultGrace. The index says so to all who answer.
	Grace *time.Duration
	// MaxRemoved is how much of the newest checkpoint's files the next may lack, in
	// percent, 0 to 100; nil: DefaultMaxRemoved. It holds from 20 files up. Whatever it
	// is, a checkpoint with files is not followed by one without any.
	MaxRemoved *int
}

func (r Repo) check() error {
	if err := manifest.CheckBase(r.Name); err != nil {
		return fmt.Errorf("repo name: %w", err)
	}
	if r.Grace != nil {
		if err := manifest.CheckGrace(*r.Grace); err != nil {
			return fmt.Errorf("grace: %w", err)
		}
	}
	if p := r.MaxRemoved; p != nil && (*p < 0 || *p > 100) {
		return fmt.Errorf("max_removed: %d%% is not within 0%% and 100%%", *p)
	}
	return manifest.CheckBase(r.Base)
}

func (r Repo) layout() manifest.Layout {
	if r.Layout == "" {
		return manifest.Full
	}
	return r.Layout
}

// Horizon is a repo's: publishing adds nothing at or before it. It is none where
// nothing was published yet. What a killed run left undone is finished first, as
// whoever asks may find nothing left to publish.
func (p *Publisher) Horizon(ctx context.Context, repo Repo) (manifest.ID, error) {
	current, err := p.groups.look(ctx, repo.Repo)
	if err == nil {
		err = p.ledger.CheckTime(current.Doc)
	}
	if err == nil && current.Exists() {
		err = p.ledger.CatchUp(ctx, repo.Repo, current.Doc)
	}
	return current.Doc.Horizon, err
}

// transfer brings the files of a revision to their places.
func (p *Publisher) transfer(ctx context.Context, opts transfer.Options, rev *revision.Revision, plan *transfer.Plan) (transfer.Stats, error) {
	opts.Store, opts.Env, opts.Dry = p.Store, p.Env, p.dry
	return transfer.Run(ctx, opts, rev, plan)
}
