package apt

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/asof/asof/internal/unpack"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// obtained is an index, in all compressions that upstream has.
type obtained struct {
	suite *suite
	indexName
	variants []variant // the one to read first
}

// variant is an index in one compression.
type variant struct {
	ext   string
	name  string   // below the suite's folder
	paths []string // in the tree: its name, and its names by hash
	spooled
}

// where names the index in messages.
func (o *obtained) where() string { return o.suite.dir + o.stem }

// obtainAll gets the indexes that the options choose.
func (c *capture) obtainAll(ctx context.Context) error {
	type wanted struct {
		suite *suite
		names []indexName // of one index
	}
	var all []wanted
	for _, s := range c.suites {
		groups := map[string][]indexName{}
		for name, l := range s.files {
			ix := parseIndexName(name)
			if !c.options.wants(ix, s.release, s.flat) {
				continue
			}
			if err := c.checkListed(s, name, l); err != nil {
				return err
			}
			groups[ix.stem] = append(groups[ix.stem], ix)
		}
		for _, names := range groups {
			all = append(all, wanted{s, names})
		}
	}
	var mu sync.Mutex
	err := each(ctx, all, c.concurrency(), func(ctx context.Context, w wanted) error {
		ix, fetched, err := c.obtain(ctx, w.suite, w.names)
		mu.Lock()
		defer mu.Unlock()
		c.fetched = c.fetched || fetched
		if ix != nil {
			c.indexes = append(c.indexes, ix)
		}
		return err
	})
	slices.SortFunc(c.indexes, func(a, b *obtained) int { return strings.Compare(a.where(), b.where()) })
	return err
}

// checkListed looks at an index before a byte of it is read.
func (c *capture) checkListed(s *suite, name string, l listed) error {
	err := l.sums.check(c.options.AllowWeak)
	if err == nil && l.size > MaxUnpacked {
		err = fmt.Errorf("has %d bytes, more than %d", l.size, int64(MaxUnpacked))
	}
	if err == nil {
		err = manifest.CheckPath(s.dir + name)
	}
	if err != nil {
		return &remote.InputError{Where: s.roots[0].path, Err: fmt.Errorf("%s: %w", name, err)}
	}
	return nil
}

// obtain gets one index; nil: upstream does not have it, and need not.
func (c *capture) obtain(ctx context.Context, s *suite, names []indexName) (_ *obtained, fetched bool, err error) {
	order := unpack.Extensions()
	slices.SortFunc(names, func(a, b indexName) int { return cmp.Compare(rank(order, a.ext), rank(order, b.ext)) })
	ix := &obtained{suite: s, indexName: names[0]}
	missing := names
	for _, name := range names {
		v, ok, err := c.unchanged(ctx, s, name)
		if err != nil {
			return nil, false, err
		}
		if ok {
			ix.variants = append(ix.variants, v)
			missing = slices.DeleteFunc(slices.Clone(missing), func(n indexName) bool { return n == name })
		}
	}
	if s.unchanged && len(ix.variants) > 0 {
		missing = nil // what there was of an unchanged suite is all there is
	}
	for _, name := range missing {
		v, ok, err := c.fetch(ctx, s, name)
		if err != nil {
			return nil, true, err
		}
		if ok {
			fetched = true
			ix.variants = append(ix.variants, v)
		}
	}
	slices.SortFunc(ix.variants, func(a, b variant) int { return cmp.Compare(rank(order, a.ext), rank(order, b.ext)) })
	switch {
	case len(ix.variants) > 0:
		return ix, fetched, c.readable(ctx, ix)
	case ix.kind == packages || ix.kind == sources:
		return nil, true, fmt.Errorf("%s: %w: none of the files that Release lists is there", ix.where(), remote.ErrMoved)
	}
	c.log.Debug("upstream does not have an index that it lists", "index", ix.where())
	return nil, false, nil
}

func rank(order []string, ext string) int {
	if i := slices.Index(order, ext); i >= 0 {
		return i
	}
	return len(order)
}

func (s *suite) variant(name indexName, f spooled) variant {
	v := variant{ext: name.ext, name: name.name, spooled: f, paths: []string{s.dir + name.name}}
	if s.byHash {
		v.paths = append(v.paths, s.byHashPaths(name.name)...)
	}
	return v
}

// byHashPaths are the names of an index by its strong digests, the strongest first.
func (s *suite) byHashPaths(name string) (list []string) {
	l := s.files[name]
	for _, a := range algorithms()[:2] {
		if digest := *a.of(&l.sums); digest != "" {
			list = append(list, path.Join(s.dir, path.Dir(name), "by-hash", a.name, digest))
		}
	}
	return list
}

// unchanged is the variant as the newest checkpoint has it.
func (c *capture) unchanged(ctx context.Context, s *suite, name indexName) (variant, bool, error) {
	l := s.files[name.name]
	if l.sums.sha256 == "" {
		f, ok, err := c.reuse(ctx, s.dir+name.name, l, true)
		return s.variant(name, f), ok, err
	}
	have, ok, err := find(ctx, c.prev, s.dir+name.name)
	if err != nil || !ok || have.Size != l.size || have.SHA256.String() != l.sums.sha256 {
		return variant{}, false, err
	}
	return s.variant(name, spooled{size: have.Size, sha256: have.SHA256, modified: have.Modified}), true, nil
}

// fetch gets a variant from upstream, by hash or by name; false: it is not there.
func (c *capture) fetch(ctx context.Context, s *suite, name indexName) (variant, bool, error) {
	places := []string{s.dir + name.name}
	if s.byHash {
		places = append(s.byHashPaths(name.name), places...)
	}
	for _, place := range places {
		f, err := c.download(ctx, place, s.files[name.name])
		if absent(err) {
			continue
		}
		return s.variant(name, f), err == nil, err
	}
	return variant{}, false, nil
}

// readable puts an index that has to be read into the spool, if it only stands
// in the store.
func (c *capture) readable(ctx context.Context, ix *obtained) error {
	switch ix.kind {
	case packages, sources, installer, pdiff:
	default:
		return nil
	}
	best := &ix.variants[0]
	if best.spooled.name != "" {
		return nil
	}
	want := ix.suite.files[best.name]
	f, ok, err := c.reuse(ctx, best.paths[0], want, true)
	if err != nil {
		return err
	}
	if !ok { // it should be, but then upstream has it
		if f, err = c.download(ctx, best.paths[0], want); err != nil {
			return gone(err)
		}
	}
	best.spooled = f
	return nil
}
