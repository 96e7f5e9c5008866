package rpm

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// change replaces a text, which must be there, by another. "…" stands for anything.
func change(t *testing.T, old, new string) func(string) string {
	pattern := regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(old), "…", ".*?"))
	return func(text string) string {
		t.Helper()
		at := pattern.FindStringIndex(text)
		if at == nil {
			t.Fatalf("there is no %q in %s", old, text)
		}
		return text[:at[0]] + new + text[at[1]:]
	}
}

// What is wrong in repomd.xml is refused by its place, or does not matter.
func TestRepomd(t *testing.T) {
	const data = "repodata/repomd.xml:4: data \"primary\": "
	digest := digestOf("sha256", pack(".gz", "<filelists/>"))
	for _, tt := range []struct {
		name     string
		old, new string
		want     string // empty: it is captured
		hint     string
	}{
		{name: "no namespace", old: ` xmlns="http://linux.duke.edu/metadata/repo"`},
		{name: "no revision", old: "<revision>1742306610</revision>"},
		{name: "no timestamp", old: "<timestamp>1742306610</timestamp>"},
		{name: "no size", old: "<size>…</size>"},
		{name: "an unpacked size and digest that are wrong", old: "<timestamp>", new: `<open-size>1</open-size><open-checksum type="sha256">` + digest + `</open-checksum><timestamp>`},
		{name: "a digest's type in capitals", old: `type="sha256"`, new: `type="SHA256"`},
		{name: "a path with a dot", old: `href="repodata`, new: `href="./repodata`},
		{name: "a path with two slashes", old: `href="repodata/`, new: `href="repodata//`},
		{name: "the same entry twice", old: "</repomd>", new: `<data type="x"><checksum type="sha256">` + digest + `</checksum><location href="repodata/` + digest + `-filelists.xml.gz"/></data></repomd>`},

		{name: "another size", old: "<size>", new: "<size>1", want: "bytes, expected 1"},
		{name: "10 TB", old: "<size>…</size>", new: "<size>10995116277760</size>", want: "-primary.xml.gz: size 10995116277760 is more than 4294967296 bytes"},
		{name: "no digest", old: "<checksum…</checksum>", want: data + "has no digest"},
		{name: "an unknown digest", old: `type="sha256"`, new: `type="sha3"`, want: data + `has a digest of the unknown type "sha3"`},
		{name: "a digest of another type", old: `type="sha256"`, new: `type="sha512"`, want: "is not a digest of SHA512"},
		{name: "blanks around the digest", old: `<checksum type="sha256">`, new: `<checksum type="sha256"> `, want: `" `},
		{name: "a weak digest", old: `type="sha256"`, new: `type="md5"`, want: "is not a digest of MD5"},
		{name: "another server", old: `href="repodata`, new: `href="http://other.example.org/repodata`, want: data + `"http://other.example.org/repodata`, hint: "a mirror can't hold it; ask whoever runs the remote for a repository that holds its own packages"},
		{name: "another base", old: `<location `, new: `<location xml:base="http://other.example.org/" `, want: data + `"http://other.example.org/" leads to another server`},
		{name: "the base of media", old: `<location `, new: `<location xml:base="media://1" `, want: data + `"media://1" leads to another server`},
		{name: "above the repository", old: `href="repodata`, new: `href="../repodata`, want: data + `"../repodata`},
		{name: "a way round", old: `href="repodata`, new: `href="x/../repodata`, want: data + `path "x/../repodata`},
		{name: "an absolute path", old: `href="repodata`, new: `href="/repodata`, want: data + `path "/repodata`},
		{name: "a backslash", old: `href="repodata/`, new: `href="repodata\`, want: "holds a backslash"},
		{name: "a control character", old: `href="repodata/`, new: `href="repodata/&#x7f;`, want: "holds a control character"},
		{name: "no location", old: "<location ", new: "<x ", want: data + "has no location"},
		{name: "no primary", old: `"primary"`, new: `"secondary"`, want: "repodata/repomd.xml: lists no primary, so no client can use it"},
		{name: "a path with two digests", old: "</repomd>", new: `<data type="x"><checksum type="sha256">` + strings.Repeat("0", 64) + `</checksum><location href="repodata/` + digest + `-filelists.xml.gz"/></data></repomd>`,
			want: `repodata/repomd.xml:46: data "x": repodata/` + digest + `-filelists.xml.gz is listed with two digests, as "filelists" and as "x"`},
		{name: "a type twice", old: "</repomd>", new: `<data type="filelists"><checksum type="sha256">` + digest + `</checksum><location href="repodata/other"/></data></repomd>`,
			want: `repodata/repomd.xml:46: data "filelists": is listed twice, as repodata/` + digest + `-filelists.xml.gz and as repodata/other`},
		{name: "the root itself", old: "</repomd>", new: `<data type="x"><checksum type="sha256">` + digest + `</checksum><location href="repodata/repomd.xml"/></data></repomd>`, want: "HOST/repodata/repomd.xml: its SHA256 is"},
		{name: "below the root", old: "</repomd>", new: `<data type="x"><checksum type="sha256">` + digest + `</checksum><location href="repodata/repomd.xml/x"/></data></repomd>`, want: "repodata/repomd.xml/x: upstream lists it and does not have it"},
		{name: "an entity", old: "<revision>", new: "<revision>&x;", want: "HOST/repodata/repomd.xml:3: invalid character entity &x;"},
		{name: "cut", old: "</repomd>", want: "HOST/repodata/repomd.xml:47: unexpected EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			f := some(s, "")
			f.repomd = change(t, tt.old, tt.new)
			s.publish("", f)
			r := s.open(Options{Verify: "off"})
			if tt.want == "" {
				remotetest.Publish(t, s.capture(r, nil))
				return
			}
			text, err := s.failLasting(r, nil)
			if !strings.Contains(text, tt.want) || errors.Is(err, remote.ErrMoved) {
				t.Errorf("got %s\nwant …%s…", text, tt.want)
			}
			if tt.hint != "" && hint(err) != tt.hint {
				t.Errorf("the hint is %q", hint(err))
			}
		})
	}
}

