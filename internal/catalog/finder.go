package catalog

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/asof/asof/manifest"
)

const (
	recentStretches = 8         // how many a Finder keeps
	stretchSize     = 256 << 10 // approximate bytes of leaves
)

// Finder looks up single paths of a manifest. It reads a stretch of leaves at a
// time and keeps the last ones, because the next path asked for is usually a
// neighbour. It is safe for concurrent use.
type Finder struct {
	read Reader
	name manifest.Digest

	mu       sync.Mutex
	manifest *Manifest // nil: not read yet
	recent   []stretch // the most recently used is last
}

// stretch is a part of a manifest.
type stretch struct {
	from, to int // the range of leaves
	entries  []manifest.Entry
}

// NewFinder returns a Finder for a manifest. It reads nothing yet.
func NewFinder(read Reader, name manifest.Digest) *Finder { return &Finder{read: read, name: name} }

// Find returns the entry of a path; false if the manifest has none.
func (f *Finder) Find(ctx context.Context, path string) (manifest.Entry, bool, error) {
	entries, err := f.around(ctx, path)
	if err != nil {
		return manifest.Entry{}, false, err
	}
	i, ok := slices.BinarySearchFunc(entries, path, func(e manifest.Entry, path string) int { return cmp.Compare(e.Path, path) })
	if !ok {
		return manifest.Entry{}, false, nil
	}
	return entries[i], true, nil
}

// around returns the stretch that holds a path if the manifest has it.
func (f *Finder) around(ctx context.Context, path string) ([]manifest.Entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock() // held while reading: others most likely want the same leaves
	if f.manifest == nil {
		m, err := Open(ctx, f.read, f.name)
		if err != nil {
			return nil, err
		}
		f.manifest = m
	}
	leaves := f.manifest.Leaves
	at, _ := slices.BinarySearchFunc(leaves, path, func(l manifest.LeafRef, path string) int { return cmp.Compare(l.Last, path) })
	if at == len(leaves) {
		return nil, nil
	}
	if i := slices.IndexFunc(f.recent, func(s stretch) bool { return s.from <= at && at < s.to }); i >= 0 {
		s := f.recent[i]
		f.recent = append(slices.Delete(f.recent, i, i+1), s)
		return s.entries, nil
	}
	s := stretch{from: at, to: at}
	for size := int64(0); s.to < len(leaves) && size < stretchSize; s.to++ {
		size += leaves[s.to].Size
	}
	part := *f.manifest
	part.Leaves = leaves[s.from:s.to]
	for e, err := range part.Entries(ctx) {
		if err != nil {
			return nil, err
		}
		s.entries = append(s.entries, e)
	}
	if len(f.recent) == recentStretches {
		f.recent = slices.Delete(f.recent, 0, 1)
	}
	f.recent = append(f.recent, s)
	return s.entries, nil
}
