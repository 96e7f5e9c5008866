package resolver

import (
	"net/http"

	"github.com/asof/asof/manifest"
)

// retired reports whether the repo was deleted, or moved to another base path.
func (r *repo) retired() bool { return r.known && r.history.Index.Retired != nil }

// serveRetired answers for all addresses of a retired repo: with the same address in the repo
// that has its history now, or that it is gone.
func (r *Resolver) serveRetired(w http.ResponseWriter, req *http.Request, t target, repo *repo, rest string) error {
	r.setStale(w.Header(), manifest.IndexKey(repo.base))
	to := repo.history.Index.Retired.To
	if to == "" {
		return repo.left()
	}
	redirect(w, http.StatusMovedPermanently, location(t.slash || rest == "", queryOf(req), to, rest), manifest.CacheNever)
	return nil
}

// left is the problem of everything in a retired repo.
func (r *repo) left() *problem {
	return &problem{
		status: http.StatusGone,
		detail: "this repository " + r.history.Index.Retired.What(),
		hint:   "see / for the repositories",
		cache:  manifest.CacheShort,
	}
}
