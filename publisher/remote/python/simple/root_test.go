package simple

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

func rootSource(t testing.TB) Source {
	u, err := url.Parse("https://index.example.org/pypi/simple/")
	if err != nil {
		t.Fatal(err)
	}
	return Source{URL: u}
}

func roots(t testing.TB, kind string, body io.Reader) (list []Listed, notes []Note, err error) {
	notes, err = ParseRoot(kind, body, rootSource(t), func(l Listed) error {
		list = append(list, l)
		return nil
	})
	return list, notes, err
}

func TestParseRoot(t *testing.T) {
	for _, c := range []struct {
		name, kind, body, want, refused string
	}{
		{"the public index", TypeHTML, `<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.4"></head><body><a href="/pypi/simple/foo/">Foo</a><a href="/pypi/simple/a-b/">A.B</a></body></html>`, "foo a-b", ""},
		{"relative", TypeHTMLV1, `<a href="foo/">foo</a><a href="bar">bar</a><a href="./baz/index.html">baz</a>`, "foo bar baz", ""},
		{"absolute", TypeHTML, `<a href="https://INDEX.example.org/pypi/simple/foo">foo</a>`, "foo", ""},
		{"folders of letters", TypeHTML, `<a href="f/foo/">foo</a>`, "foo", ""},
		{"list of a web server", TypeHTML, `<a href="?C=N;O=D">Name</a><a href="/pypi/">Parent Directory</a><a href="../">../</a><a href="/">/</a><a href="./">.</a><a href="a-very-long-name/">a-very-lo..&gt;</a>`, "a-very-long-name", ""},
		{"elsewhere", TypeHTML, `<a href="https://example.com/pypi/simple/bar/">bar</a><a href="/pypi/simples/x/">x</a><a href="mailto:x">x</a><a href="http://[x">x</a><a>x</a><a href="foo/">foo</a>`, "foo", ""},
		{"base", TypeHTML, `<base href="/pypi/simple/"><a href="foo/">foo</a>`, "foo", ""},
		{"spellings", TypeHTML, `<a href="Foo_.Bar/">x</a>`, "foo-bar", ""},
		{"no names", TypeHTML, `<a href="f%2fo%20o/">x</a><a href="-x/">x</a><a href="foo/">foo</a>`, `foo ! left out: what is no name of a project: "o o", "-x"`, ""},
		{"nothing", TypeHTML, ``, "", ""},
		{"JSON", TypeJSON, `{"meta":{"_last-serial":9,"api-version":"1.0"},"projects":[{"name":"Foo","_last-serial":7},{"name":"bar","x":1},{"name":"../x"},{"name":""}]}`, `foo:7 bar ! left out: what is no name of a project: "../x", ""`, ""},
		{"JSON of any kind", "application/json", `{"projects":[{"name":"foo"}]}`, "foo", ""},
		{"JSON of no kind", "application/json", `{}`, "", `has no key "projects"; it came as application/json, which need not be a page of an index`},
		{"JSON as HTML", TypeHTML, `{"projects":[]}`, "", "came as HTML, and is JSON"},
		{"no JSON", TypeJSON, `<html>`, "", "is no JSON: invalid character '<' looking for beginning of value"},
		{"version 2", TypeJSON, `{"meta":{"api-version":"2.0"},"projects":[{"name":"foo"}]}`, "", `is of version "2.0" of the Simple API; asof reads 1`},
		{"version 2 in HTML", TypeHTML, `<meta name="pypi:repository-version" content="2.0"><a href="foo/">foo</a>`, "", `is of version "2.0" of the Simple API; asof reads 1`},
		{"projects of no sense", TypeJSON, `{"projects":["foo",{"name":1},{}]}`, "", "projects[0] is no object\nprojects[1] has no name\nprojects[2] has no name"},
		{"text", "text/plain", `foo`, "", `came as "text/plain", and installers refuse that; pages are application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html or text/html`},
		{"long comment", TypeHTML, strings.Repeat(`<a href=x>`, 3) + "<!--" + strings.Repeat("x", maxToken) + "-->", "", "has a tag, a comment or a text with more than 1048576 bytes"},
	} {
		list, notes, err := roots(t, c.kind, strings.NewReader(c.body))
		if c.refused != "" {
			if err == nil || err.Error() != "https://index.example.org/pypi/simple/: "+c.refused {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		var got []string
		for _, l := range list {
			text := l.Name
			if l.Serial > 0 {
				text += fmt.Sprint(":", l.Serial)
			}
			got = append(got, text)
		}
		for _, n := range notes {
			got = append(got, "! "+n.String())
		}
		if text := strings.Join(got, " "); err != nil || text != c.want {
			t.Errorf("%s: %s, %v", c.name, text, err)
		}
	}
}

func TestRootFails(t *testing.T) {
	broken := errors.New("connection lost")
	for kind, body := range map[string]string{TypeHTML: `<a href="foo/">`, TypeJSON: `{"projects":[{"name":"foo"}]}`} {
		if _, err := ParseRoot(kind, strings.NewReader(body), rootSource(t), func(Listed) error { return broken }); err != broken {
			t.Errorf("%s: %v", kind, err)
		}
		if _, _, err := roots(t, kind, io.MultiReader(strings.NewReader(body[:5]), &failing{broken})); err != broken {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

func TestRenderRoot(t *testing.T) {
	names := []string{"a", "foo-bar"}
	var html, json bytes.Buffer
	if err := errors.Join(RenderRootHTML(&html, names), RenderRootJSON(&json, names)); err != nil {
		t.Fatal(err)
	}
	const wantHTML = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="pypi:repository-version" content="1.0">
<title>Simple index</title>
</head>
<body>
<a href="a/">a</a><br>
<a href="foo-bar/">foo-bar</a><br>
</body>
</html>
`
	const wantJSON = `{"meta":{"api-version":"1.0"},"projects":[
{"name":"a"},
{"name":"foo-bar"}
]}
`
	if html.String() != wantHTML || json.String() != wantJSON {
		t.Errorf("%s%s", &html, &json)
	}
	for kind, body := range map[string]io.Reader{TypeHTML: &html, TypeJSON: &json} {
		if list, notes, err := roots(t, kind, body); err != nil || notes != nil || !reflect.DeepEqual(list, []Listed{{Name: "a"}, {Name: "foo-bar"}}) {
			t.Errorf("%s: %v, %v, %v", kind, list, notes, err)
		}
	}
	json.Reset()
	if err := RenderRootJSON(&json, nil); err != nil || json.String() != "{\"meta\":{\"api-version\":\"1.0\"},\"projects\":[\n]}\n" {
		t.Errorf("%s, %v", &json, err)
	}
}

func TestTooManyProjects(t *testing.T) {
	from := rootSource(t)
	from.most = 3
	for kind, body := range map[string]string{
		TypeHTML: strings.Repeat(`<a href="a-project/">`, 4),
		TypeJSON: `{"projects":[` + strings.Repeat(`{"name":"a-project"},`, 4),
	} {
		count := 0
		_, err := ParseRoot(kind, strings.NewReader(body), from, func(Listed) error { count++; return nil })
		if count != 3 || err == nil || !strings.HasSuffix(err.Error(), "has more than 3 projects") {
			t.Errorf("%s: %d, %v", kind, count, err)
		}
	}
}
