package rpm

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/internal/unpack"
)

// check looks for what does not belong into a filelists.xml.
func check(r io.Reader) error {
	return Filelists(r, func([]byte) bool { return false }, nil)
}

// A list of files says which packages have the wanted ones.
func TestFilelists(t *testing.T) {
	const text = `<?xml version="1.0"?>
<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="5">
<package pkgid="ab" name="a&amp;b" arch='noarch' note="a > b">
 <version epoch="1" ver="1" rel="2"/>
 <file>/usr/lib/x</file>
 <file type="dir">/usr/lib</file>
 <file
  hash="1" >/usr/share/a&lt;b</file>
</package>
<package pkgid="cd" name="c" arch="x86_64"><version ver="1" rel="1"></version><file>/usr/lib/y</file><file/></package>
<package pkgid="ef" name="e" arch="x86_64"/>
<package pkgid="01" name="none" arch="x86_64"><version ver="1" rel="1"/></package>
<package pkgid="23" arch="x86_64" name="late"><file>/usr/lib/x</file><version epoch="0" ver="3" rel="1"/></package>
</filelists>
`
	var got []string
	err := Filelists(strings.NewReader(text),
		func(name []byte) bool { return slices.Contains([]string{"/usr/lib/x", "/usr/share/a<b"}, string(name)) },
		func(p *Package, files []string) {
			got = append(got, fmt.Sprintf("%d %s %s:%s-%s %s %q", p.Line, p.Name, p.Epoch, p.Version, p.Release, p.Arch, files))
		})
	want := []string{
		`3 a&b 1:1-2 noarch ["/usr/lib/x" "/usr/share/a<b"]`,
		`13 late 0:3-1 x86_64 ["/usr/lib/x"]`,
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %q, want %q", err, got, want)
	}
	for name, tt := range map[string]struct{ text, err string }{
		"a name that can't be read": {`<filelists><package name=a><file>x</file></package></filelists>`, "line 1: has a package whose attributes can't be read"},
		"a long file name":          {"<filelists>\n<package><file>" + strings.Repeat("x", MaxToken+1) + "</file></package></filelists>", "line 2: a tag or text has more than 1048576 bytes"},
		"a long tag":                {`<filelists><package name="` + strings.Repeat("x", MaxToken+1) + `"/></filelists>`, "line 1: a tag or text has more than 1048576 bytes"},
		"an open name":              {"<filelists><package><file>x", "line 1: unexpected EOF"},
	} {
		err := Filelists(strings.NewReader(tt.text), func([]byte) bool { return true }, func(*Package, []string) {})
		if e, ok := errors.AsType[*SyntaxError](err); !ok || e.Error() != tt.err {
			t.Errorf("%s: %v, want %s", name, err, tt.err)
		}
	}
}

