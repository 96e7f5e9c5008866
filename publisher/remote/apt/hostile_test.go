package apt

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/mirror"
)

// tee writes what is read to a verifier.
type tee struct {
	io.Reader
	v *mirror.Verifier
}

func (t tee) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	_, _ = t.v.Write(p[:n])
	return n, err
}

// What upstream's documents must not say fails the capture by its place, before a
// byte of a package is read.
func TestHostile(t *testing.T) {
	const digest = "SHA256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n"
	pkg := func(fields string) map[string]string {
		return map[string]string{"main/binary-amd64/Packages": "Package: x\n" + fields}
	}
	source := func(fields string) map[string]string {
		return map[string]string{"main/source/Sources": "Package: x\n" + fields}
	}
	packagesIn := "dists/stable/main/binary-amd64/Packages.gz:1: package \"x\": "
	sourceFileIn := "dists/stable/main/source/Sources.gz:4: source \"x\": "
	for _, tt := range []struct {
		name    string
		indexes map[string]string
		change  func(a *archive)
		opts    Options
		want    string
		asks    bool // it has to ask for a package
	}{
		{name: "a path that leads out", indexes: pkg("Filename: ../../x\nSize: 4\n" + digest), want: packagesIn + `path "../../x" holds the segment ".."`},
		{name: "a path that leads out from within", indexes: pkg("Filename: pool/../../x\nSize: 4\n" + digest), want: packagesIn + `path "pool/../../x" holds the segment ".."`},
		{name: "an absolute path", indexes: pkg("Filename: /etc/passwd\nSize: 4\n" + digest), want: ""}, // joined to the archive's address, as apt does
		{name: "an absolute path that leads out", indexes: pkg("Filename: //../etc/passwd\nSize: 4\n" + digest), want: packagesIn + `path "../etc/passwd" holds the segment ".."`},
		{name: "a folder", indexes: pkg("Filename: ./pool/\nSize: 4\n" + digest), want: packagesIn + `path "pool/" holds an empty segment`},
		{name: "an absolute path in disguise", indexes: pkg("Filename: .//etc/passwd\nSize: 4\n" + digest), want: ""},
		{name: "a backslash", indexes: pkg("Filename: pool\\x\nSize: 4\n" + digest), want: packagesIn + `path "pool\\x" holds a backslash`},
		{name: "no path", indexes: pkg("Size: 4\n" + digest), want: ""},
		{name: "an empty path", indexes: pkg("Filename:\nSize: 4\n" + digest), want: ""},
		{name: "a path of a root document", indexes: pkg("Filename: dists/stable/Release\nSize: 4\n" + digest), want: `HOST/: path "dists/stable/Release" is listed twice`},
		{name: "a path below a file", indexes: pkg("Filename: dists/stable/Release/x\nSize: 4\n" + digest), want: `HOST/: path "dists/stable/Release/x" stands below "dists/stable/Release", which is a file`},
		{name: "no size", indexes: pkg("Filename: x\n" + digest), want: "the upstream has changed meanwhile: head HOST/x: "},
		{name: "a negative size", indexes: pkg("Filename: x\nSize: -1\n" + digest), want: "the upstream has changed meanwhile: head HOST/x: "},
		{name: "a huge size", indexes: pkg("Filename: x\nSize: 9223372036854775807\n" + digest), want: packagesIn + "x: size 9223372036854775807 is more than 5497558138880 bytes"},
		{name: "no digest", indexes: pkg("Filename: x\nSize: 4\n"), want: packagesIn + "x: has no digest"},
		{name: "a weak digest", indexes: pkg("Filename: x\nSize: 4\nMD5sum: 098f6bcd4621d373cade4e832627b4f6\n"), want: packagesIn + "x: only its MD5 or SHA-1 is known, which prove nothing"},
		{name: "a short digest", indexes: pkg("Filename: x\nSize: 4\nSHA256: ab\n"), want: packagesIn + `"ab" is not a digest of SHA256`},
		{name: "a digest of other letters", indexes: pkg("Filename: x\nSize: 4\nSHA256: " + strings.Repeat("zz", 32) + "\n"), want: packagesIn + `"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz" is not a digest of SHA256`},
		{name: "a field twice", indexes: pkg("Filename: x\nFilename: y\nSize: 4\n" + digest), want: ""},
		{name: "two digests of a path", indexes: map[string]string{
			"main/binary-amd64/Packages":    "Package: x\nFilename: pool/x\nSize: 4\n" + digest,
			"contrib/binary-amd64/Packages": "Package: x\nFilename: pool/x\nSize: 4\n" + strings.Replace(digest, "9f", "8f", 1),
		}, want: "the upstream has changed meanwhile: get HOST/pool/x: ", asks: true},
		{name: "two sizes of a path", indexes: pkg("Filename: pool/x\nSize: 4\n" + digest + "\nPackage: y\nFilename: ./pool/x\nSize: 5\n" + digest),
			want: "the upstream has changed meanwhile: get HOST/pool/x: ", asks: true},
		{name: "a source that leads out", indexes: source("Directory: ../x\nChecksums-Sha256:\n " + digest[8:72] + " 4 x.dsc\n"), want: sourceFileIn + `path "../x/x.dsc" holds the segment ".."`},
		{name: "a source's file that leads out", indexes: source("Directory: pool\nChecksums-Sha256:\n " + digest[8:72] + " 4 ../x.dsc\n"), want: sourceFileIn + `"../x.dsc" is no name of a file in a folder`},
		{name: "a source with two sizes", indexes: source("Directory: pool\nChecksums-Sha256:\n " + digest[8:72] + " 4 x.dsc\nFiles:\n 098f6bcd4621d373cade4e832627b4f6 5 x.dsc\n"), want: ""},
		{name: "a source with two sizes by good digests", indexes: source("Directory: pool\nChecksums-Sha256:\n " + digest[8:72] + " 4 x.dsc\nChecksums-Sha512:\n " + strings.Repeat(digest[8:72], 2) + " 5 x.dsc\n"), want: sourceFileIn + `x.dsc: has two sizes, 5 and 4`},
		{name: "a source by MD5", indexes: source("Directory: pool\nFiles:\n 098f6bcd4621d373cade4e832627b4f6 5 x.dsc\n"), want: sourceFileIn + "pool/x.dsc: only its MD5 or SHA-1 is known, which prove nothing"},
		{name: "a source without files", indexes: source("Directory: pool\n"), want: ""},
		{name: "an installer that leads out", opts: Options{Installer: true}, indexes: map[string]string{"main/installer-amd64/current/images/SHA256SUMS": digest[8:72] + "  ./../x\n"},
			want: `dists/stable/main/installer-amd64/current/images/SHA256SUMS:1: path "dists/stable/main/installer-amd64/current/images/../x" holds the segment ".."`},
		{name: "a list of images that is none", opts: Options{Installer: true}, indexes: map[string]string{"main/installer-amd64/current/images/SHA256SUMS": "<html>\n"},
			want: `dists/stable/main/installer-amd64/current/images/SHA256SUMS:1: "<html>" is no SHA-256 and name`},
		{name: "a Release that leads out", indexes: map[string]string{"../binary-amd64/Packages": ""}, want: `HOST/dists/stable/Release:5: path "../binary-amd64/Packages" holds the segment ".."`},
		{name: "a Release that leads out, where nobody goes", indexes: map[string]string{"../../etc/passwd": "", "main/binary-amd64/Packages": ""}, want: ""},
		{name: "an index that is huge", indexes: pkg(""), change: func(a *archive) {
			a.Set("dists/stable/Release", a.Content("dists/stable/Release")+" "+digest[8:72]+" 4294967297 main/binary-amd64/Packages.xz\n")
		}, want: "HOST/dists/stable/Release:8: main/binary-amd64/Packages.xz: has 4294967297 bytes, more than 4294967296"},
		{name: "an index by MD5", indexes: pkg(""), change: func(a *archive) {
			a.Set("dists/stable/Release", "Date: Tue, 18 Mar 2025 14:03:39 UTC\nMD5Sum:\n 098f6bcd4621d373cade4e832627b4f6 4 main/binary-amd64/Packages\n")
		}, want: "HOST/dists/stable/Release:3: main/binary-amd64/Packages: only its MD5 or SHA-1 is known, which prove nothing"},
		{name: "a Release without lists", indexes: pkg(""), change: func(a *archive) { a.Set("dists/stable/Release", "Origin: x\n") }, want: "HOST/dists/stable/Release: lists no files: it has no entry in any of the fields SHA512, SHA256, SHA1 and MD5Sum"},
		{name: "a Release of two stanzas", indexes: pkg(""), change: func(a *archive) {
			a.Set("dists/stable/Release", a.Content("dists/stable/Release")+"\nDate: x\n")
		}, want: ""},
		{name: "a Release that is a page", indexes: pkg(""), change: func(a *archive) { a.Set("dists/stable/Release", "<html>\n") }, want: "HOST/dists/stable/Release: lists no files: "},
		{name: "a Release without end", indexes: pkg(""), change: func(a *archive) { a.Set("dists/stable/Release", strings.Repeat("x", MaxRelease+1)) },
			want: "HOST/dists/stable/Release: has more than 33554432 bytes"},
		{name: "no Release", indexes: pkg(""), change: func(a *archive) { a.Remove("dists/stable/Release") }, want: "HOST/dists/stable/: has neither InRelease nor Release: file does not exist"},
		{name: "an index that is another", indexes: pkg(""), change: func(a *archive) {
			for _, ext := range []string{".gz", ".zst"} {
				name := "dists/stable/main/binary-amd64/Packages" + ext
				a.Set(name, strings.Repeat("x", len(a.Content(name))))
			}
		}, want: "HOST/dists/stable/main/binary-amd64/Packages.gz: its SHA256 is "},
		{name: "an index that is longer", indexes: pkg(""), change: func(a *archive) {
			for _, ext := range []string{".gz", ".zst"} {
				name := "dists/stable/main/binary-amd64/Packages" + ext
				a.Set(name, a.Content(name)+"x")
			}
		}, want: "get HOST/dists/stable/main/binary-amd64/Packages.gz: has 36 bytes, expected 35"},
		{name: "no index", indexes: pkg(""), change: func(a *archive) {
			a.Remove("dists/stable/main/binary-amd64/Packages.gz", "dists/stable/main/binary-amd64/Packages.zst")
		}, want: "dists/stable/main/binary-amd64/Packages: the upstream has changed meanwhile: none of the files that Release lists is there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newArchive(t)
			a.publish("dists/stable/", suiteFiles{fields: "Architectures: amd64\n", indexes: tt.indexes})
			if tt.change != nil {
				tt.change(a)
			}
			tt.opts.Verify, tt.opts.Sources = "off", true
			if tt.want == "" {
				c := a.capture(a.open(tt.opts), nil)
				for _, f := range c.Files() {
					if strings.HasPrefix(f.Path, "/") || strings.HasPrefix(f.Path, ".") {
						t.Errorf("%q", f.Path)
					}
				}
				return
			}
			text, err := a.fail(a.open(tt.opts), nil)
			if !strings.HasPrefix(text, tt.want) {
				t.Errorf("\n got %s\nwant %s", text, tt.want)
			}
			if strings.HasPrefix(tt.name, "an index that is another") && !errors.Is(err, remote.ErrUnverified) {
				t.Errorf("%v is no failure to verify", err)
			}
			for _, request := range a.Take() {
				if strings.HasPrefix(request, "GET pool") && !tt.asks {
					t.Errorf("it asked: %s", request)
				}
			}
		})
	}
}

