package resolver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
)

// The same times, asked of everything that resolves them: what the command uses,
// the addresses, the API and the TimeGate. All name the same checkpoint, and call
// the same answers final.
func TestEveryWayResolvesAlike(t *testing.T) {
	const first, horizon, now = "20250301T000000Z", "20250401T000000Z", "20250401T120000Z"
	s := serve(t, Options{Now: func() time.Time { return mustID(t, now).Time() }})
	index, err := catalog.Index(manifest.Repo{Name: "full", Base: "checkpoints/full"}).Load(t.Context(), s.store)
	if err != nil {
		t.Fatal(err)
	}
	command := catalog.NewHistory(s.store, index.Doc)
	after := func(id string, seconds manifest.ID) string { return (mustID(t, id) + seconds).String() }

	for _, tt := range []struct {
		when    string
		outcome manifest.Outcome
		id      string
		final   bool
	}{
		{"00010101T000001Z", manifest.Before, first, true},
		{after(first, -1), manifest.Before, first, true},
		{first, manifest.Found, first, true},
		{after(pruned, -1), manifest.Found, older, true},
		{pruned, manifest.Gone, pruned, true},
		{after(exact, -1), manifest.Gone, pruned, true},
		{exact, manifest.Found, exact, true},
		{horizon, manifest.Found, newest, true},
		{after(horizon, 1), manifest.Found, newest, false},
		{now, manifest.Found, newest, false},
		{after(now, 1), manifest.Found, newest, false},
		{after(now, 60), manifest.Found, newest, false},
		{after(now, 61), manifest.Future, "", false},
		{"99991231T235959Z", manifest.Future, "", false},
		{"latest", manifest.Found, newest, false},
		{"stable", manifest.Found, exact, false},
		{"canary", manifest.NoName, "", false},
	} {
		t.Run(tt.when, func(t *testing.T) {
			when, err := manifest.ParseWhen(tt.when)
			if err != nil {
				t.Fatal(err)
			}
			a, err := command.Resolve(t.Context(), when, mustID(t, now))
			if id := a.ID.String(); err != nil || a.Outcome != tt.outcome || tt.id != "" && id != tt.id || a.Final != tt.final {
				t.Errorf("the command: %+v, %v", a, err)
			}

			want := reply{status: http.StatusNotFound, checkpoint: tt.id, final: tt.final}
			switch tt.outcome {
			case manifest.Found:
				want.status = http.StatusOK
			case manifest.Gone:
				want.status = http.StatusGone
			}
			if got := s.byAddress(tt.when); got != want {
				t.Errorf("the address: %+v, want %+v", got, want)
			}
			query := "?repo=full&at=" + url.QueryEscape(tt.when)
			if got := s.byAPI("/-/resolve" + query); got != want {
				t.Errorf("/-/resolve: %+v, want %+v", got, want)
			}
			if got := s.byAPI("/-/files" + query); got != want {
				t.Errorf("/-/files: %+v, want %+v", got, want)
			}
			if when.Kind != manifest.WhenInstant {
				return
			}
			// A TimeGate has an answer for every time, and none that is final.
			want.final = false
			switch tt.outcome {
			case manifest.Before:
				want.status = http.StatusOK
			case manifest.Future:
				want.status, want.checkpoint = http.StatusOK, newest
			}
			if got := s.byTimeGate(when.Instant); got != want {
				t.Errorf("the TimeGate: %+v, want %+v", got, want)
			}
		})
	}
}

