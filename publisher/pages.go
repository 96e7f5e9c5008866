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

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// pages is the capture whose files are the listing pages of a tree: one for
// each directory to which upstream brings no index.html of its own. So pages go
// through the same pipeline as files, and unchanged ones are not stored again.
//
// It keeps no rendered page: each is rendered once for its digest, and again
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

// newPages makes the pages for the entries of a tree, whose order is ascending,
// and adds asof's own files.
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

// digest renders the pages, as many at a time as there are processors.
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

// write renders a page. What the checkpoint is stands on the one at its top.
func (p *pages) write(w io.Writer, dir string) error {
	if dir == "" {
		return page.WriteFront(w, p.dirs[dir].entries(), p.own.front)
	}
	return page.WriteDirectory(w, dir, p.dirs[dir].entries())
}

// dir is the directory with a path, which it makes known to its parent.
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
			if !yield(page.Entry{Name: name, Dir: true, Modified: manifest.NoTime}) {
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

// Modified: a page has no time of its own, so that it is the same in every
// checkpoint in which its directory is.
func (p *pages) Modified(context.Context, remote.File) (time.Time, error) { return time.Time{}, nil }

func (p *pages) Close() error { return nil }

type countingWriter int64

func (w *countingWriter) Write(b []byte) (int, error) {
	*w += countingWriter(len(b))
	return len(b), nil
}

// slashPages stores each listing page of a full tree again, under the key that
// ends in its directory's slash: what a bare bucket serves for that URL.
func (p *Publisher) slashPages(ctx context.Context, dst place, entries []manifest.Entry) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(p.Concurrency)
	for _, e := range entries {
		if strings.HasPrefix(e.Path, manifest.GeneratedDir) {
			continue
		}
		g.Go(func() error {
			from := dst.key(e.Path, e.SHA256)
			return p.copyPage(ctx, from, strings.TrimSuffix(from, manifest.IndexPage), e)
		})
	}
	return g.Wait()
}

// copyPage copies a page inside the store, to where it may stand already.
func (p *Publisher) copyPage(ctx context.Context, from, to string, e manifest.Entry) error {
	err := p.Store.Copy(ctx, from, to, attributes(manifest.KindPage, ""), false)
	if !errors.Is(err, objstore.ErrExists) {
		return err
	}
	same, err := objstore.Holds(ctx, p.Store, to, objstore.Body{Size: e.Size, SHA256: e.SHA256})
	if err == nil && !same {
		err = fmt.Errorf("%s: %w", to, objstore.ErrDiffers)
	}
	return err
}
