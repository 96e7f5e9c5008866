package apt

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/asof/asof/internal/unpack"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// Bounds of what the indexes of a capture list.
const (
	MaxFiles    = 20_000_000
	MaxUnpacked = 4 << 30 // bytes of an index, where Release does not say how many
	maxSumsLine = 8 << 10 // bytes of a line in a SHA256SUMS
)

// poolFile is a file to which an index leads.
type poolFile struct {
	path    string
	size    int64 // bytes; -1: not said
	sha256  manifest.Digest
	known   bool      // its SHA-256 is
	more    *sums     // other digests, where they are needed; nil: none
	from    *obtained // for messages
	pkg     int       // the package it belongs to, among those of the filter; -1: none
	spooled *spooled  // it was read already
}

// pool counts files.
type pool struct {
	files int
	bytes int64
}

// parsed is what an index says.
type parsed struct {
	files []poolFile
	pkgs  []pkg // with a filter only
}

// readIndexes parses all indexes and returns the files that they lead to, each
// once, in order of their paths.
func (c *capture) readIndexes(ctx context.Context) ([]poolFile, error) {
	results := make([]parsed, len(c.indexes))
	places := make([]int, len(c.indexes))
	for i := range places {
		places[i] = i
	}
	// Each may hold a window of 64 MiB.
	err := each(ctx, places, min(runtime.GOMAXPROCS(0), 4), func(ctx context.Context, i int) error {
		return c.readIndex(ctx, c.indexes[i], &results[i])
	})
	if err != nil {
		return nil, err
	}
	var all parsed
	for _, p := range results {
		for i := range p.files {
			if p.files[i].pkg >= 0 {
				p.files[i].pkg += len(all.pkgs)
			}
		}
		all.files = append(all.files, p.files...)
		all.pkgs = append(all.pkgs, p.pkgs...)
		if len(all.files) > MaxFiles {
			return nil, &remote.InputError{Where: c.where(), Err: fmt.Errorf("its indexes list more than %d files", MaxFiles)}
		}
	}
	var keep []bool // nil: all
	if c.filter != nil {
		keep = c.filter.choose(all.pkgs)
	}
	return c.merge(all.files, keep)
}

// merge puts the files in order, each once, without those that are held back.
func (c *capture) merge(files []poolFile, keep []bool) ([]poolFile, error) {
	slices.SortStableFunc(files, func(a, b poolFile) int { return strings.Compare(a.path, b.path) })
	kept := files[:0]
	for i := 0; i < len(files); {
		f, wanted := files[i], false
		j := i
		for ; j < len(files) && files[j].path == f.path; j++ {
			if j > i {
				if err := f.merge(files[j]); err != nil {
					return nil, &remote.InputError{Where: f.path, Err: err}
				}
			}
			wanted = wanted || keep == nil || files[j].pkg < 0 || keep[files[j].pkg]
		}
		i = j
		if wanted {
			kept = append(kept, f)
		} else {
			c.held.files++
			c.held.bytes += f.size
		}
	}
	return kept, nil
}

// merge takes what another index says of the same file. Two that contradict each
// other can't both be right, so neither is believed.
func (f *poolFile) merge(other poolFile) error {
	if f.size >= 0 && other.size >= 0 && f.size != other.size {
		return fmt.Errorf("has %d bytes by %s, %d by %s", f.size, f.from.where(), other.size, other.from.where())
	}
	mine, theirs := f.sums(), other.sums()
	for _, a := range algorithms() {
		x, y := *a.of(&mine), *a.of(&theirs)
		if x != "" && y != "" && x != y {
			return fmt.Errorf("has the %s %s by %s, %s by %s", a.name, x, f.from.where(), y, other.from.where())
		}
	}
	f.size = max(f.size, other.size)
	if !f.known && other.known {
		f.sha256, f.known = other.sha256, true
	}
	if f.more == nil {
		f.more = other.more
	}
	return nil
}