// A publisher whose clock ran ahead leaves a horizon in the future. Up to it there are
// answers, but none is final for a time later than a minute from now.
func TestHorizonInTheFuture(t *testing.T) {
	const now, soon, later = "20250311T000000Z", "20250311T000100Z", "20250311T000101Z"
	s := serve(t, Options{Now: func() time.Time { return mustID(t, now).Time() }})
	for _, tt := range []struct {
		when string
		want reply
	}{
		{now, reply{http.StatusOK, older, true}},
		{soon, reply{http.StatusOK, older, true}},
		{later, reply{http.StatusOK, older, false}},
		{pruned, reply{http.StatusGone, pruned, false}},
		{"20250319", reply{http.StatusOK, exact, false}},
		{"20250401T000001Z", reply{http.StatusNotFound, "", false}}, // above the horizon
	} {
		if got := s.byAddress(tt.when); got != tt.want {
			t.Errorf("%s, the address: %+v, want %+v", tt.when, got, tt.want)
		}
		query := "?repo=full&at=" + tt.when
		for _, path := range []string{"/-/resolve", "/-/files"} {
			if got := s.byAPI(path + query); got != tt.want {
				t.Errorf("%s, %s: %+v, want %+v", tt.when, path, got, tt.want)
			}
		}
	}
	if res := s.get("/checkpoints/full/" + newest + "/1.iso"); res.Code != http.StatusOK {
		t.Errorf("a checkpoint by its id: %d", res.Code)
	}
}

// reply is an answer, in whatever form it came: 200 with a checkpoint, or what the
// problem's status is and the checkpoint it names.
type reply struct {
	status     int
	checkpoint string
	final      bool
}

// byAddress asks for a page below a time.
func (s *service) byAddress(when string) reply {
	s.t.Helper()
	const base = "/checkpoints/full/"
	res := s.get(base+when+"/", "Accept", "application/json")
	cache := res.Header().Get("Cache-Control")
	switch res.Code {
	case http.StatusOK: // the time is the checkpoint's own
		return reply{http.StatusOK, when, cache == manifest.CachePage}
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect:
		final := res.Code == http.StatusMovedPermanently
		if (cache == cacheFinal) != final {
			s.t.Errorf("%s: %d may be kept %q", when, res.Code, cache)
		}
		return reply{http.StatusOK, strings.Trim(strings.TrimPrefix(res.Header().Get("Location"), base), "/"), final}
	}
	return reply{res.Code, s.problemOf(res.Body.Bytes()), cache == cacheFinal}
}

// byAPI asks what answers with a checkpoint and whether it is final.
func (s *service) byAPI(target string) reply {
	s.t.Helper()
	res := s.get(target, "Accept", "application/json")
	cached := res.Header().Get("Cache-Control") == cacheFinal
	if res.Code != http.StatusOK {
		return reply{res.Code, s.problemOf(res.Body.Bytes()), cached}
	}
	var body struct {
		Checkpoint any // an id, or an object with one
		Final      bool
	}
	if err := json.Unmarshal(res.Body.Bytes(), &body); err != nil || cached != body.Final {
		s.t.Errorf("%s: kept for long %t: %s, %v", target, cached, res.Body, err)
	}
	if c, ok := body.Checkpoint.(map[string]any); ok {
		body.Checkpoint = c["id"]
	}
	return reply{http.StatusOK, fmt.Sprint(body.Checkpoint), body.Final}
}

// byTimeGate asks the repo's TimeGate.
func (s *service) byTimeGate(at manifest.ID) reply {
	s.t.Helper()
	const base = "/checkpoints/full/"
	res := s.get(base, "Accept", "application/json", "Accept-Datetime", datetime(at))
	if cache := res.Header().Get("Cache-Control"); cache != manifest.CacheNever {
		s.t.Errorf("TimeGate: an answer may be kept: %q", cache)
	}
	if res.Code == http.StatusFound {
		return reply{http.StatusOK, strings.Trim(strings.TrimPrefix(res.Header().Get("Location"), base), "/"), false}
	}
	return reply{res.Code, s.problemOf(res.Body.Bytes()), false}
}

// problemOf is the checkpoint that a problem names, if it does.
func (s *service) problemOf(body []byte) string {
	s.t.Helper()
	var p struct{ Checkpoint string }
	if err := json.Unmarshal(body, &p); err != nil {
		s.t.Errorf("not a problem: %s", body)
	}
	return p.Checkpoint
}
