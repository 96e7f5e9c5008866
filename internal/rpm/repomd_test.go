package rpm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// entry is a data element as createrepo_c writes it.
const entry = `<data type="primary">
    <checksum type="sha256">e5b468624f23159d57aec8a220d43e0af1d1d31373cb1b8ec2568b0fd15b5e26</checksum>
    <open-checksum type="sha256">cbe6e313a17a378e7b01658054880b35f7086c86950ca53003cd54f54ee6fee5</open-checksum>
    <location href="repodata/x-primary.xml.gz"/>
    <timestamp>1742306610</timestamp>
    <size>944</size>
    <open-size>4440</open-size>
  </data>`

const repomd = `<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">
  <revision>1742306610</revision>
  ` + entry + `
</repomd>
`

// What is damaged or unusual reads as clients read it, or is refused by its line.
func TestRepomd(t *testing.T) {
	whole := Data{
		Type: "primary", Location: Location{Href: "repodata/x-primary.xml.gz"},
		Checksum:     Checksum{"sha256", "e5b468624f23159d57aec8a220d43e0af1d1d31373cb1b8ec2568b0fd15b5e26"},
		OpenChecksum: Checksum{"sha256", "cbe6e313a17a378e7b01658054880b35f7086c86950ca53003cd54f54ee6fee5"},
		Size:         944, OpenSize: 4440, Timestamp: 1742306610, Line: 4,
	}
	with := func(change func(*Data)) *Data {
		d := whole
		change(&d)
		return &d
	}
	for _, tt := range []struct {
		name     string
		old, new string
		want     *Data // nil: an error
		err      string
	}{
		{name: "as it is", want: &whole},
		{name: "no namespace", old: ` xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm"`, want: &whole},
		{name: "a byte order mark", old: "<?xml", new: "\ufeff<?xml", want: &whole},
		{name: "ISO-8859-1", old: "UTF-8", new: "ISO-8859-1", want: &whole},
		{name: "US-ASCII", old: "UTF-8", new: "us-ascii", want: &whole},
		{name: "another encoding", old: "UTF-8", new: "EBCDIC", err: `line 1: xml: opening charset "EBCDIC": has an unknown encoding, "EBCDIC"`},
		{name: "XML 1.1", old: `version="1.0"`, new: `version="1.1"`, want: &whole},
		{name: "XML 2.0 behind a mark, on two lines", old: `<?xml version="1.0"`, new: "\ufeff<?xml\n version = '2.0'", want: with(func(d *Data) { d.Line++ })},
		{name: "a second declaration", old: "<revision>", new: "<?xml version='1.1'?><revision>", err: `line 3: xml: unsupported version "1.1"; only version 1.0 is supported`},
		{name: "tags and other elements", old: "<revision>", new: "<tags><content>x</content><distro cpeid='y'>z</distro></tags><contenthash type='x'>1</contenthash><revision>", want: &whole},
		{name: "no size", old: "<size>944</size>", want: with(func(d *Data) { d.Size = -1 })},
		{name: "an odd size", old: ">944<", new: "> 9 MB <", want: with(func(d *Data) { d.Size = -1 })},
		{name: "a negative size", old: ">944<", new: ">-1<", want: with(func(d *Data) { d.Size = -1 })},
		{name: "blanks around a size", old: ">944<", new: "> 944\n<", want: &whole},
		{name: "no open-size", old: "<open-size>4440</open-size>", want: with(func(d *Data) { d.OpenSize = -1 })},
		{name: "no open-checksum", old: entry[strings.Index(entry, "<open-checksum"):strings.Index(entry, "<location")], want: with(func(d *Data) { d.OpenChecksum = Checksum{} })},
		{name: "no timestamp", old: "<timestamp>1742306610</timestamp>", want: with(func(d *Data) { d.Timestamp = -1 })},
		{name: "a fraction of a second", old: "1742306610</timestamp>", new: "1742306610.38</timestamp>", want: &whole},
		{name: "no checksum", old: entry[strings.Index(entry, "<checksum"):strings.Index(entry, "<open-checksum")], want: with(func(d *Data) { d.Checksum = Checksum{} })},
		{name: "a header-checksum", old: "<size>", new: `<header-checksum type="sha256">ab</header-checksum><header-size>4</header-size><size>`, want: &whole},
		{name: "a database_version", old: "<size>", new: `<database_version>10</database_version><size>`, want: &whole},
		{name: "xml:base", old: `href="repodata/x`, new: `xml:base="http://example.org/" href="repodata/x`, want: with(func(d *Data) { d.Location.Base = "http://example.org/" })},
		{name: "an entity in a path", old: "repodata/x", new: "repodata&#x2F;&#38;x", want: with(func(d *Data) { d.Location.Href = "repodata/&x-primary.xml.gz" })},
		{name: "CDATA", old: ">944<", new: "><![CDATA[944]]><", want: &whole},
		{name: "a comment", old: "<size>", new: "<!-- <size>1</size> --><size>", want: &whole},
		{name: "a document type", old: "<repomd", new: "<!DOCTYPE repomd><repomd", err: "line 2: has a document type"},

		{name: "an own entity", old: ">944<", new: ">&x;<", err: "line 9: invalid character entity &x;"},
		{name: "a declared entity", old: "<repomd", new: `<!DOCTYPE repomd [<!ENTITY x "944">]><repomd a="&x;"`, err: "line 2: has a document type"},
		{name: "two checksums", old: "<size>", new: `<checksum type="md5">ab</checksum><size>`, err: `line 9: the entry "primary" has two elements checksum`},
		{name: "two locations", old: "<size>", new: `<location href="x"/><size>`, err: `line 9: the entry "primary" has two elements location`},
		{name: "an attribute twice", old: `type="primary"`, new: `type="primary" type="other"`, err: `line 4: the attribute "type" occurs twice`},
		{name: "another root", old: "<repomd", new: "<html><repomd", err: `line 2: begins with the element "html", not "repomd"`},
		{name: "two roots", old: "</repomd>", new: "</repomd><repomd/>", err: "line 12: has a second root element"},
		{name: "text behind", old: "</repomd>", new: "</repomd>x", err: "line 13: has text outside of its root element"},
		{name: "text in front", old: "<?xml", new: "x<?xml", err: "line 1: has text outside of its root element"},
		{name: "cut between elements", old: "</repomd>", err: "line 13: unexpected EOF"},
		{name: "invalid UTF-8", old: ">944<", new: ">\xff<", err: "line 9: invalid UTF-8"},
		{name: "a control character", old: ">944<", new: ">\x01<", err: "line 9: illegal character code U+0001"},
		{name: "deep", old: "<size>", new: strings.Repeat("<a>", 300) + strings.Repeat("</a>", 300) + "<size>", err: "line 9: has more than 256 elements within each other"},
		{name: "deep, as libxml2 reads it", old: "<size>", new: strings.Repeat("<a>", 254) + strings.Repeat("</a>", 254) + "<size>", want: &whole},
		{name: "a long attribute", old: "repodata/x", new: strings.Repeat("x", 2*MaxToken), err: `line 7: a tag or text has more than 1048576 bytes`},
		{name: "a long text", old: ">944<", new: ">" + strings.Repeat("9", MaxValue+1) + "<", err: "line 9: a text has more than 4096 bytes"},
		{name: "a long comment", old: "<size>", new: "<!--" + strings.Repeat("x", 2*MaxToken) + "--><size>", err: "line 9: a tag or text has more than 1048576 bytes"},
		{name: "many attributes", old: "<size>", new: "<size " + strings.Repeat("a='' ", 100) + ">", err: "line 9: an element has more than 64 attributes"},
		{name: "many entries", old: entry, new: strings.Repeat("<data type='x'/>", MaxData+1), err: "line 4: lists more than 1000 files"},
		{name: "nothing", old: repomd, err: "line 1: is empty"},
		{name: "blanks", old: repomd, new: "  \n", err: "line 2: unexpected EOF"},
		{name: "a page", old: repomd, new: "<!DOCTYPE html><html><body>not found<br></html>", err: "line 1: has a document type"},
		{name: "too long", old: "</repomd>", new: strings.Repeat(strings.Repeat(" ", 1000)+"<x/>", MaxRepomd/1000) + "</repomd>", err: "line 12: unexpected EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(repomd, tt.old) {
				t.Fatalf("there is no %q", tt.old)
			}
			got, err := ParseRepomd(strings.NewReader(strings.Replace(repomd, tt.old, tt.new, 1)))
			if tt.want == nil {
				if err == nil || err.Error() != tt.err {
					t.Errorf("%v, want %s", err, tt.err)
				}
				return
			}
			if err != nil || got.Revision != "1742306610" || len(got.Data) != 1 || got.Data[0] != *tt.want {
				t.Errorf("%+v, %v; want %+v", got, err, *tt.want)
			}
		})
	}
}

