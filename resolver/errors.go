package resolver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
)

// cacheFinal is for answers other than bodies that can't change any more. They
// are not immutable in HTTP's sense: pruning replaces them by 410.
const cacheFinal = "public, max-age=86400"

const retryAfter = 5 // seconds

// problem is an answer that is an error: what happened and what to do next, in
// the words of a person.
type problem struct {
	status int
	detail string
	hint   string
	cache  string // Cache-Control; empty: no-store

	checkpoint string // the id that the text names, for programs
	cause      error  // for the log only
}

func (p *problem) Error() string { return p.detail }
func (p *problem) Unwrap() error { return p.cause }

// errUnread: the index of a repo could not be read so far.
var errUnread = &problem{
	status: http.StatusServiceUnavailable,
	detail: "the checkpoints of this repository were not read yet",
	hint:   "try again in a few seconds",
}

// nowhere: neither a repo nor a folder above repos stands there, as far as the client may
// know. Others may know more, so no shared cache keeps it; and it is the same where there
// is nothing for anybody.
func nowhere(w http.ResponseWriter) error {
	keepPrivate(w)
	return &problem{
		status: http.StatusNotFound,
		detail: "no repository stands at this path",
		hint:   "see / for the repositories",
		cache:  manifest.CacheShort,
	}
}

// inRepo is an error about something in a repo that the client may read: its page
// links to the repo's list.
type inRepo struct {
	error
	repo *repo
}

func (e *inRepo) Unwrap() error { return e.error }

// noSuchFile is the answer for a path that a checkpoint does not have. list is where its
// files are listed.
func noSuchFile(c manifest.Checkpoint, list, cache string) *problem {
	detail := "checkpoint " + c.ID.String() + " has no such file"
	if c.Partial {
		detail += "; it is partial: it leaves out files that upstream lists"
	}
	return &problem{status: http.StatusNotFound, detail: detail, hint: "see " + list + " for its files", cache: cache}
}

// unavailable is the answer where the store did not give what was needed.
func unavailable(cause error) *problem {
	return &problem{
		status: http.StatusServiceUnavailable,
		detail: "the store can't be read at the moment",
		hint:   "try again in a few seconds",
		cause:  cause,
	}
}

// problemOf takes any other error for a failure of the store: there is nothing
// else here that fails.
func problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	return unavailable(err)
}

// writeProblem answers with an error, as text, HTML or problem details (RFC
// 9457). What headers a failed answer left are replaced.
func (r *Resolver) writeProblem(w http.ResponseWriter, req *http.Request, err error) {
	p := problemOf(err)
	var about manifest.Repo
	if in, ok := errors.AsType[*inRepo](err); ok {
		about = manifest.Repo{Name: in.repo.name, Base: in.repo.base}
	}
	if p.cause != nil && !errors.Is(p.cause, context.Canceled) {
		r.opts.Log.LogAttrs(req.Context(), slog.LevelError, "request failed",
			slog.String("path", req.URL.EscapedPath()), slog.Any("error", p.cause))
	}
	contentType, body := p.render(req.Header, about)
	h := w.Header()
	for _, name := range []string{"ETag", "Last-Modified", "Accept-Ranges", "Location", "Link", "Memento-Datetime", "Repr-Digest", "Content-Security-Policy"} {
		h.Del(name)
	}
	if p.status != http.StatusRequestedRangeNotSatisfiable {
		h.Del("Content-Range")
	}
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", p.cache)
	if p.cache == "" {
		h.Set("Cache-Control", manifest.CacheNever)
	}
	vary := "Accept"
	if strings.Contains(h.Get("Vary"), varyDatetime) {
		vary = varyList
	}
	h.Set("Vary", vary)
	if p.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", strconv.Itoa(retryAfter))
	}
	w.WriteHeader(p.status)
	if req.Method != http.MethodHead {
		// A client that went away is no business of ours.
		_, _ = w.Write(body)
	}
}

// WriteError answers with an error in the form that the request prefers, as the
// resolver's own are; for handlers around it.
func (r *Resolver) WriteError(w http.ResponseWriter, req *http.Request, status int, detail, hint string) {
	w.Header()["X-Content-Type-Options"] = nosniff
	r.writeProblem(w, req, &problem{status: status, detail: detail, hint: hint})
}

// render gives the problem in the form that the request prefers. about is the repo that
// it is about, the zero one if there is none.
func (p *problem) render(header http.Header, about manifest.Repo) (contentType string, body []byte) {
	title := http.StatusText(p.status)
	var b bytes.Buffer
	switch contentType = negotiate(header, errorOffers); contentType {
	case typeHTML:
		if page.WriteError(&b, p.status, title, p.detail, p.hint, about) == nil {
			return contentType, b.Bytes()
		}
	case typeProblem:
		data, err := json.Marshal(struct {
			Type       string `json:"type"`
			Title      string `json:"title"`
			Status     int    `json:"status"`
			Detail     string `json:"detail"`
			Hint       string `json:"hint,omitempty"`
			Checkpoint string `json:"checkpoint,omitempty"`
		}{"about:blank", title, p.status, p.detail, p.hint, p.checkpoint})
		if err == nil {
			return contentType, append(data, '\n')
		}
	}
	text := "error: " + p.detail + "\n"
	if p.hint != "" {
		text += "hint: " + p.hint + "\n"
	}
	return typeText, []byte(text)
}
