package resolver

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/asof/asof/manifest"
)

// The lists of checkpoints have a form for a date and a time, which works without a
// script: it asks for the list's own address with ?at=, and the answer is a redirect to the
// checkpoint of that time.

// asksForMoment reports whether a request is the form's: it brings a time to a list of
// checkpoints, which stands at rest in a repo.
func asksForMoment(req *http.Request, rest string, slash bool) bool {
	if req.URL.RawQuery == "" || req.URL.Query().Get("at") == "" {
		return false
	}
	_, segment := manifest.ParseSegmentListName(rest)
	return rest == "" || !slash && (rest == listName || segment)
}

// serveMoment answers the form. Nobody may keep the answer: a cache that leaves out the
// query would give it to those who ask for the list.
func (r *Resolver) serveMoment(w http.ResponseWriter, req *http.Request, repo *repo) error {
	at := req.URL.Query().Get("at")
	when, err := parseMoment(at)
	if err != nil {
		return &problem{
			status: http.StatusBadRequest,
			detail: fmt.Sprintf("%.80q is not a time", at),
			hint:   "use YYYY-MM-DDTHH:MM, in UTC, or what stands in an address: a time, latest, or a channel; see " + repo.list(),
		}
	}
	answer, err := repo.history.Resolve(req.Context(), when, r.now())
	if err != nil {
		return err
	}
	if answer.Outcome != manifest.Found {
		none := repo.missing(when, answer)
		none.cache = manifest.CacheNever
		return none
	}
	r.setStale(w.Header(), manifest.IndexKey(repo.base))
	redirect(w, http.StatusTemporaryRedirect, location(true, "", repo.base, answer.Checkpoint.ID.String()), manifest.CacheNever)
	return nil
}

// parseMoment reads a time as a form writes it, in UTC (HTML, section 2.3.5.5: a local
// date and time; seconds may be left out), or as an address has it.
func parseMoment(at string) (manifest.When, error) {
	at = strings.Replace(strings.TrimSpace(at), " ", "T", 1)
	for _, rest := range []string{"Z", ":00Z"} {
		if when, err := manifest.ParseWhen(at + rest); err == nil && when.Kind == manifest.WhenInstant {
			return when, nil
		}
	}
	return manifest.ParseWhen(at)
}
