package simple

import (
	"strings"
	"testing"
)

// What stands on pages of all ages and kinds of indexes.
func TestParseHTML(t *testing.T) {
	const (
		plain = `<a href="/f/foo-1.0.zip">foo-1.0.zip</a>`
		read  = "foo-1.0.zip url=/f/foo-1.0.zip"
	)
	for _, r := range []row{
		{name: "the page of the public index", body: `<!DOCTYPE html>
<html>
  <head>
    <meta name="pypi:repository-version" content="1.4">
    <meta name="pypi:project-status" content="archived">
    <meta name="pypi:project-status-reason" content="moved">
    <meta name="pypi:tracks" content="https://pypi.example/simple/foo/">
    <meta name="pypi:alternate-locations" content="https://a.example/foo/">
    <meta name="pypi:alternate-locations" content="https://b.example/foo/">
    <title>Links for foo</title>
  </head>
  <body>
    <h1>Links for foo</h1>
<a href="https://files.example/aa/foo-1.0-py3-none-any.whl#sha256=` + sha256 + `" data-requires-python="&gt;=3.8, &lt;4" data-dist-info-metadata="sha256=` + other + `" data-core-metadata="sha256=` + other + `" data-provenance="https://index.example.org/integrity/foo/1.0/provenance">foo-1.0-py3-none-any.whl</a><br />
<a href="https://files.example/bb/foo-1.0.tar.gz#sha256=` + other + `" data-yanked="broken &quot;build&quot;" data-gpg-sig="true">foo-1.0.tar.gz</a><br />
</body>
</html>
<!--SERIAL 12345-->`, want: `status=archived reason=moved tracks=[https://pypi.example/simple/foo/] alternate=[https://a.example/foo/ https://b.example/foo/]
foo-1.0-py3-none-any.whl url=https://files.example/aa/foo-1.0-py3-none-any.whl hashes=[sha256=AA] python=>=3.8, <4 metadata=[sha256=BB] provenance=https://index.example.org/integrity/foo/1.0/provenance
foo-1.0.tar.gz url=https://files.example/bb/foo-1.0.tar.gz hashes=[sha256=BB] yanked="broken \"build\"" signed=yes`},
		{name: "old, upper case, unquoted", body: `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN"><HTML><BODY><A HREF=/f/foo-1.0.zip#md5=` + strings.ToUpper(md5) + ` REL=internal>foo-1.0.zip</A>`, want: read + " hashes=[md5=CC]"},
		{name: "no doctype, blanks around the link", body: "<a\nhref=' /f/foo-1.0.zip\n'>x</a>", want: read},
		{name: "relative to the page", body: `<a href="../../packages/foo/1.0/foo-1.0.zip">x</a>`, want: "foo-1.0.zip url=/packages/foo/1.0/foo-1.0.zip"},
		{name: "same host by scheme", body: `<a href="//files.example/foo-1.0.zip">x</a>`, want: "foo-1.0.zip url=https://files.example/foo-1.0.zip"},
		{name: "signed link", body: `<a href="/f/foo-1.0.zip?sig=a%2Fb&amp;x=y/z.zip#sha256=` + sha256 + `">x</a>`, want: "foo-1.0.zip url=/f/foo-1.0.zip?sig=a%2Fb&x=y/z.zip hashes=[sha256=AA]"},
		{name: "base", body: `<base href="https://files.example/x/">` + `<a href="foo-1.0.zip">x</a><base href="https://never.example/">`, want: "foo-1.0.zip url=https://files.example/x/foo-1.0.zip"},
		{name: "base behind the link, relative", body: `<a href="foo-1.0.zip">x</a><base href="/y/">`, want: "foo-1.0.zip url=/y/foo-1.0.zip"},
		{name: "base without href", body: `<base target=_blank>` + plain, want: read},
		{name: "the text is not the name", body: `<a href="/f/foo-1.0.zip">download now</a>`, want: read},
		{name: "comment, script, text area", body: `<!-- <a href="foo-2.zip"> --><script>"<a href=foo-3.zip>"</script><textarea><a href=foo-4.zip></textarea>` + plain, want: read},
		{name: "other links", body: `<a name="top"><a href="../">..</a><a href="https://foo.example/">home</a><a href="mailto:me@foo.example">me</a><a href="javascript:alert(1)">x</a><a href="foo-1.0.zip.asc">sig</a><a href="foo-1.0.zip.metadata">m</a><a href="foo-1.0-py3-none-any.whl.provenance">p</a><a href="#">x</a><a href="http://[bad/">x</a><a>x</a>` + plain, want: read},
		{name: "files of others", body: `<a href="foobar-1.0.zip">x</a><a href="bar-1.0-py3-none-any.whl">x</a><a href="foo.zip">x</a><a href="foo-.zip">x</a>` + plain, want: read + `
! left out: files that are none of the project's: "foobar-1.0.zip", "bar-1.0-py3-none-any.whl", "foo.zip", "foo-.zip"`},
		{name: "every kind of file, in order", body: `<a href="foo-2.whl"><a href="foo-1.tar.gz"><a href="Foo-1.tgz"><a href="foo-1.tar.bz2"><a href="foo-1.tbz"><a href="foo-1.tar.xz"><a href="FOO-1-py2.7.egg"><a href="foo-1.win32.exe"><a href="foo-1.msi"><a href="foo-1-1.noarch.rpm"><a href="foo-1.dmg"><a href="foo-2013b.tar">`,
			want: "foo-2.whl url=/simple/foo/foo-2.whl\nfoo-1.tar.gz url=/simple/foo/foo-1.tar.gz\nFoo-1.tgz url=/simple/foo/Foo-1.tgz\nfoo-1.tar.bz2 url=/simple/foo/foo-1.tar.bz2\nfoo-1.tbz url=/simple/foo/foo-1.tbz\nfoo-1.tar.xz url=/simple/foo/foo-1.tar.xz\nFOO-1-py2.7.egg url=/simple/foo/FOO-1-py2.7.egg\nfoo-1.win32.exe url=/simple/foo/foo-1.win32.exe\nfoo-1.msi url=/simple/foo/foo-1.msi\nfoo-1-1.noarch.rpm url=/simple/foo/foo-1-1.noarch.rpm\nfoo-1.dmg url=/simple/foo/foo-1.dmg\nfoo-2013b.tar url=/simple/foo/foo-2013b.tar"},
		{name: "local versions and epochs, encoded or not", body: `<a href="foo-1.0%2Bcu118.whl"><a href="foo-1%212.0.whl"><a href="foo-2.0+cu118.whl"><a href="foo-1!3.0.whl"><a href="foo-1.0 final.zip">`,
			want: "foo-1.0+cu118.whl url=/simple/foo/foo-1.0%2Bcu118.whl\nfoo-1!2.0.whl url=/simple/foo/foo-1%212.0.whl\nfoo-2.0+cu118.whl url=/simple/foo/foo-2.0+cu118.whl\nfoo-1!3.0.whl url=/simple/foo/foo-1!3.0.whl\nfoo-1.0 final.zip url=/simple/foo/foo-1.0%20final.zip"},

		{name: "yanked without a value", body: `<a href="/f/foo-1.0.zip" data-yanked>`, want: read + ` yanked=""`},
		{name: "yanked empty", body: `<a href="/f/foo-1.0.zip" data-yanked="">`, want: read + ` yanked=""`},
		{name: "requires-python unescaped", body: `<a href="/f/foo-1.0.zip" data-requires-python=">=3.6,<4">`, want: read + ` python=>=3.6,<4`},
		{name: "requires-python of no sense", body: `<a href="/f/foo-1.0.zip" data-requires-python=" >=3.6.* or so">`, want: read + ` python= >=3.6.* or so`},
		{name: "first of two attributes", body: `<a href="/f/foo-1.0.zip" href="bar" data-yanked="1" data-yanked="2">`, want: read + ` yanked="1"`},
		{name: "metadata true", body: `<a href="/f/foo-1.0.zip" data-core-metadata="true">`, want: read + ` metadata=[]`},
		{name: "metadata under the old name", body: `<a href="/f/foo-1.0.zip" data-dist-info-metadata="sha256=` + sha256 + `">`, want: read + ` metadata=[sha256=AA]`},
		{name: "the new name decides", body: `<a href="/f/foo-1.0.zip" data-dist-info-metadata="sha256=` + sha256 + `" data-core-metadata="sha256=` + other + `">`, want: read + ` metadata=[sha256=BB]`},
		{name: "metadata without a value", body: `<a href="/f/foo-1.0.zip" data-core-metadata>`, want: read},
		{name: "metadata false", body: `<a href="/f/foo-1.0.zip" data-core-metadata="false">`, want: read},
		{name: "metadata of no sense", body: `<a href="/f/foo-1.0.zip" data-core-metadata="maybe">`, want: read + "\n" + `! left out: values of a wrong type: "core-metadata of foo-1.0.zip"`},
		{name: "metadata with a bad digest", body: `<a href="/f/foo-1.0.zip" data-core-metadata="sha256=12">`, want: read + " metadata=[]\n" + `! left out: digests that are none: "foo-1.0.zip.metadata"`},
		{name: "no signature", body: `<a href="/f/foo-1.0.zip" data-gpg-sig="false">`, want: read + " signed=no"},
		{name: "time", body: `<a href="/f/foo-1.0.zip" data-upload-time="2024-01-02T03:04:05.678901Z">`, want: read + " time=2024-01-02T03:04:05.678901Z"},
		{name: "time that crashes pip", body: `<a href="/f/foo-1.0.zip" data-upload-time="2024-01-02">`, want: read + "\n" + `! left out: upload times that installers can't read: "foo-1.0.zip"`},
		{name: "provenance, relative", body: `<a href="/f/foo-1.0.zip" data-provenance="p/1">`, want: read + " provenance=https://index.example.org/simple/foo/p/1"},
		{name: "provenance that is no link", body: `<a href="/f/foo-1.0.zip" data-provenance="mailto:x">`, want: read + "\n" + `! left out: links that are none: "provenance of foo-1.0.zip"`},

		{name: "other fragments", body: `<a href="/f/foo-1.0.zip#egg=foo-1.0&subdirectory=x&sha256=` + strings.ToUpper(sha256) + `">`, want: read + " hashes=[sha256=AA]"},
		{name: "an algorithm that uv refuses the page for", body: `<a href="/f/foo-1.0.zip#blake2b_256=` + sha256 + `">`, want: read + " hashes=[blake2b_256=AA]"},
		{name: "empty digest", body: `<a href="/f/foo-1.0.zip#sha256=">`, want: read + "\n" + `! left out: digests that are none: "foo-1.0.zip"`},
		{name: "digest of a wrong length", body: `<a href="/f/foo-1.0.zip#sha256=` + md5 + `">`, want: read + "\n" + `! left out: digests that are none: "foo-1.0.zip"`},
		{name: "digest that is no number", body: `<a href="/f/foo-1.0.zip#md5=` + md5[1:] + `x">`, want: read + "\n" + `! left out: digests that are none: "foo-1.0.zip"`},
		{name: "two digests in one link", body: `<a href="/f/foo-1.0.zip#sha256=` + sha256 + `&sha256=` + other + `">`, refused: `file "foo-1.0.zip" has two digests, sha256=AA and sha256=BB`},

		{name: "listed again", body: strings.Repeat(`<a href="/f/foo-1.0.zip#sha256=`+sha256+`">`, 2), want: read + " hashes=[sha256=AA]\n" + `! left out: files that are listed again: "foo-1.0.zip"`},
		{name: "listed again at another place", body: `<a href="/f/foo-1.0.zip#md5=` + md5 + `"><a href="/g/foo-1.0.zip#md5=` + md5 + `&sha256=` + sha256 + `">`, want: read + " hashes=[sha256=AA md5=CC]\n" + `! left out: files that are listed again: "foo-1.0.zip"`},
		{name: "listed again with another kind of digest", body: `<a href="/f/foo-1.0.zip#sha256=` + sha256 + `"><a href="/f/foo-1.0.zip#md5=` + md5 + `">`, want: read + " hashes=[sha256=AA md5=CC]\n" + `! left out: files that are listed again: "foo-1.0.zip"`},
		{name: "two digests", body: `<a href="/f/foo-1.0.zip#sha256=` + sha256 + `"><a href="/f/foo-1.0.zip#sha256=` + other + `">`, refused: `file "foo-1.0.zip" is listed twice, with sha256=AA and sha256=BB`},
		{name: "two places without digests", body: plain + `<a href="/g/foo-1.0.zip">`, refused: `file "foo-1.0.zip" is listed twice, and no digest says that it is the same`},

		{name: "other folder", body: `<a href="..%2f..%2ffoo-1.0.zip">`, refused: `file name "../../foo-1.0.zip": it leads into another folder`},
		{name: "backslash", body: `<a href="..\foo-1.0.zip">`, refused: `file name "..\\foo-1.0.zip": it leads into another folder`},
		{name: "other folder of another link", body: `<a href="archive/x%2Fy.zip">` + plain, want: read + "\n" + `! left out: files that are none of the project's: "x/y.zip"`},
		{name: "NUL", body: `<a href="foo-1.0%00.zip">`, refused: `file name "foo-1.0\x00.zip": it holds control characters or is no UTF-8`},
		{name: "line feed", body: `<a href="foo-1.0%0a.zip">`, refused: `file name "foo-1.0\n.zip": it holds control characters or is no UTF-8`},
		{name: "no UTF-8", body: `<a href="foo-1.0%ff.zip">`, refused: `file name "foo-1.0\xff.zip": it holds control characters or is no UTF-8`},
		{name: "long", body: `<a href="foo-` + strings.Repeat("1", 248) + `.zip">`, refused: `file name "foo-` + strings.Repeat("1", 76) + `": it has more than 255 bytes`},
		{name: "longest", body: `<a href="foo-` + strings.Repeat("1", 247) + `.zip">`, want: "foo-" + strings.Repeat("1", 247) + ".zip url=/simple/foo/foo-" + strings.Repeat("1", 247) + ".zip"},
		{name: "hidden", body: `<a href=".foo-1.0.zip">` + plain, want: read + "\n" + `! left out: files that are none of the project's: ".foo-1.0.zip"`},

		{name: "ftp", body: `<a href="ftp://x/foo-1.0.zip">`, refused: `the link of file "foo-1.0.zip" leads to "ftp://x/foo-1.0.zip", which is neither http nor https`},
		{name: "file", body: `<a href="file:///etc/foo-1.0.zip">`, refused: `the link of file "foo-1.0.zip" leads to "file:///etc/foo-1.0.zip", which is neither http nor https`},
		{name: "no host", body: `<a href="https:///foo-1.0.zip">`, refused: `the link of file "foo-1.0.zip" leads to "https:///foo-1.0.zip", which is neither http nor https`},
		{name: "base of no web", body: `<base href="file:///etc/">` + plain, refused: `has a <base> that leads to "file:///etc/", which is neither http nor https`},
		{name: "from https to http", body: `<a href="http://x/foo-1.0.zip">`, refused: `the link of file "foo-1.0.zip" leads from https to "http://x/foo-1.0.zip"`},
		{name: "no URL", body: `<a href="https://[x/foo-1.0.zip#sha256=` + sha256 + `">`, refused: `link "https://[x/foo-1.0.zip#sha256=AA" is no URL`},

		{name: "no host for https", body: `<a href="//x:::1/foo-1.0.zip">`, refused: `the link of file "foo-1.0.zip" is no URL`},
		{name: "version 1.9", body: `<meta name="pypi:repository-version" content="1.9">` + plain, want: read},
		{name: "version 2.0", body: `<META NAME="pypi:repository-version" CONTENT="2.0">` + plain, refused: `is of version "2.0" of the Simple API; asof reads 1`},
		{name: "version 10", body: `<meta name="pypi:repository-version" content="10">` + plain, refused: `is of version "10" of the Simple API; asof reads 1`},
		{name: "quarantined", body: `<meta name="pypi:project-status" content="quarantined">` + plain, want: "status=quarantined\n" + `! left out: files of a quarantined project: "foo-1.0.zip"`},
		{name: "deprecated", body: `<meta name="pypi:project-status" content="deprecated">` + plain, want: "status=deprecated\n" + read},
		{name: "tracks of no sense", body: `<meta name="pypi:tracks" content="mailto:x"><meta name="pypi:tracks" content="">`, want: `! left out: links that are none: "tracks", "tracks"`},
		{name: "empty", body: ``, want: ``},
		{name: "no files", body: `<!DOCTYPE html><html><body></body></html>`, want: ``},
		{name: "cut short within a tag", body: plain + `<a href="foo-2`, refused: "ends within a tag"},
		{name: "JSON", body: "\n [1]", refused: "came as HTML, and is JSON"},
	} {
		page, err := ParseHTML(strings.NewReader(r.body), TypeHTML, source(t))
		check(t, r, page, err)
	}
}

