package resolver

import (
	"bytes"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
)

// state is everything that a request needs to know without asking the store.
// It is immutable; a refresh replaces it as a whole.
type state struct {
	ready      bool // the registry was read, or is known to be missing
	registry   manifest.Registry
	rings      *manifest.Rollout // empty where there are none, or where that is not known
	ringsKnown bool
	repos      map[string]*repo   // by base path
	names      map[string]*repo   // the same by name
	folders    map[string]*folder // above repos; "" is the store

	board atomic.Pointer[board] // the latest, so that not each request makes one
}

// repo is the state of one repo. It is immutable.
type repo struct {
	name, base string
	known      bool              // the index was read, or is known to be missing
	sum        manifest.Digest   // of the index's bytes; zero if it is missing
	history    *manifest.History // of the index; nil until that is known

	listHTML, listJSON func() (document, error) // rendered once, when asked for
}

// document is a rendered list. It is kept until the state changes: requests
// must not cost what an index weighs.
type document struct {
	contentType string
	data        []byte
	sum         manifest.Digest
}

func newState(registry manifest.Registry, rings *manifest.Rollout, ringsKnown bool, repos map[string]*repo) *state {
	s := &state{ready: true, registry: registry, rings: rings, ringsKnown: ringsKnown, repos: repos, names: make(map[string]*repo, len(repos))}
	for _, r := range repos {
		s.names[r.name] = r
	}
	s.folders = newFolders(repos, rings)
	return s
}

func newRepo(m *manifests, entry manifest.Repo, ix manifest.Index, sum manifest.Digest) *repo {
	history := manifest.NewHistory(ix, m.segments(ix.Repo))
	return &repo{
		name: entry.Name, base: entry.Base, known: true, sum: sum, history: history,
		listHTML: renderedList(entry.Base, history), listJSON: rendered(typeJSON, ix.Encode),
	}
}

func renderedList(base string, h *manifest.History) func() (document, error) {
	return rendered(typeHTML, func() ([]byte, error) {
		var b bytes.Buffer
		err := page.WriteList(&b, base, h.Index, h.RingMarks()...)
		return b.Bytes(), err
	})
}

// withRings is the repo once rings stand for something else.
func (r *repo) withRings(rings *manifest.Rollout) *repo {
	if r.history == nil {
		return r
	}
	next := *r
	next.history = r.history.WithRings(rings)
	next.listHTML = renderedList(r.base, next.history)
	return &next
}

// segmentList is the segment whose page has a name.
func (r *repo) segmentList(name string) (manifest.SegmentRef, bool) {
	first, ok := manifest.ParseSegmentListName(name)
	if !ok {
		return manifest.SegmentRef{}, false
	}
	ref, ok := r.history.Index.SegmentOf(first)
	return ref, ok && ref.First == first
}

func rendered(contentType string, render func() ([]byte, error)) func() (document, error) {
	return sync.OnceValues(func() (document, error) {
		data, err := render()
		return document{contentType, data, manifest.Sum(data)}, err
	})
}

// sameAs reports whether both hold the very same repos, so that what was
// rendered from the one can stay.
func (s *state) sameAs(other *state) bool {
	return s.ready == other.ready && s.registry.Generation == other.registry.Generation && s.rings == other.rings && s.ringsKnown == other.ringsKnown &&
		maps.Equal(s.repos, other.repos)
}

// match finds the repo whose base path a path starts with, and what stands
// behind it. As no base stands inside another, there is one at most.
func (s *state) match(path string) (*repo, string) {
	for i := 0; i < len(path) && i <= manifest.MaxBase; i++ {
		end := strings.IndexByte(path[i:], '/')
		if end < 0 {
			return s.repos[path], ""
		}
		i += end
		if r, ok := s.repos[path[:i]]; ok {
			return r, path[i+1:]
		}
	}
	return nil, ""
}
