package rpm

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/asof/asof/internal/parallel"
	"github.com/asof/asof/internal/rpm"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/mirror"
)

// capture is a capture in progress.
type capture struct {
	*upstream
	source
	client  *fetch.Client // of the source
	prev    remote.Previous
	session *mirror.Session

	filter   *filter // nil: all packages
	repos    []*repository
	fetched  atomic.Bool // metadata were read from upstream
	named    atomic.Bool // so were documents that nothing lists, or files without a digest
	held     mirror.Held
	faults   *mirror.Faults
	warnings mirror.Warnings
}

// captured is the state of the repositories at one moment.
type captured struct {
	*mirror.Tree
	*mirror.Faults
	mirror.Held
	inspection *inspection // nil: packages are taken as they are
}

// advice is what a user can do about faults besides missing: skip.
const advice = "upstream has to mend these files or its metadata"

// capture captures the repositories.
func (r *upstream) capture(ctx context.Context, prev remote.Previous, src source) (_ *captured, err error) {
	session, err := mirror.NewSession(src.client, prev, r.log, "rpm")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			session.Close()
		}
	}()
	session.AlsoAt(src.others...)
	c := &capture{upstream: r, source: src, client: src.client, prev: prev, session: session}
	if c.filter, err = newFilter(r.options.Packages); err != nil {
		return nil, err
	}
	c.faults = mirror.NewFaults(&r.memory, r.options.Missing, advice, c.where(), c.seen)
	if err := c.captureRoots(ctx); err != nil {
		if src.accept != nil {
			err = &unusableError{err}
		}
		return nil, err
	}
	tree, err := c.same(ctx)
	if err != nil {
		return nil, err
	}
	var files []file
	if tree == nil {
		if tree, files, err = c.captureFiles(ctx); err != nil {
			return nil, err
		}
	}
	r.said.Tell(&c.warnings, r.log, c.where())
	c.faults.End()
	return &captured{tree, c.faults, c.held, c.inspection(files)}, nil
}

// captureFiles gets what the root documents lead to. It returns the packages, too, and what
// else the metadata list.
func (c *capture) captureFiles(ctx context.Context) (*mirror.Tree, []file, error) {
	if err := c.obtainAll(ctx); err != nil {
		return nil, nil, err
	}
	if c.fetched.Load() && len(c.repos) > 1 {
		if err := c.checkSettled(ctx); err != nil {
			return nil, nil, err
		}
	}
	files, err := c.readPackages(ctx)
	if err != nil {
		return nil, nil, err
	}
	if files, err = c.complete(ctx, files); err != nil {
		return nil, nil, err
	}
	// No digest binds these to repomd.xml. They are of its moment if it is still the same.
	if c.named.Load() {
		if err := c.checkSettled(ctx); err != nil {
			return nil, nil, err
		}
	}
	tree, err := c.assemble(files)
	return tree, files, err
}

func (c *capture) where() string { return c.urlOf("") }

// urlOf returns a file's URL for messages, without credentials.
func (c *capture) urlOf(path string) string { return fetch.Redact(c.client.URL(path)) }

// seen reports whether the last capture saw the same repositories.
func (c *capture) seen() bool {
	return !slices.ContainsFunc(c.repos, func(r *repository) bool { return !r.seen })
}

// checkSettled checks that the repositories belong together: that none has changed since
// the first one was read.
func (c *capture) checkSettled(ctx context.Context) error {
	return parallel.Each(ctx, c.client.Concurrency(), c.repos, func(ctx context.Context, r *repository) error {
		return c.session.Settled(ctx, r.Roots, rpm.MaxRepomd)
	})
}

// complete finds out what the metadata did not say. With missing: skip it also leaves out
// files that upstream does not have.
func (c *capture) complete(ctx context.Context, files []file) ([]file, error) {
	var known prior
	if slices.ContainsFunc(files, func(f file) bool { return !f.Known }) {
		var err error
		if known, err = c.readPrior(ctx); err != nil {
			return nil, err
		}
	}
	return mirror.Complete(ctx, c.session, c.faults, files,
		func(f *file) bool { return !f.Complete() },
		func(ctx context.Context, f *file) error { return c.learn(ctx, f, known) })
}

// assemble lists all files of the tree.
func (c *capture) assemble(files []file) (*mirror.Tree, error) {
	tree := c.session.Tree()
	for _, r := range c.repos {
		c.addRoots(tree, r)
		for _, b := range r.besides {
			tree.AddRoots(b)
		}
		for _, m := range r.metadata {
			if m.got {
				tree.AddEntry(&m.Entry, m.Spooled.Modified, remote.Index)
			}
		}
	}
	now := c.now()
	for i := range files {
		tree.AddEntry(&files[i].Entry, files[i].time(now), remote.Payload)
	}
	return tree, tree.Sort(c.where())
}
