package resolver

import (
	"log/slog"
	"net/http"

	"github.com/asof/asof/manifest"
)

// maxUnread limits how many manifests that are not in memory one request may search for a
// missing file. Each costs one to three reads. Manifests in memory cost nothing, so a
// repeated request gets further back. Without the limit, a path that never existed would
// make every request read all manifests.
const maxUnread = 16

// earlier looks for a file that the current checkpoint of a moving name lacks. It returns
// the newest checkpoint that has the file, among those the name pointed to within the
// grace. It ignores pages. If the store fails, it finds none: the name's current target
// is still a correct answer.
func (r *Resolver) earlier(req *http.Request, repo *repo, when manifest.When, path string) (manifest.Checkpoint, bool) {
	wait := patience{Context: req.Context()}
	defer wait.end()
	unread := 0
	for c, err := range repo.history.Earlier(&wait, when, r.now()) {
		if err == nil && !r.manifests.inMemory(c.Manifest, path) {
			unread++
		}
		if unread > maxUnread {
			break
		}
		var has bool
		if err == nil {
			has, err = r.manifests.hasIn(&wait, c.Manifest, path)
		}
		if err != nil {
			r.opts.Log.LogAttrs(req.Context(), slog.LevelDebug, "redirect without a look at earlier checkpoints",
				slog.String("path", req.URL.EscapedPath()), slog.Any("error", err))
			break
		}
		if has {
			return c, true
		}
	}
	return manifest.Checkpoint{}, false
}

// inMemory reports whether a path can be looked up in a manifest without a read.
func (m *manifests) inMemory(root manifest.Digest, path string) bool {
	r, ok := cached[*manifest.Root](m, cacheKey{root, asRoot})
	if !ok {
		return false
	}
	ref, ok := r.Find(path)
	if !ok {
		return true // no leaf can hold it
	}
	_, ok = cached[manifest.Leaf](m, cacheKey{ref.Digest, asLeaf})
	return ok
}
