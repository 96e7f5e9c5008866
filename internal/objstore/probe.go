package objstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Outcome is the result of one check of [Probe].
type Outcome string

// The outcomes of a check.
const (
	OK          Outcome = "ok"
	Failed      Outcome = "failed"      // the store does something else than asked
	Unsupported Outcome = "unsupported" // the store says that it can't do it
	Untried     Outcome = "untried"     // nobody knows: no store answered, or it refused access
)

// Verdict is what the outcomes of the essential checks say together.
type Verdict string

// The verdicts.
const (
	Safe    Verdict = "safe"    // all are OK
	Unsafe  Verdict = "unsafe"  // one is not
	Unknown Verdict = "unknown" // one could not be tried, and none is known not to be OK
)

// Check is one thing that Probe checked.
type Check struct {
	Name      string  `json:"name"`
	Essential bool    `json:"essential"` // without it, two publishers can destroy each other's work
	Outcome   Outcome `json:"outcome"`
	Detail    string  `json:"detail"` // one line
}

// Report says what a store really does.
type Report struct {
	Verdict Verdict  `json:"verdict"`
	Checks  []Check  `json:"checks"`
	Notes   []string `json:"notes,omitempty"`
}

func verdict(checks []Check) Verdict {
	v := Safe
	for _, c := range checks {
		switch {
		case !c.Essential || c.Outcome == OK:
		case c.Outcome != Untried:
			return Unsafe
		default:
			v = Unknown
		}
	}
	return v
}

// ProbeOptions configure a Probe.
type ProbeOptions struct {
	// Racers is the number of concurrent requests of which only one may win. 0:
	// 32.
	Racers int
	// Rounds is how often each race is run. 0: 3.
	Rounds int
}

const (
	probeRoot      = ".asof/probe/"
	cleanupTimeout = time.Minute
)

// Probe tries out what a store does, whatever it claims. It writes below
// .asof/probe/<random>/ and deletes that again; a store that refuses the deletes
// gets a note, not a failure. The error is why some checks could not be tried: the
// store is missing, does not answer, does not answer as a store, or refuses access. The report is complete with
// an error, too.
func Probe(ctx context.Context, s Store, opts ProbeOptions) (Report, error) {
	if opts.Racers == 0 {
		opts.Racers = 32
	}
	if opts.Rounds == 0 {
		opts.Rounds = 3
	}
	p := &prober{store: s, base: probeRoot + rand.Text() + "/", opts: opts, written: make(map[string]bool)}
	var report Report
	cause := p.present(ctx) // why a check could not be tried; the first
	untried, hopeless := 0, cause != nil
	for i, check := range []struct {
		name      string
		essential bool
		run       func(context.Context) (string, error)
	}{
		{"conditional create", true, p.create},
		{"conditional create, racing", true, p.createRace},
		{"compare-and-swap", true, p.swap},
		{"compare-and-swap, racing", true, p.swapRace},
		{"copy", false, p.copy},
		{"copy onto an object", false, p.copyOnto},
		{"listing order", true, p.list},
		{"ranges", false, p.ranges},
		{"key characters", false, p.characters},
		{"keys that end in a slash", false, p.slash},
	} {
		c := Check{check.name, check.essential, Untried, "as above"}
		if i == 0 && cause != nil {
			c.Detail = cause.Error()
		}
		if !hopeless {
			detail, err := check.run(ctx)
			if c.Outcome, c.Detail = outcome(err), detail; err != nil {
				c.Detail = err.Error()
			}
			if c.Outcome == Untried {
				cause = cmp.Or(cause, err)
				hopeless = ctx.Err() != nil || !errors.Is(err, ErrDenied) || i == 0
			}
		}
		if c.Outcome == Untried {
			untried++
		}
		report.Checks = append(report.Checks, c)
	}
	report.Verdict = verdict(report.Checks)
	if err := p.cleanup(ctx); err != nil {
		report.Notes = append(report.Notes, fmt.Sprintf("could not delete what was written below %s: %v", p.base, err))
	}
	if cause != nil {
		return report, fmt.Errorf("%d of %d checks could not be tried: %w", untried, len(report.Checks), cause)
	}
	return report, nil
}

// outcome is what the error of a check says of the store.
func outcome(err error) Outcome {
	switch {
	case err == nil:
		return OK
	case errors.Is(err, ErrUnsupported):
		return Unsupported
	}
	for _, untried := range []error{ErrDenied, ErrNoStore, ErrUnavailable, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, untried) {
			return Untried
		}
	}
	return Failed
}

// QuickCheck makes sure, with a few requests on one key, that the store keeps the
// conditions of Create and Swap at least without a race. It is meant for the
// first write into a new store. It returns an ErrUnsupported if the store ignores
// or refuses conditions.
func QuickCheck(ctx context.Context, s Store) error {
	p := &prober{store: s, base: probeRoot + rand.Text() + "/", written: make(map[string]bool)}
	_, err := p.swap(ctx)
	p.cleanup(ctx) // leftovers do no harm
	if f, ok := errors.AsType[*finding](err); ok {
		err = fmt.Errorf("%w: %w", ErrUnsupported, f)
	}
	if err != nil {
		return fmt.Errorf("check the store: %w", err)
	}
	return nil
}

// finding is a store that does something else than asked.
type finding struct{ text string }

func (f *finding) Error() string { return f.text }

func found(format string, args ...any) error { return &finding{fmt.Sprintf(format, args...)} }

type prober struct {
	store Store
	base  string
	opts  ProbeOptions

	mu      sync.Mutex
	written map[string]bool
}

var probeAttributes = Attributes{ContentType: "text/plain; charset=utf-8", CacheControl: "no-store"}

// key returns a key of the probe's own and notes it for cleanup.
func (p *prober) key(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.written[p.base+name] = true
	return p.base + name
}

func (p *prober) put(ctx context.Context, key, content string) error {
	return p.store.Create(ctx, key, Bytes([]byte(content)), probeAttributes)
}

// holds checks an object's content.
func (p *prober) holds(ctx context.Context, key, content string) error {
	data, err := p.read(ctx, key, 0, Whole)
	if err == nil && data != content {
		err = found("the object holds %q, want %q", data, content)
	}
	return err
}

func (p *prober) read(ctx context.Context, key string, offset, length int64) (string, error) {
	r, err := p.store.Open(ctx, key, offset, length)
	if err != nil {
		return "", err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, 1<<20))
	return string(data), err
}

// cleanup deletes what was written, even after the context has ended.
func (p *prober) cleanup(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	var first error
	for key := range p.written {
		if err := p.store.Delete(ctx, key); err != nil && first == nil {
			first = err
		}
	}
	return first
}