func TestFilelistsHostile(t *testing.T) {
	const good = `<?xml version="1.0"?>
<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="1">
<!-- a comment with <location href="x"/> --->
<package pkgid="ab" name="hello" arch="noarch"><version epoch="0" ver="1" rel="1"/>
<file>/usr/bin/hello</file><file type="dir">/usr/share/a&lt;location b</file><file><![CDATA[<location/>]]]></file></package>
</filelists>
`
	if err := check(strings.NewReader(good)); err != nil {
		t.Error(err)
	}
	for name, text := range map[string]string{
		"another root":               strings.ReplaceAll(good, "filelists ", "filelists-ext ") + "</filelists-ext>",
		"a prefix":                   strings.NewReplacer("<filelists xmlns", "<f:filelists xmlns:f", "</", "</f:", "<package", "<f:package", "<version", "<f:version", "<file", "<f:file").Replace(good),
		"a prefix without namespace": strings.NewReplacer("<package", "<f:package", "</package", "</f:package").Replace(good),
		"another version of XML":     strings.Replace(good, `"1.0"`, `"1.1"`, 1),
	} {
		found := 0
		if err := Filelists(strings.NewReader(text), func(name []byte) bool { return string(name) == "/usr/bin/hello" }, func(p *Package, files []string) {
			if found++; p.Name != "hello" || p.Version != "1" || len(files) != 1 {
				t.Errorf("%s: %+v, %q", name, p, files)
			}
		}); err != nil || found != 1 {
			t.Errorf("%s: %v, %d found", name, err, found)
		}
	}
	for name, tt := range map[string]struct{ old, new, err string }{
		"two prefixes":         {"<version", `<a:b:version/><version`, `line 4: has the element "b:version", which does not belong here`},
		"half a prefix":        {"<version", `<:version/><version`, `line 4: has the element ":version", which does not belong here`},
		"a location":           {"<version", `<location href="x"/><version`, `line 4: has the element "location", which does not belong here`},
		"one with a prefix":    {"<version", `<rpm:location href="x"/><version`, `line 4: has the element "location", which does not belong here`},
		"one without blank":    {"<version", "<location/><version", `line 4: has the element "location", which does not belong here`},
		"one on several lines": {"<version", "<location\n href=''/><version", `line 5: has the element "location", which does not belong here`},
		"another package":      {"<filelists", "<metadata><filelists", `line 2: has the element "metadata", which does not belong here`},
		"a document type":      {"<filelists", "<!DOCTYPE filelists [<!ATTLIST x y CDATA 'z'>]><filelists", "line 2: has a document type"},
		"an open comment":      {"--->", "", "line 6: unexpected EOF"},
		"an open tag":          {"</filelists>\n", "</filel", "line 6: unexpected EOF"},
		"a long name":          {"<version", "<" + strings.Repeat("x", 1000), "line 4: has a tag with a long name"},
	} {
		err := check(strings.NewReader(strings.Replace(good, tt.old, tt.new, 1)))
		if e, ok := errors.AsType[*SyntaxError](err); !ok || !strings.HasPrefix(e.Error(), strings.Split(tt.err, ":")[0]) && name != "an open comment" && name != "an open tag" || !strings.Contains(e.Error(), strings.SplitN(tt.err, ": ", 2)[1]) {
			t.Errorf("%s: %v, want %s", name, err, tt.err)
		}
	}
}

// Real ones pass.
func TestFilelistsReal(t *testing.T) {
	names, err := filepath.Glob("testdata/createrepo_c/*/repodata/*filelists.xml*")
	if err != nil || len(names) < 4 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		ext := filepath.Ext(name)
		if ext == ".zck" {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if ext == ".xml" {
			ext = ""
		}
		r, err := unpack.Reader(bytes.NewReader(data), ext, 1<<20, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What encoding/xml reads as elements of other names is never passed over.
func FuzzFilelists(f *testing.F) {
	f.Add([]byte("<filelists><package><file>a</file></package></filelists>"))
	f.Add([]byte("<filelists><package><location href='x'/></package></filelists>"))
	f.Add([]byte("<f:filelists-ext xmlns:f='x'><f:package><f:location href='x'/></f:package></f:filelists-ext>"))
	f.Add([]byte("<filelists><!-- > -- ---><?x?><![CDATA[ ]]]></filelists>"))
	f.Add([]byte(`<filelists><package name="a>b" arch='c'><version/><file type="dir">a&amp;b</file></package></filelists>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		all := func([]byte) bool { return true }
		if Filelists(bytes.NewReader(data), all, func(*Package, []string) {}) != nil {
			return
		}
		x, err := newDocument(bytes.NewReader(data), "filelists", "filelists-ext")
		if err != nil {
			return
		}
		for err == nil {
			var token any
			token, err = x.next()
			if name := localName(token); name != "" && !strings.Contains("filelists filelists-ext package version file checksum", name) {
				t.Fatalf("%q has the element %q", data, name)
			}
			if err == io.EOF {
				return
			}
		}
	})
}

func localName(token any) string {
	if start, ok := token.(xml.StartElement); ok {
		return start.Name.Local
	}
	return ""
}
