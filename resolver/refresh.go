package resolver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

const (
	loadsAtOnce = 16
	loadTimeout = 30 * time.Second
)

// errBackwards: a register shows an older or another history than the one that
// answers were already given from (invariant 4). It is refused until it has
// caught up; a restart accepts it.
var errBackwards = errors.New("goes back in time")

// errLost: a register is missing, though the store holds what is only written once there
// is one. Nothing is known until it is written again.
var errLost = errors.New("lost; asof rebuild writes it again")

// refresh is what refreshes remember of each other. The mutex is held for the
// whole of one, so that none overtakes another.
type refresh struct {
	mu sync.Mutex
	// seen is the version of each register that was last examined, accepted
	// or refused: neither is worth reading again.
	seen map[string]objstore.Version
	// refused is what is wrong with the version seen, if anything is.
	refused map[string]error
	// failing is why the last known state of a register is kept.
	failing map[string]error
}

func (f *refresh) init() {
	f.seen = map[string]objstore.Version{}
	f.refused = map[string]error{}
	f.failing = map[string]error{}
}

// loaded is the outcome of loading one register.
type loaded struct {
	data    []byte
	version objstore.Version
	err     error // objstore.ErrNotFound: there never was one
}

// Run refreshes at once and then regularly, until ctx ends; it returns nil
// then. What can't be read is logged when it begins and when it ends, not each
// time.
func (r *Resolver) Run(ctx context.Context) error {
	for {
		// The condition was logged; the next round tries again.
		_ = r.Refresh(ctx)
		// A tenth of jitter keeps many resolvers from asking in step.
		pause := r.opts.Refresh + rand.N(r.opts.Refresh/10+1)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// Refresh reads the registry and the indexes that changed, and takes them over
// all at once. Whatever can't be read stays as it was, and is named in the
// error; the rest is taken over regardless.
func (r *Resolver) Refresh(ctx context.Context) error {
	r.refresh.mu.Lock()
	defer r.refresh.mu.Unlock()

	old := r.state.Load()
	registry, ready := r.refreshRegistry(ctx, old)
	if !ready {
		return r.refresh.errors(ctx)
	}

	results := make([]loaded, len(registry.Repos))
	var group errgroup.Group
	group.SetLimit(loadsAtOnce)
	var gotRings loaded
	haveRings := r.refresh.seen[manifest.RolloutKey]
	group.Go(func() error {
		gotRings = r.loadRings(ctx, old, haveRings)
		return nil
	})
	for i, entry := range registry.Repos {
		key := manifest.IndexKey(entry.Base)
		have := r.refresh.seen[key]
		known := old.repos[entry.Base]
		group.Go(func() error {
			results[i] = r.load(ctx, key, have)
			if errors.Is(results[i].err, objstore.ErrNotFound) && (known == nil || !known.known) {
				results[i] = r.never(ctx, key, manifest.ListKey(entry.Base), manifest.RecordKey(entry.Base, 1))
			}
			return nil // one index that can't be read keeps no other from being read
		})
	}
	_ = group.Wait()

	rings, ringsKnown := r.takeRings(ctx, old, gotRings)
	repos := make(map[string]*repo, len(registry.Repos))
	for i, entry := range registry.Repos {
		was := old.repos[entry.Base]
		next := r.takeIndex(ctx, entry, was, results[i])
		if next != was || rings != old.rings {
			next = next.withRings(rings)
		}
		repos[entry.Base] = next
	}
	drop := r.refresh.forget(registry)
	r.fresh.forget(drop)
	if next := newState(registry, rings, ringsKnown, repos); !next.sameAs(old) {
		r.state.Store(next)
	}
	return r.refresh.errors(ctx)
}

func (r *Resolver) load(ctx context.Context, key string, have objstore.Version) loaded {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	data, version, err := r.opts.Store.Load(ctx, key, have)
	return loaded{data, version, err}
}

// never makes sure that a register that is missing never was there, by what is only written
// behind it. Taken for new, a lost one would be answered with 404.
func (r *Resolver) never(ctx context.Context, key string, left ...string) loaded {
	for _, name := range left {
		switch err := r.exists(ctx, name); {
		case errors.Is(err, objstore.ErrNotFound):
		case err != nil:
			return loaded{err: err}
		default:
			// Or somebody has written it just now.
			again := r.load(ctx, key, "")
			if errors.Is(again.err, objstore.ErrNotFound) {
				again.err = fmt.Errorf("%s is missing, but %s is there: %w", key, name, errLost)
			}
			return again
		}
	}
	return loaded{err: fmt.Errorf("%s: %w", key, objstore.ErrNotFound)}
}

func (r *Resolver) exists(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	_, err := r.opts.Store.Stat(ctx, key)
	return err
}

// refreshRegistry returns the registry in force, and whether there is any.
func (r *Resolver) refreshRegistry(ctx context.Context, old *state) (manifest.Registry, bool) {
	key := manifest.RegistryKey
	got := r.load(ctx, key, r.refresh.seen[key])
	if errors.Is(got.err, objstore.ErrNotFound) && !old.ready {
		got = r.never(ctx, key, manifest.FrontKey)
	}
	of := register[manifest.Registry]{key, "registry", manifest.ParseRegistry, func(g manifest.Registry) int64 { return g.Generation }}
	return of.take(ctx, r, old.registry, old.ready, got)
}

// loadRings loads the register of rings.
func (r *Resolver) loadRings(ctx context.Context, old *state, have objstore.Version) loaded {
	key := manifest.RolloutKey
	got := r.load(ctx, key, have)
	switch {
	case errors.Is(got.err, objstore.ErrDenied) && old.rings.Generation == 0:
		// Who may not list is told so of what is missing, too. Most stores have no rings.
		got.err = objstore.ErrNotFound
	case errors.Is(got.err, objstore.ErrNotFound) && !old.ringsKnown:
		got = r.never(ctx, key, manifest.RolloutRecordKey(1))
	}
	return got
}

// takeRings returns the rings in force, and whether they are known.
func (r *Resolver) takeRings(ctx context.Context, old *state, got loaded) (*manifest.Rollout, bool) {
	parse := func(data []byte) (*manifest.Rollout, error) {
		rings, err := manifest.ParseRollout(data)
		return &rings, err
	}
	of := register[*manifest.Rollout]{manifest.RolloutKey, "register of rings", parse, func(g *manifest.Rollout) int64 { return g.Generation }}
	return of.take(ctx, r, old.rings, old.ringsKnown, got)
}

// register is one of the store's own registers: a document with a generation, which is 0
// where it was never written.
type register[T any] struct {
	key, name  string
	parse      func([]byte) (T, error)
	generation func(T) int64
}

// take returns the document in force, and whether any is known. It is old where nothing new
// can be taken over.
func (g register[T]) take(ctx context.Context, r *Resolver, old T, known bool, got loaded) (T, bool) {
	switch {
	case errors.Is(got.err, objstore.ErrNotModified):
		r.report(ctx, g.key, r.refresh.refused[g.key])
		return old, known
	case errors.Is(got.err, objstore.ErrNotFound) && g.generation(old) == 0:
		// A store in which it was never written, which is no error.
		r.report(ctx, g.key, nil)
		return old, true
	case errors.Is(got.err, objstore.ErrNotFound):
		r.report(ctx, g.key, fmt.Errorf("%s is missing now: %w", g.name, errBackwards))
		return old, known
	case got.err != nil:
		r.report(ctx, g.key, got.err)
		return old, known
	}
	next, err := g.parse(got.data)
	if err == nil && g.generation(next) < g.generation(old) {
		err = fmt.Errorf("%s of generation %d after %d: %w", g.name, g.generation(next), g.generation(old), errBackwards)
	}
	r.refresh.seen[g.key], r.refresh.refused[g.key] = got.version, err
	r.report(ctx, g.key, err)
	if err != nil {
		return old, known
	}
	return next, true
}

// takeIndex returns the repo's next state, which is old where nothing new can
// be taken over.
func (r *Resolver) takeIndex(ctx context.Context, entry manifest.Repo, old *repo, got loaded) *repo {
	if old == nil || old.name != entry.Name {
		old = renamed(old, entry)
	}
	key := manifest.IndexKey(entry.Base)
	switch {
	case errors.Is(got.err, objstore.ErrNotModified):
		r.report(ctx, key, r.refresh.refused[key])
		return old
	case errors.Is(got.err, objstore.ErrNotFound) && old.sum == (manifest.Digest{}):
		r.report(ctx, key, nil)
		if old.known {
			return old
		}
		return newRepo(r.manifests, entry, manifest.NewIndex(entry.Name), manifest.Digest{})
	case errors.Is(got.err, objstore.ErrNotFound):
		r.report(ctx, key, fmt.Errorf("checkpoint index is missing now: %w", errBackwards))
		return old
	case got.err != nil:
		r.report(ctx, key, got.err)
		return old
	}
	next, err := r.follow(entry, old, got.data)
	r.refresh.seen[key], r.refresh.refused[key] = got.version, err
	r.report(ctx, key, err)
	return next
}

// renamed is the repo under the name that the registry gives it now; without
// an earlier state, a repo of which nothing is known yet.
func renamed(old *repo, entry manifest.Repo) *repo {
	next := &repo{}
	if old != nil {
		*next = *old
	}
	next.name, next.base = entry.Name, entry.Base
	return next
}

// follow parses an index and refuses one that does not continue the old one:
// answers that were final under the old would change (invariant 4).
func (r *Resolver) follow(entry manifest.Repo, old *repo, data []byte) (*repo, error) {
	sum := manifest.Sum(data)
	if old.known && sum == old.sum {
		return old, nil
	}
	ix, err := manifest.ParseIndex(data)
	if err == nil && ix.UsedUp(false) {
		err = manifest.ErrUsedUp
	}
	if err != nil {
		return old, err
	}
	if old.known {
		have := old.history.Index
		if ix.Generation <= have.Generation {
			return old, fmt.Errorf("checkpoint index of another generation %d after %d: %w", ix.Generation, have.Generation, errBackwards)
		}
		// A horizon in the future may be taken back: nothing up there was final.
		if ix.Horizon < have.Horizon && have.Horizon <= manifest.IDOf(r.opts.Now())+manifest.ClockSkew {
			return old, fmt.Errorf("checkpoint index with horizon %s after %s: %w", ix.Horizon, have.Horizon, errBackwards)
		}
	}
	return newRepo(r.manifests, entry, ix, sum), nil
}

// report keeps the condition of a register, and logs it where it changed.
func (r *Resolver) report(ctx context.Context, key string, err error) {
	if ctx.Err() != nil {
		return // we were told to stop: that says nothing about the store
	}
	text := "keeping the last known state"
	if checked, _ := r.fresh.of(key); checked.IsZero() {
		text = "it was never read: answering 503 until it is"
	}
	r.fresh.note(key, r.opts.Now(), err == nil)
	was := r.refresh.failing[key]
	switch {
	case err == nil && was != nil:
		delete(r.refresh.failing, key)
		r.opts.Log.LogAttrs(ctx, slog.LevelInfo, "up to date again", slog.String("key", key))
	case err != nil:
		r.refresh.failing[key] = err
		if was == nil || condition(was) != condition(err) {
			r.opts.Log.LogAttrs(ctx, slog.LevelWarn, text, slog.String("key", key), slog.Any("error", err))
		}
	}
}

// condition is the kind of an error: texts may differ from one try to the next.
func condition(err error) error {
	for _, kind := range []error{
		errBackwards, errLost, objstore.ErrNotFound, objstore.ErrNoStore, objstore.ErrDenied,
		objstore.ErrUnsupported, objstore.ErrUnavailable, context.DeadlineExceeded,
	} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return nil
}

// forget drops what is remembered of repos that the registry no longer lists,
// and returns what decides that.
func (f *refresh) forget(registry manifest.Registry) (drop func(key string) bool) {
	keep := map[string]bool{manifest.RegistryKey: true, manifest.RolloutKey: true}
	for _, entry := range registry.Repos {
		keep[manifest.IndexKey(entry.Base)] = true
	}
	drop = func(key string) bool { return !keep[key] }
	maps.DeleteFunc(f.seen, func(key string, _ objstore.Version) bool { return drop(key) })
	maps.DeleteFunc(f.refused, func(key string, _ error) bool { return drop(key) })
	maps.DeleteFunc(f.failing, func(key string, _ error) bool { return drop(key) })
	return drop
}

func (f *refresh) errors(ctx context.Context) error {
	errs := []error{ctx.Err()}
	for _, key := range slices.Sorted(maps.Keys(f.failing)) {
		errs = append(errs, fmt.Errorf("refresh %s: %w", key, f.failing[key]))
	}
	return errors.Join(errs...)
}
