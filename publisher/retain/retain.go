// Package retain decides what a store keeps: Prune takes checkpoints out of an
// index, by rules, and Collect deletes what no document refers to any more. Confirm
// and Undo decide on what waits because nobody with the janitor's rights released it.
package retain

import (
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/publisher/job"
	"github.com/asof/asof/publisher/ledger"
)

// Options configure everything in this package.
type Options struct {
	Store objstore.Store // required
	job.Env
	Announcer ledger.Announcer // gets what is pruned; nil: none

	Tail, Segment int // as in ledger.Options
}

// complete fills in the defaults, and guards the store.
func (o Options) complete() Options {
	o.Env = o.Env.WithDefaults()
	o.Store = o.Env.Guard(o.Store)
	return o
}

func (o Options) ledger() *ledger.Ledger {
	return ledger.New(ledger.Options{Store: o.Store, Env: o.Env, Announcer: o.Announcer, Tail: o.Tail, Segment: o.Segment})
}
