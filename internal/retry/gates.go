package retry

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// DefaultPatience is how long a run waits for a server that is away, unless it is told
// otherwise.
const DefaultPatience = 5 * time.Minute

// Options are how the calls of a run wait.
type Options struct {
	// Patience is how long a server may be away. 0: nothing is tried again.
	Patience time.Duration
	// Log is told when an outage begins, once a minute, and when it ends. Nil: no log.
	Log *slog.Logger
	// Told, if not nil, gets each failure that is waited for.
	Told func(error)
	Clock
}

// Clock is what waits go by. The zero value is the real one.
type Clock struct {
	Now   func() time.Time                                 // nil: time.Now
	Sleep func(ctx context.Context, d time.Duration) error // nil: [Sleep]
}

// Gates are the gates of a run, one for each server. They are safe for concurrent use.
type Gates struct {
	opts  Options
	mu    sync.Mutex
	gates map[string]*Gate
}

// NewGates returns the gates of a run.
func NewGates(o Options) *Gates {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Told == nil {
		o.Told = func(error) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = Sleep
	}
	return &Gates{opts: o, gates: map[string]*Gate{}}
}

// Gate returns the gate of a server, always the same one. Messages call it by its name,
// which must hold no secret.
func (g *Gates) Gate(name string) *Gate {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gates[name] == nil {
		g.gates[name] = &Gate{name: name, opts: g.opts}
	}
	return g.gates[name]
}

// Impatient returns gates of their own that wait as these do, but no longer than patience.
func (g *Gates) Impatient(patience time.Duration) *Gates {
	opts := g.opts
	opts.Patience = min(patience, opts.Patience)
	return NewGates(opts)
}

// Round rounds a duration for people: to seconds, below ten seconds to tenths.
func Round(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}
