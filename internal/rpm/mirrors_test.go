package rpm

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestMirrorlist(t *testing.T) {
	for text, want := range map[string][]string{
		"# a comment\n\nhttps://a.example.org/os\r\n  http://b.example.org/os/ \nhttps://a.example.org/os/\nrsync://c.example.org/os\nftp://d.example.org/os/\n/e/os\nf\nhttps://g.example.org/$basearch/os\nhttps://user:secret@h.example.org/\nhttps://i.example.org/?x=y\n": {"https://a.example.org/os/", "http://b.example.org/os/"},
	} {
		got, err := ParseMirrorlist([]byte(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q, %v", got, err)
		}
	}
	for text, want := range map[string]string{
		"": "lists no mirror that is reached by HTTP or HTTPS", "rsync://x/\n": "lists no mirror that is reached by HTTP or HTTPS",
		" <!DOCTYPE html>\nhttps://a.example.org/": "is no list of URLs; if it is a metalink, name it as one",
	} {
		if _, err := ParseMirrorlist([]byte(text)); fmt.Sprint(err) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

const metalink = `<?xml version="1.0" encoding="utf-8"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic" pubdate="Tue, 18 Mar 2025 14:03:30 GMT" generator="mirrormanager" xmlns:mm0="http://fedorahosted.org/mirrormanager">
 <files>
  <file name="repomd.xml">
   <mm0:timestamp>1742306610</mm0:timestamp>
   <size>7243</size>
   <verification>
    <hash type="md5">ab</hash>
    <hash type="sha256"> cd
</hash>
   </verification>
   <mm0:alternates>
    <mm0:alternate><mm0:timestamp>1742306600</mm0:timestamp><size>7242</size><verification><hash type="sha256">ef</hash></verification></mm0:alternate>
   </mm0:alternates>
   <resources maxconnections="1">
    <url protocol="rsync" type="rsync" location="DE" preference="100">rsync://a.example.org/os/repodata/repomd.xml</url>
    <url protocol="http" type="http" location="DE" preference="98">http://b.example.org/os/repodata/repomd.xml</url>
    <url protocol="https" type="https" location="DE" preference="99">https://c.example.org/os/repodata/repomd.xml</url>
    <url protocol="https" type="https" location="DE" preference="97">https://d.example.org/os/</url>
    <url protocol="https" type="https" location="DE">https://e.example.org/os/other.xml</url>
   </resources>
  </file>
  <file name="other"/>
 </files>
</metalink>
`

func TestMetalink(t *testing.T) {
	got, err := ParseMetalink([]byte(metalink))
	want := &Metalink{
		Mirrors: []string{"https://c.example.org/os/", "http://b.example.org/os/", "https://d.example.org/os/"},
		Versions: []Version{
			{1742306610, 7243, []Checksum{{"md5", "ab"}, {"sha256", "cd"}}},
			{1742306600, 7242, []Checksum{{"sha256", "ef"}}},
		},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = ParseMetalink([]byte(strings.ReplaceAll(metalink, "hash", "x")))
	if err != nil || len(got.Mirrors) != 3 || len(got.Versions) != 2 || got.Versions[0].Hashes != nil {
		t.Errorf("without hashes: %+v, %v", got, err)
	}
	for _, tt := range []struct{ old, new, want string }{
		{`<file name="repomd.xml">`, `<file name="other.xml">`, "does not list repomd.xml"},
		{"http", "ftp", "lists no mirror that is reached by HTTP or HTTPS"},
		{"<hash ", "<x><hash ", "line 11: element <x> closed by </verification>"},
		{`<file name="other"/>`, `<file name="repomd.xml"/>`, "line 23: lists repomd.xml twice"},
		{metalink, "<html/>", `line 1: begins with the element "html", not "metalink"`},
		{"</metalink>", "", "line 26: unexpected EOF"},
	} {
		text := strings.ReplaceAll(metalink, tt.old, tt.new)
		if _, err := ParseMetalink([]byte(text)); fmt.Sprint(err) != tt.want {
			t.Errorf("%q: %v, want %s", tt.old, err, tt.want)
		}
	}
}
