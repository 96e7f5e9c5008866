package resolver

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/asof/asof/manifest"
)

// The names that a bucket has the lists of a repo under.
var (
	listName  = path.Base(manifest.ListKey("base"))
	indexName = path.Base(manifest.IndexKey("base"))
)

// ServeHTTP implements http.Handler.
func (r *Resolver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if r.opts.Log.Enabled(req.Context(), slog.LevelDebug) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		w = rec
		defer func() {
			r.opts.Log.LogAttrs(req.Context(), slog.LevelDebug, "request",
				slog.String("method", req.Method), slog.String("path", req.URL.EscapedPath()),
				slog.Int("status", rec.status), slog.Int64("bytes", rec.bytes), slog.Duration("took", time.Since(start)))
		}()
	}
	if r.opts.Access != nil {
		w = &guarded{ResponseWriter: w}
	}
	w.Header()["X-Content-Type-Options"] = nosniff
	if err := r.serve(w, req); err != nil {
		r.writeProblem(w, req, err)
	}
}

func (r *Resolver) serve(w http.ResponseWriter, req *http.Request) error {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		return &problem{status: http.StatusMethodNotAllowed, detail: "this service only reads", hint: "use GET or HEAD"}
	}
	escaped := req.URL.EscapedPath()
	if len(escaped) > maxTargetPath || len(req.URL.RawQuery) > maxTargetQuery {
		return &problem{status: http.StatusRequestURITooLong, detail: "the address is too long", hint: fmt.Sprintf("paths and queries have up to %d bytes", maxTargetPath)}
	}
	t, err := parseTarget(escaped)
	if err != nil {
		return &problem{status: http.StatusNotFound, detail: err.Error(), hint: "see / for the repositories", cache: cacheFinal}
	}
	s := r.state.Load()
	if !s.ready {
		return &problem{status: http.StatusServiceUnavailable, detail: "the list of repositories was not read yet", hint: "try again in a few seconds"}
	}
	repo, rest := s.match(t.path)
	if repo == nil {
		if f := s.folders[t.path]; f != nil {
			return r.serveFolder(w, req, t, s, f)
		}
		return r.serveAPI(w, req, t, s)
	}
	if err := r.admit(w, req, repo.base); err != nil {
		return err
	}
	if repo.retired() {
		return r.serveRetired(w, req, t, repo, rest)
	}
	if err := r.serveRepo(w, req, t, repo, rest); err != nil {
		return &inRepo{err, repo}
	}
	return nil
}

// serveRepo answers for rest, which stands behind a repo's base path.
func (r *Resolver) serveRepo(w http.ResponseWriter, req *http.Request, t target, repo *repo, rest string) error {
	when, p, _ := strings.Cut(rest, "/")
	switch {
	case repo.known && asksForTime(req, rest, when):
		return r.serveTimeGate(w, req, t, repo, p)
	case repo.known && asksForMoment(req, rest, t.slash):
		return r.serveMoment(w, req, repo)
	case rest == "" && !t.slash:
		redirect(w, http.StatusMovedPermanently, location(true, queryOf(req), repo.base), cacheFinal)
		return nil
	case !repo.known:
		return errUnread
	case rest == "":
		r.setStale(w.Header(), manifest.IndexKey(repo.base))
		w.Header().Set("Vary", varyList)
		return r.serveList(w, req, t, repo.listHTML, repo.listJSON)
	case rest == listName && !t.slash:
		return r.serveDocument(w, req, t, repo.listHTML)
	case rest == indexName && !t.slash:
		return r.serveDocument(w, req, t, repo.listJSON)
	}
	if ref, ok := repo.segmentList(rest); ok && !t.slash {
		return r.serveDocument(w, req, t, func() (document, error) {
			return r.manifests.segmentList(req.Context(), repo, ref)
		})
	}
	return r.serveWhen(w, req, t, repo, when, p)
}

// serveList answers with a list, in HTML or JSON.
func (r *Resolver) serveList(w http.ResponseWriter, req *http.Request, t target, html, json func() (document, error)) error {
	if negotiate(req.Header, listOffers) == typeJSON {
		return r.serveDocument(w, req, t, json)
	}
	return r.serveDocument(w, req, t, html)
}

func (r *Resolver) serveDocument(w http.ResponseWriter, req *http.Request, t target, render func() (document, error)) error {
	if t.doubled {
		redirect(w, http.StatusMovedPermanently, location(t.slash, queryOf(req), t.path), cacheFinal)
		return nil
	}
	doc, err := render()
	if err != nil {
		return err
	}
	return r.writeDocument(w, req, doc, manifest.KindList.CacheControl(""))
}

