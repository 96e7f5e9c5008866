package resolver

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
)

// folder is the store (the path "") or a folder above repos, such as team of
// team/a and team/b. It does not change.
type folder struct {
	path  string
	repos []*repo // in ascending order of their base paths
	rings []manifest.Ring

	html, json func() (document, error) // rendered once, when asked for
	parts      sync.Map                 // *folder by what it hides: as many as there are sets of rights
}

func newFolders(repos map[string]*repo, rings *manifest.Rollout) map[string]*folder {
	folders := map[string]*folder{"": {}}
	for _, base := range slices.Sorted(maps.Keys(repos)) {
		if repos[base].retired() {
			continue
		}
		for _, path := range append(manifest.Folders(base), "") {
			f := folders[path]
			if f == nil {
				f = &folder{path: path}
				folders[path] = f
			}
			f.repos = append(f.repos, repos[base])
		}
	}
	for _, f := range folders {
		f.render(rings)
	}
	return folders
}

// render prepares the folder's pages. It has the rings that hold for any of its repos.
func (f *folder) render(rings *manifest.Rollout) {
	if slices.ContainsFunc(f.repos, func(r *repo) bool { return rings.Holds(r.name) }) {
		f.rings = rings.Rings
	}
	f.html = rendered(typeHTML, func() ([]byte, error) {
		var b bytes.Buffer
		err := page.WriteRepos(&b, f.path, f.summaries(), f.rings)
		return b.Bytes(), err
	})
	f.json = rendered(typeJSON, func() ([]byte, error) { return encodeRepos(f.summaries()) })
}

// visible is the folder with those of its repos that the client may read; false if
// there is none, and the folder is not the store.
func (r *Resolver) visible(w http.ResponseWriter, req *http.Request, s *state, f *folder) (*folder, bool) {
	hidden := make([]byte, len(f.repos))
	var repos []*repo
	for i, repo := range f.repos {
		if r.mayRead(w, req, repo.base) {
			repos = append(repos, repo)
		} else {
			hidden[i] = 1
		}
	}
	if len(repos) == len(f.repos) {
		return f, true
	}
	part, ok := f.parts.Load(string(hidden))
	if !ok {
		fresh := &folder{path: f.path, repos: repos}
		fresh.render(s.rings)
		part, _ = f.parts.LoadOrStore(string(hidden), fresh)
	}
	return part.(*folder), f.path == "" || len(repos) > 0
}

// serveFolder lists the repos in a folder, as HTML or JSON.
func (r *Resolver) serveFolder(w http.ResponseWriter, req *http.Request, t target, s *state, f *folder) error {
	if err := r.admit(w, req, ""); err != nil {
		return err
	}
	f, ok := r.visible(w, req, s, f)
	if !ok {
		return nowhere(w)
	}
	if !t.slash {
		redirect(w, http.StatusMovedPermanently, location(true, queryOf(req), t.path), manifest.CacheShort)
		return nil
	}
	r.setStale(w.Header(), manifest.RegistryKey)
	w.Header().Set("Vary", "Accept")
	return r.serveList(w, req, t, f.html, f.json)
}

// serveRepos lists all repos, for programs.
func (r *Resolver) serveRepos(w http.ResponseWriter, req *http.Request, s *state) error {
	if _, err := readQuery(req); err != nil {
		return err
	}
	if err := r.admit(w, req, ""); err != nil {
		return err
	}
	f, _ := r.visible(w, req, s, s.folders[""])
	r.setStale(w.Header(), manifest.RegistryKey)
	doc, err := f.json()
	if err != nil {
		return err
	}
	return r.writeDocument(w, req, doc, manifest.CacheShort)
}

// summaries describe the folder's repos.
func (f *folder) summaries() []page.RepoSummary {
	list := make([]page.RepoSummary, 0, len(f.repos))
	for _, r := range f.repos {
		sum := page.RepoSummary{Name: r.name, Base: r.base}
		if r.known {
			ix := r.history.Index
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
		Name        string      `json:"name"`
		Base        string      `json:"base"`
		Checkpoints int         `json:"checkpoints"`
		Newest      manifest.ID `json:"newest,omitempty"`
		Files       *int64      `json:"files,omitempty"`
		Bytes       *int64      `json:"bytes,omitempty"`
		Partial     bool        `json:"partial,omitempty"`
		Horizon     manifest.ID `json:"horizon,omitempty"`
	}
	var b bytes.Buffer
	b.WriteString(`{"format":"asof.repos/1","repos":[`)
	for i, r := range list {
		l := line{Name: r.Name, Base: r.Base, Checkpoints: r.Checkpoints, Newest: r.Newest.ID, Horizon: r.Horizon}
		if r.Checkpoints > 0 {
			l.Files, l.Bytes, l.Partial = &r.Newest.Files, &r.Newest.Bytes, r.Newest.Partial
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
