package resolver

import (
	"bytes"
	"context"
	"net/http"

	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
)

// board is what the rings stand for at a moment, with its documents for those who may read
// all repos. It is immutable.
type board struct {
	manifest.Board
	at         manifest.ID
	html, json func() (document, error)
}

// board returns the board of this second. It fails where it is not known what the rings are, or
// what a repo that they hold for has.
func (r *Resolver) board(ctx context.Context, s *state) (*board, error) {
	now := manifest.IDOf(r.opts.Now())
	if b := s.board.Load(); b != nil && b.at == now {
		return b, nil
	}
	if !s.ringsKnown {
		return nil, errUnread
	}
	var all []*manifest.History
	for _, entry := range s.registry.Repos {
		repo := s.repos[entry.Base]
		if !repo.known && s.rings.Holds(entry.Name) {
			return nil, errUnread
		}
		if repo.known {
			all = append(all, repo.history)
		}
	}
	made, err := s.rings.Board(ctx, all, now)
	if err != nil {
		return nil, err
	}
	b := &board{Board: made, at: now}
	b.html, b.json = s.boardPages(made.Public(func(string) bool { return true }))
	s.board.Store(b)
	return b, nil
}

// boardPages are the representations of a board.
func (s *state) boardPages(b manifest.Board) (html, json func() (document, error)) {
	base := func(repo string) string {
		if r := s.names[repo]; r != nil {
			return r.base
		}
		return repo
	}
	return rendered(typeHTML, func() ([]byte, error) {
			var out bytes.Buffer
			err := page.WriteBoard(&out, b, base)
			return out.Bytes(), err
		}),
		rendered(typeJSON, func() ([]byte, error) { return encodeJSON(b) })
}

// serveRings says what the rings stand for, and what comes next: for programs, or as a page.
func (r *Resolver) serveRings(w http.ResponseWriter, req *http.Request, s *state) error {
	q, err := readQuery(req, "repo")
	if err != nil {
		return err
	}
	if err := r.admit(w, req, ""); err != nil {
		return err
	}
	if q["repo"] != "" {
		if _, err := r.named(w, req, s, q["repo"]); err != nil {
			return err
		}
	}
	b, err := r.board(req.Context(), s)
	if err != nil {
		return err
	}
	html, json := b.html, b.json
	if q["repo"] != "" || r.opts.Access != nil {
		shown := b.Board.Public(func(repo string) bool {
			known := s.names[repo]
			return known != nil && r.mayRead(w, req, known.base)
		})
		if q["repo"] != "" {
			shown = shown.Of(q["repo"])
		}
		html, json = s.boardPages(shown)
	}
	r.setStale(w.Header(), manifest.RolloutKey)
	w.Header().Set("Vary", "Accept")
	show := html
	if negotiate(req.Header, boardOffers) == typeJSON {
		show = json
	}
	doc, err := show()
	if err != nil {
		return err
	}
	return r.writeDocument(w, req, doc, manifest.CacheShort)
}

// RingStatus is what the resolver knows of a ring, for metrics.
type RingStatus struct {
	Name string
	Time manifest.ID // what it stands for; none: nothing yet
	Held bool
	// Due is when the ring may move to what changes something, now at the earliest. None: that is
	// not known, it waits for more than time, or it is held.
	Due manifest.ID
}

// Rings describes the rings. Where not all is known that decides when they move, the rest is told
// all the same.
func (r *Resolver) Rings(ctx context.Context) (rings []RingStatus) {
	s := r.state.Load()
	b, err := r.board(ctx, s)
	for i, ring := range s.rings.Rings {
		stands, _ := ring.Now()
		status := RingStatus{Name: ring.Name, Time: stands.Time, Held: ring.Held != nil}
		if err == nil && ring.Held == nil {
			if status.Due = b.Rings[i].Next; b.Rings[i].Due.Valid() && !b.Rings[i].Same {
				status.Due = b.at
			}
		}
		rings = append(rings, status)
	}
	return rings
}
