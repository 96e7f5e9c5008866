package rpm

import (
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const pkg = `<package type="rpm">
  <name>hello</name>
  <arch>noarch</arch>
  <version epoch="2" ver="1.0^git1" rel="1"/>
  <checksum type="sha256" pkgid="YES">94c20b6066945f85fafec77095db8ba6a611bcbfc2d9d7eb11a2938fb041e782</checksum>
  <summary>Says hello &amp; &lt;more&gt;</summary>
  <description><![CDATA[<package> in a – text]]></description>
  <time file="1742306610" build="1742306609"/>
  <size package="6265" installed="15" archive="268"/>
  <location href="Packages/hello.rpm"/>
  <format>
    <rpm:license>MIT</rpm:license>
    <rpm:sourcerpm>hello.src.rpm</rpm:sourcerpm>
    <rpm:header-range start="4504" end="6157"/>
    <rpm:provides>
      <rpm:entry name="hello" flags="EQ" epoch="0" ver="1.0" rel="1"/>
    </rpm:provides>
    <rpm:requires>
      <rpm:entry name="/bin/sh" pre="1"/>
      <rpm:entry name="libc" flags="GE" ver="2"/>
    </rpm:requires>
    <rpm:recommends>
      <rpm:entry name="world"/>
    </rpm:recommends>
    <rpm:conflicts><rpm:entry name="bye"/></rpm:conflicts>
    <file>/usr/bin/hello</file>
    <file type="dir">/usr/share/hello</file>
  </format>
</package>
`

const primary = `<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1">
` + pkg + `</metadata>
`

func hello() Package {
	return Package{
		Name: "hello", Arch: "noarch", Epoch: "2", Version: "1.0^git1", Release: "1",
		Checksum: Checksum{"sha256", "94c20b6066945f85fafec77095db8ba6a611bcbfc2d9d7eb11a2938fb041e782"},
		Size:     6265, FileTime: 1742306610, Location: Location{Href: "Packages/hello.rpm"}, SourceRPM: "hello.src.rpm", HeaderStart: 4504, HeaderEnd: 6157, Line: 3,
	}
}

func readAll(text string, relations bool) (list []*Package, err error) {
	for p, err := range Packages(strings.NewReader(text), relations) {
		if err != nil {
			return list, err
		}
		list = append(list, p)
	}
	return list, nil
}

func TestPrimary(t *testing.T) {
	with := func(change func(*Package)) *Package {
		p := hello()
		change(&p)
		return &p
	}
	whole := hello()
	for _, tt := range []struct {
		name     string
		old, new string
		want     *Package
		err      string
	}{
		{name: "as it is", want: &whole},
		{name: "no namespace", old: ` xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm"`, want: &whole},
		{name: "a wrong number of packages", old: `packages="1"`, new: `packages="many"`, want: &whole},
		{name: "no number of packages", old: `packages="1"`, want: &whole},
		{name: "no epoch", old: `epoch="2" `, want: with(func(p *Package) { p.Epoch = "" })},
		{name: "no time", old: `<time file="1742306610" build="1742306609"/>`, want: with(func(p *Package) { p.FileTime = -1 })},
		{name: "a time of zero", old: `file="1742306610"`, new: `file="0"`, want: with(func(p *Package) { p.FileTime = 0 })},
		{name: "a fraction of a second", old: `file="1742306610"`, new: `file="1742306610.7"`, want: &whole},
		{name: "no size", old: `package="6265" `, want: with(func(p *Package) { p.Size = -1 })},
		{name: "no source package", old: "<rpm:sourcerpm>hello.src.rpm</rpm:sourcerpm>", new: "<rpm:sourcerpm/>", want: with(func(p *Package) { p.SourceRPM = "" })},
		{name: "xml:base", old: "<location ", new: `<location xml:base="media://1#2" `, want: with(func(p *Package) { p.Location.Base = "media://1#2" })},
		{name: "an entity in a path", old: "Packages/hello", new: "Packages&#x2F;&amp;hello", want: with(func(p *Package) { p.Location.Href = "Packages/&hello.rpm" })},
		{name: "an encoded path stays", old: "Packages/hello", new: "Packages/%5Ehello", want: with(func(p *Package) { p.Location.Href = "Packages/%5Ehello.rpm" })},
		{name: "single quotes", old: `href="Packages/hello.rpm"`, new: `href='Packages/he"llo.rpm'`, want: with(func(p *Package) { p.Location.Href = `Packages/he"llo.rpm` })},
		{name: "another element", old: "<package", new: "<other a='b'> text </other><other/><package", want: &whole},
		{name: "another element with others", old: "<package", new: "<other><package/></other><package", err: `line 3: has the element "other" beside its packages`},
		{name: "another element with a location", old: "<package", new: "<other href='x'/><package", err: `line 3: has the element "other" beside its packages`},
		{name: "another element with xml:base", old: "<package", new: "<other xml:base='x'/><package", err: `line 3: has the element "other" beside its packages`},
		{name: "an element that clients know", old: "<package", new: "<pattern/><package", err: `line 3: has the element "pattern" beside its packages`},
		{name: "a location beside packages", old: "<package", new: "<location/><package", err: `line 3: has the element "location" beside its packages`},
		{name: "two equal sizes", old: "<format>", new: `<size package="6265"/><format>`, want: &whole},
		{name: "two sizes, the last one counts", old: "<format>", new: `<size package="1"/><size installed="7"/><format>`, want: with(func(p *Package) { p.Size = 1 })},
		{name: "two formats", old: "<format>", new: "<format/><format>", want: &whole},
		{name: "deep elements", old: "<format>", new: "<format>" + strings.Repeat("<x>", 250) + strings.Repeat("</x>", 250), want: &whole},
		{name: "a long attribute", old: "<format>", new: `<format><rpm:requires><rpm:entry name="` + strings.Repeat("x", MaxToken/2) + `"/></rpm:requires>`, want: &whole},
		{name: "a long attribute without an end", old: "<format>", new: `<format a="` + strings.Repeat("x", 2*MaxToken) + `">`, err: "line 13: a tag or text has more than 1048576 bytes"},
		{name: "long attributes in each other", old: "<format>", new: "<format>" + strings.Repeat(`<x a="`+strings.Repeat("y", MaxToken/2)+`">`, 200), err: "line 13: an element has more than 67108864 bytes"},
		{name: "another version of XML", old: `version="1.0"`, new: "version='1.1'", want: &whole},
		{name: "a long description", old: "a – text", new: strings.Repeat("x", MaxToken/2), want: &whole},

		{name: "a description without an end", old: "a – text", new: strings.Repeat("x", 2*MaxToken), err: "line 9: a tag or text has more than 1048576 bytes"},
		{name: "an element without an end", old: "<rpm:license>MIT</rpm:license>", new: strings.Repeat("<x>"+strings.Repeat("y", 1000)+"</x>", MaxElement/1000), err: "line 14: an element has more than 67108864 bytes"},
		{name: "two locations", old: "<format>", new: `<location href="x"/><format>`, err: `line 13: the package "hello" has two elements location`},
		{name: "two checksums", old: "<format>", new: `<checksum type="md5">x</checksum><format>`, err: `line 13: the package "hello" has two elements checksum`},
		{name: "two names", old: "<format>", new: `<name>x</name><format>`, err: `line 13: the package "hello" has two elements name`},
		{name: "two versions", old: "<format>", new: `<version ver="1"/><format>`, err: `line 13: the package "hello" has two elements version`},
		{name: "two architectures", old: "<format>", new: `<arch>x</arch><format>`, err: `line 13: the package "hello" has two elements arch`},
		{name: "a bomb", old: "<metadata ", new: "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><metadata x='&b;' ", err: "line 2: has a document type"},
		{name: "cut", old: "</package>\n</metadata>", new: "</package>", err: "line 32: unexpected EOF"},
		{name: "another root", old: primary, new: "<filelists/>", err: `line 1: begins with the element "filelists", not "metadata"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(primary, tt.old) {
				t.Fatalf("there is no %q", tt.old)
			}
			got, err := readAll(strings.Replace(primary, tt.old, tt.new, 1), false)
			if tt.want == nil {
				if err == nil || err.Error() != tt.err {
					t.Errorf("%v, want %s", err, tt.err)
				}
				return
			}
			if err != nil || len(got) != 1 || got[0].Line < 3 {
				t.Fatalf("%+v, %v", got, err)
			}
			got[0].Line = 3
			if !reflect.DeepEqual(got[0], tt.want) {
				t.Errorf("%+v, want %+v", *got[0], *tt.want)
			}
		})
	}
}

func TestRelations(t *testing.T) {
	got, err := readAll(primary, true)
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	want := hello()
	want.Provides = []Relation{{"hello", "EQ", "0", "1.0", "1"}}
	want.Requires = []Relation{{Name: "/bin/sh"}, {Name: "libc", Flags: "GE", Version: "2"}}
	want.Recommends = []Relation{{Name: "world"}}
	want.Files = []string{"/usr/bin/hello", "/usr/share/hello"}
	if !reflect.DeepEqual(*got[0], want) {
		t.Errorf("%+v, want %+v", *got[0], want)
	}
}

// A caller may stop in the middle.
func TestStop(t *testing.T) {
	n := 0
	for range Packages(strings.NewReader(strings.Replace(primary, "</metadata>", pkg+pkg, 1)), false) {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d packages", n)
	}
}

// Where a location leads, and which do not lead into the tree.
func TestLocation(t *testing.T) {
	const outside, foreign = " leads out of the mirrored tree", " leads to another server"
	for _, tt := range []struct{ root, href, base, want, err string }{
		{"", "Packages/x.rpm", "", "Packages/x.rpm", ""},
		{"BaseOS/os/", "Packages/x.rpm", "", "BaseOS/os/Packages/x.rpm", ""},
		{"a/", "./Packages/./x.rpm", "", "a/Packages/x.rpm", ""},
		{"a/", "Packages//x.rpm", "", "a/Packages/x.rpm", ""},
		{"a/b/", "../../pool/x.rpm", "", "pool/x.rpm", ""},
		{"a/b/", "../c/../b/x.rpm", "", "a/b/x.rpm", ""},
		{"", "a%5Eb", "", "a%5Eb", ""},
		{"", "a^b~c+d e&f?g#h", "", "a^b~c+d e&f?g#h", ""},
		{"a/", "x.rpm", "media://1234#2", "a/x.rpm", ""},
		{"a/b/", "../../../pool/x.rpm", "", "", `"../../../pool/x.rpm"` + outside},
		{"", "../../pool/x.rpm", "", "", `"../../pool/x.rpm"` + outside},
		{"a/", "/abs/x.rpm", "", "", `path "/abs/x.rpm" is absolute`},
		{"a/", "http://other.example.org/x.rpm", "", "", `"http://other.example.org/x.rpm"` + foreign},
		{"a/", "x.rpm", "http://other.example.org/d", "", `"http://other.example.org/d"` + foreign},
		{"a/", "x.rpm", "../d", "", `"../d"` + foreign},
		{"a/", "Packages/", "", "", `path "Packages/" is a folder`},
		{"a/", "", "", "", "has no location"},
	} {
		got, err := Location{tt.href, tt.base}.Path(tt.root)
		if got != tt.want || fmt.Sprint(err) != cmpOr(tt.err, "<nil>") {
			t.Errorf("%q, %q at %q: %q, %v", tt.href, tt.base, tt.root, got, err)
		}
	}
	for above, want := range map[int]string{
		0: "a mirror can't hold it; ask whoever runs the remote for a repository that holds its own packages",
		1: "let url end a folder higher, and put the rest of it into paths", 2: "let url end 2 folders higher, and put the rest of it into paths",
	} {
		if got := (&OutsideError{Above: above}).Hint(); got != want {
			t.Error(got)
		}
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// The packages that createrepo_c lists are the ones that it read.
func TestCreaterepoPackages(t *testing.T) {
	names, err := filepath.Glob("testdata/createrepo_c/gz-db/repodata/*-primary.xml.gz")
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	f, err := os.Open(names[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for p, err := range Packages(z, true) {
		if err != nil {
			t.Fatal(err)
		}
		path, err := p.Location.Path("")
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join("testdata/createrepo_c/rpms", path))
		if err != nil || info.Size() != p.Size || p.FileTime != 1742306610 || p.HeaderEnd <= p.HeaderStart || p.IsSource() != (p.SourceRPM == "") || len(p.Requires) == 0 && !p.IsSource() {
			t.Errorf("%s: %+v, %v", path, p, err)
		}
		got = append(got, fmt.Sprintf("%s %s:%s-%s.%s", p.Name, p.Epoch, p.Version, p.Release, p.Arch))
	}
	want := []string{"hello 0:1.0-1.noarch", "hello 0:1.0^git1-1.noarch", "libhello++ 2:1.0-1.noarch", "libhello++ 2:1.0-1.src"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