// What is unusual in primary.xml is captured as clients read it, and what makes a mirror
// differ from upstream is refused by its place.
func TestPackages(t *testing.T) {
	const outside = "let url end 2 folders higher, and put the rest of it into paths"
	one := pkg{name: "x", version: "1"}
	with := func(change func(*pkg)) []pkg {
		p := one
		change(&p)
		return []pkg{p}
	}
	digest := digestOf("sha256", "the package x 1")
	for _, tt := range []struct {
		name     string
		packages []pkg
		dir      string // of the repository
		old, new string // in primary.xml
		files    []string
		want     string
		hint     string
	}{
		{name: "a wrong number of packages", packages: []pkg{one}, old: `packages="1"`, new: `packages="7"`, files: []string{"Packages/x-1-1.noarch.rpm"}},
		{name: "no number of packages", packages: []pkg{one}, old: ` packages="1"`, files: []string{"Packages/x-1-1.noarch.rpm"}},
		{name: "no packages", files: nil},
		{name: "no epoch", packages: []pkg{one}, old: `epoch="0" `, files: []string{"Packages/x-1-1.noarch.rpm"}},
		{name: "no size", packages: []pkg{one}, old: `<size package="15"`, new: "<size", files: []string{"Packages/x-1-1.noarch.rpm"}},
		{name: "a dot", packages: with(func(p *pkg) { p.href, p.at = "./Packages/x", "Packages/x" }), files: []string{"Packages/x"}},
		{name: "two slashes", packages: with(func(p *pkg) { p.href, p.at = "Packages//x", "Packages/x" }), files: []string{"Packages/x"}},
		{name: "odd characters", packages: with(func(p *pkg) { p.href = "a^b~c+d e&f?g#h%5E.rpm" }), files: []string{"a^b~c+d e&f?g#h%5E.rpm"}},
		{name: "the base of media", packages: with(func(p *pkg) { p.base = "media://1234#2" }), files: []string{"Packages/x-1-1.noarch.rpm"}},
		{name: "one entry twice", packages: []pkg{one, one}, files: []string{"Packages/x-1-1.noarch.rpm"}},
		{name: "one name and version, two files", packages: []pkg{one, {name: "x", version: "1", href: "other/x.rpm", content: "another"}}, files: []string{"Packages/x-1-1.noarch.rpm", "other/x.rpm"}},
		{name: "one file name in two folders", packages: []pkg{{name: "x", version: "1", href: "a/x.rpm"}, {name: "y", version: "1", href: "b/x.rpm"}}, files: []string{"a/x.rpm", "b/x.rpm"}},
		{name: "an entry by two digests", packages: []pkg{one, {name: "x", version: "1", sum: "sha512"}}, files: []string{"Packages/x-1-1.noarch.rpm"}},
		{name: "SHA-384", packages: with(func(p *pkg) { p.sum = "sha384" }), files: []string{"Packages/x-1-1.noarch.rpm"}},
		{name: "SHA-224", packages: with(func(p *pkg) { p.sum = "SHA224" }), files: []string{"Packages/x-1-1.noarch.rpm"}},
		{name: "a way up within the tree", dir: "a/b/", packages: with(func(p *pkg) { p.href, p.at = "../../pool/x.rpm", "../../pool/x.rpm" }), files: []string{"pool/x.rpm"}},

		{name: "a way out", packages: with(func(p *pkg) { p.href = "../../pool/x.rpm" }), want: `HASH-primary.xml.gz:3: package "x-1-1.noarch": "../../pool/x.rpm" leads out of the mirrored tree`, hint: outside},
		{name: "a way out of a path", dir: "a/", packages: with(func(p *pkg) { p.href = "../../../x" }), want: `"../../../x" leads out of the mirrored tree`, hint: outside},
		{name: "an absolute path", packages: with(func(p *pkg) { p.href = "/abs/x" }), want: `package "x-1-1.noarch": path "/abs/x" is absolute`},
		{name: "another server", packages: with(func(p *pkg) { p.href = "http://other.example.org/x" }), want: `package "x-1-1.noarch": "http://other.example.org/x" leads to another server`,
			hint: "a mirror can't hold it; ask whoever runs the remote for a repository that holds its own packages"},
		{name: "another base", packages: with(func(p *pkg) { p.base = "https://other.example.org/d" }), want: `package "x-1-1.noarch": "https://other.example.org/d" leads to another server`},
		{name: "a base here", packages: with(func(p *pkg) { p.base = "d" }), want: `package "x-1-1.noarch": "d" leads to another server`},
		{name: "a folder", packages: []pkg{one}, old: "Packages/x-1-1.noarch.rpm", new: "Packages/", want: `path "Packages/" is a folder`},
		{name: "no location", packages: []pkg{one}, old: `href="Packages/x-1-1.noarch.rpm"`, want: "has no location"},
		{name: "a backslash", packages: with(func(p *pkg) { p.href = `a\b` }), want: "holds a backslash"},
		{name: "a control character", packages: with(func(p *pkg) { p.href = "a\u007fb" }), want: "holds a control character"},
		{name: "a long name", packages: with(func(p *pkg) { p.href = strings.Repeat("x", 1100) }), want: "is longer than 768 bytes"},
		{name: "one path, two digests", packages: []pkg{one, {name: "x", version: "1", content: "the package x 2"}},
			want: "Packages/x-1-1.noarch.rpm: is listed twice: with 15 bytes and SHA256 " + digest + " (repodata/HASH-primary.xml.gz:3), and with 15 bytes and SHA256 " + digestOf("sha256", "the package x 2") + " (repodata/HASH-primary.xml.gz:14)"},
		{name: "one path, two sizes", packages: []pkg{one, one}, old: `package="15"`, new: `package="16"`, want: "is listed twice: with 16 bytes and SHA256 " + digest},
		{name: "repomd.xml", packages: with(func(p *pkg) { p.href, p.at = repomdName, "x" }), want: `repodata/repomd.xml is the place of a root document`},
		{name: "below repomd.xml", packages: with(func(p *pkg) { p.href = repomdName + "/x" }), want: `HOST/: path "repodata/repomd.xml/x" stands below "repodata/repomd.xml", which is a file`},
		{name: "no digest", packages: []pkg{one}, old: "<checksum…</checksum>", want: "Packages/x-1-1.noarch.rpm: has no digest"},
		{name: "an unknown digest", packages: []pkg{one}, old: `"sha256"`, new: `"crc32"`, want: `Packages/x-1-1.noarch.rpm: has a digest of the unknown type "crc32"`},
		{name: "capital digits", packages: []pkg{one}, old: digest, new: strings.ToUpper(digest), want: `is not a digest of SHA256`},
		{name: "a weak digest", packages: with(func(p *pkg) { p.sum = "sha" }), want: "only its MD5 or SHA-1 is known, which prove nothing", hint: "allow_weak: true accepts it, if you trust the way it came"},
		{name: "a huge size", packages: []pkg{one}, old: `package="15"`, new: `package="9223372036854775807"`, want: "size 9223372036854775807 is more than 5497558138880 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			text := ""
			for _, p := range tt.packages {
				if p.at == "" && strings.Contains(p.href, "://") {
					p.at = "x"
				}
				at := p.at
				entry := s.add(tt.dir, p)
				if strings.HasPrefix(at, "../") { // where the client looks for it
					s.Set(strings.TrimLeft(at, "./"), "the package x 1")
				}
				text += entry
			}
			f := files{packages: text}
			if tt.old != "" {
				f.primary = change(t, tt.old, tt.new)
			}
			s.publish(tt.dir, f)
			opts := Options{Verify: "off"}
			if tt.dir != "" {
				opts.Paths = []string{tt.dir}
			}
			r := s.open(opts)
			if tt.want == "" {
				c := s.capture(r, nil)
				remotetest.Publish(t, c)
				var got []string
				for _, p := range remotetest.Paths(c) {
					if !strings.Contains(p, repodata) {
						got = append(got, p)
					}
				}
				if !slices.Equal(got, tt.files) {
					t.Errorf("%q, want %q", got, tt.files)
				}
				return
			}
			text, err := s.failLasting(r, nil)
			for _, p := range []string{"primary.xml.gz"} {
				for name := range s.Files {
					if strings.HasSuffix(name, "-"+p) {
						text = strings.ReplaceAll(text, name, tt.dir+repodata+"HASH-"+p)
					}
				}
			}
			if !strings.Contains(text, tt.want) || errors.Is(err, remote.ErrMoved) {
				t.Errorf("got %s\nwant …%s…", text, tt.want)
			}
			if tt.hint != "" && hint(err) != tt.hint {
				t.Errorf("the hint is %q", hint(err))
			}
		})
	}
}

