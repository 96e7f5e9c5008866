package resolver

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/asof/asof/manifest"
)

// clockSkew is how far a client's clock may be ahead of ours, in seconds.
const clockSkew = 60

// resolve finds the checkpoint that a <when> stands for, and whether that is
// so for ever. What lies in a sealed segment is read through m, the rest is in
// memory. The error is a *problem, or the store's.
func (r *repo) resolve(ctx context.Context, m *manifests, text string, now func() time.Time) (c manifest.Checkpoint, final bool, err error) {
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
		id, ok := r.timeline.Index().Channels[when.Channel]
		if !ok {
			return c, false, &problem{
				status: http.StatusNotFound,
				detail: fmt.Sprintf("there is no channel %.80q", when.Channel),
				hint:   "see " + r.list() + " for checkpoints and channels",
				cache:  manifest.CacheShort,
			}
		}
		answer, err = r.at(ctx, m, id)
		answer.Final = false // a channel moves
	default:
		if when.Instant > r.timeline.Index().Horizon && when.Instant > manifest.IDOf(now())+clockSkew {
			return c, false, &problem{
				status: http.StatusNotFound,
				detail: fmt.Sprintf("%s lies in the future", when.Instant),
				hint:   "use " + manifest.Latest + " for the newest checkpoint",
			}
		}
		answer, err = r.at(ctx, m, when.Instant)
	}
	if err != nil {
		return c, false, err
	}
	if answer.Outcome != manifest.Found {
		return c, false, r.missing(when, answer)
	}
	return *answer.Checkpoint, answer.Final, nil
}

// at resolves an instant, where it must by the segment that knows it.
func (r *repo) at(ctx context.Context, m *manifests, at manifest.ID) (manifest.Answer, error) {
	answer := r.timeline.Resolve(at)
	if answer.Outcome != manifest.InSegment {
		return answer, nil
	}
	segment, err := m.segment(ctx, r.timeline.Index().Repo, *answer.Segment)
	if err != nil {
		return answer, err
	}
	return segment.Resolve(at), nil
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
		if answer.Reason != "" {
			p.detail += ": " + answer.Reason
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

// list is the path of the repo's list of checkpoints.
func (r *repo) list() string { return location(true, "", r.base) }
