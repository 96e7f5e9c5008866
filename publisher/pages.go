package publisher

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/internal/parallel"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/revision"
	"github.com/asof/asof/publisher/transfer"
)

// pages is a capture whose files are the listing pages of a tree: one for each
// directory in which upstream has no index.html of its own. So pages go through
// the same pipeline as files, and unchanged ones are not stored again.
//
// It keeps no rendered page. Each page is rendered once for its digest, and again
// if it must be uploaded.
type pages struct {
	dirs  map[string]*directory // by path, "" is the root, others end in "/"
	files []remote.File
	own   generated
}

type directory struct {
	subdirs []string         // names, ascending
	files   []manifest.Entry // with their full paths, ascending
}

// newPages makes the pages for a tree's entries, in ascending order, and adds
// asof's own files.
func newPages(entries []manifest.Entry, own generated) (*pages, error) {
	p := &pages{dirs: map[string]*directory{"": {}}, own: own}
	for _, e := range entries {
		name := path.Base(e.Path)
		d := p.dir(strings.TrimSuffix(e.Path, name))
		d.files = append(d.files, e)
	}
	if err := p.digest(); err != nil {
		return nil, err
	}
	for path, data := range own.files {
		p.files = append(p.files, remote.File{Path: path, Size: int64(len(data)), SHA256: manifest.Sum(data), Phase: remote.Payload})
	}
	slices.SortFunc(p.files, func(a, b remote.File) int { return cmp.Compare(a.Path, b.Path) })
	return p, nil
}

// digest renders the pages, as many at once as there are processors.
func (p *pages) digest() error {
	for dir, d := range p.dirs {
		slices.Sort(d.subdirs)
		if !d.hasIndex(dir) {
			p.files = append(p.files, remote.File{Path: dir + manifest.IndexPage, Phase: remote.Payload})
		}
	}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range p.files {
		f := &p.files[i]
		g.Go(func() error {
			hash, size := sha256.New(), countingWriter(0)
			err := p.write(io.MultiWriter(hash, &size), strings.TrimSuffix(f.Path, manifest.IndexPage))
			f.Size, f.SHA256 = int64(size), manifest.Digest(hash.Sum(nil))
			return err
		})
	}
	return g.Wait()
}

// write renders a page. The root's page also shows what the checkpoint is.
func (p *pages) write(w io.Writer, dir string) error {
	if dir == "" {
		return page.WriteFront(w, p.dirs[dir].entries(), p.own.front)
	}
	return page.WriteDirectory(w, p.own.front.Repo(), dir, p.dirs[dir].entries())
}

// dir returns the directory with a path, and adds it to its parent if it is new.
func (p *pages) dir(dir string) *directory {
	d, ok := p.dirs[dir]
	if !ok {
		d = &directory{}
		p.dirs[dir] = d
		name := path.Base(dir)
		parent := p.dir(strings.TrimSuffix(dir, name+"/"))
		parent.subdirs = append(parent.subdirs, name)
	}
	return d
}

func (d *directory) hasIndex(dir string) bool {
	_, ok := slices.BinarySearchFunc(d.files, dir+manifest.IndexPage, func(e manifest.Entry, p string) int {
		return cmp.Compare(e.Path, p)
	})
	return ok
}

// entries yields directories first, then files.
func (d *directory) entries() iter.Seq[page.Entry] {
	return func(yield func(page.Entry) bool) {
		for _, name := range d.subdirs {
			if !yield(page.Entry{Name: name, Dir: true}) {
				return
			}
		}
		for _, e := range d.files {
			if !yield(page.Entry{Name: path.Base(e.Path), Size: e.Size, Modified: e.Modified, SHA256: e.SHA256}) {
				return
			}
		}
	}
}

func (p *pages) Files() []remote.File { return p.files }

func (p *pages) Open(_ context.Context, f remote.File) (remote.Content, error) {
	if data, ok := p.own.files[f.Path]; ok {
		return remote.Content{Body: io.NopCloser(bytes.NewReader(data))}, nil
	}
	var buf bytes.Buffer
	buf.Grow(int(f.Size))
	err := p.write(&buf, strings.TrimSuffix(f.Path, manifest.IndexPage))
	return remote.Content{Body: io.NopCloser(&buf)}, err
}

// Modified returns no time: a page has none, so it is the same in every
// checkpoint with the same directory.
func (p *pages) Modified(context.Context, remote.File) (time.Time, error) { return time.Time{}, nil }

func (p *pages) Close() error { return nil }

type countingWriter int64

func (w *countingWriter) Write(b []byte) (int, error) {
	*w += countingWriter(len(b))
	return len(b), nil
}

// writtenPages are the pages of a tree, and the root of the newest checkpoint's
// pages.
type writtenPages struct {
	rev   *revision.Revision
	prev  manifest.Root
	stats transfer.Stats
}

// writePages stores the listing pages and asof's own files for a tree whose files
// are already stored.
func (p *publication) writePages(ctx context.Context, index manifest.Index, files *revision.Revision, plan *transfer.Plan, receipt manifest.Receipt) (w writtenPages, err error) {
	own, err := p.generate(ctx, files, plan.Dst, receipt)
	if err != nil {
		return w, err
	}
	rendered, err := newPages(files.Entries, own)
	if err != nil {
		return w, err
	}
	if w.rev, err = revision.New(rendered, files.At); err != nil {
		return w, err
	}
	var pagePlan *transfer.Plan
	pagePlan, w.prev, err = p.compareWithNewest(ctx, p.repo.Base, index, pagesOf, w.rev, p.opts.Force)
	if err != nil {
		return w, err
	}
	// Pages show times, and two runs for the same content may carry times over
	// from different checkpoints. So a run that takes over a tree does not trust
	// its pages: storing a different page fails as such.
	pagePlan.Dst = plan.Dst
	w.stats, err = p.transfer(ctx, transfer.Options{What: p.repo.Name + ": pages", Kind: manifest.KindPage, Rely: p.rely}, w.rev, pagePlan)
	if err == nil && p.repo.SlashPages && plan.Dst.Layout == manifest.Full {
		err = p.slashPages(ctx, plan.Dst, w.rev.Entries)
	}
	return w, err
}

// slashPages stores each listing page of a full tree again, under the key that
// ends in its directory's slash. A bare bucket serves that key for the
// directory's URL.
func (p *Publisher) slashPages(ctx context.Context, dst manifest.Place, entries []manifest.Entry) error {
	return parallel.Each(ctx, p.Concurrency, entries, func(ctx context.Context, e manifest.Entry) error {
		if strings.HasPrefix(e.Path, manifest.GeneratedDir) {
			return nil
		}
		from := dst.Key(e.Path, e.SHA256)
		return p.copyPage(ctx, from, strings.TrimSuffix(from, manifest.IndexPage), e)
	})
}

// copyPage copies a page inside the store, to a key that may exist already.
func (p *Publisher) copyPage(ctx context.Context, from, to string, e manifest.Entry) error {
	err := p.Store.Copy(ctx, from, to, catalog.Attributes(manifest.KindPage, ""), false)
	if !errors.Is(err, objstore.ErrExists) {
		return err
	}
	same, err := objstore.Holds(ctx, p.Store, to, objstore.Body{Size: e.Size, SHA256: e.SHA256})
	if err == nil && !same {
		err = fmt.Errorf("%s: %w", to, objstore.ErrDiffers)
	}
	return err
}
