package test

import (
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// oddNames are legal names that are easy to get wrong.
func oddNames() []string {
	return []string{
		"a b", "a#b", "a?b", "a%b", "a%20b", "a+b", "a&b;c", "a=b", "a'b", `a"b`, "a<b>c", "a:b", "a~b", "a,b", "a@b", "a!b", "a$b", "a(b)", "a[b]", "a{b}", "a|b", "a^b", "a`b", "a*b",
		"ünïcödé", "日本語", "😀", "-dash", "..dots", ".hidden", "%2e%2e", "javascript:alert(1)", "http:", " leading", "trailing ",
		"odd dir #1?/inner %41 name", "PULP_MANIFEST", "deep/er/and/deeper/x",
	}
}

// A click through the listing pages reaches every file, with its content,
// whatever its name; on every store, in both layouts.
func TestOddNames(t *testing.T) {
	for _, layout := range []string{"full", "thin"} {
		t.Run(layout, func(t *testing.T) {
			onEveryStore(t, func(t *testing.T, store string, env []string) {
				w := newWorkspace(t, fmt.Sprintf("store: %q\nrepos:\n  - {name: odd, layout: %s, remote: {type: dir, path: src}}\n", store, layout), env...)
				for _, name := range oddNames() {
					w.write("src/"+name, "content of "+name)
				}
				id := published(w, "publish")[0].Checkpoint.ID
				found := map[string]string{}
				crawl(t, w.serve()+"/odd/"+id.String()+"/", "", found)
				for _, name := range oddNames() {
					if found[name] != "content of "+name {
						t.Errorf("%q: found %q", name, found[name])
					}
				}
				if len(found) != len(oddNames()) {
					t.Errorf("found %d files, want %d", len(found), len(oddNames()))
				}
			})
		})
	}
}

// crawl follows every link in a listing page to deeper pages.
func crawl(t *testing.T, page, dir string, found map[string]string) {
	t.Helper()
	base, err := url.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	a := get(t, page)
	if a.status != 200 {
		t.Fatalf("%s: %d", page, a.status)
	}
	for text, href := range anchors(t, a.body) {
		u, err := base.Parse(href)
		if err != nil {
			t.Fatalf("%s: link %q: %v", page, href, err)
		}
		if u.Host == base.Host && (!strings.HasPrefix(u.Path, base.Path) || u.Path == base.Path) {
			continue // upwards, to siblings, or to the page itself
		}
		if u.Host != base.Host || u.Scheme != "http" {
			t.Errorf("%s: link %q leaves the host", page, href)
			continue
		}
		if text[len(text)-1] == '/' {
			crawl(t, u.String(), dir+text, found)
			continue
		}
		file := get(t, u.String())
		if file.status != 200 {
			t.Errorf("%s: %d", u, file.status)
		}
		found[dir+text] = file.body
	}
}

// anchors returns the texts and addresses of a page's links, as a browser sees
// them.
func anchors(t *testing.T, page string) map[string]string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	links := map[string]string{}
	for n := range doc.Descendants() {
		if n.DataAtom != atom.A {
			continue
		}
		i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "href" })
		if i >= 0 && n.FirstChild != nil {
			links[n.FirstChild.Data] = n.Attr[i].Val
		}
	}
	return links
}

// A full tree in a folder is upstream's tree plus pages: what a plain web server
// would serve.
func TestFullTreeIsPlainFiles(t *testing.T) {
	w := newWorkspace(t, "store: ./data\nrepos:\n  - {name: odd, remote: {type: dir, path: src}}\n")
	for _, name := range oddNames() {
		w.write("src/"+name, "content of "+name)
	}
	id := published(w, "publish")[0].Checkpoint.ID
	diff := exec.Command("diff", "-r", "--exclude=index.html", "--exclude=.asof", filepath.Join(w.dir, "src"), filepath.Join(w.dir, "data", "odd", id.String()))
	if out, err := diff.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
