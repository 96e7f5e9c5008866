package resolver

import (
	"fmt"
	"net/http"
	"sort"

	"github.com/asof/asof/manifest"
)

// clockSkew is how far a client's clock may be ahead of ours, in seconds.
const clockSkew = 60

// resolve finds the checkpoint that a <when> stands for, and whether that is
// so for ever. The error is a *problem.
func (r *repo) resolve(text string, now manifest.ID) (c manifest.Checkpoint, final bool, err error) {
	when, err := manifest.ParseWhen(text)
	if err != nil {
		return c, false, &problem{
			status: http.StatusNotFound,
			detail: fmt.Sprintf("%.80q is neither a time nor the name of a channel", text),
			hint:   "use YYYYMMDDTHHMMSSZ, YYYYMMDD, YYYY-MM-DD, RFC 3339, latest, or a channel; see " + r.list(),
			cache:  cacheFinal,
		}
	}
	var answer manifest.Answer
	switch when.Kind {
	case manifest.WhenLatest:
		answer = r.timeline.Latest()
	case manifest.WhenChannel:
		ix := r.timeline.Index()
		id, ok := ix.Channels[when.Channel]
		if ok {
			c, ok = ix.Find(id)
		}
		if !ok {
			return c, false, &problem{
				status: http.StatusNotFound,
				detail: fmt.Sprintf("there is no channel %.80q", when.Channel),
				hint:   "see " + r.list() + " for checkpoints and channels",
				cache:  manifest.CacheShort,
			}
		}
		return c, false, nil
	default:
		if when.Instant > r.timeline.Index().Horizon && when.Instant > now+clockSkew {
			return c, false, &problem{
				status: http.StatusNotFound,
				detail: fmt.Sprintf("%s lies in the future", when.Instant),
				hint:   "use " + manifest.Latest + " for the newest checkpoint",
			}
		}
		answer = r.timeline.Resolve(when.Instant)
	}
	if answer.Outcome != manifest.Found {
		return c, false, r.missing(when, answer)
	}
	return answer.Checkpoint, answer.Final, nil
}

// missing is the problem of an instant that has no checkpoint.
func (r *repo) missing(when manifest.When, answer manifest.Answer) *problem {
	p := &problem{status: http.StatusNotFound, hint: "see " + r.list() + " for the checkpoints"}
	if answer.Final {
		p.cache = cacheFinal
	}
	switch answer.Outcome {
	case manifest.Gone:
		p.status = http.StatusGone
		p.checkpoint = answer.ID.String()
		p.detail = fmt.Sprintf("checkpoint %s was pruned", answer.ID)
		if reason := r.reason(answer.ID); reason != "" {
			p.detail += ": " + reason
		}
	case manifest.Before:
		p.checkpoint = answer.ID.String()
		p.detail = fmt.Sprintf("%s lies before the first checkpoint, %s", when.Instant, answer.ID)
	default:
		p.detail = "this repository has no checkpoints yet"
		p.hint = "try again when something was published"
	}
	return p
}

// reason is why a checkpoint was pruned.
func (r *repo) reason(id manifest.ID) string {
	pruned := r.timeline.Index().Pruned
	i := sort.Search(len(pruned), func(i int) bool { return pruned[i].ID >= id })
	if i == len(pruned) || pruned[i].ID != id {
		return ""
	}
	return pruned[i].Reason
}

// list is the path of the repo's list of checkpoints.
func (r *repo) list() string { return location(true, "", r.base) }
