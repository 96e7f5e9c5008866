package resolver

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/asof/asof/manifest"
)

// Where TimeMaps stand: below, the base path of a repo, and a slash.
const (
	linkMaps = "-/timemap/link"
	jsonMaps = "-/timemap/json"

	typeLinks = "application/link-format"
)

func writeTimeMap(b *strings.Builder, repo *repo) {
	writeLink(b, location(true, "", linkMaps, repo.base), `rel="timemap"; type="`+typeLinks+`"`)
}

// writeNeighbours writes links to the first and the newest checkpoint and to
// those around c, each with its relations to c (RFC 7089, section 2.2.4).
func (r *Resolver) writeNeighbours(ctx context.Context, b *strings.Builder, repo *repo, c manifest.Checkpoint, p string, slash bool) error {
	first, _, err := repo.history.First(ctx)
	if err != nil {
		return err
	}
	prev, hasPrev, err := repo.history.Before(ctx, c.ID)
	if err != nil {
		return err
	}
	next, hasNext, err := repo.history.After(ctx, c.ID)
	if err != nil {
		return err
	}
	newest, _ := repo.history.Index.Newest()
	ids := []manifest.ID{first.ID}
	add := func(id manifest.ID, ok bool) {
		if ok && id != ids[len(ids)-1] {
			ids = append(ids, id)
		}
	}
	add(prev.ID, hasPrev)
	add(c.ID, true)
	add(next.ID, hasNext)
	add(newest.ID, true)
	for _, id := range ids {
		var rel []string
		for _, role := range []struct {
			is   bool
			name string
		}{{id == first.ID, "first"}, {hasPrev && id == prev.ID, "prev"}, {hasNext && id == next.ID, "next"}, {id == newest.ID, "last"}} {
			if role.is {
				rel = append(rel, role.name)
			}
		}
		rel = append(rel, "memento")
		writeLink(b, location(slash || p == "", "", repo.base, id.String(), p), fmt.Sprintf(`rel="%s"; datetime="%s"`, strings.Join(rel, " "), datetime(id)))
	}
	return nil
}

// timeMap is a page of a repo's TimeMap: what it lists, and where the next page
// begins.
type timeMap struct {
	repo        *repo
	from        manifest.ID // as the client asked; none: the first page
	first, last manifest.ID // of all mementos
	ids         []manifest.ID
	next        manifest.ID // none: this is the last page
}

// serveTimeMap lists the mementos of a repo, as links (section 5) or in the JSON
// that other archives use; from tells where a page begins.
func (r *Resolver) serveTimeMap(w http.ResponseWriter, req *http.Request, repo *repo, contentType string) error {
	if err := r.enter(w, req, repo); err != nil {
		return err
	}
	q, err := readQuery(req, "from")
	if err != nil {
		return err
	}
	m := timeMap{repo: repo}
	if m.from, err = q.instant("from", 0); err != nil {
		return err
	}
	first, _, err := repo.history.First(req.Context())
	if err != nil {
		return err
	}
	newest, _ := repo.history.Index.Newest()
	m.first, m.last = first.ID, newest.ID
	for c, err := range repo.history.From(req.Context(), m.from) {
		if err != nil {
			return err
		}
		if len(m.ids) == pageMax {
			m.next = c.ID
			break
		}
		m.ids = append(m.ids, c.ID)
	}
	data := m.links()
	if contentType == typeJSON {
		if data, err = m.json(); err != nil {
			return err
		}
	}
	r.setStale(w.Header(), manifest.IndexKey(repo.base))
	return r.writeDocument(w, req, document{contentType, data, manifest.Sum(data)}, manifest.CacheShort)
}

// uri is the address of a page in a form.
func (m *timeMap) uri(form string, from manifest.ID) string {
	query := ""
	if !from.IsZero() {
		query = "?from=" + from.String()
	}
	return location(true, query, form, m.repo.base)
}

func (m *timeMap) memento(id manifest.ID) string { return location(true, "", m.repo.base, id.String()) }

func (m *timeMap) links() []byte {
	var b strings.Builder
	line := func(target, params string) {
		if b.Len() > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, "<%s>; %s", target, params)
	}
	line(original(m.repo, "", true), `rel="original timegate"`)
	self := `rel="self"; type="` + typeLinks + `"`
	if n := len(m.ids); n > 0 {
		self += fmt.Sprintf(`; from="%s"; until="%s"`, datetime(m.ids[0]), datetime(m.ids[n-1]))
	}
	line(m.uri(linkMaps, m.from), self)
	if !m.next.IsZero() {
		line(m.uri(linkMaps, m.next), fmt.Sprintf(`rel="timemap"; type="%s"; from="%s"`, typeLinks, datetime(m.next)))
	}
	for _, id := range m.ids {
		rel := "memento"
		if id == m.last {
			rel = "last " + rel
		}
		if id == m.first {
			rel = "first " + rel
		}
		line(m.memento(id), fmt.Sprintf(`rel="%s"; datetime="%s"`, rel, datetime(id)))
	}
	b.WriteByte('\n')
	return []byte(b.String())
}

func (m *timeMap) json() ([]byte, error) {
	type entry struct {
		Datetime string `json:"datetime"`
		URI      string `json:"uri"`
	}
	at := func(id manifest.ID) *entry { return &entry{id.Time().Format(time.RFC3339), m.memento(id)} }
	type forms struct {
		Links string `json:"link_format"`
		JSON  string `json:"json_format"`
	}
	var out struct {
		Original string `json:"original_uri"`
		TimeGate string `json:"timegate_uri"`
		TimeMap  forms  `json:"timemap_uri"`
		Mementos struct {
			First *entry  `json:"first,omitempty"`
			Last  *entry  `json:"last,omitempty"`
			List  []entry `json:"list"`
		} `json:"mementos"`
		Next string `json:"next,omitempty"`
	}
	out.Original, out.TimeGate = original(m.repo, "", true), original(m.repo, "", true)
	out.TimeMap = forms{m.uri(linkMaps, m.from), m.uri(jsonMaps, m.from)}
	out.Mementos.List = []entry{}
	for _, id := range m.ids {
		out.Mementos.List = append(out.Mementos.List, *at(id))
	}
	if !m.last.IsZero() && len(m.ids) > 0 {
		out.Mementos.First, out.Mementos.Last = at(m.first), at(m.last)
	}
	if !m.next.IsZero() {
		out.Next = m.uri(jsonMaps, m.next)
	}
	return encodeJSON(out)
}
