package apt

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/asof/asof/internal/deb"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote/mirror"
)

// FuzzRelease: whatever a Release file says, no name in it leads out of the suite.
func FuzzRelease(f *testing.F) {
	for _, seed := range []string{
		"", "Date: Tue, 18 Mar 2025 14:03:39 UTC\n",
		"Date: Tue, 18 Mar 2025 14:03:39 UTC\nValid-Until: Tue, 18 Mar 2025 14:03:39 +0000\nAcquire-By-Hash: yes\nArchitectures: all amd64\nSHA256:\n " + strings.Repeat("ab", 32) + " 4 ./main/binary-amd64/Packages.xz\n",
		"Date: Tue, 18 Mar 2025 14:03:39 UTC\nMD5Sum:\n d8e8fca2dc0f896fd7cb4cb0031ba249 4 ../x\nSHA512:\n x 1 y\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		rel, err := parseRelease(releaseText{text: text, where: "x"}, func(string, string) {})
		if err != nil {
			return
		}
		for name, listings := range rel.files {
			for _, l := range listings {
				if err := manifest.CheckPath(name); err != nil || l.Size < 0 || l.Sums == (mirror.Sums{}) || len(listings) > maxListings {
					t.Fatalf("%q: %+v, %v", name, l, err)
				}
			}
			parseIndexName(name)
		}
	})
}

// FuzzIndexes: whatever an index says, no file of it leads out of the tree, and
// each has a digest; and it reads the same byte by byte.
func FuzzIndexes(f *testing.F) {
	for _, seed := range []string{
		"Package: x\nFilename: ./pool/x\nSize: 4\nSHA256: " + strings.Repeat("ab", 32) + "\n\nPackage: y\n",
		"Package: x\nFilename: ../x\nSize: 4\nSHA512: " + strings.Repeat("ab", 64) + "\nDepends: a | b (>= 1)\nSource: y (2)\n",
		"Package: x\nDirectory: pool/x\nFiles:\n d8e8fca2dc0f896fd7cb4cb0031ba249 4 x.dsc\nChecksums-Sha256:\n " + strings.Repeat("ab", 32) + " 4 x.dsc\n",
		strings.Repeat("ab", 32) + "  ./x\n",
		"SHA256-Download:\n " + strings.Repeat("ab", 32) + " 4 x.gz\n",
	} {
		f.Add([]byte(seed), uint8(0))
		f.Add([]byte(seed), uint8(7))
	}
	filter, err := newFilter(Filter{Include: []string{"x"}, FollowDependencies: new(true)})
	must(f, err)
	f.Fuzz(func(t *testing.T, text []byte, choice uint8) {
		up := &upstream{options: Options{AllowWeak: choice&4 != 0}}
		if choice&8 != 0 {
			up.filter = filter
		}
		c := &capture{upstream: up}
		ix := &obtained{suite: &suite{suiteName: suiteName{dir: "dists/x/"}}, indexName: indexName{stem: "main/x/y"}}
		parse := []func(*obtained, *parsed) error{
			func(ix *obtained, out *parsed) error { return c.parsePackages(ix, bytes.NewReader(text), out) },
			func(ix *obtained, out *parsed) error { return c.parseSources(ix, bytes.NewReader(text), out) },
			func(ix *obtained, out *parsed) error { return c.parseSHA256SUMS(ix, bytes.NewReader(text), out) },
			func(ix *obtained, out *parsed) error { return c.parsePDiffs(ix, bytes.NewReader(text), out) },
		}[choice&3]
		var out parsed
		err := parse(ix, &out)
		for _, file := range out.files {
			if perr := manifest.CheckPath(file.Path); perr != nil || file.Size > manifest.MaxSize || (!file.Known && file.More == nil) {
				t.Fatalf("%+v, %v", file, perr)
			}
			if s := file.Sums(); s.Check(up.options.AllowWeak) != nil {
				t.Fatalf("%+v has no digest to be trusted", file)
			}
		}
		if up.filter != nil {
			up.filter.choose(out.pkgs)
		}
		if choice&3 != 0 {
			return
		}
		var again parsed
		slow := c.parsePackages(ix, iotest.OneByteReader(bytes.NewReader(text)), &again)
		if fmt.Sprint(err) != fmt.Sprint(slow) || len(out.files) != len(again.files) {
			t.Fatalf("%d files, %v; byte by byte %d, %v", len(out.files), err, len(again.files), slow)
		}
	})
}

// A syntax error keeps its line.
func TestSyntax(t *testing.T) {
	err := syntax("x", &deb.SyntaxError{Line: 3, Err: fmt.Errorf("wrong")})
	if err.Error() != "x:3: wrong" {
		t.Error(err)
	}
}
