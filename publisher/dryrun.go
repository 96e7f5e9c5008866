package publisher

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/publisher/dry"
)

// DryRun returns a publisher that does everything that p would do, but writes
// nothing. It reads the upstream's documents and the store, and keeps its own
// writes in memory as if they had happened. So its results are p's, except for
// ids and times, which are not known in advance. Its requests are the ones that p
// would make, unless somebody else publishes meanwhile.
//
// It opens no upstream file, so only p finds wrong content. It trusts that the
// store holds what indexes and listings say. It announces nothing and never
// waits.
func (p *Publisher) DryRun() (*Publisher, *DryRun) {
	opts := p.Options
	var waited atomic.Int64
	opts.Now = func() time.Time { return p.Now().Add(time.Duration(waited.Load())) }
	opts.Sleep = func(ctx context.Context, d time.Duration) error {
		waited.Add(int64(d))
		return ctx.Err()
	}
	r := &DryRun{store: dry.NewStore(p.Store, opts.Now)}
	opts.Store, opts.Announcer = r.store, nil
	next := newPublisher(opts)
	next.ledger.Tail, next.ledger.Segment, next.dry = p.ledger.Tail, p.ledger.Segment, true
	return next, r
}

// DryRun tells what a dry run has done so far.
type DryRun struct{ store *dry.Store }

// Requests returns the requests that would have been made. A folder needs none.
func (r *DryRun) Requests() objstore.Requests { return r.store.Requests() }
