package resolver

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asof/asof/manifest"
)

// staleHeader tells, in seconds, for how long it is unknown whether an answer
// is still the newest: the store can't be read. Final answers never carry it.
const staleHeader = "Asof-Stale"

// freshness is when registers were last seen to be as they are known, and which
// can't be read now. It is safe for concurrent use.
type freshness struct {
	failing atomic.Int64 // how many; in the common case nobody takes the mutex

	mu      sync.Mutex
	checked map[string]time.Time // of each register; missing: never
	failed  map[string]bool
}

func (f *freshness) init() {
	f.checked, f.failed = map[string]time.Time{}, map[string]bool{}
}

// note takes the outcome of a refresh of a register.
func (f *freshness) note(key string, now time.Time, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ok {
		f.checked[key] = now
		delete(f.failed, key)
	} else {
		f.failed[key] = true
	}
	f.failing.Store(int64(len(f.failed)))
}

// forget drops registers.
func (f *freshness) forget(drop func(key string) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key := range f.checked {
		if drop(key) {
			delete(f.checked, key)
		}
	}
	for key := range f.failed {
		if drop(key) {
			delete(f.failed, key)
		}
	}
	f.failing.Store(int64(len(f.failed)))
}

func (f *freshness) of(key string) (checked time.Time, failed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.checked[key], f.failed[key]
}

// setStale says so if an answer may be out of date.
func (r *Resolver) setStale(h http.Header, key string) {
	if r.fresh.failing.Load() == 0 {
		return
	}
	if checked, failed := r.fresh.of(key); failed && !checked.IsZero() {
		age := max(r.opts.Now().Sub(checked), 0)
		h.Set(staleHeader, strconv.FormatInt(int64(age/time.Second), 10))
	}
}

// RepoStatus is what the resolver knows of a repo, for metrics.
type RepoStatus struct {
	Name        string
	Checkpoints int
	Horizon     manifest.ID // none before the first publish
	Checked     time.Time   // when the index was last seen to be as known; zero: never
	Stale       bool        // the index can't be read now
}

// Status describes all repos, in no order, and whether the resolver is ready:
// whether the registry was read.
func (r *Resolver) Status() (repos []RepoStatus, ready bool) {
	s := r.state.Load()
	for _, repo := range s.repos {
		status := RepoStatus{Name: repo.name}
		status.Checked, status.Stale = r.fresh.of(manifest.IndexKey(repo.base))
		if repo.known {
			ix := repo.history.Index
			status.Checkpoints, _ = ix.Count()
			status.Horizon = ix.Horizon
		}
		repos = append(repos, status)
	}
	return repos, s.ready
}
