package apt

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"

	"github.com/asof/asof/internal/parallel"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/mirror"
)

// Limits of what indexes may list.
const (
	MaxFiles    = 20_000_000
	MaxUnpacked = 4 << 30 // bytes of an index, if Release does not give its size
	maxSumsLine = 8 << 10 // bytes in a line of SHA256SUMS
)

// poolFile is a file that an index lists.
type poolFile struct {
	mirror.Entry
	from *obtained // the index that lists it, for messages
	line int32     // in from
	pkg  int32     // its package, an index into parsed.pkgs; -1: none
}

func (f *poolFile) place() string { return f.from.place(int(f.line)) }

// parsed is the content of an index.
type parsed struct {
	files   []poolFile
	pkgs    []pkg // only if there is a filter
	refused []refusal
}

// refusal is an entry that can't be followed. It is a fault only if its package is
// wanted.
type refusal struct {
	pkg   int32 // as in poolFile
	fault remote.Fault
}

// add adds an entry. If err is set, it adds a refusal instead.
func (p *parsed) add(f poolFile, err error) {
	if err != nil {
		p.refused = append(p.refused, refusal{f.pkg, remote.Fault{Path: f.place(), Err: err}})
		return
	}
	p.files = append(p.files, f)
}

// addPkg adds a package for the filter and returns its position.
func (p *parsed) addPkg(k pkg) int32 {
	p.pkgs = append(p.pkgs, k)
	return int32(len(p.pkgs) - 1)
}

// readIndexes parses all indexes. It returns the files that they list, each once, sorted
// by path.
func (c *capture) readIndexes(ctx context.Context) ([]poolFile, error) {
	results := make([]parsed, len(c.indexes))
	places := make([]int, len(c.indexes))
	for i := range places {
		places[i] = i
	}
	// Each one may need unpack.MaxWindow bytes, so only a few run at once.
	err := parallel.Each(ctx, min(runtime.GOMAXPROCS(0), 4), places, func(ctx context.Context, i int) error {
		return c.readIndex(ctx, c.indexes[i], &results[i])
	})
	if err != nil {
		return nil, err
	}
	var all parsed
	for _, p := range results {
		before := int32(len(all.pkgs))
		for i := range p.files {
			if p.files[i].pkg >= 0 {
				p.files[i].pkg += before
			}
		}
		for _, r := range p.refused {
			if r.pkg >= 0 {
				r.pkg += before
			}
			all.refused = append(all.refused, r)
		}
		all.files = append(all.files, p.files...)
		all.pkgs = append(all.pkgs, p.pkgs...)
		if len(all.files)+len(all.refused) > MaxFiles {
			return nil, &remote.InputError{Where: c.where(), Err: fmt.Errorf("its indexes list more than %d files", MaxFiles)}
		}
	}
	var keep []bool // nil: all
	if c.filter != nil {
		if err := c.idle(c.filter.idle(all.pkgs)); err != nil {
			return nil, err
		}
		keep = c.filter.choose(all.pkgs)
	}
	wanted := func(pkg int32) bool { return keep == nil || pkg < 0 || keep[pkg] }
	for _, r := range all.refused {
		if wanted(r.pkg) {
			c.faults.Add(r.fault)
		}
	}
	return c.merge(all.files, wanted), c.faults.Settle()
}

// merge sorts the files, merges entries for the same path, and drops files that the
// filter holds back. If entries contradict each other, it takes the first for now and
// stores all of them in c.rivals, so that complete can decide.
func (c *capture) merge(files []poolFile, wanted func(pkg int32) bool) []poolFile {
	slices.SortStableFunc(files, func(a, b poolFile) int { return strings.Compare(a.Path, b.Path) })
	kept := files[:0]
	for i := 0; i < len(files); {
		path, bytes := files[i].Path, files[i].Size
		var rivals []poolFile // only wanted ones
		for ; i < len(files) && files[i].Path == path; i++ {
			if wanted(files[i].pkg) {
				rivals = c.join(rivals, files[i])
			}
		}
		if len(rivals) == 0 {
			c.held.Add(bytes)
			continue
		}
		if len(rivals) > 1 {
			c.rivals[path] = rivals
		}
		kept = append(kept, rivals[0])
	}
	return kept
}

// join merges an entry into a rival that it does not contradict, or adds it as another
// rival.
func (c *capture) join(rivals []poolFile, f poolFile) []poolFile {
	for i := range rivals {
		if rivals[i].Merge(&f.Entry) {
			return rivals
		}
	}
	if len(rivals) == maxListings {
		c.warnings.Add(f.place(), fmt.Sprintf("%s is listed with more than %d sizes and digests; this one is passed over", f.Path, maxListings))
		return rivals
	}
	return append(rivals, f)
}

// newPoolFile makes a file from an index entry and checks the entry (invariant 8).
func (c *capture) newPoolFile(ix *obtained, line int, pkg int32, name string, l mirror.Listed) (poolFile, error) {
	e, err := mirror.NewEntry(clean(name), l, c.options.AllowWeak)
	return poolFile{Entry: e, from: ix, line: int32(min(line, math.MaxInt32)), pkg: pkg}, err
}