// ISO 8859-1 becomes UTF-8.
func TestLatin1(t *testing.T) {
	got, err := ParseRepomd(strings.NewReader("<?xml version='1.0' encoding='iso-8859-1'?><repomd><revision>\xe4 \xff</revision></repomd>"))
	if err != nil || got.Revision != "ä ÿ" {
		t.Errorf("%+v, %v", got, err)
	}
}

// A prefix for all elements is read, too, though clients don't.
func TestPrefix(t *testing.T) {
	got, err := ParseRepomd(strings.NewReader("<m:repomd xmlns:m='http://linux.duke.edu/metadata/repo'><m:data type='x'><m:size>1</m:size></m:data></m:repomd>"))
	if err != nil || got.Find("x") == nil || got.Find("x").Size != 1 || got.Find("y") != nil || got.Time() != -1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// What createrepo_c writes, read: the types, and that all files are there.
func TestCreaterepo(t *testing.T) {
	xml := "primary filelists other"
	for dir, types := range map[string]string{
		"gz-db": xml + " primary_db filelists_db other_db", "xz": xml, "bz2": xml, "zck": "primary filelists other primary_zck filelists_zck other_zck",
		"sha1": xml, "sha512": xml, "md5": xml, "simple": xml,
	} {
		root := filepath.Join("testdata", "createrepo_c", dir)
		f, err := os.Open(filepath.Join(root, "repodata", "repomd.xml"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got, err := ParseRepomd(f)
		if err != nil {
			t.Errorf("%s: %v", dir, err)
			continue
		}
		var have []string
		for _, d := range got.Data {
			have = append(have, d.Type)
			path, err := d.Location.Path("")
			if err != nil {
				t.Errorf("%s: %v", dir, err)
			}
			if info, err := os.Stat(filepath.Join(root, path)); err != nil || info.Size() != d.Size {
				t.Errorf("%s: %s: %v", dir, path, err)
			}
			if d.Timestamp < 1742306610 || d.OpenSize <= 0 || d.OpenChecksum.Type != d.Checksum.Type {
				t.Errorf("%s: %+v", dir, d)
			}
		}
		if strings.Join(have, " ") != types || got.Time() < 1742306610 {
			t.Errorf("%s: has %q, of %d", dir, have, got.Time())
		}
	}
}
