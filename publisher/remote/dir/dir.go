// Package dir is the remote for a local folder: all regular files in it, by
// their names as they stand.
//
// Symbolic links are followed, to files and to folders, if they stay inside the
// folder or lead into one that Follow lists. Any other link is refused, and so is
// one that leads to nothing or back to a folder that it stands in. Sockets, pipes,
// devices, unreadable files, and names that manifest.CheckPath refuses are refused,
// too. The error lists all that is refused. Empty folders are not part of a tree.
package dir

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"runtime"
	"sync"
	"time"

	"github.com/asof/asof/internal/option"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// Options are the remote's settings, as the configuration file spells them.
type Options struct {
	Path string `yaml:"path"` // the folder. Required

	// Concurrency is how many files are hashed at once; 0: GOMAXPROCS.
	Concurrency int `yaml:"concurrency" allowed:"1 to 1000"`

	// Exclude lists patterns of path.Match for what is left out. A pattern is
	// held against the path below the folder and against its last segment; a
	// folder that matches is left out with all that is in it.
	Exclude []string `yaml:"exclude"`

	// Follow lists folders that symbolic links may lead into.
	Follow []string `yaml:"follow"`

	// Manifest adds a PULP_MANIFEST that lists all files, see package pulp. The
	// folder may not have another one.
	Manifest bool `yaml:"manifest"`

	// Log is warned of an entry of Exclude that is a plain name and matches nothing.
	// Nil: no log.
	Log *slog.Logger `yaml:"-"`
}

type folder struct{ opts Options }

// New makes the remote. It does not look at the folder yet. The error has all that is
// wrong, as [option.Errors].
func New(opts Options) (remote.Remote, error) {
	errs := []error{option.Check(opts)}
	if opts.Path == "" {
		errs = append(errs, option.Errorf("path", "missing"))
	}
	if opts.Concurrency == 0 {
		opts.Concurrency = runtime.GOMAXPROCS(0)
	}
	for i, folder := range opts.Follow {
		if folder == "" {
			errs = append(errs, option.Errorf(fmt.Sprintf("follow[%d]", i), "an empty path"))
		}
	}
	for i, pattern := range opts.Exclude {
		if _, err := path.Match(pattern, ""); err != nil {
			errs = append(errs, option.Errorf(fmt.Sprintf("exclude[%d]", i), "%q is not a pattern", pattern))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return &folder{opts}, nil
}

// Capture implements remote.Remote. It reads every file once, for the digest.
func (r *folder) Capture(ctx context.Context, _ remote.Previous) (remote.Capture, error) {
	ground, err := newGround(r.opts.Path, r.opts.Follow)
	if err != nil {
		return nil, err
	}
	c := &capture{ground: ground, where: r.opts.Path}
	rand.Read(c.key[:])
	c.blocks.New = func() any { return new(make([]byte, blockSize)) }
	w := walker{ground: ground, where: r.opts.Path, exclude: newExclusion(r.opts.Exclude), refused: &c.refused, losses: &c.losses}
	err = c.read(ctx, &w, r.opts.Concurrency)
	if err == nil && r.opts.Manifest {
		err = c.addList()
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	for _, name := range w.exclude.idle() {
		r.opts.Log.Warn(fmt.Sprintf("exclude: nothing in %s is named %q", r.opts.Path, name))
	}
	return c, nil
}

// capture is the folder, held open, and what was in it.
type capture struct {
	ground *ground // nil: there are no files in it
	near   nearby
	where  string
	key    [sumKey]byte

	blocks  sync.Pool // of *[]byte of blockSize
	refused refusals
	losses  losses

	files []remote.File
	modes manifest.Modes
	sums  [][]sum // of each file, its blocks'

	generated bool   // PULP_MANIFEST is not in the folder:
	list      []byte // it is this
}

// Files implements remote.Capture.
func (c *capture) Files() []remote.File { return c.files }

// Modified implements remote.Capture.
func (c *capture) Modified(_ context.Context, f remote.File) (time.Time, error) {
	return f.Modified, nil
}

// Modes implements remote.Moded.
func (c *capture) Modes() *manifest.Modes { return &c.modes }

// Lost implements remote.Lossy.
func (c *capture) Lost() []string { return c.losses.lines() }

// Moving implements remote.Moving: whoever fills the folder may be at it.
func (c *capture) Moving() {}

// Close implements remote.Capture.
func (c *capture) Close() error {
	c.near.close()
	if c.ground == nil {
		return nil
	}
	return c.ground.close()
}
