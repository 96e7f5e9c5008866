package simple

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// beside links to a file in the folder of files.
func beside(f *File) string { return "../../files/foo/" + f.Name }

// sample has every key.
func sample() *Project {
	return &Project{
		Name:               "foo",
		Versions:           []string{"1.0", "0.9"},
		Status:             "archived",
		StatusReason:       `see <"bar">`,
		Tracks:             []string{"https://pypi.example/simple/foo/"},
		AlternateLocations: []string{"https://a.example/foo/", "https://b.example/foo/"},
		Meta:               map[string]json.RawMessage{"_z": json.RawMessage("1")},
		Unknown:            map[string]json.RawMessage{"zebra": json.RawMessage(`{"a":"<"}`), "apple": json.RawMessage("null")},
		Files: []File{
			{
				Name: "foo-1!1.0+cu118-py3-none-any.whl", URL: "https://index.example.org/files/foo/foo-1%211.0%2Bcu118-py3-none-any.whl",
				Hashes:         Digests{{"sha256", sha256}, {"md5", md5}, {"sha3_256", other}},
				RequiresPython: ">=3.8, <4", Metadata: Metadata{Offered: true, Hashes: Digests{{"sha256", other}}},
				Signed: No, Size: 123, UploadTime: "2024-01-02T03:04:05.678901Z", Provenance: "https://index.example.org/p?a&b",
				Unknown: map[string]json.RawMessage{"aaa": json.RawMessage("1.0")},
			},
			{
				Name: "foo-0.9 final.zip", URL: "https://index.example.org/files/foo/foo-0.9%20final.zip",
				Yanked: true, Metadata: Metadata{Offered: true}, Signed: Yes,
			},
			{
				Name: "foo-0.1.zip", URL: "https://index.example.org/files/foo/foo-0.1.zip",
				Hashes: Digests{{"sha1", md5 + "cccccccc"}}, Yanked: true, YankedReason: "a \"b\" <c>\r\nü",
			},
		},
	}
}

func render(t testing.TB, p *Project) (html, json string) {
	var a, b bytes.Buffer
	if err := errors.Join(RenderHTML(&a, p, beside), RenderJSON(&b, p, beside)); err != nil {
		t.Fatal(err)
	}
	return a.String(), b.String()
}

