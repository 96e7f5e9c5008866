package simple

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/asof/asof/publisher/remote"
)

const (
	index  = "https://index.example.org/simple/foo/"
	sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	other  = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	md5    = "cccccccccccccccccccccccccccccccc"
)

func source(t testing.TB) Source {
	u, err := url.Parse(index)
	if err != nil {
		t.Fatal(err)
	}
	return Source{Project: "foo", URL: u}
}

// shown is what was read: the page, its files and its notes, a line each.
func shown(p *Page) string {
	var b strings.Builder
	add := func(name string, value any) {
		if text := fmt.Sprint(value); text != "" && text != "0" && text != "[]" && text != "map[]" {
			fmt.Fprintf(&b, " %s=%v", name, value)
		}
	}
	if p.Versions != nil {
		fmt.Fprintf(&b, " versions=%v", p.Versions)
	}
	add("status", p.Status)
	add("reason", p.StatusReason)
	add("tracks", p.Tracks)
	add("alternate", p.AlternateLocations)
	add("serial", p.Serial)
	for _, key := range slices.Sorted(maps.Keys(p.Meta)) {
		add("meta."+key, string(p.Meta[key]))
	}
	for _, key := range slices.Sorted(maps.Keys(p.Unknown)) {
		add(key, string(p.Unknown[key]))
	}
	for _, f := range p.Files {
		b.WriteString("\n" + f.Name)
		add("url", strings.TrimPrefix(f.URL, "https://index.example.org"))
		add("hashes", f.Hashes)
		add("python", f.RequiresPython)
		if f.Yanked {
			fmt.Fprintf(&b, " yanked=%q", f.YankedReason)
		}
		if f.Metadata.Offered {
			fmt.Fprintf(&b, " metadata=%v", f.Metadata.Hashes)
		}
		add("signed", map[Answer]string{No: "no", Yes: "yes"}[f.Signed])
		add("size", f.Size)
		add("time", f.UploadTime)
		add("provenance", f.Provenance)
		for _, key := range slices.Sorted(maps.Keys(f.Unknown)) {
			add(key, string(f.Unknown[key]))
		}
	}
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "\n! %v", n)
	}
	text := strings.ReplaceAll(b.String(), sha256, "AA")
	return strings.TrimSpace(strings.NewReplacer(other, "BB", md5, "CC").Replace(text))
}

type row struct {
	name, body string
	want       string // what is read
	refused    string // or the error, without the page's address
}