// serveWhen answers for <when>/<path> in a repo; the path may be empty.
func (r *Resolver) serveWhen(w http.ResponseWriter, req *http.Request, t target, repo *repo, when, p string) error {
	if err := repo.checkPath(p); err != nil {
		return err
	}
	asked, answer, err := r.resolve(req.Context(), repo, when)
	if err != nil {
		return err
	}
	c := *answer.Checkpoint
	if when == c.ID.String() {
		return r.serveTree(w, req, t, repo, c, p)
	}

	setRing(w.Header(), answer)
	status, cache := http.StatusTemporaryRedirect, manifest.CacheNever
	if answer.Final {
		status, cache = http.StatusMovedPermanently, cacheFinal
	} else {
		r.setStale(w.Header(), manifest.IndexKey(repo.base))
	}
	found := r.look(req, t, c, p)
	switch {
	case found == unknown:
		cache = manifest.CacheNever // nobody should remember it like that
	case found == absent && !answer.Final && manifest.LooksBack(p):
		if before, ok := r.earlier(req, repo, asked, p); ok {
			c = before
		}
	}
	redirect(w, status, location(found == aDirectory, queryOf(req), repo.base, c.ID.String(), p), cache)
	return nil
}

// checkPath reports that no checkpoint can have a path; an empty one is the whole tree.
func (r *repo) checkPath(p string) error {
	if p != "" && manifest.CheckPath(p) != nil {
		return &problem{status: http.StatusNotFound, detail: "no checkpoint can have such a path", hint: "see /" + r.base + "/ for the checkpoints", cache: cacheFinal}
	}
	return nil
}

// look tells what stands at a path, for a redirect to it. If that is unknown, the time
// is right all the same, and a directory's slash can wait for the next request. A path
// that was given with its slash is taken for a directory.
func (r *Resolver) look(req *http.Request, t target, c manifest.Checkpoint, p string) shape {
	if t.slash || p == "" {
		return aDirectory
	}
	wait := patience{Context: req.Context()}
	defer wait.end()
	found, err := r.manifests.shape(&wait, c, p)
	if err != nil {
		r.opts.Log.LogAttrs(req.Context(), slog.LevelDebug, "redirect without a look at the path",
			slog.String("path", req.URL.EscapedPath()), slog.Any("error", err))
	}
	return found
}

// serveTree answers for a path in a checkpoint that was named by its exact id.
func (r *Resolver) serveTree(w http.ResponseWriter, req *http.Request, t target, repo *repo, c manifest.Checkpoint, p string) error {
	if p == "" && !t.slash {
		redirect(w, http.StatusMovedPermanently, location(true, queryOf(req), t.path), cacheFinal)
		return nil
	}
	wanted := p
	if t.slash {
		wanted = path.Join(p, manifest.IndexPage)
	}
	f, ok, err := r.manifests.find(req.Context(), c, wanted)
	if err != nil {
		return err
	}
	if !ok && !t.slash {
		dir, err := r.manifests.isDir(req.Context(), c, p)
		if err != nil {
			return err
		}
		if dir {
			redirect(w, http.StatusMovedPermanently, location(true, queryOf(req), t.path), cacheFinal)
			return nil
		}
	}
	if !ok {
		return noSuchFile(c, location(true, "", repo.base, c.ID.String()), cacheFinal)
	}
	if t.doubled {
		redirect(w, http.StatusMovedPermanently, location(t.slash, queryOf(req), t.path), cacheFinal)
		return nil
	}
	if t.slash {
		if f, err = r.preferred(w, req, c, p, f); err != nil {
			return err
		}
	}
	return r.writeFile(w, req, repo, c, f, p, t.slash)
}

// preferred returns the form of a directory's page that the request prefers: the page, or its
// variant if upstream has one.
func (r *Resolver) preferred(w http.ResponseWriter, req *http.Request, c manifest.Checkpoint, dir string, page file) (file, error) {
	variant, ok, err := r.manifests.findIn(req.Context(), c.Manifest, path.Join(dir, manifest.VariantPage))
	if err != nil || !ok {
		return page, err
	}
	w.Header().Set("Vary", "Accept")
	if prefersVariant(req.Header) {
		return file{variant, manifest.KindFile}, nil
	}
	return page, nil
}

// mendTimeout bounds a lookup that makes a redirect better, and could be left out.
const mendTimeout = 3 * time.Second

// patience is a context that ends mendTimeout after somebody began to wait for
// it. Nearly all lookups find what they need in memory and never do, and have no
// timer to pay for. It is for one goroutine.
type patience struct {
	context.Context
	timed  context.Context // nil: nobody waits yet
	cancel context.CancelFunc
}

func (p *patience) Done() <-chan struct{} {
	if p.timed == nil {
		p.timed, p.cancel = context.WithTimeout(p.Context, mendTimeout)
	}
	return p.timed.Done()
}

func (p *patience) Err() error {
	if p.timed == nil {
		return p.Context.Err()
	}
	return p.timed.Err()
}

func (p *patience) end() {
	if p.timed != nil {
		p.cancel()
	}
}

// recorder notes what an answer was, for the log.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// ReadFrom lets a file go through sendfile.
func (w *recorder) ReadFrom(src io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseWriter, src)
	w.bytes += n
	return n, err
}
