package publisher

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// Collecting garbage and publishing at the same time, without locks:
//
//   - Collect deletes what no index, young tombstone, staged revision or pin
//     refers to, if it is older than the grace period, which is at least minGrace.
//   - A run commits within freshAge of its beginning, or starts again. So what
//     it stored itself, and what was fresh when it met it, is younger than
//     2 × freshAge ≤ minGrace when it commits.
//   - What the newest checkpoint has is referred to, and for the grace period
//     also if that one is pruned meanwhile.
//   - Collect moves every index's generation on before it deletes. So a run that
//     was held up between looking at the clock and swapping has to look again.
//   - What is left: old content that nobody lists, met again. Before a run
//     commits on it, it pins it, waits until every batch of deletions that may
//     not have seen the pin is over, and looks again.
//   - Who reads by an index that was replaced gets the grace period: whoever puts
//     another segment in the place of one pins that first.
const (
	freshAge   = 48 * time.Hour
	minGrace   = 2 * freshAge
	batchTime  = time.Minute   // a batch of deletions ends within this after it read the pins
	settleTime = 3 * batchTime // and with all its requests within this
)

// reliance collects the objects that a run depends on, that it did not store,
// and that may be collected any time. It is safe for concurrent use.
type reliance struct {
	now  func() time.Time
	mu   sync.Mutex
	keys []string
}

func (p *Publisher) newReliance() *reliance { return &reliance{now: p.Now} }

// on notes that the run depends on an object that it found in the store.
func (r *reliance) on(key string, info objstore.Info) {
	if r.now().Sub(info.Modified) < freshAge {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = append(r.keys, key)
}

// relyOn takes an object for what its name says: a blob or a manifest, whose name
// commits to its bytes, and of which none was ever stored unchecked.
func (p *Publisher) relyOn(ctx context.Context, r *reliance, key string, size int64) error {
	info, err := p.Store.Stat(ctx, key)
	if err != nil {
		return err
	}
	if info.Size != size {
		return fmt.Errorf("%s: %w", key, objstore.ErrDiffers)
	}
	r.on(key, info)
	return nil
}

// settle makes sure that what the run relies on stays, and is done with it. It
// returns errOvertaken if something of it is gone: the run starts again and
// stores it.
func (p *Publisher) settle(ctx context.Context, r *reliance) error {
	if len(r.keys) == 0 {
		return nil
	}
	if err := p.pin(ctx, r.keys); err != nil {
		return err
	}
	p.Log.Info("waiting to be sure that old content stays", "objects", len(r.keys), "wait", settleTime)
	if err := p.Sleep(ctx, settleTime); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(p.Concurrency)
	for _, key := range r.keys {
		g.Go(func() error {
			_, err := p.Store.Stat(ctx, key)
			if errors.Is(err, objstore.ErrNotFound) {
				return fmt.Errorf("%w: %s was collected", errOvertaken, key)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	r.keys = nil // the pin holds them for as long as the run may last
	return nil
}

// pin makes collections leave objects alone until the grace period of the pin is
// over.
func (p *Publisher) pin(ctx context.Context, keys []string) error {
	slices.Sort(keys)
	key := manifest.PinKey(manifest.IDOf(p.Now()), rand.Text())
	list := []byte(strings.Join(keys, "\n") + "\n")
	_, err := objstore.Put(ctx, p.Store, key, objstore.Bytes(list), attributes(manifest.KindPin, ""))
	return err
}