func check(t *testing.T, r row, page *Page, err error) {
	t.Helper()
	if r.refused != "" {
		bad, ok := errors.AsType[*remote.InputError](err)
		if !ok || bad.Where != index || short(bad.Err.Error()) != r.refused {
			t.Errorf("%s: %v\nwant %s", r.name, err, r.refused)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", r.name, err)
	} else if got := shown(page); got != r.want {
		t.Errorf("%s:\n%s\nwant\n%s", r.name, got, r.want)
	}
}

func short(text string) string {
	return strings.NewReplacer(sha256, "AA", other, "BB", md5, "CC").Replace(text)
}

// What a page comes as decides whether and how it is read, as at installers.
func TestContentTypes(t *testing.T) {
	const (
		htmlPage = `<a href="foo-1.0.zip">x</a>`
		jsonPage = `{"meta":{"api-version":"1.0"},"name":"foo","files":[{"filename":"foo-1.0.zip","url":"foo-1.0.zip","hashes":{}}]}`
		read     = "foo-1.0.zip url=/simple/foo/foo-1.0.zip"
		pages    = "; pages are application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html or text/html"
	)
	for _, c := range []struct{ kind, body, refused string }{
		{"text/html", htmlPage, ""},
		{"TEXT/HTML; charset=UTF-8", htmlPage, ""},
		{"text/html; charset=iso-8859-1", htmlPage, ""},
		{"text/html; charset", htmlPage, ""},
		{"text/html;;", htmlPage, ""},
		{"application/vnd.pypi.simple.v1+html", htmlPage, ""},
		{"application/vnd.pypi.simple.v1+html; charset=utf-8", htmlPage, ""},
		{"application/vnd.pypi.simple.v1+json", jsonPage, ""},
		{"application/vnd.pypi.simple.v1+json; charset=utf-8", jsonPage, ""},
		{"application/json", jsonPage, ""},
		{"application/json; charset=utf-8", jsonPage, ""},

		{"", htmlPage, "came without a Content-Type"},
		{"text/plain", htmlPage, `came as "text/plain", and installers refuse that` + pages},
		{"application/octet-stream", jsonPage, `came as "application/octet-stream", and installers refuse that` + pages},
		{"application/xhtml+xml", htmlPage, `came as "application/xhtml+xml", and installers refuse that` + pages},
		{"application/vnd.pypi.simple.latest+json", jsonPage, `came as "application/vnd.pypi.simple.latest+json"; asof reads version 1 of the Simple API`},
		{"application/vnd.pypi.simple.v2+json", jsonPage, `came as "application/vnd.pypi.simple.v2+json"; asof reads version 1 of the Simple API`},
		{"text/html", jsonPage, "came as HTML, and is JSON"},
		{"text/html; charset=klingon", htmlPage, `has the charset "klingon", which is none that is known`},
		{"application/vnd.pypi.simple.v1+json", htmlPage, "is no JSON: invalid character '<' looking for beginning of value"},
		{"application/json", `{"message":"not found"}`, `has no key "files"; it came as application/json, which need not be a page of an index`},
		{"application/json", `[]`, `is no object of JSON; it came as application/json, which need not be a page of an index`},
	} {
		page, err := Parse(c.kind, strings.NewReader(c.body), source(t))
		check(t, row{c.kind, c.body, read, c.refused}, page, err)
	}
}

// An error of the body is no fault of the page.
func TestBodyFails(t *testing.T) {
	broken := errors.New("connection lost")
	for kind, body := range map[string]string{
		TypeHTML: `<a href="foo-1.0.zip">x</a><a `,
		TypeJSON: `{"files":[{"filename":"foo-1.0.zip","url":"foo-1.0.zip"},`,
	} {
		_, err := Parse(kind, io.MultiReader(strings.NewReader(body), iotest.ErrReader(broken)), source(t))
		if err != broken {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// No password of a page's address stands in a message.
func TestRefusalShowsNoPassword(t *testing.T) {
	from := source(t)
	from.URL.User = url.UserPassword("me", "secret")
	_, err := Parse(TypeHTML, strings.NewReader(`<a href="http:foo-1.0.zip">x</a><a href="http://me:secret@x/foo-1.zip">`), from)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

// All refusals are named at once, and no more than can be read.
func TestRefusalsAreBounded(t *testing.T) {
	body := strings.Repeat(`<a href="ftp://x/foo-1.0.zip">x</a>`, 30)
	_, err := Parse(TypeHTML, strings.NewReader(body), source(t))
	if err == nil || strings.Count(err.Error(), "\n") != maxNamed || !strings.HasSuffix(err.Error(), "\nand 20 more") {
		t.Error(err)
	}
}

// Notes count what they don't name.
func TestNotesAreBounded(t *testing.T) {
	body := strings.Repeat(`<a href="bar-1.0.zip">x</a>`, 30)
	page, err := Parse(TypeHTML, strings.NewReader(body), source(t))
	want := "left out: files that are none of the project's:" + strings.Repeat(` "bar-1.0.zip",`, maxNamed-1) + ` "bar-1.0.zip" and 20 more`
	if err != nil || len(page.Notes) != 1 || page.Notes[0].String() != want {
		t.Errorf("%v, %v", page, err)
	}
}

// repeated is a text many times over, which takes no memory.
func repeated(start, text string, n int, end string) io.Reader {
	readers := []io.Reader{strings.NewReader(start)}
	for range n {
		readers = append(readers, strings.NewReader(text))
	}
	return io.MultiReader(append(readers, strings.NewReader(end))...)
}

func TestTooMany(t *testing.T) {
	for _, c := range []struct {
		kind string
		body io.Reader
		want string
	}{
		{TypeHTML, repeated("", `<a href="foo-1.zip">`, 11, ""), "has more than 10 files"},
		{TypeJSON, repeated(`{"files":[{"filename":"foo-1.zip","url":"foo-1.zip"}`, `,{"filename":"foo-1.zip","url":"foo-1.zip"}`, 10, "]}"), "has more than 10 files"},
		{TypeHTML, repeated(`<a href="foo-1.zip`, "xxxxxxxxxxxxxxxx", maxToken/16+1, `">`), "has a tag, a comment or a text with more than 1048576 bytes"},
		{TypeHTML, repeated("<!--", "xxxxxxxxxxxxxxxx", maxToken/16+1, "-->"), "has a tag, a comment or a text with more than 1048576 bytes"},
		{TypeJSON, repeated(`{"files":[{"filename":"`, "xxxxxxxxxxxxxxxx", maxValue/16+1, `"}]}`), "has an entry files[0] with more than 262144 bytes"},
		{TypeJSON, repeated(`{"files":[],"x":"`, "xxxxxxxxxxxxxxxx", maxValue/16+1, `"}`), `has a key "x" with more than 262144 bytes`},
		{TypeJSON, repeated(`{"files":[],"versions":["1"`, `,"1"`, 10, `]}`), ""},
		{TypeJSON, strings.NewReader(`{"files":[]` + manyKeys(maxKeys+1) + `}`), "has more than 1000 keys"},
		{TypeJSON, strings.NewReader(`{"files":[{"filename":"foo-1.zip","url":"foo-1.zip","x":` + strings.Repeat("[", maxDepth+2) + strings.Repeat("]", maxDepth+2) + `}]}`), `file "foo-1.zip": key "x" is nested more than 64 deep`},
		{TypeJSON, strings.NewReader(`{"files":[],"x":` + strings.Repeat("[", 20_000) + `}`), `is no JSON: invalid character '[' exceeded max depth`},
		{TypeJSON, strings.NewReader(`{"files":[],"x":{"y":[` + strings.Repeat("1", maxNumber+1) + `]}}`), `key "x" holds a number of more than 100 digits`},
		{TypeHTML, repeated("", `<meta name="pypi:tracks" content="x">`, 11, ""), "has more than 10 tracks and alternate-locations"},
	} {
		from := source(t)
		from.most = 10
		page, err := Parse(c.kind, c.body, from)
		check(t, row{c.want, "", `! left out: values of a wrong type: "versions"`, c.want}, page, err)
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"k%d":1`, i)
	}
	return b.String()
}
