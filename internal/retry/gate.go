package retry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// How a gate spaces the calls that it lets in.
const (
	firstPause = 500 * time.Millisecond
	longPause  = 30 * time.Second
	jitter     = 0.25
	// ownTries is how often a call fails while others of the same server go through.
	// After that it is not the server that is away.
	ownTries = 6
	// An outage is told of if it lasts longer than quiet, and again after each repeat.
	quiet  = 2 * time.Second
	repeat = time.Minute
)

// Verdict is what the end of a call says of the server.
type Verdict int

// The verdicts.
const (
	Silent Verdict = iota // nothing: the call did not come to it, or its failure will not heal
	Here                  // it answered, whatever it said
	Away                  // it did not answer, or was busy: a later call may succeed
)

// Judge judges the error of a call, which may be nil. after is how long the server
// asked to wait; 0: it did not say.
type Judge func(err error) (v Verdict, after time.Duration)

// Gate is what all calls of one server go through. While the server is away, the gate
// holds them back and lets one in now and then. When a call gets an answer, all go on.
// It is safe for concurrent use.
//
// A call waits as long as the server is away, but no longer than the patience without
// an answer to anybody. So each answer starts the patience again. A call that fails
// while others get their answers is given up after a few tries.
type Gate struct {
	name string
	opts Options

	mu      sync.Mutex
	answers int       // calls that got one
	outage  *outage   // nil: the server is there
	noted   time.Time // when a try that was made again was told of, other than for debugging
}

// outage is the time from a failure to the next answer.
type outage struct {
	since   time.Time
	next    time.Time // when the next call is let in
	pauses  backoff.ExponentialBackOff
	err     error // of the last failure
	waiting int   // calls held back
	said    time.Time
	lost    bool            // patience is over
	over    context.Context // ends when the outage does, or is lost
	end     context.CancelFunc
}

func newOutage(now time.Time) *outage {
	o := &outage{since: now, pauses: backoff.ExponentialBackOff{
		InitialInterval: firstPause, Multiplier: 2, RandomizationFactor: jitter, MaxInterval: longPause,
	}}
	o.next = now.Add(o.pauses.NextBackOff())
	o.over, o.end = context.WithCancel(context.Background())
	return o
}

// ErrGaveUp: patience is over.
var ErrGaveUp = errors.New("gave up waiting")

// GaveUpError is the error of a call that is not worth another try: patience is over.
type GaveUpError struct {
	Err error // of the last try
	Why string
}

func (e *GaveUpError) Error() string {
	if e.Why == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("%v (%s)", e.Err, e.Why)
}

func (e *GaveUpError) Unwrap() error { return e.Err }

// Is implements the match with ErrGaveUp.
func (e *GaveUpError) Is(target error) bool { return target == ErrGaveUp }

// GaveUp reports whether a gate gave up: whoever else might try again should not.
func GaveUp(err error) bool { return errors.Is(err, ErrGaveUp) }

// Policy is p by the gate's clock. What is tried again is told of as an outage is.
func (g *Gate) Policy(p Policy) Policy {
	p.Sleep = g.opts.Sleep
	p.Notify = func(err error, _ int, pause time.Duration) {
		g.opts.Told(err)
		g.mu.Lock()
		defer g.mu.Unlock()
		g.note(g.opts.Now(), err, pause)
	}
	return p
}

// note tells of a try that is made again. All transfers fail together, so each is for
// debugging; one in a while is enough for who wants to know more than of outages.
func (g *Gate) note(now time.Time, err error, pause time.Duration) {
	level := slog.LevelDebug
	if g.noted.IsZero() || now.Sub(g.noted) >= repeat {
		g.noted, level = now, slog.LevelInfo
	}
	g.opts.Log.Log(context.Background(), level, "trying again", "server", g.name, "error", err, "wait", Round(pause))
}

// Met reports whether the server has answered before.
func (g *Gate) Met() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.answers > 0
}

// Do runs call, again and again while the server is away. It returns the call's last
// error, as a [*GaveUpError] where patience ended. If the context ends first, the error
// is the context's; its text begins with the last try's.
func (g *Gate) Do(ctx context.Context, call func() error, judge Judge) error {
	c := &caller{seen: -1}
	for {
		if err := g.enter(ctx, c); err != nil {
			return err
		}
		err := call()
		v, after := judge(err)
		switch {
		case v == Here:
			g.answered()
			return err
		case v == Silent || ctx.Err() != nil:
			return err
		case g.failed(c, err, after):
			return g.giveUp(err)
		case c.failures == ownTries:
			return &GaveUpError{err, fmt.Sprintf("%d tries, while others went through", c.failures)}
		}
	}
}

