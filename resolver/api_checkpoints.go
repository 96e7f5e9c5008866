package resolver

import (
	"net/http"
	"slices"

	"github.com/asof/asof/manifest"
)

// serveCheckpoints lists a repo's checkpoints, oldest first, page by page.
func (r *Resolver) serveCheckpoints(w http.ResponseWriter, req *http.Request, s *state) error {
	q, err := readQuery(req, "repo", "from", "to", "limit")
	if err != nil {
		return err
	}
	from, err := q.instant("from", 0)
	if err != nil {
		return err
	}
	to, err := q.instant("to", manifest.MaxID)
	if err != nil {
		return err
	}
	limit, err := q.limit()
	if err != nil {
		return err
	}
	repo, err := r.named(w, req, s, q["repo"])
	if err != nil {
		return err
	}
	ix := repo.history.Index
	out := struct {
		Repo        string                 `json:"repo"`
		Base        string                 `json:"base"`
		Horizon     manifest.ID            `json:"horizon,omitempty"`
		Channels    map[string]manifest.ID `json:"channels,omitempty"`
		Checkpoints []manifest.Checkpoint  `json:"checkpoints"`
		Next        string                 `json:"next,omitempty"`
	}{Repo: repo.name, Base: repo.base, Horizon: ix.Horizon, Channels: ix.Channels, Checkpoints: []manifest.Checkpoint{}}
	for c, err := range repo.history.From(req.Context(), from) {
		if err != nil {
			return err
		}
		if c.ID > to {
			break
		}
		if len(out.Checkpoints) == limit {
			out.Next = q.with("/-/checkpoints", map[string]string{"from": c.ID.String()})
			break
		}
		out.Checkpoints = append(out.Checkpoints, c)
	}
	r.setStale(w.Header(), manifest.IndexKey(repo.base))
	return r.writeJSON(w, req, out, manifest.CacheShort)
}

// moment is a checkpoint of a repo that a request asked for by a time.
type moment struct {
	repo  *repo
	c     manifest.Checkpoint
	final bool
}

// cache is how long an answer about the moment may be kept.
func (m moment) cache() string {
	if m.final {
		return cacheFinal
	}
	return manifest.CacheNever
}

// moment resolves the parameters repo and at.
func (r *Resolver) moment(w http.ResponseWriter, req *http.Request, s *state, q query) (moment, error) {
	repo, err := r.named(w, req, s, q["repo"])
	if err != nil {
		return moment{}, err
	}
	when := q["at"]
	if when == "" {
		when = manifest.Latest
	}
	_, answer, err := r.resolve(req.Context(), repo, when)
	if !answer.Final {
		r.setStale(w.Header(), manifest.IndexKey(repo.base))
	}
	if err != nil {
		return moment{}, err
	}
	return moment{repo, *answer.Checkpoint, answer.Final}, nil
}

// serveResolve tells which checkpoint a time stands for.
func (r *Resolver) serveResolve(w http.ResponseWriter, req *http.Request, s *state) error {
	q, err := readQuery(req, "repo", "at")
	if err != nil {
		return err
	}
	m, err := r.moment(w, req, s, q)
	if err != nil {
		return err
	}
	return r.writeJSON(w, req, struct {
		Repo       string              `json:"repo"`
		Checkpoint manifest.Checkpoint `json:"checkpoint"`
		Final      bool                `json:"final"`
		URL        string              `json:"url"`
	}{m.repo.name, m.c, m.final, location(true, "", m.repo.base, m.c.ID.String())}, m.cache())
}

// timestampsMax bounds the ids in one answer of serveTimestamps.
const timestampsMax = 10_000

// serveTimestamps answers as snapshot.debian.org does below /mr/timestamp/, where
// an archive is a repo: the newest ids in the range, in ascending order.
func (r *Resolver) serveTimestamps(w http.ResponseWriter, req *http.Request, s *state) error {
	q, err := readQuery(req, "archive", "after", "before")
	if err != nil {
		return err
	}
	after, err := q.instant("after", 0)
	if err != nil {
		return err
	}
	before, err := q.instant("before", manifest.MaxID)
	if err != nil {
		return err
	}
	var repos []*repo
	if name := q["archive"]; name != "" {
		repo, err := r.named(w, req, s, name)
		if err != nil {
			return err
		}
		repos = append(repos, repo)
	} else {
		if err := r.admit(w, req, ""); err != nil {
			return err
		}
		for _, repo := range s.repos {
			if r.mayRead(w, req, repo.base) && repo.known {
				repos = append(repos, repo)
			}
		}
	}
	result := make(map[string][]manifest.ID, len(repos))
	for _, repo := range repos {
		ids, most := []manifest.ID{}, max(1, timestampsMax/len(repos))
		for c, err := range repo.history.Until(req.Context(), before) {
			if err != nil {
				return err
			}
			if c.ID < after || len(ids) == most {
				break
			}
			ids = append(ids, c.ID)
		}
		slices.Reverse(ids)
		result[repo.name] = ids
	}
	r.setStale(w.Header(), manifest.RegistryKey)
	return r.writeJSON(w, req, struct {
		API     string                   `json:"_api"`
		Comment string                   `json:"_comment"`
		Result  map[string][]manifest.ID `json:"result"`
	}{"0.3", "as snapshot.debian.org's; archives are repos of asof", result}, manifest.CacheShort)
}
