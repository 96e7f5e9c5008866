package resolver

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
)

// state is everything that a request needs to know without asking the store.
// It is immutable; a refresh replaces it as a whole.
type state struct {
	ready    bool // the registry was read, or is known to be missing
	registry manifest.Registry
	repos    map[string]*repo // by base path
	names    map[string]*repo // the same by name

	frontHTML, frontJSON func() (document, error) // rendered once, when asked for
}

// repo is the state of one repo. It is immutable.
type repo struct {
	name, base string
	known      bool               // the index was read, or is known to be missing
	sum        manifest.Digest    // of the index's bytes; zero if it is missing
	timeline   *manifest.Timeline // of the index; nil as long as that is not known

	listHTML, listJSON func() (document, error) // rendered once, when asked for
}

// document is a rendered list. It is kept until the state changes: requests
// must not cost what an index weighs.
type document struct {
	contentType string
	data        []byte
	sum         manifest.Digest
}

func newState(registry manifest.Registry, repos map[string]*repo) *state {
	s := &state{ready: true, registry: registry, repos: repos, names: make(map[string]*repo, len(repos))}
	for _, r := range repos {
		s.names[r.name] = r
	}
	s.frontHTML = rendered(typeHTML, func() ([]byte, error) {
		var b bytes.Buffer
		err := page.WriteRepos(&b, s.summaries())
		return b.Bytes(), err
	})
	s.frontJSON = rendered(typeJSON, func() ([]byte, error) { return encodeRepos(s.summaries()) })
	return s
}

func newRepo(name, base string, ix manifest.Index, sum manifest.Digest) *repo {
	r := &repo{name: name, base: base, known: true, sum: sum, timeline: manifest.NewTimeline(ix)}
	r.listHTML = rendered(typeHTML, func() ([]byte, error) {
		var b bytes.Buffer
		err := page.WriteList(&b, base, ix)
		return b.Bytes(), err
	})
	r.listJSON = rendered(typeJSON, ix.Encode)
	return r
}

// segmentList is the segment whose page has a name.
func (r *repo) segmentList(name string) (manifest.SegmentRef, bool) {
	first, ok := manifest.ParseSegmentListName(name)
	if !ok {
		return manifest.SegmentRef{}, false
	}
	ref, ok := r.timeline.Index().SegmentOf(first)
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
	return s.ready == other.ready && s.registry.Generation == other.registry.Generation &&
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

// summaries describe the repos in ascending order of their base paths.
func (s *state) summaries() []page.RepoSummary {
	list := make([]page.RepoSummary, 0, len(s.repos))
	for _, base := range slices.Sorted(maps.Keys(s.repos)) {
		r := s.repos[base]
		sum := page.RepoSummary{Name: r.name, Base: base, Horizon: manifest.NoTime}
		if r.known {
			ix := r.timeline.Index()
			sum.Checkpoints, _ = ix.Count()
			sum.Newest, _ = ix.Newest()
			sum.Horizon = ix.Horizon
		}
		list = append(list, sum)
	}
	return list
}

// encodeRepos is the JSON form of the list of repos, one line a repo. newest,
// with its files and bytes, and horizon are left out where there is none.
func encodeRepos(list []page.RepoSummary) ([]byte, error) {
	type line struct {
		Name        string       `json:"name"`
		Base        string       `json:"base"`
		Checkpoints int          `json:"checkpoints"`
		Newest      *manifest.ID `json:"newest,omitempty"`
		Files       *int64       `json:"files,omitempty"`
		Bytes       *int64       `json:"bytes,omitempty"`
		Horizon     *manifest.ID `json:"horizon,omitempty"`
	}
	var b bytes.Buffer
	b.WriteString(`{"format":"asof.repos/1","repos":[`)
	for i, r := range list {
		l := line{Name: r.Name, Base: r.Base, Checkpoints: r.Checkpoints}
		if r.Checkpoints > 0 {
			l.Newest, l.Files, l.Bytes = &r.Newest.ID, &r.Newest.Files, &r.Newest.Bytes
		}
		if r.Horizon > manifest.MinID {
			l.Horizon = &r.Horizon
		}
		data, err := json.Marshal(l)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		b.Write(data)
	}
	b.WriteString("]}\n")
	return b.Bytes(), nil
}