// A file that is small and unpacks to much ends where it should, or at a bound.
func TestBombs(t *testing.T) {
	a := newArchive(t)
	for _, tt := range []struct {
		listed bool // Release says how long the index is
		want   string
	}{
		{true, "dists/stable/main/binary-amd64/Packages.gz: unpacks to more than 5 bytes"},
		{false, ""},
	} {
		bomb := gzipped([]byte(strings.Repeat("\n", 8<<20)))
		text := fmt.Sprintf("Date: Tue, 18 Mar 2025 14:03:39 UTC\nArchitectures: amd64\nSHA256:\n %s %d main/binary-amd64/Packages.gz\n", digestOf("SHA256", bomb), len(bomb))
		if tt.listed {
			text += " " + digestOf("SHA256", []byte("short")) + " 5 main/binary-amd64/Packages\n"
		}
		a.Set("dists/stable/Release", text)
		a.Set("dists/stable/main/binary-amd64/Packages.gz", string(bomb))
		if tt.want == "" { // empty lines divide nothing: a long way to say nothing
			a.capture(a.open(Options{Verify: "off"}), nil)
			continue
		}
		if got, _ := a.fail(a.open(Options{Verify: "off"}), nil); got != tt.want {
			t.Errorf("\n got %s\nwant %s", got, tt.want)
		}
	}
}

// An index whose digest is right and which can't be unpacked.
func TestGarbage(t *testing.T) {
	a := newArchive(t)
	for _, ext := range []string{".gz", ".xz", ".bz2", ".zst", ".lz4"} {
		garbage := []byte("no compression has such bytes")
		a.Set("dists/stable/Release", fmt.Sprintf("Date: Tue, 18 Mar 2025 14:03:39 UTC\nArchitectures: amd64\nSHA256:\n %s %d main/binary-amd64/Packages%s\n", digestOf("SHA256", garbage), len(garbage), ext))
		a.Set("dists/stable/main/binary-amd64/Packages"+ext, string(garbage))
		if got, _ := a.fail(a.open(Options{Verify: "off"}), nil); !strings.HasPrefix(got, "dists/stable/main/binary-amd64/Packages"+ext+": unpack: ") {
			t.Error(got)
		}
	}
}
