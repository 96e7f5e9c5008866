package rpm

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// FuzzRepomd: whatever a repomd.xml says, its parts are bounded, and it reads the same byte
// by byte.
func FuzzRepomd(f *testing.F) {
	for _, seed := range []string{"", "<repomd/>", repomd, strings.Replace(repomd, "UTF-8", "ISO-8859-1", 1), strings.Replace(repomd, "1.0", "1.1", 1), strings.Replace(repomd, "944", "&x;", 1)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseRepomd(strings.NewReader(text))
		slow, errSlow := ParseRepomd(iotest.OneByteReader(strings.NewReader(text)))
		if !reflect.DeepEqual(got, slow) || fmt.Sprint(err) != fmt.Sprint(errSlow) {
			t.Fatalf("%+v, %v; byte by byte %+v, %v", got, err, slow, errSlow)
		}
		if err != nil {
			return
		}
		for _, d := range got.Data {
			checkLocation(t, d.Location)
			if d.Size < -1 || d.OpenSize < -1 || d.Timestamp < -1 || len(d.Type) > MaxToken || len(d.Checksum.Value) > MaxValue {
				t.Fatalf("%+v", d)
			}
		}
	})
}

// FuzzPrimary: whatever a primary.xml says, no location leads out of the tree.
func FuzzPrimary(f *testing.F) {
	for _, seed := range []string{"", "<metadata/>", primary, strings.Replace(primary, "Packages/", "../x/", 1), strings.Replace(primary, "<format>", "<format/><size package='1'/><format>", 1), strings.Replace(primary, "<package", "<other>x</other><package", 1)} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, text string, relations bool) {
		got, err := readAll(text, relations)
		var slow []*Package
		var errSlow error
		for p, err := range Packages(iotest.OneByteReader(strings.NewReader(text)), relations) {
			if errSlow = err; err == nil {
				slow = append(slow, p)
			}
		}
		if !reflect.DeepEqual(got, slow) || fmt.Sprint(err) != fmt.Sprint(errSlow) {
			t.Fatalf("%+v, %v; byte by byte %+v, %v", got, err, slow, errSlow)
		}
		for _, p := range got {
			checkLocation(t, p.Location)
			if p.Size < -1 || !relations && (p.Provides != nil || p.Files != nil) {
				t.Fatalf("%+v", p)
			}
		}
	})
}

func checkLocation(t *testing.T, l Location) {
	for _, root := range []string{"", "a/b/"} {
		path, err := l.Path(root)
		if err == nil && strings.Contains("/"+path+"/", "/../") {
			t.Fatalf("%q leads to %q", l, path)
		}
	}
}

// FuzzBeside: whatever stands in the small documents, no location leads out of the tree.
func FuzzBeside(f *testing.F) {
	for _, seed := range []string{"[checksums]\nimages/x = sha256:ab\n", "[stage2]\nmainimage = ../x", `{"data": [{"file": "EULA", "size": 3, "checksums": {"sha256": "ab"}}]}`,
		`<prestodelta><newpackage><delta><filename>x</filename><size>1</size><checksum type="md5">x</checksum></delta></newpackage></prestodelta>`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tree, _ := ParseTreeinfo([]byte(text))
		extra, _ := ParseExtraFiles([]byte(text))
		for _, o := range append(tree, extra...) {
			checkLocation(t, o.Location)
			if o.Size < -1 {
				t.Fatalf("%+v", o)
			}
		}
		for d, err := range Deltas(strings.NewReader(text)) {
			checkLocation(t, d.Location)
			if err == nil && d.Size < -1 {
				t.Fatalf("%+v", d)
			}
		}
	})
}

// FuzzMirrors: whatever a list says, a mirror is a folder that can be asked for.
func FuzzMirrors(f *testing.F) {
	f.Add(metalink)
	f.Add("https://a.example.org/os\nrsync://b.example.org/os")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ParseMirrorlist([]byte(text))
		if (err == nil) != (len(list) > 0) {
			t.Fatal(list, err)
		}
		if m, err := ParseMetalink([]byte(text)); err == nil {
			if len(m.Mirrors) == 0 || len(m.Versions) == 0 {
				t.Fatalf("%+v", m)
			}
			list = append(list, m.Mirrors...)
		}
		for _, mirror := range list {
			if u, err := url.Parse(mirror); err != nil || u.Host == "" || u.User != nil || !strings.HasSuffix(u.Path, "/") || u.Scheme != "http" && u.Scheme != "https" {
				t.Fatalf("%q, %v", mirror, err)
			}
		}
	})
}
