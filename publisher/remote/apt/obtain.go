package apt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/asof/asof/internal/parallel"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/mirror"
)

// obtained is an index in all compressions that upstream has.
type obtained struct {
	suite *suite
	indexName
	variants []variant // the one that apt prefers first
}

// variant is an index in one compression.
type variant struct {
	ext     string
	name    string   // relative to the suite's folder
	paths   []string // in the tree: its name and its by-hash names
	listing listing  // what upstream says about it
	mirror.Spooled
}

// where names the index in messages.
func (o *obtained) where() string { return o.suite.dir + o.stem }

// place names a line of the index in messages.
func (o *obtained) place(line int) string {
	document := o.where()
	if len(o.variants) > 0 {
		document = o.variants[0].paths[0]
	}
	return fmt.Sprintf("%s:%d", document, line)
}

// obtainAll gets all indexes that the options choose.
func (c *capture) obtainAll(ctx context.Context) error {
	type wanted struct {
		suite *suite
		names []indexName // all of one index
	}
	var all []wanted
	for _, s := range c.suites {
		groups, err := c.choose(s)
		if err != nil {
			return err
		}
		for _, names := range groups {
			all = append(all, wanted{s, names})
		}
	}
	var mu sync.Mutex
	err := parallel.Each(ctx, c.client.Concurrency(), all, func(ctx context.Context, w wanted) (err error) {
		var ix *obtained
		if w.suite.bare {
			ix, err = c.obtainBare(ctx, w.suite, w.names[0])
		} else {
			ix, err = c.obtain(ctx, w.suite, w.names)
		}
		mu.Lock()
		defer mu.Unlock()
		if ix != nil {
			c.indexes = append(c.indexes, ix)
		}
		return err
	})
	slices.SortFunc(c.indexes, func(a, b *obtained) int { return strings.Compare(a.where(), b.where()) })
	if err != nil {
		return err
	}
	return c.checkBare()
}

// required reports whether an index is one that clients can't do without.
func (ix indexName) required() bool { return ix.kind == packages || ix.kind == sources }

// obtain gets one index. It returns nil if upstream does not have it and clients can do
// without it.
//
// A file that is missing, or does not match Release, may be right a moment later, so the
// archive is captured again. If Release has not changed since then, the file is left out:
// clients read another compression or do without. If they can't do without the index,
// that is a fault.
func (c *capture) obtain(ctx context.Context, s *suite, names []indexName) (*obtained, error) {
	slices.SortFunc(names, func(a, b indexName) int { return cmp.Compare(rank(a.ext), rank(b.ext)) })
	ix := &obtained{suite: s, indexName: names[0]}
	missing := names
	for _, name := range names {
		v, ok, err := c.unchanged(ctx, s, name)
		if err != nil {
			return nil, err
		}
		if ok {
			ix.variants = append(ix.variants, v)
			missing = slices.DeleteFunc(slices.Clone(missing), func(n indexName) bool { return n == name })
		}
	}
	if s.Unchanged() && len(ix.variants) > 0 {
		// Many archives list the uncompressed index and never have it.
		missing = slices.DeleteFunc(slices.Clone(missing), func(n indexName) bool { return n.ext == "" })
	}
	var wrong []remote.Fault
	var absent []indexName
	for _, name := range missing {
		v, ok, err := c.fetch(ctx, s, name)
		switch {
		case errors.Is(err, remote.ErrMoved):
			wrong = append(wrong, remote.Fault{Path: s.dir + name.name, Err: err})
		case err != nil:
			return nil, err
		case ok:
			c.fetched.Store(true)
			ix.variants = append(ix.variants, v)
		case name.ext != "":
			absent = append(absent, name)
		}
	}
	slices.SortFunc(ix.variants, func(a, b variant) int { return cmp.Compare(rank(a.ext), rank(b.ext)) })
	if len(wrong) > 0 && !s.seen && (!s.lasting() || ix.required() && len(ix.variants) == 0) {
		return nil, wrong[0].Err
	}
	if len(ix.variants) == 0 && ix.required() {
		c.fetched.Store(true)
		return nil, c.unobtainable(ix, wrong)
	}
	for _, f := range wrong {
		c.warnings.Add(c.urlOf(f.Path), "left out, as it is not what Release says: "+f.Err.Error())
	}
	if len(ix.variants) == 0 {
		c.log.Debug("upstream does not have an index that it lists", "index", ix.where())
		return nil, nil
	}
	for _, name := range absent {
		c.warnings.Add(c.urlOf(s.dir+name.name), "left out, as upstream lists it and does not have it; it is looked for again at each capture")
	}
	return ix, nil
}

