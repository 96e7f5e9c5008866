package publisher

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/asof/asof/internal/objstore"
)

// DryRun returns a publisher that goes through all that p would do, and writes
// nothing: it reads the upstream's documents and the store, and keeps to itself
// what it would have written, as if it had. So its results are those of p, but for
// ids and times, which nobody knows before; and the requests that it would have
// made are those that p makes, unless somebody else publishes meanwhile.
//
// It opens no file of upstream's, so wrong content is found out only by p; takes it
// that the store keeps what indexes and listings say; tells no announcer; and waits
// for nothing.
func (p *Publisher) DryRun() (*Publisher, *DryRun) {
	opts := p.Options
	var waited atomic.Int64
	opts.Now = func() time.Time { return p.Now().Add(time.Duration(waited.Load())) }
	opts.Sleep = func(ctx context.Context, d time.Duration) error {
		waited.Add(int64(d))
		return ctx.Err()
	}
	r := &DryRun{store: newDryStore(p.Store, opts.Now)}
	opts.Store, opts.Announcer = r.store, nil
	return &Publisher{Options: opts, tail: p.tail, fill: p.fill, dry: true}, r
}

// DryRun tells what a dry run has come to so far.
type DryRun struct{ store *dryStore }

// Requests are those that would have been made. A folder needs none.
func (r *DryRun) Requests() objstore.Requests { return r.store.requests() }
