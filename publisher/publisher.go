// Package publisher turns the state of an upstream into a checkpoint: it syncs
// a remote into a revision and publishes revisions as immutable trees.
//
// It keeps no state of its own: the store is all there is. Any number of
// publishers may run at the same time, in one process or many; the checkpoint
// index, swapped last, decides between them.
package publisher

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// Options configure a Publisher.
type Options struct {
	Store objstore.Store // required

	Log         *slog.Logger // nil: no log
	Progress    Progress     // nil: none
	Concurrency int          // transfers at the same time; 0: 32

	RetryDelay time.Duration // before a transfer's second try, growing from there; 0: 500 ms

	// PublicURL is where clients find the store, or a resolver of it: pages tell
	// them. Empty: they have a placeholder.
	PublicURL string
	Announcer Announcer // told of every change; nil: nobody

	// AllowUnsafe takes a new store into use although it has no working
	// compare-and-swap: two publishers at once may then lose a checkpoint.
	AllowUnsafe bool

	Now   func() time.Time                                 // nil: time.Now
	Sleep func(ctx context.Context, d time.Duration) error // nil: a timer
}

// Progress is told how a transfer goes. Its methods are called from many
// goroutines at once.
type Progress interface {
	// Begin starts a stretch of work of so many files and bytes; -1: nobody knows.
	Begin(what string, files int, bytes int64)
	// Add counts work done.
	Add(files int, bytes int64)
	// Retry is told of what failed and is tried again; the log says what it was.
	Retry(err error)
	// End closes the stretch that Begin opened.
	End()
}

// Publisher publishes checkpoints to one store. It is safe for concurrent use.
type Publisher struct {
	Options
	tail, fill int  // entries of an index's tail, and of a segment, at most
	dry        bool // see DryRun
}

// New returns a Publisher.
func New(opts Options) *Publisher {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Progress == nil {
		opts.Progress = noProgress{}
	}
	if opts.Concurrency <= 0 {
		opts.Concurrency = 32
	}
	if opts.RetryDelay <= 0 {
		opts.RetryDelay = 500 * time.Millisecond
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Sleep == nil {
		opts.Sleep = sleep
	}
	return &Publisher{Options: opts, tail: manifest.TailEntries, fill: manifest.SegmentEntries}
}

// Repo is a repo to sync or publish.
type Repo struct {
	Name   string
	Base   string          // base path
	Layout manifest.Layout // of new checkpoints; empty: full
	Remote remote.Remote   // nil: the repo has none
	// SlashPages stores each listing page a second time, at the key that ends
	// in the directory's slash, so that a bare bucket shows it. Full layout only.
	SlashPages bool
}

// Stats count what was done with files and pages.
type Stats struct {
	Uploaded      int   `json:"uploaded"` // stored from the remote, or generated
	Copied        int   `json:"copied"`   // copied inside the store
	Reused        int   `json:"reused"`   // already where they belong
	UploadedBytes int64 `json:"uploaded_bytes"`
}

// HeldBack counts what upstream's documents lead to and a revision leaves out,
// because the configuration says so.
type HeldBack struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

func (r Repo) check() error {
	if err := manifest.CheckBase(r.Name); err != nil {
		return fmt.Errorf("repo name: %w", err)
	}
	return manifest.CheckBase(r.Base)
}

// registered is the repo as the registry names it.
func (r Repo) registered() manifest.Repo { return manifest.Repo{Name: r.Name, Base: r.Base} }

func (r Repo) layout() manifest.Layout {
	if r.Layout == "" {
		return manifest.Full
	}
	return r.Layout
}

// attributes are what the store keeps with an object of a kind.
func attributes(k manifest.Kind, path string) objstore.Attributes {
	return objstore.Attributes{ContentType: k.ContentType(path), CacheControl: k.CacheControl()}
}

type noProgress struct{}

func (noProgress) Begin(string, int, int64) {}
func (noProgress) Add(int, int64)           {}
func (noProgress) Retry(error)              {}
func (noProgress) End()                     {}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