// unobtainable records that no variant of a required index can be had.
func (c *capture) unobtainable(ix *obtained, wrong []remote.Fault) error {
	switch {
	case !ix.suite.seen:
		return fmt.Errorf("%s: %w: none of the files that Release lists is there", ix.where(), remote.ErrMoved)
	case len(wrong) == 0:
		c.faults.Add(remote.Fault{Path: ix.where(), Err: fmt.Errorf("%w, in no compression (%s)", remote.ErrMissing, ix.suite.files[ix.name][0].place), Required: true})
	default:
		c.faults.Add(wrong...)
	}
	return nil
}

// preference lists the compressions of indexes in the order in which apt prefers them
// (Acquire::CompressionTypes of apt 2.6). The empty one means an uncompressed file.
func preference() []string { return []string{".xz", ".bz2", ".lzma", ".gz", ".lz4", ".zst", ""} }

func rank(ext string) int { return slices.Index(preference(), ext) }

func (s *suite) variant(name indexName, l listing, f mirror.Spooled) variant {
	v := variant{ext: name.ext, name: name.name, listing: l, Spooled: f, paths: []string{s.dir + name.name}}
	if s.byHash {
		v.paths = append(v.paths, s.byHashPaths(name.name, l)...)
	}
	return v
}

// byHashPaths returns the by-hash names of an index for its strong digests, strongest
// first.
func (s *suite) byHashPaths(name string, l listing) (list []string) {
	for _, a := range []mirror.Algorithm{mirror.SHA512, mirror.SHA256} {
		if digest := l.Sums[a]; digest != "" {
			list = append(list, path.Join(s.dir, path.Dir(name), "by-hash", a.String(), digest))
		}
	}
	return list
}

// unchanged returns the variant from the newest checkpoint, if that has it.
func (c *capture) unchanged(ctx context.Context, s *suite, name indexName) (variant, bool, error) {
	listings := s.files[name.name]
	if len(listings) > 1 && !s.Unchanged() {
		return variant{}, false, nil // only upstream's bytes can tell which listing is right
	}
	for _, l := range listings {
		digest := l.Sums[mirror.SHA256]
		if digest == "" {
			f, ok, err := c.session.Reuse(ctx, s.dir+name.name, l.Listed, true)
			if ok || err != nil {
				return s.variant(name, l, f), ok, err
			}
			continue
		}
		have, ok, err := c.session.Find(ctx, s.dir+name.name)
		if err != nil {
			return variant{}, false, err
		}
		if ok && have.Size == l.Size && have.SHA256.String() == digest {
			return s.variant(name, l, mirror.InStore(have)), true, nil
		}
	}
	return variant{}, false, nil
}

// fetch downloads a variant. The result is false if upstream does not have it. If Release
// contradicts itself, the listing that matches the bytes wins. If none matches, the error
// is remote.ErrMoved.
func (c *capture) fetch(ctx context.Context, s *suite, name indexName) (v variant, ok bool, err error) {
	listings := s.files[name.name]
	var wrong []error
	for i, l := range listings {
		v, ok, err := c.fetchListed(ctx, s, name, l)
		switch {
		case errors.Is(err, remote.ErrMoved):
			wrong = append(wrong, fmt.Errorf("%w (%s)", err, l.place))
		case err != nil || !ok:
			return v, ok, err
		default:
			for j, other := range listings {
				if i != j {
					c.warnings.Add(other.place, fmt.Sprintf("%s is listed with another size or digest than at %s, which is right", name.name, l.place))
				}
			}
			return v, true, nil
		}
	}
	return v, false, joined(wrong)
}

// joined puts several errors on one line.
func joined(errs []error) error {
	all := errs[0]
	for _, err := range errs[1:] {
		all = fmt.Errorf("%w; %w", all, err)
	}
	return all
}

// fetchListed downloads a variant that must match one listing, by hash or by name.
func (c *capture) fetchListed(ctx context.Context, s *suite, name indexName, l listing) (variant, bool, error) {
	if l.Size == 0 {
		f, err := c.session.Empty(l.Listed)
		return s.variant(name, l, f), err == nil, err
	}
	places := []string{s.dir + name.name}
	if s.byHash {
		places = append(s.byHashPaths(name.name, l), places...)
	}
	for _, place := range places {
		f, err := c.session.Download(ctx, place, l.Listed)
		if mirror.Absent(err) {
			continue
		}
		return s.variant(name, l, f), err == nil, err
	}
	return variant{}, false, nil
}