func TestRender(t *testing.T) {
	html, json := render(t, sample())
	const wantHTML = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="pypi:repository-version" content="1.4">
<title>Links for foo</title>
<meta name="pypi:project-status" content="archived">
<meta name="pypi:project-status-reason" content="see &lt;&quot;bar&quot;&gt;">
<meta name="pypi:tracks" content="https://pypi.example/simple/foo/">
<meta name="pypi:alternate-locations" content="https://a.example/foo/">
<meta name="pypi:alternate-locations" content="https://b.example/foo/">
</head>
<body>
<h1>Links for foo</h1>
<a href="../../files/foo/foo-1%211.0%2Bcu118-py3-none-any.whl#sha256=AA" data-requires-python="&gt;=3.8, &lt;4" data-core-metadata="sha256=BB" data-dist-info-metadata="sha256=BB" data-gpg-sig="false" data-upload-time="2024-01-02T03:04:05.678901Z" data-provenance="https://index.example.org/p?a&amp;b">foo-1!1.0+cu118-py3-none-any.whl</a><br>
<a href="../../files/foo/foo-0.9%20final.zip" data-yanked="" data-core-metadata="true" data-dist-info-metadata="true" data-gpg-sig="true">foo-0.9 final.zip</a><br>
<a href="../../files/foo/foo-0.1.zip" data-yanked="a &quot;b&quot; &lt;c&gt;&#13;
ü">foo-0.1.zip</a><br>
</body>
</html>
`
	if got := short(html); got != wantHTML {
		t.Errorf("%s\nwant\n%s", got, wantHTML)
	}
	const wantJSON = `{"alternate-locations":["https://a.example/foo/","https://b.example/foo/"],"apple":null,"meta":{"_z":1,"api-version":"1.4","tracks":["https://pypi.example/simple/foo/"]},"name":"foo","project-status":{"reason":"see <\"bar\">","status":"archived"},"versions":["1.0","0.9"],"zebra":{"a":"<"},"files":[
{"aaa":1.0,"core-metadata":{"sha256":"BB"},"filename":"foo-1!1.0+cu118-py3-none-any.whl","gpg-sig":false,"hashes":{"sha256":"AA","md5":"CC","sha3_256":"BB"},"provenance":"https://index.example.org/p?a&b","requires-python":">=3.8, <4","size":123,"upload-time":"2024-01-02T03:04:05.678901Z","url":"../../files/foo/foo-1%211.0%2Bcu118-py3-none-any.whl"},
{"core-metadata":true,"filename":"foo-0.9 final.zip","gpg-sig":true,"hashes":{},"url":"../../files/foo/foo-0.9%20final.zip","yanked":true},
{"filename":"foo-0.1.zip","hashes":{"sha1":"CCcccccccc"},"url":"../../files/foo/foo-0.1.zip","yanked":"a \"b\" <c>\r\nü"}
]}
`
	if got := short(json); got != wantJSON {
		t.Errorf("%s\nwant\n%s", got, wantJSON)
	}
}

// inHTML is what of a project HTML has a place for.
func inHTML(p *Project) *Project {
	out := *p
	out.Versions, out.Meta, out.Unknown, out.Files = nil, nil, nil, nil
	text := func(s string) string { return strings.ReplaceAll(s, "\x00", "\ufffd") }
	out.Status, out.StatusReason = text(p.Status), text(p.StatusReason)
	for _, f := range p.Files {
		f.Hashes = first(f.Hashes)
		f.Metadata.Hashes = first(f.Metadata.Hashes)
		f.Size, f.Unknown = 0, nil
		f.RequiresPython, f.YankedReason = text(f.RequiresPython), text(f.YankedReason)
		out.Files = append(out.Files, f)
	}
	return &out
}

func first(d Digests) Digests {
	if digest, ok := d.linked(); ok {
		return Digests{digest}
	}
	return nil
}

// roundTrip checks that what is written reads the same, and is written the same again.
func roundTrip(t *testing.T, p *Project) {
	t.Helper()
	html, json := render(t, p)
	again, err := Parse(TypeJSON, strings.NewReader(json), source(t))
	if err != nil || len(again.Notes) > 0 {
		t.Fatalf("%v, %v\n%s", err, again, json)
	}
	if !reflect.DeepEqual(&again.Project, p) {
		t.Errorf("JSON:\n%+v\nwant\n%+v", again.Project, *p)
	}
	if html2, json2 := render(t, &again.Project); html2 != html || json2 != json {
		t.Errorf("is written as\n%s%s\nand again as\n%s%s", html, json, html2, json2)
	}
	again, err = Parse(TypeHTML+"; charset=utf-8", strings.NewReader(html), source(t))
	if err != nil || len(again.Notes) > 0 {
		t.Fatalf("%v, %v\n%s", err, again, html)
	}
	if want := inHTML(p); !reflect.DeepEqual(&again.Project, want) {
		t.Errorf("HTML:\n%+v\nwant\n%+v", again.Project, *want)
	}
}

func TestRoundTrip(t *testing.T) {
	roundTrip(t, sample())
	roundTrip(t, &Project{Name: "foo"})
	roundTrip(t, &Project{Name: "foo", Versions: []string{}, Status: Quarantined})
}

// A page is of the lowest version that has its keys.
func TestVersion(t *testing.T) {
	for want, p := range map[string]Project{
		"1.0": {Files: []File{{Name: "foo-1.zip", Yanked: true, Metadata: Metadata{Offered: true}}}},
		"1.1": {Files: []File{{}, {Size: 1}}},
		"1.2": {Tracks: []string{"x"}, Versions: []string{}},
		"1.3": {Files: []File{{Provenance: "x"}, {UploadTime: "x"}}},
		"1.4": {Status: "active"},
	} {
		html, json := render(t, &p)
		if !strings.Contains(html, `<meta name="pypi:repository-version" content="`+want+`">`) || !strings.Contains(json, `"api-version":"`+want+`"`) {
			t.Errorf("not %s:\n%s%s", want, html, json)
		}
	}
}

// The order of keys and of requests, serials and the form of numbers' and texts' escapes change
// nothing: an index that says the same gives the same pages.
func TestSameBytes(t *testing.T) {
	pages := []string{
		`{"meta":{"_last-serial":1,"api-version":"1.0"},"name":"foo","x":{"b":[1],"a":"é"},"files":[{"filename":"foo-1.zip","url":"foo-1.zip","hashes":{"md5":"` + md5 + `","sha256":"` + sha256 + `"},"y":1,"x":2}]}`,
		`{"files":[{"x":2,"y":1,"hashes":{"sha256":"` + sha256 + `","md5":"` + md5 + `"},"url":"https://index.example.org/simple/foo/foo-1.zip","filename":"foo-1.zip","yanked":false}], "x":{"a":"\u00e9","b":[ 1 ]},"name":"Foo","meta":{"api-version":"1.0","_last-serial":2}}`,
	}
	var first string
	for _, text := range pages {
		page, err := ParseJSON(strings.NewReader(text), source(t))
		if err != nil {
			t.Fatal(err)
		}
		html, json := render(t, &page.Project)
		if both := html + json; first == "" {
			first = both
		} else if both != first {
			t.Errorf("%s\nand\n%s", first, both)
		}
	}
}

// No link can leave the server, whatever the path.
func TestLinksAreEscaped(t *testing.T) {
	p := &Project{Name: "foo", Files: []File{{Name: `javascript:foo-1"?<#&%41.zip`}}}
	var html, json bytes.Buffer
	link := func(f *File) string { return f.Name }
	if err := errors.Join(RenderHTML(&html, p, link), RenderJSON(&json, p, link)); err != nil {
		t.Fatal(err)
	}
	const want = `"javascript%3Afoo-1%22%3F%3C%23%26%2541.zip"`
	if !strings.Contains(html.String(), "<a href="+want+">javascript:foo-1&quot;?&lt;#&amp;%41.zip</a>") || !strings.Contains(json.String(), `"url":`+want) {
		t.Errorf("%s%s", &html, &json)
	}
}

type full struct{ room int }

var errFull = errors.New("disk full")

func (w *full) Write(p []byte) (int, error) {
	if w.room -= len(p); w.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestRenderFails(t *testing.T) {
	for room := range 3 {
		for name, err := range map[string]error{
			"HTML":      RenderHTML(&full{room}, sample(), beside),
			"JSON":      RenderJSON(&full{room}, sample(), beside),
			"root HTML": RenderRootHTML(&full{room}, []string{"foo"}),
			"root JSON": RenderRootJSON(&full{room}, []string{"foo"}),
		} {
			if err != errFull {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
