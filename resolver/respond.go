package resolver

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/asof/asof/manifest"
)

// maxRanges bounds the parts of one range request; each may cost a request to
// the store. One with more is answered in whole, as RFC 9110, section 14.2
// allows; zchunk clients then ask for fewer.
const maxRanges = 64

// Values of headers that never change, so that no answer has to make them.
var (
	nosniff = []string{"nosniff"}
	zero    = []string{"0"}
)

// redirect sends the client to loc, on this host, for good or for now.
func redirect(w http.ResponseWriter, status int, loc, cache string) {
	h := w.Header()
	values := []string{loc, cache} // in one piece of memory
	h["Location"] = values[:1:1]
	h["Cache-Control"] = values[1:]
	h["Content-Length"] = zero
	w.WriteHeader(status)
}

// writeDocument answers with what was rendered here.
func (r *Resolver) writeDocument(w http.ResponseWriter, req *http.Request, doc document, cache string) error {
	h := w.Header()
	h.Set("Content-Type", doc.contentType)
	h.Set("Cache-Control", cache)
	h.Set("ETag", etag(doc.sum))
	return r.serveContent(w, req, bytes.NewReader(doc.data), nil, time.Time{})
}

// writeFile answers with a file or page of a checkpoint, from where its layout
// keeps it. p is the path that was asked for.
func (r *Resolver) writeFile(w http.ResponseWriter, req *http.Request, repo *repo, c manifest.Checkpoint, f file, p string, slash bool) error {
	key := c.Place(repo.base).Key(f.Path, f.SHA256)
	contentType := f.kind.ContentType(f.Path)
	fixed := hasLinks(f.Path, contentType)
	if !fixed {
		if done, err := r.deliverElsewhere(w, req, repo.base, key, contentType); done || err != nil {
			return err
		}
	}
	// What stood in a checkpoint was not modified after it. Without that bound
	// a wrong clock upstream would give a time in the future, which RFC 9110,
	// section 8.8.2.1 forbids.
	modified := c.ID
	if !f.Modified.IsZero() {
		modified = min(modified, f.Modified)
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	if r.opts.Sandbox && f.kind == manifest.KindFile && isActive(contentType) {
		h.Set("Content-Security-Policy", "sandbox")
	}
	h.Set("Cache-Control", f.kind.CacheControl(f.Path))
	h.Set("ETag", etag(f.SHA256))
	setReprDigest(h, f.SHA256)
	setMemento(h, repo, c, p, slash)
	// Here and not by ServeContent, which takes the Unix epoch for no time.
	h.Set("Last-Modified", modified.Time().Format(http.TimeFormat))
	return r.writeContent(w, req, key, f.Entry, modified.Time(), fixed)
}

// writeContent answers with a file, from memory if it is there, whose headers
// are set. One that is too large to be sent from here the client gets from its object, unless
// it is fixed to this place.
func (r *Resolver) writeContent(w http.ResponseWriter, req *http.Request, key string, e manifest.Entry, modified time.Time, fixed bool) error {
	var err error
	if data, ok := r.hot.get(e); ok {
		err = r.serveContent(w, req, bytes.NewReader(data), nil, modified)
	} else {
		b := newBody(req.Context(), r.opts.Store, key, e, r.hot)
		defer b.Close()
		err = r.serveContent(w, req, b, b, modified)
	}
	if err == errTooLarge && !fixed {
		return r.sendToObject(w, req, key)
	}
	return err
}

func etag(d manifest.Digest) string {
	b := append(make([]byte, 0, 2*len(d)+2), '"')
	b = hex.AppendEncode(b, d[:])
	return string(append(b, '"'))
}

// serveContent answers with content, or a part of it, by http.ServeContent. b
// is content where that may fail to be read.
//
// If the first byte can't be read, nothing was sent and the error is returned.
// If a later one can't, the connection is cut: a truncated answer must never
// pass for a whole one.
func (r *Resolver) serveContent(w http.ResponseWriter, req *http.Request, content io.ReadSeeker, b *body, modified time.Time) error {
	late := &lateWriter{ResponseWriter: w, body: b}
	if req.Method == http.MethodGet {
		late.limit = r.opts.MaxBody
	}
	http.ServeContent(late, withFitRange(req), "", modified, content)
	if b != nil {
		if err := b.failure(); err != nil {
			if !late.started {
				return unavailable(err)
			}
			if req.Context().Err() == nil { // otherwise the client left, not the store
				r.opts.Log.LogAttrs(req.Context(), slog.LevelError, "answer cut short",
					slog.String("path", req.URL.EscapedPath()), slog.Any("error", err))
			}
			panic(http.ErrAbortHandler)
		}
	}
	switch {
	case late.large:
		return errTooLarge
	case late.status == http.StatusRequestedRangeNotSatisfiable:
		return &problem{status: late.status, detail: "the range lies outside of the file", hint: "see Content-Range for its size"}
	case late.status >= 400:
		return &problem{status: late.status, detail: "a condition of the request does not hold"}
	}
	late.start()
	return nil
}

// withFitRange drops a Range header that must or may be ignored (RFC 9110,
// section 14.2): with HEAD, in other units than bytes, with too many parts.
func withFitRange(req *http.Request) *http.Request {
	value := req.Header.Get("Range")
	if value == "" || req.Method == http.MethodGet && strings.HasPrefix(value, "bytes=") && strings.Count(value, ",") < maxRanges {
		return req
	}
	fit := *req
	fit.Header = req.Header.Clone()
	fit.Header.Del("Range")
	return &fit
}

// lateWriter holds the status line back until the first byte of the body is
// there, and swallows ServeContent's own error pages.
type lateWriter struct {
	http.ResponseWriter
	body    *body // nil: none that needs to know the range
	limit   int64 // of the body, in bytes; 0: none
	status  int
	started bool
	large   bool // the body is above the limit: nothing was or will be sent
}

func (w *lateWriter) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	w.status = status
	if w.limit > 0 && w.beyond() {
		w.large = true
		if w.body != nil {
			w.body.until(0)
		}
		return
	}
	// ServeContent has sought by now, but not read: of a single range the
	// store need not send more than the range.
	if ranged := w.Header().Get("Content-Range"); w.body != nil && ranged != "" {
		var from, to int64
		if n, _ := fmt.Sscanf(ranged, "bytes %d-%d/", &from, &to); n == 2 {
			w.body.until(to + 1)
		}
	}
}

