// Package reliance lets publishers and the garbage collection work on one store
// at the same time, without locks:
//
//   - A collection deletes an object if no document refers to it, no pin names
//     it, and it is older than the grace period, which is at least [MinGrace].
//   - A run commits within [Fresh] of its beginning, or starts again. So what it
//     stored itself, and what was fresh when the run found it, is younger than
//     2 × Fresh ≤ MinGrace when the run commits.
//   - The newest checkpoint's objects are referred to. If it is pruned meanwhile,
//     they stay referred to for the grace period.
//   - A collection moves every index's generation on before it deletes. So a run
//     that was held up between looking at the clock and swapping has to look
//     again.
//   - That leaves old content that no document refers to, and that a run finds
//     again. Before the run commits, it pins that content, waits until every
//     batch of deletions that may not have seen the pin is over, and looks again.
//   - A reader may use a replaced index for the grace period. So a publisher that
//     replaces a segment pins the old one first.
//   - A collection that deletes without a grace period gives notice first of what
//     it may delete, and does not begin while anybody has an open claim. So whoever
//     may still rely on such an object, however young it is, claims after the
//     notice, sees it before the commit, and pins the object. See notice.go.
package reliance

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/parallel"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/job"
)

// The durations in these rules.
const (
	Fresh    = 48 * time.Hour
	MinGrace = 2 * Fresh
	// BatchTime is how long after reading the pins a batch may still start a
	// deletion.
	BatchTime  = time.Minute
	settleTime = 3 * BatchTime // by then all requests of the batch have ended
)

// ErrCollected: something that the run relied on was collected. The run starts
// again, and stores it.
var ErrCollected = errors.New("collected meanwhile")

// IsFresh reports whether an object stored at a moment can't be collected yet.
func IsFresh(now, stored time.Time) bool { return now.Sub(stored) < Fresh }

// Reliance gathers the objects that a run depends on but did not store, and that
// may be collected any time. It is safe for concurrent use.
type Reliance struct {
	// Doubt: Put reads what is already there instead of trusting its name.
	Doubt bool

	store objstore.Store
	env   job.Env

	mu    sync.Mutex
	keys  []string
	young []string // blobs that only a notice can take away
}

// New returns the reliance of a run that begins now.
func New(store objstore.Store, env job.Env) *Reliance { return &Reliance{store: store, env: env} }

// On notes that the run depends on an object that it found in the store.
func (r *Reliance) On(key string, info objstore.Info) {
	fresh := IsFresh(r.env.Now(), info.Modified)
	if fresh && !strings.HasPrefix(key, manifest.BlobPrefix) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if fresh {
		r.young = append(r.young, key)
	} else {
		r.keys = append(r.keys, key)
	}
}

// OnUnseen notes that the run depends on a blob without having looked at it.
func (r *Reliance) OnUnseen(key string) { r.On(key, objstore.Info{Modified: r.env.Now()}) }

// Named trusts an object's key: a blob, a manifest or a segment, whose key
// commits to its bytes. None was ever stored unchecked. The error is ErrCollected if it has
// just gone.
func (r *Reliance) Named(ctx context.Context, key string, size int64) error {
	info, err := r.store.Stat(ctx, key)
	if errors.Is(err, objstore.ErrNotFound) {
		return fmt.Errorf("%s: %w", key, ErrCollected)
	}
	if err != nil {
		return err
	}
	if info.Size != size {
		return contradicts(key, fmt.Sprintf("it has %d bytes, want %d", info.Size, size))
	}
	r.On(key, info)
	return nil
}

// contradicts returns the error for an object that is not what its key says. No
// publish replaces an object.
func contradicts(key, what string) error {
	return &catalog.CorruptError{Key: key, What: what + "; delete it, and asof publish --force stores it again"}
}

// Put stores an object whose key commits to its bytes, or relies on the existing
// one.
func (r *Reliance) Put(ctx context.Context, kind manifest.Kind, key string, body objstore.Body) error {
	return r.env.Retry(ctx, key, func() error {
		err := r.store.Create(ctx, key, body, catalog.Attributes(kind, ""))
		if !errors.Is(err, objstore.ErrExists) {
			return err
		}
		if r.Doubt {
			same, err := objstore.Holds(ctx, r.store, key, body)
			if err == nil && !same {
				err = contradicts(key, "content does not match its name")
			}
			if err != nil {
				return err
			}
		}
		return r.Named(ctx, key, body.Size)
	})
}

// Settle makes sure that everything the run relies on stays, and then forgets it. A run
// that commits a checkpoint has claimed its id before. The error is ErrCollected if
// something is gone.
func (r *Reliance) Settle(ctx context.Context) error {
	if err := r.heed(ctx); err != nil {
		return err
	}
	if len(r.keys) == 0 {
		return nil
	}
	if err := Pin(ctx, r.store, r.env.Now(), r.keys); err != nil {
		return err
	}
	r.env.Log.Info("waiting to be sure that old content stays", "objects", len(r.keys), "wait", settleTime)
	r.env.Progress.Begin(fmt.Sprintf("waiting %s to be sure that old content stays", settleTime), -1, -1)
	err := r.env.Sleep(ctx, settleTime)
	r.env.Progress.End()
	if err != nil {
		return err
	}
	err = parallel.Each(ctx, r.env.Concurrency, r.keys, func(ctx context.Context, key string) error {
		_, err := r.store.Stat(ctx, key)
		if errors.Is(err, objstore.ErrNotFound) {
			return fmt.Errorf("%s: %w", key, ErrCollected)
		}
		return err
	})
	if err == nil {
		r.keys = nil // the pin keeps them as long as the run may last
	}
	return err
}

// Pin keeps objects from being collected until the pin's own grace period is
// over.
func Pin(ctx context.Context, store objstore.Store, now time.Time, keys []string) error {
	slices.Sort(keys)
	key := manifest.PinKey(manifest.IDOf(now), rand.Text())
	list := []byte(strings.Join(keys, "\n") + "\n")
	_, err := objstore.Put(ctx, store, key, objstore.Bytes(list), catalog.Attributes(manifest.KindPin, ""))
	return err
}

// Pinned reads all pins. It returns the keys of the objects that must stay.
func Pinned(ctx context.Context, store objstore.Reader) (map[string]bool, error) {
	pinned := map[string]bool{}
	for info, err := range store.List(ctx, manifest.PinPrefix, "") {
		if err != nil {
			return nil, err
		}
		err := eachLine(ctx, store, info.Key, func(key string) { pinned[key] = true })
		if err != nil && !errors.Is(err, objstore.ErrNotFound) { // another collection has just deleted it as too old
			return nil, fmt.Errorf("read %s: %w", info.Key, err)
		}
	}
	return pinned, nil
}