// All entries that are wrong are named at once.
func TestAllWrong(t *testing.T) {
	s := newSite(t)
	s.publish("", files{packages: s.add("", pkg{name: "x", version: "1", href: "../x"}) + s.add("", pkg{name: "good", version: "1"}) + s.add("", pkg{name: "y", version: "1", href: "/y"})})
	text, _ := s.fail(s.open(Options{Verify: "off"}), nil)
	if !strings.HasPrefix(text, "2 files are missing or wrong upstream:\n") || strings.Count(text, "primary.xml.gz:") != 2 {
		t.Error(text)
	}
}

// Missing files are skipped only if clients can do without all of them, and only then is
// that offered.
func TestAdvice(t *testing.T) {
	const skip = "upstream has to mend these files or its metadata; missing: skip publishes without those that upstream does not have"
	for _, tt := range []struct {
		gone []string
		hint string
	}{
		{[]string{"-other.xml.gz"}, skip},
		{[]string{"-primary.xml.gz"}, "upstream has to mend these files or its metadata"},
		{[]string{"-primary.xml.gz", "-other.xml.gz"}, "upstream has to mend these files or its metadata"},
	} {
		s := newSite(t)
		s.publish("", some(s, ""))
		for _, name := range tt.gone {
			s.Remove(metadataPath(s, name))
		}
		text, err := s.failLasting(s.open(Options{Verify: "off"}), nil)
		if !errors.Is(err, remote.ErrMissing) || hint(err) != tt.hint {
			t.Errorf("%q: %s\nhint: %s", tt.gone, text, hint(err))
		}
		r := s.open(Options{Verify: "off", Missing: "skip"})
		s.fail(r, nil)
		c, err := r.Capture(t.Context(), nil)
		if (err == nil) != (tt.hint == skip) {
			t.Errorf("%q with missing: skip: %v", tt.gone, err)
		}
		if err == nil {
			c.Close()
		}
	}
}