// beyond reports whether the body is above the limit.
func (w *lateWriter) beyond() bool {
	length, err := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64)
	return err == nil && length > w.limit
}

// ReadFrom implements io.ReaderFrom, by which ServeContent sends: what is in
// memory goes out in one piece, a file by sendfile where the connection can.
func (w *lateWriter) ReadFrom(src io.Reader) (int64, error) {
	if part, ok := src.(*io.LimitedReader); ok && w.status < 400 && !w.large {
		switch content := part.R.(type) {
		case *bytes.Reader:
			if part.N == int64(content.Len()) {
				w.start()
				return content.WriteTo(w.ResponseWriter)
			}
		case *body:
			if file, ok := content.file(part.N); ok {
				w.start()
				n, err := io.Copy(w.ResponseWriter, io.LimitReader(file, part.N))
				content.sent(n, part.N, err)
				return n, err
			}
		}
	}
	return io.Copy(struct{ io.Writer }{w}, src)
}

func (w *lateWriter) Write(p []byte) (int, error) {
	if w.status >= 400 || w.large {
		return len(p), nil
	}
	w.start()
	return w.ResponseWriter.Write(p)
}

func (w *lateWriter) start() {
	if w.started {
		return
	}
	w.started = true
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.ResponseWriter.WriteHeader(w.status)
}
