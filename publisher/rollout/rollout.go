// Package rollout moves rings: movable names for a time that holds for all repos of a store,
// or for some of them (manifest.Rollout). Every change is one swap of one register, so a crash
// leaves the old or the new state of a ring for all repos, never a mix.
package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/parallel"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/dry"
	"github.com/asof/asof/publisher/job"
)

// Options configure a Rollout.
type Options struct {
	Store objstore.Store // required
	job.Env

	// Repos are the members' names (none: all), and Rings the rings in their order, as they
	// are configured. Without rings the register stays as it is.
	Repos []string
	Rings []manifest.RingRule

	By string // who changes something; required for changes
	// Dry keeps all changes in memory: later ones see them, and the store does not.
	Dry bool
}

// Rollout reads and changes the rings of a store. It is safe for concurrent use, in one
// process or many.
type Rollout struct{ Options }

// New returns a Rollout.
func New(opts Options) *Rollout {
	opts.Env = opts.Env.WithDefaults()
	opts.Store = opts.Env.Guard(opts.Store)
	if opts.Dry {
		opts.Store = dry.NewStore(opts.Store, opts.Now)
	}
	return &Rollout{opts}
}

// State is the register with the members' histories, as they were at one moment.
type State struct {
	manifest.Rollout
	All     []*manifest.History // of the repos that the rings hold for
	Members manifest.Members    // those of them that have a say
	Now     manifest.ID
}

// Read reads the register and the members' indexes. The register is as configured, whether it
// says so already or not.
func (r *Rollout) Read(ctx context.Context) (State, error) {
	now, _, err := catalog.LoadRollout(ctx, r.Store)
	if err != nil {
		return State{}, err
	}
	return r.look(ctx, now.Doc, "configuration")
}

// look reads the indexes of all members, and configures the register.
func (r *Rollout) look(ctx context.Context, doc manifest.Rollout, by string) (State, error) {
	now := manifest.IDOf(r.Now())
	doc, err := r.configure(doc, manifest.Stamp{At: now, By: by})
	if err != nil {
		return State{}, err
	}
	registry, err := catalog.Registry().Load(ctx, r.Store)
	if err != nil {
		return State{}, err
	}
	all := make([]*manifest.History, len(registry.Doc.Repos))
	places := make([]int, len(all))
	for i := range places {
		places[i] = i
	}
	err = parallel.Each(ctx, r.Concurrency, places, func(ctx context.Context, i int) error {
		repo := registry.Doc.Repos[i]
		if !doc.Holds(repo.Name) {
			return nil
		}
		index, err := catalog.LoadIndex(ctx, r.Store, repo)
		if err == nil {
			err = r.CheckFuture(r.Store, "the horizon of "+repo.Name, index.Doc.Horizon)
		}
		all[i] = catalog.NewHistory(r.Store, index.Doc)
		return err
	})
	if err != nil {
		return State{}, err
	}
	all = slices.DeleteFunc(all, func(h *manifest.History) bool { return h == nil })
	if err := checkNames(doc, all); err != nil {
		return State{}, err
	}
	return State{doc, all, doc.MembersOf(all), now}, nil
}

// checkNames makes sure that no ring has the name of a channel, which would go before it.
func checkNames(doc manifest.Rollout, all []*manifest.History) error {
	var errs []error
	for _, h := range all {
		for _, ring := range doc.Rings {
			if _, taken := h.Index.Channels[ring.Name]; taken {
				errs = append(errs, fmt.Errorf("ring %s: %w: %s has a channel of this name", ring.Name, manifest.ErrTaken, h.Index.Repo))
			}
		}
	}
	return errors.Join(errs...)
}

// configure returns the register with what the configuration says.
func (r *Rollout) configure(doc manifest.Rollout, by manifest.Stamp) (manifest.Rollout, error) {
	if len(r.Rings) == 0 {
		return doc, nil
	}
	return doc.Set(r.Repos, r.Rings, by)
}

// change changes the register, also while others change it. Each try looks at the members
// anew. A change that changes nothing writes nothing. It returns the state before and the
// register after.
func (r *Rollout) change(ctx context.Context, change func(State) (manifest.Rollout, error)) (before State, after manifest.Rollout, err error) {
	for {
		now, recorded, err := catalog.LoadRollout(ctx, r.Store)
		if err == nil && now.Doc.UsedUp() {
			err = fmt.Errorf("%s: %w", manifest.RolloutKey, manifest.ErrUsedUp)
		}
		// The next change must not come before the record of the last one.
		if err == nil && !recorded {
			err = catalog.RecordRollout(ctx, r.Store, now.Doc)
		}
		if err != nil {
			return State{}, manifest.Rollout{}, err
		}
		state, err := r.look(ctx, now.Doc, r.By)
		if err != nil {
			return State{}, manifest.Rollout{}, err
		}
		next := state.Rollout
		set := next.Generation != now.Doc.Generation // a change of its own, so that both are recorded
		if !set {
			if next, err = change(state); err != nil || next.Generation == now.Doc.Generation {
				return state, next, err
			}
		}
		switch _, err := catalog.Rollout().Swap(ctx, r.Store, now, next); {
		case errors.Is(err, objstore.ErrChanged):
			continue
		case err != nil:
			return state, manifest.Rollout{}, err
		}
		if next.Recorded != now.Doc.Recorded {
			err = catalog.RecordRollout(ctx, r.Store, next)
		}
		if !set || err != nil {
			return state, next, err
		}
	}
}

func (r *Rollout) stamp(reason string) manifest.Stamp {
	return manifest.Stamp{At: manifest.IDOf(r.Now()), By: r.By, Reason: reason}
}
