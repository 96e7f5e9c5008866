package rpm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// tree puts an installer beside a repository.
func (s *site) tree(dir string) {
	s.Set(dir+"images/boot.iso", "the image")
	s.Set(dir+"images/pxeboot/vmlinuz", "the kernel")
	s.Set(dir+"images/old.img", "nothing verifies it")
	s.Set(dir+".treeinfo", fmt.Sprintf(`[header]
version = 1.2
[checksums]
images/boot.iso = sha256:%s
images/pxeboot/vmlinuz = sha256:%s
repodata/repomd.xml = sha256:%s
[images-x86_64]
kernel = images/pxeboot/vmlinuz
old = images/old.img
[variant-AppStream]
repository = ../../../AppStream/x86_64/os/
`, digestOf("sha256", "the image"), digestOf("sha256", "the kernel"), digestOf("sha256", s.Content(dir+repomdName))))
	s.Set(dir+".discinfo", "1742306610\n")
	s.Set(dir+".composeinfo", "[compose]\n")
	s.Set(dir+"media.1/media", "SUSE - openSUSE\n1742306610\n1\n")
	s.Set(dir+"media.1/products", "/ openSUSE\n")
	s.Set(dir+"EULA", "agree")
	s.Set(dir+"extra_files.json", fmt.Sprintf(`{"header": {}, "data": [{"file": "EULA", "size": 5, "checksums": {"md5": %q, "sha256": %q}}]}`, digestOf("md5", "agree"), digestOf("sha256", "agree")))
}

// withDeltas adds a list of delta RPMs to a repository.
func withDeltas(s *site, f files) files {
	s.Set("drpms/hello.drpm", "delta")
	f.data = append(f.data, data{"prestodelta", "prestodelta.xml.gz", pack(".gz", `<prestodelta><newpackage name="hello"><delta><filename>drpms/hello.drpm</filename><size>5</size><checksum type="sha256">`+digestOf("sha256", "delta")+`</checksum></delta></newpackage></prestodelta>`)})
	return f
}

// What is found beside the metadata is in the tree, and each kind can be left out.
func TestBeside(t *testing.T) {
	off := new(bool)
	besides := []string{
		".composeinfo", ".discinfo", ".treeinfo", "EULA", "drpms/hello.drpm", "extra_files.json", "images/boot.iso", "images/old.img", "images/pxeboot/vmlinuz", "media.1/media", "media.1/products",
	}
	for name, tt := range map[string]struct {
		opts Options
		out  []string
		held int
	}{
		"all":            {},
		"no treeinfo":    {Options{Treeinfo: off}, []string{".treeinfo", "images/boot.iso", "images/old.img", "images/pxeboot/vmlinuz"}, 0},
		"no images":      {Options{Images: off}, []string{"images/boot.iso", "images/old.img", "images/pxeboot/vmlinuz"}, 3},
		"no deltas":      {Options{Deltas: off}, []string{"drpms/hello.drpm"}, 1},
		"no media":       {Options{Media: off}, []string{"media.1/media", "media.1/products"}, 0},
		"no extra files": {Options{ExtraFiles: off}, []string{"EULA", "extra_files.json"}, 0},
		"no composeinfo": {Options{ComposeInfo: off}, []string{".composeinfo"}, 0},
		"no discinfo":    {Options{DiscInfo: off}, []string{".discinfo"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.publish("", withDeltas(s, some(s, "")))
			s.tree("")
			tt.opts.Verify = "off"
			r := s.open(tt.opts)
			c := s.capture(r, nil)
			p := remotetest.Publish(t, c)
			var got []string
			for path := range p.Files {
				if !strings.HasPrefix(path, repodata) && !strings.HasPrefix(path, "Packages/") {
					got = append(got, path)
				}
			}
			slices.Sort(got)
			want := slices.DeleteFunc(slices.Clone(besides), func(path string) bool { return slices.Contains(tt.out, path) })
			if files, _ := c.HeldBack(); !slices.Equal(got, want) || files != tt.held {
				t.Errorf("\n got %q, %d held back\nwant %q, %d", got, files, want, tt.held)
			}
			for _, f := range c.Files() {
				if index := slices.Contains([]string{".treeinfo", ".discinfo", ".composeinfo", "extra_files.json", "media.1/media", "media.1/products"}, f.Path); index != (f.Phase == remote.Index) && !strings.HasPrefix(f.Path, repodata) {
					t.Errorf("%s: in phase %d", f.Path, f.Phase)
				}
			}
			s.Take()
			next := s.capture(r, p)
			if got := s.Take(); !slices.Equal(got, []string{"GET repodata/repomd.xml since", "GET repodata/repomd.xml.asc"}) || len(next.Files()) != len(c.Files()) {
				t.Errorf("unchanged: %q", got)
			}
		})
	}
}

