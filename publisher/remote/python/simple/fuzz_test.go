package simple

import (
	"errors"
	"strings"
	"testing"

	"github.com/asof/asof/publisher/remote"
)

// fuzzPage: a page is refused with a reason, or what is written from it reads the same and
// makes no installer fail.
func fuzzPage(t *testing.T, page *Page, err error) {
	if err != nil {
		if _, ok := errors.AsType[*remote.InputError](err); !ok {
			t.Fatal(err)
		}
		return
	}
	names := make(map[string]bool)
	for i := range page.Files {
		f := &page.Files[i]
		if checkFileName(f.Name) != nil || checkFile(f.Name, "foo") != nil || names[f.Name] {
			t.Errorf("file %q", f.Name)
		}
		names[f.Name] = true
		if !strings.HasPrefix(f.URL, "https://") || strings.Contains(f.URL, "#") {
			t.Errorf("link %q", f.URL)
		}
		f.URL = "https://index.example.org/files/foo/" + escapePath(f.Name)
	}
	for _, n := range page.Notes {
		if n.Count < len(n.Names) || len(n.String()) > 20_000 {
			t.Errorf("note %v", n)
		}
	}
	roundTrip(t, &page.Project)
}

func FuzzParseHTML(f *testing.F) {
	html, _ := render(f, sample())
	for _, text := range []string{
		html,
		`<a href="foo-1.0.zip#sha256=` + sha256 + `" data-yanked data-requires-python="&gt;=3&#0;">`,
		`<base href=/x/><A HREF=Foo-1.0%2Bx.whl?a#md5=` + md5 + `&egg=1><a href=..%2ffoo-1.zip><a href=ftp:foo-1.zip>`,
		`<meta charset=latin1><meta name=pypi:project-status content=Quarantined><meta name=pypi:tracks content=x><a href=foo-1.zip>`,
		`<script><a href=foo-1.zip></script><!-- --><a href='foo-1.zip' data-core-metadata=true data-upload-time="2024-01-02 03:04:05.6Z" data-provenance=p data-gpg-sig=TRUE>`,
		"<a href=\"\tfoo-1.zip \" data-yanked='\xff\r\n\x00'>",
	} {
		f.Add(text, "")
		f.Add(text, "; charset=utf-16le")
	}
	f.Fuzz(func(t *testing.T, text, parameters string) {
		page, err := ParseHTML(strings.NewReader(text), TypeHTML+parameters, source(t))
		fuzzPage(t, page, err)
	})
}

func FuzzParseJSON(f *testing.F) {
	_, json := render(f, sample())
	for _, text := range []string{
		json,
		`{"files":[{"filename":"foo-1.zip","url":"foo-1.zip","hashes":{"MD5":"` + md5 + `","x":"` + sha256 + `"},"yanked":"\ud800\u0000","core-metadata":{},"x":{"y":[1.0,-0,"\u2028<"]}}],"meta":{"api-version":1,"_last-serial":3,"z":null}}`,
		`{"files":[{"filename":"foo-1.zip","url":"//x/foo-1.zip"},{"filename":"foo-1.zip","url":"//y/foo-1.zip"},{"filename":"../x","url":""},null],"project-status":"quarantined"}`,
		`{"files":[{"filename":"foo-1!2+3.zip","url":"https://u:p@x/a//../foo-1!2%2b3.zip?#a","size":1e3,"upload-time":"2024-01-02t03:04:05z","dist-info-metadata":true,"gpg-sig":null,"provenance":"//p"}],"versions":[],"project-status":{"status":"a","b":1},"alternate-locations":["\u0000","//x:::1/"]}`,
		"\ufeff{\"files\":[],\"\xff\":1}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		page, err := ParseJSON(strings.NewReader(text), source(t))
		fuzzPage(t, page, err)
	})
}

// FuzzParseRoot: whatever is listed is the normalized name of a project.
func FuzzParseRoot(f *testing.F) {
	f.Add(`<base href=/pypi/simple/x><a href="Foo_.Bar/">x</a><a href=../><a href="a/-b"><a href=/pypi/simple/%2e%2e/x>`, false)
	f.Add(`{"projects":[{"name":"Foo","_last-serial":-1},{"name":"../x"},{"name":"é"}],"meta":{"api-version":"1.1"}}`, true)
	f.Fuzz(func(t *testing.T, text string, json bool) {
		kind := TypeHTML
		if json {
			kind = TypeJSON
		}
		list, _, _ := roots(t, kind, strings.NewReader(text))
		for _, l := range list {
			if checkName(l.Name) != nil || normalizeName(l.Name) != l.Name {
				t.Errorf("%q", l.Name)
			}
		}
	})
}
