package catalog

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/asof/asof/manifest"
)

const (
	recentStretches = 8         // that a Finder remembers
	stretchSize     = 256 << 10 // bytes of leaves, about
)

// Finder looks up single paths of a manifest. It reads a stretch of leaves at a
// time and remembers the last ones, as who asks for one path asks for its
// neighbours next. It is safe for concurrent use.
type Finder struct {
	store Store
	name  manifest.Digest

	mu       sync.Mutex
	manifest *Manifest // nil: not read yet
	recent   []stretch // the last one used is the last
}

// stretch is a part of a manifest.
type stretch struct {
	from, to int // the leaves
	entries  []manifest.Entry
}

// NewFinder makes a Finder for the manifest of that name. It reads nothing yet.
func NewFinder(s Store, name manifest.Digest) *Finder { return &Finder{store: s, name: name} }

// Find is the entry of a path; false: the manifest has none.
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

// around is a stretch that holds a path if the manifest does.
func (f *Finder) around(ctx context.Context, path string) ([]manifest.Entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock() // while it reads, too: others most likely want the same leaves
	if f.manifest == nil {
		m, err := Open(ctx, From(f.store), f.name)
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
