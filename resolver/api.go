package resolver

import (
	"net/http"
	"strings"

	"github.com/asof/asof/manifest"
)

// The API for programs stands below /-/, which no base path can begin with, and
// is specified in docs/openapi.yaml. What it tells is what pages and trees show:
// the same checkpoints, under the same rules for caches.
//
// serveAPI answers what no repo stands at.
func (r *Resolver) serveAPI(w http.ResponseWriter, req *http.Request, t target, s *state) error {
	serve := map[string]func(http.ResponseWriter, *http.Request, *state) error{
		"-/repos":       r.serveRepos,
		"-/checkpoints": r.serveCheckpoints,
		"-/resolve":     r.serveResolve,
		"-/rings":       r.serveRings,
		"-/files":       r.serveFiles,
		"-/file":        r.serveFileInfo,
		"mr/timestamp":  r.serveTimestamps,
	}[t.path]
	if serve != nil {
		return serve(w, req, s)
	}
	if digest, ok := strings.CutPrefix(t.path, "-/sha256/"); ok && !t.slash {
		return r.serveBlob(w, req, digest)
	}
	if target, ok := strings.CutPrefix(t.path, mirrorLists+"/"); ok {
		return r.serveMirrorList(w, req, s, target)
	}
	for form, contentType := range map[string]string{linkMaps: typeLinks, jsonMaps: typeJSON} {
		if base, ok := strings.CutPrefix(t.path, form+"/"); ok {
			if repo := s.repos[base]; repo != nil {
				return r.serveTimeMap(w, req, repo, contentType)
			}
		}
	}
	if err := r.admit(w, req, ""); err != nil { // where all is protected, so is what there is not
		return err
	}
	return nowhere(w)
}

// named is the repo that a request's parameter names, once the client may read
// it and its index is known.
func (r *Resolver) named(w http.ResponseWriter, req *http.Request, s *state, name string) (*repo, error) {
	repo := s.names[name]
	if repo == nil {
		if err := r.admit(w, req, ""); err != nil {
			return nil, err
		}
		return nil, &problem{status: http.StatusNotFound, detail: "there is no such repository", hint: "see /-/repos for their names", cache: manifest.CacheShort}
	}
	return repo, r.enter(w, req, repo)
}

// enter reports whether the API may speak of a repo: the client may read it, its index is
// known, and it is in use.
func (r *Resolver) enter(w http.ResponseWriter, req *http.Request, repo *repo) error {
	switch err := r.admit(w, req, repo.base); {
	case err != nil:
		return err
	case !repo.known:
		return errUnread
	case repo.retired():
		return repo.left()
	}
	return nil
}

// writeJSON answers with a value.
func (r *Resolver) writeJSON(w http.ResponseWriter, req *http.Request, v any, cache string) error {
	data, err := encodeJSON(v)
	if err != nil {
		return err
	}
	return r.writeDocument(w, req, document{typeJSON, data, manifest.Sum(data)}, cache)
}