// Digests that prove nothing are taken if that is allowed. A package is read once: the next
// capture has it under the same digest, and does not read it from the store either.
func TestWeak(t *testing.T) {
	for _, sum := range []string{"sha", "sha1", "md5", "sha512"} {
		t.Run(sum, func(t *testing.T) {
			s := newSite(t)
			hello := s.add("", pkg{name: "hello", version: "1", sum: sum})
			f := files{sum: sum, packages: hello + s.add("", pkg{name: "world", version: "1", sum: sum})}
			s.publish("", f)
			if sum != "sha512" {
				text, err := s.fail(s.open(Options{Verify: "off"}), nil)
				if !strings.Contains(text, `repodata/repomd.xml:4: data "primary": `) || !strings.Contains(text, "only its MD5 or SHA-1 is known") || hint(err) != "allow_weak: true accepts it, if you trust the way it came" {
					t.Errorf("%s, %q", text, hint(err))
				}
			}
			r := s.open(Options{Verify: "off", AllowWeak: sum != "sha512"})
			s.Take()
			prev := remotetest.Publish(t, s.capture(r, nil))
			if got, _ := requests(s); len(got) != 6 || strings.Count(strings.Join(got, "\n"), ".rpm") != 2 {
				t.Errorf("the first capture: %q", got)
			}
			// Unchanged, and with a package more and one that changed.
			s.capture(r, prev)
			if got, _ := requests(s); len(got) != 2 {
				t.Errorf("an unchanged repository: %q", got)
			}
			for _, name := range prev.Opened() {
				if strings.HasSuffix(name, ".rpm") {
					t.Errorf("%s was read from the store", name)
				}
			}
			f.packages = hello + s.add("", pkg{name: "world", version: "1", sum: sum, content: "the package world!"}) + s.add("", pkg{name: "more", version: "1", sum: sum})
			s.publish("", f)
			s.Age()
			c := s.capture(r, prev)
			if list, _ := requests(s); strings.Contains(strings.Join(list, "\n"), "hello") || strings.Count(strings.Join(list, "\n"), ".rpm") != 2 {
				t.Errorf("a changed repository: %q", list)
			}
			next := remotetest.Publish(t, c)
			if next.Data["Packages/world-1-1.noarch.rpm"] != "the package world!" {
				t.Error("the old package was kept")
			}
			// Bytes that do not match.
			s.Set("Packages/hello-1-1.noarch.rpm", "the package HELLO 1"[:len("the package hello 1")])
			if text, err := s.failLasting(s.open(Options{Verify: "off", AllowWeak: true}), nil); !strings.Contains(text, "Packages/hello-1-1.noarch.rpm: its "+mirrorName(sum)+" is ") || !errors.Is(err, remote.ErrUnverified) {
				t.Error(text)
			}
		})
	}
}

