package resolver

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/asof/asof/manifest"
)

// A mirror list is what dnf and zypper read by mirrorlist=, and apt by mirror+https://: the
// addresses of mirrors, one a line. Clients ask it once, so all of a run comes from the
// checkpoint that latest or a channel stood for then.
//
// The second line is the moving name itself. It has what the name stood for before, within
// the grace, for clients whose metadata are older than the list. An earlier checkpoint must
// not stand there: apt takes mirrors in any order, and would now and then take the older
// state for the newest.

// mirrorLists is where they stand: below, <base>/<when>/<path> as in a tree's address.
const mirrorLists = manifest.MirrorLists

// serveMirrorList answers for <base>/<when>/<path>; the path may be empty. Nobody looks
// whether it is there: the tree will tell. A query counts for nothing: dnf adds countme to
// the address.
func (r *Resolver) serveMirrorList(w http.ResponseWriter, req *http.Request, s *state, target string) error {
	repo, rest := s.match(target)
	if repo == nil {
		return nowhere(w)
	}
	if err := r.admit(w, req, repo.base); err != nil {
		return err
	}
	if err := r.serveMirrors(w, req, repo, rest); err != nil {
		return &inRepo{err, repo}
	}
	return nil
}

func (r *Resolver) serveMirrors(w http.ResponseWriter, req *http.Request, repo *repo, rest string) error {
	if !repo.known {
		return errUnread
	}
	when, p, _ := strings.Cut(rest, "/")
	if err := repo.checkPath(p); err != nil {
		return err
	}
	origin, err := r.origin(req)
	if err != nil {
		return err
	}
	asked, answer, err := r.resolve(req.Context(), repo, when)
	if !answer.Final {
		r.setStale(w.Header(), manifest.IndexKey(repo.base))
	}
	if err != nil {
		return err
	}
	setRing(w.Header(), answer)
	list := origin + location(true, "", repo.base, answer.Checkpoint.ID.String(), p) + "\n"
	if asked.Kind != manifest.WhenInstant {
		list += origin + location(true, "", repo.base, when, p) + "\n"
	}
	data := []byte(list)
	return r.writeDocument(w, req, document{typeText, data, manifest.Sum(data)}, manifest.CacheNever)
}

// host is a host and maybe a port (RFC 9110, section 7.2), in the characters of those that
// there are.
var host = regexp.MustCompile(`^(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?$`)

// origin is where the client finds this resolver: an absolute URL without a slash at its end.
func (r *Resolver) origin(req *http.Request) (string, error) {
	secure := req.TLS != nil
	if r.opts.Secure != nil {
		secure = r.opts.Secure(req)
	}
	switch {
	case r.opts.PublicURL != "":
		return strings.TrimRight(r.opts.PublicURL, "/"), nil
	case !host.MatchString(req.Host):
		return "", &problem{status: http.StatusBadRequest, detail: "the request names no host that clients can ask", hint: "send the header Host, or let the service set public_url"}
	case secure:
		return "https://" + req.Host, nil
	}
	return "http://" + req.Host, nil
}