// In an unchanged repository only what the options name is looked for again.
func TestBesideLater(t *testing.T) {
	s := newSite(t)
	s.publish("", some(s, ""))
	on := true
	prev := remotetest.Publish(t, s.capture(s.open(Options{Verify: "off"}), nil))
	s.tree("")
	s.Take()
	s.capture(s.open(Options{Verify: "off"}), prev)
	if got := s.Take(); len(got) != 2 {
		t.Errorf("%q", got)
	}
	c := s.capture(s.open(Options{Verify: "off", Treeinfo: &on}), prev)
	if !slices.Contains(remotetest.Paths(c), "images/boot.iso") || slices.Contains(remotetest.Paths(c), ".discinfo") {
		t.Errorf("%q", remotetest.Paths(c))
	}
}

// What is wrong beside the metadata names the option that leaves it out; a page in place
// of a document does no harm.
func TestBesideDamaged(t *testing.T) {
	const page = "<!DOCTYPE html><html>not found</html>"
	good := digestOf("sha256", "x")
	for _, tt := range []struct {
		name, file, content string
		want, hint          string // empty: it is captured
	}{
		{name: "pages", file: ".treeinfo", content: page},
		{name: "pages", file: "extra_files.json", content: page},
		{name: "pages", file: "media.1/media", content: page},
		{name: "pages", file: ".discinfo", content: page},
		{name: "another repomd.xml", file: ".treeinfo", content: "[checksums]\nrepodata/repomd.xml = sha256:" + good, want: ".treeinfo:2: repodata/repomd.xml: its SHA256 is ", hint: "treeinfo: false leaves it out"},
		{name: "other metadata", file: ".treeinfo", content: "[checksums]\nrepodata/x.xml = sha256:" + good},
		{name: "a way out", file: ".treeinfo", content: "[stage2]\nmainimage = ../x.img", want: `.treeinfo:2: "../x.img" leads out of the mirrored tree`, hint: "let url end a folder higher, and put the rest of it into paths; treeinfo: false leaves it out"},
		{name: "a missing image", file: "treeinfo", content: "[checksums]\nimages/x = sha256:" + good, want: "images/x: upstream lists it and does not have it"},
		{name: "a weak digest", file: "treeinfo", content: "[checksums]\nimages/x = md5:" + digestOf("md5", "x"), want: "treeinfo:2: images/x: only its MD5 or SHA-1 is known", hint: "allow_weak: true accepts it, if you trust the way it came; treeinfo: false leaves it out"},
		{name: "a digest of an unknown type", file: "treeinfo", content: "[checksums]\nimages/x = crc:1", want: `treeinfo:2: images/x: has a digest of the unknown type "crc"`},
		{name: "an extra file outside", file: "extra_files.json", content: `{"data": [{"file": "/etc/passwd", "checksums": {"sha256": "` + good + `"}}]}`, want: `extra_files.json: path "/etc/passwd" is absolute`, hint: "extra_files: false leaves it out"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			s.publish("", some(s, ""))
			s.Set(tt.file, tt.content)
			r := s.open(Options{Verify: "off"})
			if tt.want == "" {
				c := s.capture(r, nil)
				if tt.content == page && slices.Contains(remotetest.Paths(c), tt.file) {
					t.Error("the page is in the tree")
				}
				remotetest.Publish(t, c)
				return
			}
			text, err := s.failLasting(r, nil)
			if !strings.Contains(text, tt.want) || errors.Is(err, remote.ErrMoved) || tt.hint != "" && hint(err) != tt.hint {
				t.Errorf("%s, %s", text, hint(err))
			}
		})
	}
}

// A list of delta RPMs that can't be read lists none; an entry that can't be followed is
// refused; one that upstream lacks can be skipped.
func TestDeltas(t *testing.T) {
	s := newSite(t)
	f := withDeltas(s, some(s, ""))
	text := func(s string) string { return pack(".gz", s) }
	last := &f.data[len(f.data)-1]
	good := last.content
	last.content = text("<prestodelta><newpackage>")
	s.publish("", f)
	if c := s.capture(s.open(Options{Verify: "off"}), nil); slices.Contains(remotetest.Paths(c), "drpms/hello.drpm") || !slices.Contains(bases(remotetest.Paths(c)), "repodata/HASH-prestodelta.xml.gz") {
		t.Errorf("%q", remotetest.Paths(c))
	}
	last.content = text("<deltainfo><newpackage><delta><filename>../x</filename><checksum type='sha256'>" + digestOf("sha256", "x") + "</checksum></delta></newpackage></deltainfo>")
	last.typ = "deltainfo"
	s.publish("", f)
	if text, err := s.fail(s.open(Options{Verify: "off"}), nil); !strings.HasSuffix(text, `-prestodelta.xml.gz:1: "../x" leads out of the mirrored tree`) || hint(err) != "let url end a folder higher, and put the rest of it into paths; deltas: false leaves it out" {
		t.Errorf("%s, %s", text, hint(err))
	}
	off := false
	s.capture(s.open(Options{Verify: "off", Deltas: &off}), nil)
	last.content, last.typ = good, "prestodelta"
	s.publish("", f)
	s.Remove("drpms/hello.drpm")
	c := s.capture(s.open(Options{Verify: "off"}), nil)
	for _, f := range c.Files() {
		if f.Path == "drpms/hello.drpm" {
			if _, _, err := remotetest.ReadFile(t, c, f); !errors.Is(err, remote.ErrMissing) {
				t.Error(err)
			}
		}
	}
}
