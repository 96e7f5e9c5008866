// Package dir is the remote for a local folder: all regular files in it, by
// their names as they stand.
//
// Symbolic links that stay inside of the folder are followed, to files and to
// folders; one that leaves it, leads to nothing, or leads back to a folder that
// it stands in fails the capture, by name. So do sockets, pipes, devices, and
// names that manifest.CheckPath refuses. A link with an absolute target counts
// as one that leaves. Empty folders are not part of a tree.
package dir

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path"
	"runtime"
	"sync"
	"time"

	"github.com/asof/asof/publisher/remote"
)

// Options are the remote's settings, as the configuration file spells them.
type Options struct {
	Path string `mapstructure:"path"` // the folder. Required

	// Concurrency is how many files are hashed at once; 0: GOMAXPROCS.
	Concurrency int `mapstructure:"concurrency"`

	// Exclude lists patterns of path.Match for what is left out. A pattern is
	// held against the path below the folder and against its last segment; a
	// folder that matches is left out with all that is in it.
	Exclude []string `mapstructure:"exclude"`
}

type folder struct{ opts Options }

// New makes the remote. It does not look at the folder yet. An error names the
// option.
func New(opts Options) (remote.Remote, error) {
	if opts.Path == "" {
		return nil, errors.New("path: missing")
	}
	if opts.Concurrency < 0 {
		return nil, fmt.Errorf("concurrency: %d is negative", opts.Concurrency)
	}
	if opts.Concurrency == 0 {
		opts.Concurrency = runtime.GOMAXPROCS(0)
	}
	for _, pattern := range opts.Exclude {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, fmt.Errorf("exclude: %q is not a pattern", pattern)
		}
	}
	return &folder{opts}, nil
}

// Capture implements remote.Remote. It reads every file once, for the digest.
func (r *folder) Capture(ctx context.Context, _ remote.Previous) (remote.Capture, error) {
	root, err := os.OpenRoot(r.opts.Path)
	if err != nil {
		return nil, err
	}
	c := &capture{near: nearby{root: root}, where: r.opts.Path}
	rand.Read(c.key[:])
	c.blocks.New = func() any { return new(make([]byte, blockSize)) }
	w := walker{root: root, where: r.opts.Path, exclude: r.opts.Exclude}
	if err := c.read(ctx, &w, r.opts.Concurrency); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// capture is the folder, held open, and what was in it.
type capture struct {
	near  nearby
	where string
	key   [sumKey]byte

	blocks sync.Pool // of *[]byte of blockSize

	files []remote.File
	sums  [][]sum // of each file, its blocks'
}

// Files implements remote.Capture.
func (c *capture) Files() []remote.File { return c.files }

// Modified implements remote.Capture.
func (c *capture) Modified(_ context.Context, f remote.File) (time.Time, error) {
	return f.Modified, nil
}

// Moving implements remote.Moving: whoever fills the folder may be at it.
func (c *capture) Moving() {}

// Close implements remote.Capture.
func (c *capture) Close() error { return c.near.close() }
