package objstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Outcome is what a check of [Probe] found.
type Outcome string

// The outcomes of a check.
const (
	OK          Outcome = "ok"
	Failed      Outcome = "failed"      // the store does something else than it was asked
	Unsupported Outcome = "unsupported" // the store says that it can't
)

// Check is one thing that Probe looked at.
type Check struct {
	Name      string  `json:"name"`
	Essential bool    `json:"essential"` // without it two publishers can destroy each other's work
	Outcome   Outcome `json:"outcome"`
	Detail    string  `json:"detail"` // one line
}

// Report is what a store really does.
type Report struct {
	Checks []Check  `json:"checks"`
	Notes  []string `json:"notes,omitempty"`
}

// Safe reports whether every essential check was made and is OK.
func (r Report) Safe() bool {
	for _, c := range r.Checks {
		if c.Essential && c.Outcome != OK {
			return false
		}
	}
	return len(r.Checks) > 0
}

// ProbeOptions configure a Probe.
type ProbeOptions struct {
	// Racers is how many requests are made at once where only one may win. 0: 32.
	Racers int
	// Rounds is how often each race is run. 0: 3.
	Rounds int
}

const (
	probeRoot      = ".asof/probe/"
	cleanupTimeout = time.Minute
)

// Probe finds out by trial what a store does, whatever it is said to do. It
// writes below .asof/probe/<random>/ and deletes that again; a store that does not
// let it is a note, not a failure. The error is for a store that can't be probed
// at all: missing, not answering, or refusing the first write.
func Probe(ctx context.Context, s Store, opts ProbeOptions) (Report, error) {
	if opts.Racers == 0 {
		opts.Racers = 32
	}
	if opts.Rounds == 0 {
		opts.Rounds = 3
	}
	p := &prober{store: s, base: probeRoot + rand.Text() + "/", opts: opts, written: make(map[string]bool)}
	var report Report
	var fatal error
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
		c := Check{Name: check.name, Essential: check.essential, Outcome: OK}
		detail, err := check.run(ctx)
		if c.Detail = detail; err != nil {
			if fatal = unprobeable(ctx, err, i == 0); fatal != nil {
				break
			}
			if c.Outcome, c.Detail = Failed, err.Error(); errors.Is(err, ErrUnsupported) {
				c.Outcome = Unsupported
			}
		}
		report.Checks = append(report.Checks, c)
	}
	if err := p.cleanup(ctx); err != nil {
		report.Notes = append(report.Notes, fmt.Sprintf("could not delete what was written below %s: %v", p.base, err))
	}
	if fatal != nil {
		return report, fmt.Errorf("probe: %w", fatal)
	}
	return report, nil
}

// unprobeable returns err if further checks would say the same.
func unprobeable(ctx context.Context, err error, first bool) error {
	if ctx.Err() != nil || errors.Is(err, ErrNoStore) || errors.Is(err, ErrUnavailable) || first && errors.Is(err, ErrDenied) {
		return err
	}
	return nil
}

// QuickCheck makes sure, by a handful of requests on one key, that the store
// keeps the conditions of Create and Swap at least while nobody races: before the
// first write into a new store. It returns an ErrUnsupported where conditions
// are ignored or refused.
func QuickCheck(ctx context.Context, s Store) error {
	p := &prober{store: s, base: probeRoot + rand.Text() + "/", written: make(map[string]bool)}
	_, err := p.swap(ctx)
	p.cleanup(ctx) // what is left does no harm
	if f, ok := errors.AsType[*finding](err); ok {
		err = fmt.Errorf("%w: %w", ErrUnsupported, f)
	}
	if err != nil {
		return fmt.Errorf("check the store: %w", err)
	}
	return nil
}

// finding is a store that does something else than it was asked.
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

// key is a key of the probe's own that will be written.
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

// cleanup deletes what was written, also once the context is done.
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