func (f *poolFile) sums() (s sums) {
	if f.more != nil {
		s = *f.more
	}
	if f.known {
		s.sha256 = f.sha256.String()
	}
	return s
}

// newPoolFile checks what an index says of a file (invariant 8).
func (c *capture) newPoolFile(ix *obtained, name string, l listed) (poolFile, error) {
	f := poolFile{path: clean(name), size: l.size, from: ix, pkg: -1}
	if err := manifest.CheckPath(f.path); err != nil {
		return f, err
	}
	if l.size > manifest.MaxSize {
		return f, fmt.Errorf("%s: size %d is more than %d bytes", f.path, l.size, int64(manifest.MaxSize))
	}
	if err := l.sums.check(c.options.AllowWeak); err != nil {
		return f, fmt.Errorf("%s: %w", f.path, err)
	}
	if l.sums.sha256 != "" {
		_, err := hex.Decode(f.sha256[:], []byte(l.sums.sha256))
		f.known = err == nil
		l.sums.sha256, l.sums.sha1, l.sums.md5 = "", "", ""
	}
	if l.sums != (sums{}) {
		f.more = &l.sums
	}
	return f, nil
}

// readIndex parses one index, from its best compression.
func (c *capture) readIndex(ctx context.Context, ix *obtained, out *parsed) error {
	var parse func(*obtained, io.Reader, *parsed) error
	switch {
	case ix.kind == packages:
		parse = c.parsePackages
	case ix.kind == sources:
		parse = c.parseSources
	case ix.kind == installer && path.Base(ix.stem) == "SHA256SUMS":
		parse = c.parseSHA256SUMS
	case ix.kind == pdiff:
		parse = c.parsePDiffs
	default:
		return nil
	}
	best := ix.variants[0]
	f, err := c.spool.open(best.spooled)
	if err != nil {
		return err
	}
	defer f.Close()
	plain, exact := ix.suite.files[ix.stem]
	if !exact {
		plain.size = MaxUnpacked
	}
	r, err := unpack.Reader(bufio.NewReaderSize(cancellable{ctx, f}, 64<<10), best.ext, plain.size, exact)
	if err != nil {
		return &remote.InputError{Where: best.paths[0], Err: err}
	}
	defer r.Close()
	err = parse(ix, r, out)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return syntax(best.paths[0], err)
	}
	return nil
}

// cancellable stops at the end of its context.
type cancellable struct {
	ctx context.Context
	io.Reader
}

func (r cancellable) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}

// complete learns what the indexes did not say: the SHA-256 of files that go by
// other digests, and the sizes of installer images.
func (c *capture) complete(ctx context.Context, files []poolFile) error {
	var incomplete []*poolFile
	for i := range files {
		if f := &files[i]; !f.known || f.size < 0 {
			incomplete = append(incomplete, f)
		}
	}
	return each(ctx, incomplete, c.concurrency(), func(ctx context.Context, f *poolFile) error {
		if f.known {
			have, ok, err := find(ctx, c.prev, f.path)
			if err != nil {
				return err
			}
			if ok && have.SHA256 == f.sha256 {
				f.size = have.Size
				return nil
			}
			if f.size, err = c.sizeOf(ctx, f.path); err != nil || f.size >= 0 {
				return err
			}
		}
		want := listed{f.size, f.sums()}
		got, ok, err := c.reuse(ctx, f.path, want, false)
		if err != nil {
			return err
		}
		if !ok {
			if got, err = c.download(ctx, f.path, want); err != nil {
				return gone(err)
			}
		}
		f.spooled, f.size, f.sha256, f.known = &got, got.size, got.sha256, true
		return nil
	})
}

// sizeOf asks for a file's size; -1: upstream does not say.
func (c *capture) sizeOf(ctx context.Context, path string) (size int64, err error) {
	err = c.client.Retry(ctx, func(ctx context.Context) (err error) {
		size, _, err = c.client.Head(ctx, c.client.URL(path))
		return err
	})
	return size, gone(err)
}
