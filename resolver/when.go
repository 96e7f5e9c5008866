package resolver

import (
	"context"
	"fmt"
	"net/http"

	"github.com/asof/asof/manifest"
)

// resolve finds the checkpoint that a <when> stands for. The error is a *problem,
// or the store's; without one the answer is manifest.Found.
func (r *Resolver) resolve(ctx context.Context, repo *repo, text string) (manifest.When, manifest.Answer, error) {
	when, err := manifest.ParseWhen(text)
	if err != nil {
		return when, manifest.Answer{}, &problem{
			status: http.StatusNotFound,
			detail: fmt.Sprintf("%.80q is neither a time nor the name of a channel", text),
			hint:   "use YYYYMMDDTHHMMSSZ, YYYYMMDD, YYYY-MM-DD, RFC 3339, latest, or a channel; see " + repo.list(),
			cache:  cacheFinal,
		}
	}
	answer, err := repo.history.Resolve(ctx, when, r.now())
	if err == nil && answer.Outcome == manifest.NoName && !r.state.Load().ringsKnown {
		return when, answer, errUnread // it may be a ring
	}
	if err == nil && answer.Outcome != manifest.Found {
		err = repo.missing(when, answer)
	}
	return when, answer, err
}

// timeHeader says for which time a ring stands.
const timeHeader = "Asof-Time"

func setRing(h http.Header, answer manifest.Answer) {
	if !answer.Ring.IsZero() {
		h.Set(timeHeader, answer.Ring.String())
	}
}

// now is the present second.
func (r *Resolver) now() manifest.ID { return manifest.IDOf(r.opts.Now()) }

// missing is the problem of a <when> that stands for no checkpoint.
func (r *repo) missing(when manifest.When, answer manifest.Answer) *problem {
	if answer.Outcome == manifest.Elsewhere {
		return r.left()
	}
	p := &problem{status: http.StatusNotFound, hint: "see " + r.list() + " for the checkpoints"}
	if answer.Final {
		p.cache = cacheFinal
	}
	switch answer.Outcome {
	case manifest.Gone:
		p.status = http.StatusGone
		p.checkpoint = answer.ID.String()
		p.detail = fmt.Sprintf("checkpoint %s was pruned", answer.ID)
		if answer.Reason != "" {
			p.detail += ": " + answer.Reason
		}
	case manifest.Before:
		p.checkpoint = answer.ID.String()
		at := when.Instant
		if !answer.Ring.IsZero() {
			at = answer.Ring
		}
		p.detail = fmt.Sprintf("%s lies before the first checkpoint, %s", at, answer.ID)
	case manifest.Future:
		p.detail = fmt.Sprintf("%s lies in the future", when.Instant)
		p.hint = "use " + manifest.Latest + " for the newest checkpoint"
	case manifest.Unset:
		p.detail = fmt.Sprintf("the ring %.80q stands for nothing here yet", when.Name)
		p.hint = "see " + r.list() + " for the checkpoints; asof ring tells what the ring waits for"
		p.cache = manifest.CacheShort
	case manifest.NoName:
		p.detail = fmt.Sprintf("there is no channel %.80q", when.Name)
		p.hint = "see " + r.list() + " for checkpoints and channels"
		p.cache = manifest.CacheShort
	default:
		p.detail = "this repository has no checkpoints yet"
		p.hint = "try again when something was published"
	}
	return p
}

// list is the path of the repo's list of checkpoints.
func (r *repo) list() string { return location(true, "", r.base) }
