package simple

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"

	"golang.org/x/net/html"
)

// Listed is one project on a root page.
type Listed struct {
	Name   string // normalized
	Serial int64  // grows with each change of the project; 0: the page does not say
}

// ParseRoot reads the page that lists an index's projects, as its Content-Type says. each is
// called for one after the other, in the page's order; a name may come again. What it was
// called for does not count if ParseRoot fails. An error of body or each is returned as it is.
func ParseRoot(contentType string, body io.Reader, from Source, each func(Listed) error) ([]Note, error) {
	form, err := formOf(contentType)
	if err != nil {
		return nil, from.refuse(err)
	}
	r := &root{reading: read(body, from), each: each}
	if form == TypeJSON {
		err = r.json()
	} else {
		err = r.tags(contentType, r.tag)
	}
	switch {
	case r.failed != nil:
		return nil, r.failed
	case err != nil || r.body.err != nil || len(r.refused) > 0:
		return nil, generic(contentType, r.fail(err))
	}
	return r.page.Notes, nil
}

// root is a root page that is being read.
type root struct {
	*reading
	each   func(Listed) error
	failed error // of each
	count  int
}

func (r *root) add(name string, serial int64) error {
	if err := checkName(name); err != nil {
		r.note("left out: what is no name of a project", name)
		return nil
	}
	most := cmp.Or(r.from.most, MaxProjects)
	if r.count++; r.count > most {
		return fmt.Errorf("has more than %d projects", most)
	}
	r.failed = r.each(Listed{normalizeName(name), serial})
	return r.failed
}

func (r *root) json() error {
	keys, err := r.object("projects", func(n int, text json.RawMessage) error {
		var project object
		var name string
		if json.Unmarshal(text, &project) != nil || project == nil {
			r.refuse("projects[%d] is no object", n)
			return nil
		}
		if there, err := project.take("name", &name); !there || err != nil {
			r.refuse("projects[%d] has no name", n)
			return nil
		}
		var serial int64
		project.take("_last-serial", &serial)
		return r.add(name, serial)
	})
	if err != nil {
		return err
	}
	_, err = r.meta(keys)
	return err
}

func (r *root) tag(z *html.Tokenizer, name string, valid bool) error {
	switch name {
	case "base":
		return r.baseTag(attributes(z))
	case "meta":
		return r.metaTag(attributes(z), valid)
	case "a":
		if name := r.child(attributes(z)["href"]); name != "" {
			return r.add(name, 0)
		}
	}
	return nil
}

// child is the last segment of a link that leads below the root. Others lead to the folder
// above, or order a list that a web server made. The text of a link may be cut short.
func (r *root) child(href string) string {
	u, err := r.resolve(href)
	if err != nil || !strings.EqualFold(u.Host, r.from.URL.Host) {
		return ""
	}
	at := path.Clean("/" + strings.TrimSuffix(r.from.URL.Path, "index.html"))
	to := path.Clean("/" + strings.TrimSuffix(u.Path, "index.html"))
	if at == to || at != "/" && !strings.HasPrefix(to, at+"/") {
		return ""
	}
	return path.Base(to)
}

// RenderRootHTML writes the root page in HTML. names are normalized names of projects, in
// ascending order. An error is one of out.
func RenderRootHTML(out io.Writer, names []string) error {
	w := newWriting(out)
	w.head("Simple index", "1.0")
	w.put("</head>\n<body>\n")
	for _, name := range names {
		w.put(`<a href="`, escapePath(name), `/">`, attribute.Replace(name), "</a><br>\n")
	}
	w.put("</body>\n</html>\n")
	return w.Flush()
}

// RenderRootJSON writes the root page in JSON, as RenderRootHTML does.
func RenderRootJSON(out io.Writer, names []string) error {
	keys := map[string]any{"meta": map[string]string{"api-version": "1.0"}}
	return writeList(out, keys, "projects", func(yield func(any) bool) {
		for _, name := range names {
			if !yield(map[string]string{"name": name}) {
				return
			}
		}
	})
}