// Names are UTF-8, whatever a page is encoded in.
func TestCharset(t *testing.T) {
	const want = "foo-1.0.zip url=/simple/foo/foo-1.0.zip yanked=\"für\""
	for _, c := range []struct{ kind, body, want, refused string }{
		{"text/html", `<a href=foo-1.0.zip data-yanked="für">`, want, ""},
		{"text/html", "\ufeff<a href=foo-1.0.zip data-yanked=\"für\">", want, ""},
		{"text/html; charset=ISO-8859-1", "<a href=foo-1.0.zip data-yanked=\"f\xfcr\">", want, ""},
		{"text/html; charset=windows-1251", "<a href=foo-1.0.zip data-yanked=\"\xff\">", "foo-1.0.zip url=/simple/foo/foo-1.0.zip yanked=\"я\"", ""},
		{"text/html", "<meta name=x><meta charset=latin1><a href=foo-1.0.zip data-yanked=\"f\xfcr\">", want, ""},
		{"text/html", "<meta http-equiv=Content-Type content=\"text/html; charset=latin1\"><a href=foo-1.0.zip data-yanked=\"f\xfcr\">", want, ""},
		{"text/html; charset=utf-8", "<meta charset=latin1><a href=foo-1.0.zip data-yanked=\"für\">", want, ""},
		{"text/html; charset=latin1", "\ufeff<a href=foo-1.0.zip data-yanked=\"für\">", want, ""},
		// Bytes that matter to nobody don't matter.
		{"text/html", "© \xa9 <!-- \xa9 --><a href=\"http://x/\xa9\">x</a><a href=foo-1.0.zip data-yanked=\"für\">\xa9</a>", want, ""},
		{"text/html", "<a href=foo-1.0.zip data-yanked=\"f\xfcr\">", "", `file "foo-1.0.zip": its link is no UTF-8, and the page declares no charset`},
		{"text/html; charset=utf-8", "<meta name=\"pypi:project-status\" content=\"\xfc\">", "", "has a tag pypi:project-status that is no UTF-8"},
	} {
		page, err := Parse(c.kind, strings.NewReader(c.body), source(t))
		check(t, row{c.kind + " " + c.body, c.body, c.want, c.refused}, page, err)
	}
}