func mirrorName(sum string) string {
	switch sum {
	case "md5":
		return "MD5"
	case "sha512":
		return "SHA512"
	}
	return "SHA1"
}

// Several repositories below one URL are one checkpoint; what they share is there once.
func TestPaths(t *testing.T) {
	s := newSite(t)
	shared := pkg{name: "shared", version: "1", href: "../../../pool/shared.rpm"}
	for _, dir := range []string{"BaseOS/x86_64/os/", "AppStream/x86_64/os/"} {
		f := some(s, dir)
		f.packages += s.add(dir, shared)
		s.publish(dir, f)
	}
	s.Set("pool/shared.rpm", "the package shared 1")
	r := s.open(Options{Verify: "off", Paths: []string{"BaseOS/x86_64/os", "AppStream/x86_64/os/"}})
	c := s.capture(r, nil)
	p := remotetest.Publish(t, c)
	if got := len(p.Files); got != 2*(2+7+1)+1 || p.Data["pool/shared.rpm"] == "" {
		t.Errorf("%d files: %q", got, remotetest.Paths(c))
	}
	s.Take()
	s.capture(r, p)
	if got := s.Take(); !slices.Equal(got, []string{"GET AppStream/x86_64/os/repodata/repomd.xml since", "GET AppStream/x86_64/os/repodata/repomd.xml.asc", "GET BaseOS/x86_64/os/repodata/repomd.xml since", "GET BaseOS/x86_64/os/repodata/repomd.xml.asc"}) {
		t.Errorf("%q", got)
	}
	// One that lacks a repository.
	text, err := s.fail(s.open(Options{Verify: "off", Paths: []string{"BaseOS/x86_64/os", "CRB"}}), nil)
	if text != "get HOST/CRB/repodata/repomd.xml: 404 Not Found" || errors.Is(err, remote.ErrMoved) || hint(err) != "url, or url with an entry of paths, has to be the folder that holds repodata" {
		t.Errorf("%s, %q", text, hint(err))
	}
	// One that lacks several: all are named.
	text, err = s.fail(s.open(Options{Verify: "off", Paths: []string{"CRB", "BaseOS/x86_64/os", "Extras"}}), nil)
	if text != "2 of 3 paths hold no repository:\n  get HOST/CRB/repodata/repomd.xml: 404 Not Found\n  get HOST/Extras/repodata/repomd.xml: 404 Not Found" || errors.Is(err, remote.ErrMoved) || hint(err) != "url, or url with an entry of paths, has to be the folder that holds repodata" {
		t.Errorf("%s, %q", text, hint(err))
	}
	// One changes while another is read: they would not belong together.
	f := some(s, "BaseOS/x86_64/os/")
	f.packages += s.add("BaseOS/x86_64/os/", pkg{name: "new", version: "1"})
	s.publish("BaseOS/x86_64/os/", f)
	s.Age()
	changed := false
	s.OnRequest(func(path string) {
		if strings.Contains(path, "primary") && !changed {
			changed = true
			f := some(s, "AppStream/x86_64/os/")
			f.packages += s.add("AppStream/x86_64/os/", pkg{name: "newer", version: "1"})
			s.publish("AppStream/x86_64/os/", f)
			s.Age()
		}
	})
	if text, err := s.fail(r, p); !errors.Is(err, remote.ErrMoved) || !changed {
		t.Error(text)
	}
	s.OnRequest(nil)
	next := remotetest.Publish(t, s.capture(r, p))
	if next.Data["AppStream/x86_64/os/Packages/newer-1-1.noarch.rpm"] == "" || next.Data["BaseOS/x86_64/os/Packages/new-1-1.noarch.rpm"] == "" {
		t.Error("a mixed state")
	}
}

