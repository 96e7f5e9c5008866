package resolver

import (
	"io"
	"net/http"
	"strings"

	"github.com/asof/asof/manifest"
)

// Access is what a client may do with a repo.
type Access uint8

const (
	Open    Access = iota // everybody may read it
	Granted               // this client may; what it gets is for nobody else
	Refused               // it may not
)

// AllRepos stands for what may be of any repo: a blob by its digest.
const AllRepos = "*"

// admit reports whether a request may go on, after it has made sure that no
// shared cache keeps what the client gets and others may not.
func (r *Resolver) admit(w http.ResponseWriter, req *http.Request, base string) error {
	if r.opts.Access == nil {
		return nil
	}
	switch r.opts.Access(req, base) {
	case Open:
		return nil
	case Granted:
		keepPrivate(w)
		return nil
	}
	w.Header()["Www-Authenticate"] = []string{`Basic realm="asof", charset="UTF-8"`, "Bearer"}
	return &problem{status: http.StatusUnauthorized, detail: "this needs credentials", hint: "send a user and a password, or a bearer token"}
}

// keepPrivate makes sure that no shared cache keeps the answer. Where there is an
// Access, every answer is guarded.
func keepPrivate(w http.ResponseWriter) {
	if g, ok := w.(*guarded); ok {
		g.private = true
	}
}

// mayRead is admit for what is left out where it may not be read. An answer that depends on
// who asks is for nobody else, also if that is nobody.
func (r *Resolver) mayRead(w http.ResponseWriter, req *http.Request, base string) bool {
	if r.opts.Access == nil {
		return true
	}
	access := r.opts.Access(req, base)
	if access != Open {
		keepPrivate(w)
	}
	return access != Refused
}

// guarded is an answer that shared caches must not keep if it is private.
type guarded struct {
	http.ResponseWriter
	private bool
}

func (w *guarded) WriteHeader(status int) {
	if w.private {
		h := w.Header()
		h.Set("Cache-Control", privately(h.Get("Cache-Control")))
		h.Add("Vary", "Authorization")
	}
	w.ResponseWriter.WriteHeader(status)
}

// privately is a Cache-Control for the caches of one client only.
func privately(cache string) string {
	if cache == manifest.CachePage {
		return "private, max-age=0, must-revalidate"
	}
	return strings.Replace(cache, "public", "private", 1)
}

// ReadFrom lets a file go through sendfile.
func (w *guarded) ReadFrom(src io.Reader) (int64, error) { return io.Copy(w.ResponseWriter, src) }
