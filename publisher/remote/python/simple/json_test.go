package simple

import (
	"strings"
	"testing"
)

func TestParseJSON(t *testing.T) {
	const (
		start = `{"meta":{"api-version":"1.1"},"name":"foo","files":[`
		plain = `{"filename":"foo-1.0.zip","url":"/f/foo-1.0.zip","hashes":{}}`
		read  = "foo-1.0.zip url=/f/foo-1.0.zip"
	)
	page := func(keys string) string { return `{"files":[` + plain + `],` + keys + `}` }
	file := func(keys string) string {
		return start + `{"filename":"foo-1.0.zip","url":"/f/foo-1.0.zip",` + keys + `}]}`
	}
	for _, r := range []row{
		{name: "the page of the public index", body: `{"meta":{"_last-serial":12345,"api-version":"1.4","tracks":["https://pypi.example/simple/foo/"]},"name":"Foo","versions":["1.0","0.9"],
			"alternate-locations":["https://a.example/foo/"],"project-status":{"status":"archived","reason":"moved"},"files":[
			{"filename":"foo-1.0-py3-none-any.whl","url":"https://files.example/aa/foo-1.0-py3-none-any.whl","hashes":{"md5":"` + md5 + `","sha256":"` + sha256 + `"},
			"requires-python":">=3.8, <4","core-metadata":{"sha256":"` + other + `"},"dist-info-metadata":{"sha256":"` + sha256 + `"},"data-dist-info-metadata":false,"size":123,
			"upload-time":"2024-01-02T03:04:05.678901Z","provenance":"https://index.example.org/integrity/foo/1.0/provenance","yanked":false},
			{"filename":"foo-1.0.tar.gz","url":"/f/foo-1.0.tar.gz","hashes":{"sha256":"` + other + `"},"requires-python":null,"yanked":"broken","gpg-sig":true,"provenance":null,"size":null}]}`,
			want: `versions=[1.0 0.9] status=archived reason=moved tracks=[https://pypi.example/simple/foo/] alternate=[https://a.example/foo/] serial=12345
foo-1.0-py3-none-any.whl url=https://files.example/aa/foo-1.0-py3-none-any.whl hashes=[sha256=AA md5=CC] python=>=3.8, <4 metadata=[sha256=BB] size=123 time=2024-01-02T03:04:05.678901Z provenance=https://index.example.org/integrity/foo/1.0/provenance
foo-1.0.tar.gz url=/f/foo-1.0.tar.gz hashes=[sha256=BB] yanked="broken" signed=yes`},
		{name: "nothing but files", body: `{"files":[` + plain + `]}`, want: read},
		{name: "mark of the byte order", body: "\ufeff" + `{"files":[` + plain + `]}`, want: read},
		{name: "no hashes", body: `{"files":[{"filename":"foo-1.0.zip","url":"/f/foo-1.0.zip"}]}`, want: read},
		{name: "relative and encoded", body: `{"files":[{"filename":"foo-1.0+x.zip","url":"../../f/foo-1.0%2Bx.zip?s=1#sha256=` + sha256 + `"}]}`, want: "foo-1.0+x.zip url=/f/foo-1.0%2Bx.zip?s=1 hashes=[sha256=AA]"},
		{name: "unknown keys", body: `{"files":[` + plain[:len(plain)-1] + `,"x":{"b":1.0,"a":"<"}}],"y":[1e999, null],"meta":{"_z":"é"}}`, want: `meta._z="é" y=[1e999,null]` + "\n" + read + ` x={"a":"<","b":1.0}`},
		{name: "another case is another key", body: file(`"Yanked":true,"SIZE":5`), want: read + " SIZE=5 Yanked=true"},
		{name: "serials", body: page(`"meta":{"_last-serial":7},"_last-serial":8`), want: "serial=7\n" + read},
		{name: "other name", body: page(`"name":"bar"`), want: read + "\n" + `! the page gives another name: "bar"`},
		{name: "files of others", body: start + `{"filename":"bar-1.0.zip","url":"ftp:x"},{"filename":"foo-1.0.zip.asc","url":""},` + plain + `]}`, want: read + "\n" + `! left out: files that are none of the project's: "bar-1.0.zip", "foo-1.0.zip.asc"`},

		{name: "version 1.9", body: page(`"meta":{"api-version":"1.9"}`), want: read},
		{name: "version as a number", body: page(`"meta":{"api-version":1.0}`), want: read},
		{name: "version 2.0", body: page(`"meta":{"api-version":"2.0"}`), refused: `is of version "2.0" of the Simple API; asof reads 1`},
		{name: "version of no sense", body: page(`"meta":{"api-version":{}}`), refused: `is of version "{}" of the Simple API; asof reads 1`},
		{name: "meta of no sense", body: page(`"meta":1`), refused: `has a key "meta" that is no object`},
		{name: "meta null", body: page(`"meta":null`), want: read},
		{name: "no versions", body: page(`"versions":[]`), want: "versions=[]\n" + read},
		{name: "versions null", body: page(`"versions":null`), want: read},
		{name: "versions of no sense", body: page(`"versions":[1],"name":7,"alternate-locations":"x"`), want: read + "\n" + `! left out: values of a wrong type: "name", "versions", "alternate-locations"`},
		{name: "tracks of no sense", body: page(`"meta":{"tracks":["mailto:x","t/"]}`), want: "tracks=[https://index.example.org/simple/foo/t/]\n" + read + "\n" + `! left out: links that are none: "tracks"`},
		{name: "status as a text", body: page(`"project-status":"deprecated"`), want: "status=deprecated\n" + read},
		{name: "status of no sense", body: page(`"project-status":[]`), want: read + "\n" + `! left out: values of a wrong type: "project-status"`},
		{name: "quarantined", body: page(`"project-status":{"status":"quarantined"}`), want: "status=quarantined\n" + `! left out: files of a quarantined project: "foo-1.0.zip"`},

		{name: "yanked", body: file(`"yanked":true`), want: read + ` yanked=""`},
		{name: "yanked for an empty reason", body: file(`"yanked":""`), want: read + "\n" + `! not yanked, as the reason is empty; uv takes that for yanked: "foo-1.0.zip"`},
		{name: "yanked null", body: file(`"yanked":null`), want: read},
		{name: "yanked of no sense", body: file(`"yanked":1`), refused: `file "foo-1.0.zip": yanked is neither true nor false nor a text`},
		{name: "requires-python of no sense", body: file(`"requires-python":3`), refused: `file "foo-1.0.zip": requires-python is no text`},
		{name: "metadata true", body: file(`"core-metadata":true`), want: read + " metadata=[]"},
		{name: "metadata without digests", body: file(`"core-metadata":{}`), want: read + " metadata=[]"},
		{name: "metadata with MD5", body: file(`"core-metadata":{"md5":"` + md5 + `"}`), want: read + " metadata=[md5=CC]"},
		{name: "metadata false", body: file(`"core-metadata":false,"dist-info-metadata":true`), want: read},
		{name: "metadata null", body: file(`"core-metadata":null,"dist-info-metadata":true`), want: read + " metadata=[]"},
		{name: "metadata under the old name", body: file(`"dist-info-metadata":{"sha256":"` + sha256 + `"}`), want: read + " metadata=[sha256=AA]"},
		{name: "metadata as uv reads it", body: file(`"data-dist-info-metadata":{"sha256":"` + sha256 + `"}`), want: read + " metadata=[sha256=AA]"},
		{name: "metadata of no sense", body: file(`"core-metadata":"yes"`), want: read + "\n" + `! left out: values of a wrong type: "core-metadata of foo-1.0.zip"`},
		{name: "values of no sense", body: file(`"size":"12","gpg-sig":"x","upload-time":5,"provenance":1`), want: read + "\n" + `! left out: values of a wrong type: "gpg-sig of foo-1.0.zip", "size of foo-1.0.zip", "upload-time of foo-1.0.zip", "provenance of foo-1.0.zip"`},
		{name: "sizes", body: file(`"size":-1`), want: read + "\n" + `! left out: values of a wrong type: "size of foo-1.0.zip"`},
		{name: "no signature", body: file(`"gpg-sig":false`), want: read + " signed=no"},
		{name: "no time", body: file(`"upload-time":null`), want: read},
		{name: "a day", body: file(`"upload-time":"2024-01-01"`), want: read + "\n" + `! left out: upload times that installers can't read: "foo-1.0.zip"`},

		{name: "upper case", body: file(`"hashes":{"SHA256":"` + strings.ToUpper(sha256) + `"}`), want: read + " hashes=[sha256=AA]"},
		{name: "unknown algorithms come last", body: file(`"hashes":{"blake2b_256":"` + sha256 + `","sha3_256":"` + other + `","md5":"` + md5 + `"}`), want: read + " hashes=[md5=CC blake2b_256=AA sha3_256=BB]"},
		{name: "hashlib's blake2b, for which uv refuses a page", body: file(`"hashes":{"blake2b":"` + sha256 + sha256 + `","sha256":"` + sha256 + `"}`), want: read + " hashes=[sha256=AA]\n" + `! left out: digests that are none: "foo-1.0.zip"`},
		{name: "digests of no sense", body: file(`"hashes":{"sha256":"","md5":"x","x y":"` + md5 + `","z":"1"}`), want: read + "\n" + `! left out: digests that are none: "foo-1.0.zip", "foo-1.0.zip", "foo-1.0.zip", "foo-1.0.zip"`},
		{name: "digests of a wrong type", body: file(`"hashes":{"sha256":1}`), want: read + "\n" + `! left out: values of a wrong type: "sha256 of foo-1.0.zip"`},
		{name: "hashes of a wrong type", body: file(`"hashes":[]`), want: read + "\n" + `! left out: values of a wrong type: "hashes of foo-1.0.zip"`},
		{name: "two digests of one file", body: `{"files":[{"filename":"foo-1.0.zip","url":"foo-1.0.zip#sha256=` + other + `","hashes":{"sha256":"` + sha256 + `"}}]}`, refused: `file "foo-1.0.zip" has two digests, sha256=AA and sha256=BB`},
		{name: "listed again", body: start + plain + "," + plain + `]}`, want: read + "\n" + `! left out: files that are listed again: "foo-1.0.zip"`},
		{name: "two digests", body: start + strings.Replace(plain, "{}", `{"md5":"`+md5+`"}`, 1) + "," + strings.Replace(plain, "{}", `{"md5":"`+sha256[:32]+`"}`, 1) + `]}`, refused: `file "foo-1.0.zip" is listed twice, with md5=CC and md5=` + sha256[:32]},

		{name: "name that leads elsewhere", body: `{"files":[{"filename":"../../etc/passwd","url":"x"},{"filename":"foo-1\u0000.zip","url":"x"},{"filename":"..","url":"x"},{"filename":"a\\b","url":"x"}]}`, refused: `file name "../../etc/passwd": it leads into another folder
file name "foo-1\x00.zip": it holds control characters or is no UTF-8
file name "..": it names no file
file name "a\\b": it leads into another folder`},
		{name: "link to another name", body: `{"files":[{"filename":"foo-1.0.zip","url":"foo-2.0.zip"}]}`, refused: `file "foo-1.0.zip": its url ends in "foo-2.0.zip"`},
		{name: "link to no name", body: `{"files":[{"filename":"foo-1.0.zip","url":"https://x/download?f=foo-1.0.zip"}]}`, refused: `file "foo-1.0.zip": its url ends in "download"`},
		{name: "no link", body: `{"files":[{"filename":"foo-1.0.zip"},{"filename":"foo-1.0.zip","url":1},{"filename":"foo-1.0.zip","url":"http://[x"},{"url":"x"},null,1]}`, refused: `file "foo-1.0.zip": it has no url
file "foo-1.0.zip": it has no url
file "foo-1.0.zip": its url "http://[x" is none
files[3] has no filename
files[4] is no object
files[5] is no object`},
		{name: "ftp", body: `{"files":[{"filename":"foo-1.0.zip","url":"ftp://x/foo-1.0.zip"}]}`, refused: `the link of file "foo-1.0.zip" leads to "ftp://x/foo-1.0.zip", which is neither http nor https`},
		{name: "from https to http", body: `{"files":[{"filename":"foo-1.0.zip","url":"http://x/foo-1.0.zip"}]}`, refused: `the link of file "foo-1.0.zip" leads from https to "http://x/foo-1.0.zip"`},

		{name: "no UTF-8 in a file", body: file("\"x\":\"\xff\""), refused: `file "foo-1.0.zip": its keys are no UTF-8`},
		{name: "no UTF-8 in a key", body: page("\"x\":\"\xff\""), refused: `has a key "x" that is no UTF-8`},
		{name: "files twice", body: page(`"files":[]`), refused: `has the key "files" twice`},
		{name: "files of no sense", body: `{"files":{}}`, refused: `has a key "files" that is no list`},
		{name: "files null", body: `{"files":null}`, refused: `has a key "files" that is no list`},
		{name: "no files", body: `{"name":"foo"}`, refused: `has no key "files"`},
		{name: "empty list", body: `{"files":[]}`, want: ``},
		{name: "empty body", body: ``, refused: `is no JSON: unexpected EOF`},
		{name: "cut short", body: start + plain, refused: `is no JSON: unexpected EOF`},
		{name: "cut short in a file", body: start + plain[:20], refused: `is no JSON: unexpected EOF`},
		{name: "more behind", body: `{"files":[]} {}`, refused: `has more behind its object`},
	} {
		page, err := ParseJSON(strings.NewReader(r.body), source(t))
		check(t, r, page, err)
	}
}

