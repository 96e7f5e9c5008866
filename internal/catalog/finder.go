package catalog

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/asof/asof/manifest"
)

// recentLeaves is how many leaves a Finder remembers.
const recentLeaves = 8

// Finder looks up single paths of a manifest. It remembers the leaves that it
// read last, as who asks for one path asks for its neighbours next. It is safe
// for concurrent use.
type Finder struct {
	store  Store
	digest manifest.Digest

	mu     sync.Mutex
	root   *manifest.Root // nil: not read yet
	recent []leafEntries  // the last one used is the last
}

type leafEntries struct {
	digest  manifest.Digest
	entries []manifest.Entry
}

// NewFinder makes a Finder for the manifest of that name. It reads nothing yet.
func NewFinder(s Store, d manifest.Digest) *Finder { return &Finder{store: s, digest: d} }

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

// around is the leaf that holds a path if any does.
func (f *Finder) around(ctx context.Context, path string) ([]manifest.Entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock() // while it reads, too: others most likely want the same leaf
	if f.root == nil {
		root, err := Root(ctx, f.store, f.digest)
		if err != nil {
			return nil, err
		}
		f.root = &root
	}
	ref, ok := f.root.Find(path)
	if !ok {
		return nil, nil
	}
	if i := slices.IndexFunc(f.recent, func(l leafEntries) bool { return l.digest == ref.Digest }); i >= 0 {
		l := f.recent[i]
		f.recent = append(slices.Delete(f.recent, i, i+1), l)
		return l.entries, nil
	}
	entries, err := leaf(ctx, f.store, ref)
	if err != nil {
		return nil, err
	}
	if len(f.recent) == recentLeaves {
		f.recent = slices.Delete(f.recent, 0, 1)
	}
	f.recent = append(f.recent, leafEntries{ref.Digest, entries})
	return entries, nil
}
