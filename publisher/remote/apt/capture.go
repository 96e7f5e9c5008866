package apt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
)

// capture is the archive's state at one moment.
type capture struct {
	*upstream
	prev  remote.Previous // while it is made
	spool *spool

	suites  []*suite
	indexes []*obtained
	fetched bool // an index was read from upstream

	files  []remote.File
	held   pool                // the files that the filter holds back
	docs   map[string]document // by path: what is in memory
	local  map[string]spooled  // by path: what is in the spool
	sha512 map[string]string   // by path, where upstream gives one beside a SHA-256
}

// capture makes one.
func (r *upstream) capture(ctx context.Context, prev remote.Previous) (_ *capture, err error) {
	c := &capture{upstream: r, prev: prev, docs: map[string]document{}, local: map[string]spooled{}, sha512: map[string]string{}}
	if c.spool, err = newSpool(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	if err := c.captureRoots(ctx); err != nil {
		return nil, err
	}
	if err := c.obtainAll(ctx); err != nil {
		return nil, err
	}
	if c.fetched {
		if err := c.checkSettled(ctx); err != nil {
			return nil, err
		}
	}
	files, err := c.readIndexes(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.complete(ctx, files); err != nil {
		return nil, err
	}
	c.prev = nil
	return c, c.assemble(files)
}

// each runs f for many things at once.
func each[T any](parent context.Context, list []T, limit int, f func(context.Context, T) error) error {
	g, ctx := errgroup.WithContext(parent)
	g.SetLimit(limit)
	for _, x := range list {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error { return f(ctx, x) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return context.Cause(parent) // nil, unless it ended before all had begun
}

func (c *capture) concurrency() int {
	if n := c.options.Concurrency; n > 0 {
		return n
	}
	return fetch.DefaultConcurrency
}

func (c *capture) captureRoots(ctx context.Context) error {
	c.suites = make([]*suite, len(c.upstream.suites))
	places := make([]int, len(c.suites))
	for i := range places {
		places[i] = i
	}
	return each(ctx, places, c.concurrency(), func(ctx context.Context, i int) (err error) {
		c.suites[i], err = c.captureSuite(ctx, c.upstream.suites[i], c.prev)
		return err
	})
}

func (c *capture) checkSettled(ctx context.Context) error {
	return each(ctx, c.suites, c.concurrency(), c.settled)
}

// assemble lists all files of the tree, in order.
func (c *capture) assemble(files []poolFile) error {
	for _, s := range c.suites {
		for _, doc := range s.roots {
			c.docs[doc.path] = doc
			c.files = append(c.files, remote.File{
				Path: doc.path, Size: int64(len(doc.data)), SHA256: manifest.Sum(doc.data), Modified: doc.modified, Phase: remote.PhaseOf(doc.path),
			})
		}
	}
	added := map[string]bool{} // two empty indexes have one name by hash
	for _, ix := range c.indexes {
		for _, v := range ix.variants {
			for _, path := range v.paths {
				if !added[path] {
					added[path] = true
					c.add(path, v.spooled)
				}
			}
		}
	}
	for _, f := range files {
		if f.spooled != nil {
			c.add(f.path, *f.spooled)
			continue
		}
		if f.more != nil && f.more.sha512 != "" {
			c.sha512[f.path] = f.more.sha512
		}
		c.files = append(c.files, remote.File{Path: f.path, Size: f.size, SHA256: f.sha256, Phase: remote.PhaseOf(f.path)})
	}
	slices.SortFunc(c.files, func(a, b remote.File) int { return strings.Compare(a.Path, b.Path) })
	var paths manifest.PathChecker
	for _, f := range c.files {
		if err := paths.Next(f.Path); err != nil {
			return &remote.InputError{Where: c.where(), Err: err}
		}
	}
	return nil
}

func (c *capture) add(path string, f spooled) {
	if f.name != "" {
		c.local[path] = f
	}
	c.files = append(c.files, remote.File{Path: path, Size: f.size, SHA256: f.sha256, Modified: f.modified, Phase: remote.PhaseOf(path)})
}

// Files implements remote.Capture.
func (c *capture) Files() []remote.File { return c.files }

// Moving implements remote.Moving.
func (c *capture) Moving() {}

// HeldBack implements remote.Partial.
func (c *capture) HeldBack() (files int, bytes int64) { return c.held.files, c.held.bytes }

// Open implements remote.Capture. Root documents and indexes are those that were
// captured; a file of the pool is read now.
func (c *capture) Open(ctx context.Context, f remote.File) (remote.Content, error) {
	if doc, ok := c.docs[f.Path]; ok {
		return remote.Content{Body: io.NopCloser(bytes.NewReader(doc.data)), Modified: doc.modified}, nil
	}
	if local, ok := c.local[f.Path]; ok {
		body, err := c.spool.open(local)
		return remote.Content{Body: body, Modified: local.modified}, err
	}
	resp, err := c.client.Get(ctx, c.client.URL(f.Path), f.Size)
	if err != nil {
		return remote.Content{}, gone(changed(err))
	}
	body := resp.Body
	if digest, ok := c.sha512[f.Path]; ok {
		body = &verifiedBody{ReadCloser: body, v: newVerifier(listed{f.Size, sums{sha512: digest}})}
	}
	return remote.Content{Body: body, Modified: resp.Modified}, nil
}

// gone marks a file that was there when its index was made.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", remote.ErrMoved, err)
	}
	return err
}

// verifiedBody compares a body with its SHA-512 at its end. Whoever reads it
// checks its size and its SHA-256.
type verifiedBody struct {
	io.ReadCloser
	v *verifier
}

func (b *verifiedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	_, _ = b.v.Write(p[:n]) // never fails
	if err == io.EOF {
		if _, wrong := b.v.done(); wrong != nil {
			return n, wrong
		}
	}
	return n, err
}

// Modified implements remote.Capture.
func (c *capture) Modified(ctx context.Context, f remote.File) (time.Time, error) {
	if doc, ok := c.docs[f.Path]; ok {
		return doc.modified, nil
	}
	if local, ok := c.local[f.Path]; ok {
		return local.modified, nil
	}
	return c.client.Modified(ctx, c.client.URL(f.Path))
}

// Close implements remote.Capture. It removes the temporary files.
func (c *capture) Close() error {
	c.client.Close()
	return c.spool.Close()
}