// caller is a call that is tried again.
type caller struct {
	failures int       // with answers to others in between
	seen     int       // answers at the last failure
	rest     time.Time // no try before
}

// enter waits until the gate lets a call in.
func (g *Gate) enter(ctx context.Context, c *caller) error {
	for waited := false; ; waited = true {
		pause, o := g.ask(c.rest, waited)
		if o != nil && pause == 0 {
			return g.giveUp(o.err)
		}
		if pause == 0 {
			return nil
		}
		if err := g.wait(ctx, pause, o); err != nil {
			return err
		}
	}
}

// ask says how long a call has to wait before it asks again, and for the end of which
// outage, if any. With 0 it may go on, or has to give up if there is an outage.
func (g *Gate) ask(rest time.Time, waited bool) (time.Duration, *outage) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, o := g.opts.Now(), g.outage
	switch {
	case o == nil:
		return max(rest.Sub(now), 0), nil
	case o.lost && waited:
		return 0, o
	case o.lost: // somebody new, who may try once
		return 0, nil
	}
	if pause := max(o.next.Sub(now), rest.Sub(now)); pause > 0 {
		return pause, o
	}
	o.next = now.Add(o.pauses.NextBackOff())
	if end := o.since.Add(g.opts.Patience); now.Before(end) {
		o.next = earliest(o.next, end) // for the last try
	}
	return 0, nil
}

// wait waits for a time, or for the end of an outage.
func (g *Gate) wait(ctx context.Context, pause time.Duration, o *outage) error {
	if o == nil {
		return g.opts.Sleep(ctx, pause)
	}
	g.mu.Lock()
	o.waiting++
	err := o.err
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		o.waiting--
	}()
	sleep, wake := context.WithCancel(ctx)
	defer wake()
	defer context.AfterFunc(o.over, wake)()
	if ended := g.opts.Sleep(sleep, pause); ended != nil && ctx.Err() != nil {
		return fmt.Errorf("%v (gave up: %w)", err, context.Cause(ctx))
	}
	return nil
}

// answered ends the outage, if there is one.
func (g *Gate) answered() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answers++
	if o := g.outage; o != nil {
		g.outage = nil
		o.end()
		if !o.said.IsZero() {
			g.opts.Log.Warn(g.name+" answers again", "away", Round(g.opts.Now().Sub(o.since)), "waiting", o.waiting)
		}
	}
}

// failed notes a failure, and says whether patience is over.
func (g *Gate) failed(c *caller, err error, after time.Duration) (lost bool) {
	g.opts.Told(err)
	g.mu.Lock()
	defer g.mu.Unlock()
	now, o := g.opts.Now(), g.outage
	if o == nil {
		o = newOutage(now)
		g.outage = o
	}
	o.err = err
	end := o.since.Add(g.opts.Patience)
	if !now.Before(end) {
		o.lost = true
		o.end()
		return true
	}
	o.next = earliest(end, latest(o.next, now.Add(after)))
	g.say(o, now, end, after)
	if g.answers != c.seen {
		c.failures, c.seen = c.failures+1, g.answers
	}
	c.rest = earliest(end, now.Add(firstPause<<(c.failures-1)))
	if o.waiting > 0 { // others come first
		c.rest = latest(c.rest, o.next.Add(firstPause))
	}
	return false
}

// say tells of an outage that lasts: what is waited for, why, and until when.
func (g *Gate) say(o *outage, now, end time.Time, after time.Duration) {
	what := "waiting for "
	if !o.said.IsZero() {
		what = "still waiting for "
	}
	if o.said.IsZero() && o.next.Sub(o.since) < quiet || now.Sub(o.said) < repeat {
		g.note(now, o.err, o.next.Sub(now))
		return
	}
	o.said = now
	args := []any{"error", o.err, "waiting", o.waiting + 1, "next", Round(o.next.Sub(now)), "until", end.UTC().Format(time.RFC3339)}
	if after > 0 {
		args = append(args, "asked", Round(after))
	}
	g.opts.Log.Warn(what+g.name, args...)
}

// giveUp is the error of a call for which patience is over.
func (g *Gate) giveUp(err error) error {
	if g.opts.Patience == 0 {
		return &GaveUpError{Err: err}
	}
	return &GaveUpError{err, "gave up after " + Round(g.opts.Patience).String() + " without an answer"}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
