package rpm

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestTreeinfo(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []Outside
		err        string
	}{
		{"as productmd writes it", `[header]
type = productmd.treeinfo
version = 1.2

[release]
name = Fedora

; a comment
[checksums]
images/boot.iso = sha256:ab=cd
Images/pxeboot/vmlinuz = sha256: cd
repodata/repomd.xml = sha256:ef

[images-x86_64]
kernel = Images/pxeboot/vmlinuz
initrd = images/pxeboot/initrd.img

[stage2]
mainimage = images/install.img

[variant-AppStream]
repository = ../../../AppStream/x86_64/os/
packages = ../../../AppStream/x86_64/os/Packages
`, []Outside{
			{Location{Href: "images/boot.iso"}, -1, []Checksum{{"sha256", "ab=cd"}}, 10},
			{Location{Href: "Images/pxeboot/vmlinuz"}, -1, []Checksum{{"sha256", "cd"}}, 11},
			{Location{Href: "repodata/repomd.xml"}, -1, []Checksum{{"sha256", "ef"}}, 12},
			{Location{Href: "images/pxeboot/initrd.img"}, -1, nil, 16},
			{Location{Href: "images/install.img"}, -1, nil, 19},
		}, ""},
		{"old, without variants", "[general]\r\nfamily = CentOS\r\nvariant =\r\n[images-i386]\r\nkernel=images/vmlinuz\r\n", []Outside{{Location{Href: "images/vmlinuz"}, -1, nil, 5}}, ""},
		{"only a header", "[header]\nstray\n", nil, ""},
		{"a page", "<html>\n[not found]\nx = y\n</html>\n", nil, "is no treeinfo"},
		{"nothing", "", nil, "is no treeinfo"},
		{"a value in no section", "images/x = sha256:ab\n[tree]\n", nil, ""},
		{"too many", "[stage2]\n" + func() (s string) {
			var b strings.Builder
			for i := range maxOutside + 1 {
				fmt.Fprintf(&b, "x = f%d\n", i)
			}
			return b.String()
		}(), nil, "line 10002: lists more than 10000 files"},
	} {
		got, err := ParseTreeinfo([]byte(tt.text))
		if !reflect.DeepEqual(got, tt.want) || fmt.Sprint(err) != cmpOr(tt.err, "<nil>") {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
}

func TestExtraFiles(t *testing.T) {
	got, err := ParseExtraFiles([]byte(`{"header": {"version": "1.0"}, "data": [{"file": "EULA", "size": 3, "checksums": {"sha256": "ab", "md5": "cd"}}, {"file": "x", "size": -1}]}`))
	want := []Outside{{Location{Href: "EULA"}, 3, []Checksum{{"md5", "cd"}, {"sha256", "ab"}}, 0}, {Location: Location{Href: "x"}, Size: -1}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for text, want := range map[string]string{
		"<html>": "is no list of extra files", "{}": "is no list of extra files", `{"data": 1}`: "is no list of extra files",
		`{"data": [` + strings.Repeat("{},", maxOutside) + "{}]}": "lists more than 10000 files",
	} {
		if _, err := ParseExtraFiles([]byte(text)); fmt.Sprint(err) != want {
			t.Errorf("%.40s: %v", text, err)
		}
	}
}

func TestDeltas(t *testing.T) {
	const text = `<?xml version="1.0" encoding="UTF-8"?>
<prestodelta><newpackage name="hello" epoch="0" version="2" release="1" arch="noarch">
<delta oldepoch="0" oldversion="1" oldrelease="1"><filename>drpms/hello.drpm</filename><sequence>x</sequence><size>5</size><checksum type="sha256">ab</checksum></delta>
<delta><filename>drpms/b.drpm</filename></delta></newpackage><other/></prestodelta>`
	var got []Delta
	for d, err := range Deltas(strings.NewReader(text)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, d)
	}
	if want := []Delta{{Location{Href: "drpms/hello.drpm"}, 5, Checksum{"sha256", "ab"}, 3}, {Location: Location{Href: "drpms/b.drpm"}, Size: -1, Line: 4}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	for text, want := range map[string]string{
		strings.Replace(text, "<size>", "<size>1</size><size>", 1): "line 3: a delta has two elements size",
		strings.ReplaceAll(text, "prestodelta", "filelists"):       `line 2: begins with the element "filelists", not "prestodelta"`,
		strings.Replace(text, "</prestodelta>", "", 1):             "line 4: unexpected EOF",
	} {
		var last error
		for _, err := range Deltas(strings.NewReader(text)) {
			last = err
		}
		if fmt.Sprint(last) != want {
			t.Error(last)
		}
	}
	for d, err := range Deltas(strings.NewReader(strings.ReplaceAll(text, "prestodelta", "deltainfo"))) {
		if err != nil || d.Size == 0 {
			t.Error(d, err)
		}
		break
	}
}
