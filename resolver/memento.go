package resolver

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/asof/asof/manifest"
)

// Memento (RFC 7089). A checkpoint's tree is a memento of what has no time in
// its address: /<base>/ for the whole, /<base>/latest/<path> for a path in it.
// Both are their own TimeGates: asked with Accept-Datetime they lead to the
// checkpoint of that time.
//
// A tree's answer never changes, and so names only what never does: original,
// timegate, timemap. The neighbours do (something newer is published, something
// older pruned); the TimeGate and the TimeMap name them.

const (
	varyDatetime = "Accept-Datetime"
	varyList     = "Accept, Accept-Datetime"
)

// setMemento sets the headers of an answer out of a tree.
func setMemento(h http.Header, repo *repo, c manifest.Checkpoint, p string, slash bool) {
	h["Memento-Datetime"] = []string{datetime(c.ID)}
	var b strings.Builder
	b.Grow(128 + 2*len(repo.base) + len(p))
	writeLink(&b, original(repo, p, slash), `rel="original timegate"`)
	writeTimeMap(&b, repo)
	h["Link"] = []string{b.String()}
}

// original is the address without a time of a path in a tree.
func original(repo *repo, p string, slash bool) string {
	if p == "" {
		return location(true, "", repo.base)
	}
	return location(slash, "", repo.base, manifest.Latest, p)
}

func datetime(id manifest.ID) string { return id.Time().Format(http.TimeFormat) }

// setReprDigest sets the digest of a whole file (RFC 9530), also beside a part.
func setReprDigest(h http.Header, d manifest.Digest) {
	b := append(make([]byte, 0, 64), "sha-256=:"...)
	b = base64.StdEncoding.AppendEncode(b, d[:])
	h["Repr-Digest"] = []string{string(append(b, ':'))}
}

// asksForTime reports whether a request is for a TimeGate: it stands where no
// time is in the address, and the request brings one.
func asksForTime(req *http.Request, rest, when string) bool {
	return (rest == "" || when == manifest.Latest) && len(req.Header["Accept-Datetime"]) > 0
}

// serveTimeGate sends the client to the checkpoint of the time that it asks for.
// Nobody may keep the answer: caches that do not know the header would give it to
// those who ask without.
func (r *Resolver) serveTimeGate(w http.ResponseWriter, req *http.Request, t target, repo *repo, p string) error {
	w.Header().Set("Vary", varyDatetime)
	at, err := http.ParseTime(req.Header.Get("Accept-Datetime"))
	if err != nil {
		return &problem{
			status: http.StatusBadRequest,
			detail: "Accept-Datetime is not a date as HTTP writes them",
			hint:   "for instance Accept-Datetime: Tue, 18 Mar 2025 14:03:38 GMT",
		}
	}
	ctx := req.Context()
	when := manifest.At(min(max(manifest.IDOf(at), manifest.MinID), manifest.MaxID))
	answer, err := r.nearest(ctx, repo, when)
	if err != nil {
		return err
	}
	if answer.Outcome != manifest.Found {
		none := repo.missing(when, answer)
		none.cache = manifest.CacheNever
		return none
	}
	c := *answer.Checkpoint
	slash := r.look(req, t, c, p) == aDirectory
	var links strings.Builder
	writeLink(&links, original(repo, p, slash), `rel="original timegate"`)
	writeTimeMap(&links, repo)
	if err := r.writeNeighbours(ctx, &links, repo, c, p, slash); err != nil {
		return err
	}
	w.Header()["Link"] = []string{links.String()}
	r.setStale(w.Header(), manifest.IndexKey(repo.base))
	redirect(w, http.StatusFound, location(slash, queryOf(req), repo.base, c.ID.String(), p), manifest.CacheNever)
	return nil
}

// nearest resolves a time for a TimeGate, which has an answer for times before the
// first checkpoint and for the future as well (section 4.5.3).
func (r *Resolver) nearest(ctx context.Context, repo *repo, when manifest.When) (manifest.Answer, error) {
	now := r.now()
	answer, err := repo.history.Resolve(ctx, when, now)
	switch answer.Outcome {
	case manifest.Before:
		when = manifest.At(answer.ID)
	case manifest.Future:
		when = manifest.When{Kind: manifest.WhenLatest}
	default:
		return answer, err
	}
	return repo.history.Resolve(ctx, when, now)
}

func writeLink(b *strings.Builder, target, params string) {
	if b.Len() > 0 {
		b.WriteString(", ")
	}
	b.WriteByte('<')
	b.WriteString(target)
	b.WriteString(">; ")
	b.WriteString(params)
}