// A name of a project has many spellings, in a question and in files.
func TestSpellings(t *testing.T) {
	from := source(t)
	from.Project = "Foo_.Bar"
	page, err := Parse(TypeHTML, strings.NewReader(`<a href="foo_bar-1-py3-none-any.whl"><a href="foo-bar-1.zip"><a href="FOO.-Bar-1.tgz"><a href="foo_bar_1.zip"><a href="foo-1.zip">`), from)
	check(t, row{name: "spellings", want: "foo_bar-1-py3-none-any.whl url=/simple/foo/foo_bar-1-py3-none-any.whl\nfoo-bar-1.zip url=/simple/foo/foo-bar-1.zip\nFOO.-Bar-1.tgz url=/simple/foo/FOO.-Bar-1.tgz\n" +
		`! left out: files that are none of the project's: "foo_bar_1.zip", "foo-1.zip"`}, page, err)
	if page.Name != "foo-bar" {
		t.Error(page.Name)
	}
}

func TestAllowHTTP(t *testing.T) {
	from := source(t)
	from.AllowHTTP = true
	page, err := Parse(TypeHTML, strings.NewReader(`<a href="http://x/foo-1.0.zip">`), from)
	check(t, row{name: "allowed", want: "foo-1.0.zip url=http://x/foo-1.0.zip"}, page, err)

	from = source(t)
	from.URL.Scheme = "http"
	page, err = Parse(TypeHTML, strings.NewReader(`<a href="http://x/foo-1.0.zip"><a href="/foo-2.zip">`), from)
	check(t, row{name: "the index has none", want: "foo-1.0.zip url=http://x/foo-1.0.zip\nfoo-2.zip url=http://index.example.org/foo-2.zip"}, page, err)
}
