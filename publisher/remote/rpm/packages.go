package rpm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/asof/asof/internal/rpm"
	"github.com/asof/asof/internal/unpack"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/mirror"
)

// Limits of the metadata and of what they may list.
const (
	MaxMetadata = 4 << 30 // bytes of one file; the largest real one has 1 GB
	MaxFiles    = 20_000_000
	MaxUnpacked = 16 << 30 // bytes of a primary.xml; the largest real one has 0.5 GB
)

// file is a file that the metadata list.
type file struct {
	mirror.Entry
	modified int64  // seconds since 1970; 0 or less: not known
	from     string // path of the document that lists it, for messages
	line     int32  // in from
	reuse    bool   // without a digest: the newest checkpoint has it
	pkg      int32  // its package, if there is a filter; -1: none
	identity string // of a package that is to be inspected; empty: none is
}

func (f *file) place() string { return fmt.Sprintf("%s:%d", f.from, f.line) }

func (m *metadata) linePlace(line int) string { return fmt.Sprintf("%s:%d", m.Path, line) }

// readPackages parses primary.xml of all repositories. It returns the files that they
// list, each once, sorted by path.
func (c *capture) readPackages(ctx context.Context) ([]file, error) {
	all, err := c.readBesides(ctx)
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].pkg = -1
	}
	var pkgs []wantedPkg
	var refused []refusal
	for _, r := range c.repos {
		for _, m := range r.metadata {
			if m.lists() && m.got {
				deltas, err := c.readDeltas(ctx, m)
				if err != nil {
					return nil, err
				}
				all = append(all, deltas...)
			}
			if m.data.Type != primaryType {
				continue
			}
			err = c.packages(ctx, m, *m.Spooled, c.filter.follows(), func(p *rpm.Package) error {
				if len(all)+len(refused) == MaxFiles {
					return &remote.InputError{Where: m.Path, Err: fmt.Errorf("lists more than %d files", MaxFiles)}
				}
				n := int32(-1)
				if c.filter != nil {
					n = int32(len(pkgs))
					pkgs = append(pkgs, c.filter.add(p))
				}
				f, err := c.packageFile(m, p)
				if err != nil {
					fault := remote.Fault{Path: m.linePlace(p.Line), Err: fmt.Errorf("package %.200q: %w", nevra(p), err), Required: true}
					refused = append(refused, refusal{n, fault})
					return nil
				}
				f.pkg = n
				all = append(all, f)
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	}
	if err := c.readFilelists(ctx, pkgs); err != nil {
		return nil, err
	}
	wanted := func(int32) bool { return true }
	if c.filter != nil {
		if err := c.filter.idle(pkgs).Tell(c.options.StrictFilters, c.where(), c.warnings.Add); err != nil {
			return nil, err
		}
		keep := c.filter.choose(pkgs)
		wanted = func(pkg int32) bool { return pkg < 0 || keep[pkg] }
	}
	for _, r := range refused {
		if wanted(r.pkg) {
			c.faults.Add(r.fault)
		}
	}
	all = c.merge(all, wanted)
	return all, c.faults.Settle()
}

// refusal is an entry that can't be followed. It is a fault only if its package is wanted.
type refusal struct {
	pkg   int32
	fault remote.Fault
}

// packages calls f with each package of a primary.xml.
func (c *capture) packages(ctx context.Context, m *metadata, from mirror.Spooled, relations bool, f func(*rpm.Package) error) error {
	return c.unpack(ctx, m, from, func(r io.Reader) error {
		for p, err := range rpm.Packages(r, relations) {
			if err != nil {
				return syntax(m.Path, err)
			}
			if err := f(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// readDeltas returns the delta RPMs that a document lists. One that can't be read lists
// none: clients then get whole packages.
func (c *capture) readDeltas(ctx context.Context, m *metadata) (files []file, err error) {
	err = c.unpack(ctx, m, *m.Spooled, func(r io.Reader) error {
		for d, err := range rpm.Deltas(r) {
			if err != nil {
				return syntax(m.Path, err)
			}
			if len(files) == MaxFiles {
				return &remote.InputError{Where: m.Path, Err: fmt.Errorf("lists more than %d files", MaxFiles)}
			}
			f := file{from: m.Path, line: int32(min(d.Line, math.MaxInt32)), pkg: -1}
			var l mirror.Listed
			path, err := d.Location.Path(m.repo.dir)
			if err == nil {
				l, err = listed(d.Size, d.Checksum)
			}
			if err == nil {
				f.Entry, err = mirror.NewEntry(path, l, c.options.AllowWeak)
			}
			switch {
			case !on(c.options.Deltas):
				c.held.Add(d.Size)
			case err != nil:
				c.faults.Add(remote.Fault{Path: f.place(), Err: &optionError{err, "deltas"}, Required: true})
			default:
				files = append(files, f)
			}
		}
		return nil
	})
	if _, wrong := errors.AsType[*remote.InputError](err); wrong {
		c.warnings.Add(m.Path, "delta RPMs are left out, as their list can't be read: "+err.Error())
		return nil, nil
	}
	return files, err
}

// unpack calls parse with what a file of the metadata unpacks to.
func (c *capture) unpack(ctx context.Context, m *metadata, from mirror.Spooled, parse func(io.Reader) error) error {
	packed, err := from.Open()
	if err != nil {
		return err
	}
	defer packed.Close()
	r, err := unpack.XML(mirror.Cancellable(ctx, packed), compression(m.Path), MaxUnpacked)
	if err != nil {
		return &remote.InputError{Where: m.Path, Err: err}
	}
	defer r.Close()
	err = parse(r)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	if _, err := r.Read(make([]byte, 1)); err == io.EOF && r.Trailing() {
		c.warnings.Add(m.Path, "what stands behind the end of the compressed data is not read")
	}
	return nil
}

// nevra names a package in messages.
func nevra(p *rpm.Package) string {
	epoch := ""
	if p.Epoch != "" && p.Epoch != "0" {
		epoch = p.Epoch + ":"
	}
	return fmt.Sprintf("%s-%s%s-%s.%s", p.Name, epoch, p.Version, p.Release, p.Arch)
}

// packageFile checks a package's entry (invariant 8).
func (c *capture) packageFile(m *metadata, p *rpm.Package) (file, error) {
	f := file{modified: p.FileTime, from: m.Path, line: int32(min(p.Line, math.MaxInt32))}
	if c.packageKeys != nil {
		f.identity = identityOf(p.Name, rpm.EVR{Epoch: p.Epoch, Version: p.Version, Release: p.Release}, p.Arch)
	}
	path, err := p.Location.Path(m.repo.dir)
	if err != nil {
		return f, err
	}
	if slices.Contains([]string{repomdName, signatureName, keyName}, strings.TrimPrefix(path, m.repo.dir)) {
		return f, fmt.Errorf("%s is the place of a root document", path)
	}
	l, err := listed(p.Size, p.Checksum)
	if err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	if l.Size < 0 {
		c.warnings.Add(m.linePlace(p.Line), fmt.Sprintf("package %.200q has no size; its digest counts", nevra(p)))
	}
	f.Entry, err = mirror.NewEntry(path, l, c.options.AllowWeak)
	return f, err
}

// merge sorts the files, merges entries for the same path, and drops what the filter holds
// back. Entries that contradict each other are faults: which of them a client takes depends
// on their order.
func (c *capture) merge(files []file, wanted func(pkg int32) bool) []file {
	slices.SortStableFunc(files, func(a, b file) int { return strings.Compare(a.Path, b.Path) })
	kept := files[:0]
	for i := 0; i < len(files); {
		path, size, there := files[i].Path, files[i].Size, len(kept)
		for ; i < len(files) && files[i].Path == path; i++ {
			f := files[i]
			if !wanted(f.pkg) {
				continue
			}
			if len(kept) == there {
				kept = append(kept, f)
				continue
			}
			first := &kept[there]
			first.identity = cmp.Or(first.identity, f.identity)
			if !first.Merge(&f.Entry) {
				c.faults.Add(remote.Fault{Path: path, Required: true, Err: errors.New("is listed twice: " + first.describe() + ", and " + f.describe())})
			}
		}
		if len(kept) == there {
			c.held.Add(size)
		}
	}
	clear(files[len(kept):])
	return kept
}

// describe says what a document says of a file, and where.
func (f *file) describe() string {
	text := ""
	for a, digest := range f.Sums() {
		if digest != "" {
			text += fmt.Sprintf(" and %s %s", mirror.Algorithm(a), digest)
		}
	}
	return fmt.Sprintf("with %d bytes%s (%s)", f.Size, text, f.place())
}

// time is when the file changed, as far as that makes sense.
func (f *file) time(now time.Time) time.Time {
	t := time.Unix(f.modified, 0).UTC()
	if f.modified <= 0 || t.After(now) {
		return time.Time{}
	}
	return t
}
