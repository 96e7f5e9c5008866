package resolver

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"sort"
	"strings"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// fileInfo is what the API tells of a file.
type fileInfo struct {
	Path     string          `json:"path"`
	Size     int64           `json:"size"`
	SHA256   manifest.Digest `json:"sha256"`
	Modified manifest.ID     `json:"modified,omitempty"`
}

func infoOf(e manifest.Entry) fileInfo {
	return fileInfo{e.Path, e.Size, e.SHA256, e.Modified}
}

// serveFiles lists upstream's files of a checkpoint, in byte order of their
// paths, page by page.
func (r *Resolver) serveFiles(w http.ResponseWriter, req *http.Request, s *state) error {
	q, err := readQuery(req, "repo", "at", "prefix", "after", "limit")
	if err != nil {
		return err
	}
	limit, err := q.limit()
	if err != nil {
		return err
	}
	m, err := r.moment(w, req, s, q)
	if err != nil {
		return err
	}
	out := struct {
		Repo       string      `json:"repo"`
		Checkpoint manifest.ID `json:"checkpoint"`
		Final      bool        `json:"final"`
		Files      []fileInfo  `json:"files"`
		Next       string      `json:"next,omitempty"`
	}{Repo: m.repo.name, Checkpoint: m.c.ID, Final: m.final, Files: []fileInfo{}}
	start := q["prefix"]
	if after := q["after"]; after >= start && after != "" {
		start = after + "\x00"
	}
	for e, err := range r.manifests.entries(req.Context(), m.c.Manifest, start) {
		if err != nil {
			return err
		}
		if !strings.HasPrefix(e.Path, q["prefix"]) {
			break
		}
		if n := len(out.Files); n == limit {
			out.Next = q.with("/-/files", map[string]string{"at": m.c.ID.String(), "after": out.Files[n-1].Path})
			break
		}
		out.Files = append(out.Files, infoOf(e))
	}
	return r.writeJSON(w, req, out, m.cache())
}

// serveFileInfo tells a file's size, digest and time.
func (r *Resolver) serveFileInfo(w http.ResponseWriter, req *http.Request, s *state) error {
	q, err := readQuery(req, "repo", "at", "path")
	if err != nil {
		return err
	}
	m, err := r.moment(w, req, s, q)
	if err != nil {
		return err
	}
	e, ok, err := r.manifests.findIn(req.Context(), m.c.Manifest, q["path"])
	if err != nil {
		return err
	}
	if !ok {
		return noSuchFile(m.c, q.with("/-/files", map[string]string{"at": m.c.ID.String(), "path": ""}), m.cache())
	}
	return r.writeJSON(w, req, struct {
		Repo       string      `json:"repo"`
		Checkpoint manifest.ID `json:"checkpoint"`
		Final      bool        `json:"final"`
		fileInfo
		URL string `json:"url"`
	}{m.repo.name, m.c.ID, m.final, infoOf(e), location(false, "", m.repo.base, m.c.ID.String(), e.Path)}, m.cache())
}

// serveBlob answers with a file by its digest, out of the pool. What stands in
// trees of the layout full only is not found so: no index leads there.
func (r *Resolver) serveBlob(w http.ResponseWriter, req *http.Request, digest string) error {
	d, err := manifest.ParseDigest(digest)
	if err != nil {
		return &problem{status: http.StatusNotFound, detail: "that is not a SHA-256 digest", hint: "use 64 lower-case hexadecimal digits", cache: cacheFinal}
	}
	if err := r.admit(w, req, AllRepos); err != nil {
		return err
	}
	info, err := r.opts.Store.Stat(req.Context(), manifest.BlobKey(d))
	if errors.Is(err, objstore.ErrNotFound) {
		return &problem{status: http.StatusNotFound, detail: "the pool holds no such file", hint: "files of the layout full stand in their trees only", cache: manifest.CacheShort}
	}
	if err != nil {
		return err
	}
	e := manifest.Entry{Size: info.Size, SHA256: d}
	h := w.Header()
	h.Set("Content-Type", manifest.KindBlob.ContentType(""))
	h.Set("Cache-Control", manifest.KindBlob.CacheControl(""))
	h.Set("ETag", etag(d))
	setReprDigest(h, d)
	return r.writeContent(w, req, manifest.BlobKey(d), e, time.Time{}, false)
}

// entries yields a manifest's entries from a path on, in byte order.
func (m *manifests) entries(ctx context.Context, digest manifest.Digest, from string) iter.Seq2[manifest.Entry, error] {
	return func(yield func(manifest.Entry, error) bool) {
		root, err := m.root(ctx, digest)
		if err != nil {
			yield(manifest.Entry{}, err)
			return
		}
		first := sort.Search(len(root.Leaves), func(i int) bool { return root.Leaves[i].Last >= from })
		for i, ref := range root.Leaves[first:] {
			leaf, err := m.leaf(ctx, root.In(ref), adjacent(root.Leaves[first+i:]))
			var entries []manifest.Entry
			if err == nil {
				entries, err = manifest.ParseLeaf(leaf.Text, ref)
			}
			if err != nil {
				yield(manifest.Entry{}, err)
				return
			}
			for _, e := range entries {
				if e.Path >= from && !yield(e, nil) {
					return
				}
			}
		}
	}
}
