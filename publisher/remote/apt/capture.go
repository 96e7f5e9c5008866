package apt

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/asof/asof/internal/parallel"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/mirror"
)

// capture is a capture in progress.
type capture struct {
	*upstream
	prev    remote.Previous
	session *mirror.Session

	suites   []*suite
	indexes  []*obtained
	fetched  atomic.Bool // an index was read from upstream
	held     mirror.Held
	rivals   map[string][]poolFile
	faults   *mirror.Faults
	warnings mirror.Warnings
}

// captured is the archive's state at one moment.
type captured struct {
	*mirror.Tree
	*mirror.Faults
	mirror.Held
}

// advice is what a user can do about faults besides missing: skip.
const advice = "packages.exclude, components and architectures leave files out"

// capture captures the archive.
func (r *upstream) capture(ctx context.Context, prev remote.Previous) (_ *captured, err error) {
	session, err := mirror.NewSession(r.client, prev, r.log, "apt")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			session.Close()
		}
	}()
	c := &capture{upstream: r, prev: prev, session: session, rivals: map[string][]poolFile{}}
	c.faults = mirror.NewFaults(&r.memory, r.options.Missing, advice, r.where(), c.seen)
	if err := c.captureRoots(ctx); err != nil {
		return nil, err
	}
	if !c.anyBare() {
		if err := c.checkEntries(); err != nil {
			return nil, err
		}
	}
	if err := c.obtainAll(ctx); err != nil {
		return nil, err
	}
	if c.anyBare() {
		if err := c.checkEntries(); err != nil {
			return nil, err
		}
	}
	if c.fetched.Load() {
		if err := c.checkSettled(ctx); err != nil {
			return nil, err
		}
	}
	c.rememberBare()
	files, err := c.readIndexes(ctx)
	if err != nil {
		return nil, err
	}
	if files, err = c.complete(ctx, files); err != nil {
		return nil, err
	}
	tree, err := c.assemble(files)
	if err != nil {
		return nil, err
	}
	r.said.Tell(&c.warnings, r.log, r.where())
	c.faults.End()
	return &captured{tree, c.faults, c.held}, nil
}

// seen reports whether the last capture saw the same archive.
func (c *capture) seen() bool {
	return !slices.ContainsFunc(c.suites, func(s *suite) bool { return !s.seen })
}

func (c *capture) captureRoots(ctx context.Context) error {
	c.suites = make([]*suite, len(c.upstream.suites))
	places := make([]int, len(c.suites))
	for i := range places {
		places[i] = i
	}
	return parallel.Each(ctx, c.client.Concurrency(), places, func(ctx context.Context, i int) (err error) {
		c.suites[i], err = c.captureSuite(ctx, c.upstream.suites[i])
		return err
	})
}

func (c *capture) checkSettled(ctx context.Context) error {
	return parallel.Each(ctx, c.client.Concurrency(), c.suites, func(ctx context.Context, s *suite) error {
		if s.bare {
			return nil // nothing ties its indexes together
		}
		return c.session.Settled(ctx, s.Roots, MaxRelease)
	})
}

// assemble lists all files of the tree.
func (c *capture) assemble(files []poolFile) (*mirror.Tree, error) {
	tree := c.session.Tree()
	for _, s := range c.suites {
		tree.AddRoots(s.Roots)
	}
	added := map[string]bool{} // all empty indexes have the same by-hash name
	for _, ix := range c.indexes {
		for _, v := range ix.variants {
			for _, path := range v.paths {
				if !added[path] {
					added[path] = true
					tree.AddSpooled(path, v.Spooled, ix.phase())
				}
			}
		}
	}
	for i := range files {
		tree.AddEntry(&files[i].Entry, time.Time{}, remote.Payload)
	}
	return tree, tree.Sort(c.where())
}