func TestOptions(t *testing.T) {
	key := remotetest.KeyFile(t, true, newKey(t))
	for _, tt := range []struct {
		opts Options
		want string
	}{
		{Options{URL: "https://example.org/os"}, ""},
		{Options{URL: "https://example.org/os", Paths: []string{".", "./a//b/"}}, ""},
		{Options{}, "url: missing"},
		{Options{Mirrorlist: "https://example.org/list?x=y"}, ""},
		{Options{Metalink: "https://example.org/metalink?repo=fedora-42&arch=x86_64", Verify: "required"}, ""},
		{Options{Metalink: "http://example.org/metalink", Verify: "required"}, "verify: required needs keys in signed_by, or a metalink by https"},
		{Options{Metalink: "file:///metalink"}, "metalink: not an http or https URL"},
		{Options{Mirrorlist: "x"}, "mirrorlist: not an http, https or file URL"},
		{Options{URL: "https://example.org/$releasever/os"}, "url: holds $releasever; dnf's variables are not expanded: write the value, or %24 for a dollar"},
		{Options{URL: "https://example.org/${basearch}/os"}, "url: holds ${basearch}; dnf's variables are not expanded: write the value, or %24 for a dollar"},
		{Options{Mirrorlist: "https://example.org/?arch=$basearch"}, "mirrorlist: holds $basearch; dnf's variables are not expanded: write the value, or %24 for a dollar"},
		{Options{Metalink: "https://example.org/?repo=fedora-$releasever&arch=x"}, "metalink: holds $releasever; dnf's variables are not expanded: write the value, or %24 for a dollar"},
		{Options{URL: "https://example.org/%24x/a$/$$"}, ""},
		{Options{URL: "https://example.org/os", Verify: "warn"}, ""},
		{Options{URL: "https://example.org/os", Verify: "warn", SignedBy: []string{key}}, ""},
		{Options{Mirrorlist: "https://example.org/list", Paths: []string{"a"}}, "paths: a list of mirrors is of one repository"},
		{Options{Mirrorlist: "https://example.org/list", URL: "https://example.org/os"}, "url: only one of url, mirrorlist and metalink can be there"},
		{Options{URL: "https://example.org/?x"}, "url: holds a query"},
		{Options{URL: "https://example.org/os/repodata/"}, "url: ends in repodata; it has to be the folder above that"},
		{Options{URL: "https://example.org/os", Paths: []string{"a", "a/"}}, `paths[1]: "a/" is listed twice`},
		{Options{URL: "https://example.org/os", Paths: []string{"/a"}}, `paths[0]: "/a" is no folder below url`},
		{Options{URL: "https://example.org/os", Paths: []string{""}}, `paths[0]: "" is no folder below url`},
		{Options{URL: "https://example.org/os", Paths: []string{"../a"}}, `paths[0]: path "../a/repodata/repomd.xml" holds the segment ".."`},
		{Options{URL: "https://example.org/os", Verify: "required"}, "verify: required needs keys in signed_by, or a metalink by https"},
		{Options{URL: "https://example.org/os", Verify: "off", SignedBy: []string{key}}, "verify: off contradicts signed_by"},
		{Options{URL: "https://example.org/os", Verify: "maybe"}, `verify: is "maybe"; allowed: required, warn, off`},
		{Options{URL: "https://example.org/os", Missing: "maybe"}, `missing: is "maybe"; allowed: fail, skip`},
		{Options{URL: "https://example.org/os", SignedBy: []string{"/nowhere"}}, "signed_by: open /nowhere: no such file or directory"},
	} {
		_, err := New(tt.opts, newSite(t).env())
		if got := fmt.Sprint(err); got != or(tt.want, "<nil>") {
			t.Errorf("%+v:\n got %s\nwant %s", tt.opts, got, tt.want)
		}
	}
}