// Times are published only as all installers read them.
func TestUploadTime(t *testing.T) {
	for text, want := range map[string]string{
		"2024-01-02T03:04:05.678901Z":    "2024-01-02T03:04:05.678901Z",
		"2024-01-02T03:04:05Z":           "2024-01-02T03:04:05Z",
		"2024-01-02T03:04:05.678Z":       "2024-01-02T03:04:05.678Z",
		"2024-01-02T03:04:05+02:00":      "2024-01-02T03:04:05+02:00",
		"2024-01-02 03:04:05+00:00":      "2024-01-02T03:04:05+00:00",
		"2024-01-02t03:04:05z":           "2024-01-02T03:04:05Z",
		"2024-01-02T03:04:05.1Z":         "2024-01-02T03:04:05.100000Z",
		"2024-01-02T03:04:05.123456789Z": "2024-01-02T03:04:05.123456Z",
		"2024-01-02T03:04:05":            "",
		"2024-01-02":                     "",
		"2024-01-02T03:04Z":              "",
		"2024-01-02T03:04:60Z":           "",
		"2024-02-30T03:04:05Z":           "",
		"0001-01-01T00:00:00Z":           "",
		"9999-12-31T23:59:59-10:00":      "",
		"2024-01-02T03:04:05,5Z":         "",
		"2024-01-02T03:04:05+0200":       "",
		"1704164645":                     "",
		"":                               "",
	} {
		if got, ok := uploadTime(text); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", text, got, ok)
		}
	}
}

func TestStrongest(t *testing.T) {
	sha512 := sha256 + sha256
	for _, c := range []struct {
		digests  Digests
		want     string
		strength Strength
	}{
		{Digests{{"md5", md5}, {"sha512", sha512}, {"sha256", sha256}}, "sha256", Strong},
		{Digests{{"sha384", sha256 + md5}, {"sha512", sha512}}, "sha512", Strong},
		{Digests{{"md5", md5}, {"sha1", md5 + md5[:8]}}, "sha1", Weak},
		{Digests{{"md5", md5}, {"sha3_256", sha256}}, "md5", Weak},
		{Digests{{"sha3_256", sha256}, {"blake2b", sha256}}, "", None},
		{nil, "", None},
	} {
		var d Digests
		for _, digest := range c.digests {
			d = d.With(digest)
		}
		if got, strength := d.Strongest(); got.Algorithm != c.want || strength != c.strength {
			t.Errorf("%v: %v, %v", c.digests, got, strength)
		}
	}
}
