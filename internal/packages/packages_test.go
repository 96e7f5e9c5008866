package packages

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
)

func TestPlace(t *testing.T) {
	var x Indexes
	for _, root := range []string{"dists/stable/updates/InRelease", "ubuntu/dists/jammy/Release.gpg", "dists/old/updates/main/Release"} {
		x.Add(catalog.Difference{Path: root, New: &manifest.Entry{Path: root}})
	}
	for p, want := range map[string]Place{
		"dists/bookworm/main/binary-amd64/Packages":                  {"bookworm", "main", "amd64"},
		"dists/bookworm/main/source/Sources":                         {"bookworm", "main", "source"},
		"dists/bookworm/main/debian-installer/binary-arm64/Packages": {"bookworm", "main/debian-installer", "arm64"},
		"dists/stable/updates/main/binary-all/Packages":              {"stable/updates", "main", "all"},
		"dists/stable/updates/a/b/binary-all/Packages":               {"stable/updates", "a/b", "all"},
		"dists/old/updates/main/binary-all/Packages":                 {"old/updates", "main", "all"},
		"ubuntu/dists/jammy/main/binary-i386/Packages":               {"ubuntu/jammy", "main", "i386"},
		"Packages":                             {"./", "", ""},
		"sub/dir/Sources":                      {"sub/dir/", "", ""},
		"dists/Packages":                       {"dists/", "", ""},
		"dists/x/binary-amd64/Packages":        {"dists/x/binary-amd64/", "", ""},
		"dists/x/main/other/Packages":          {"dists/x/main/other/", "", ""},
		"mydists/x/main/binary-amd64/Packages": {"mydists/x/main/binary-amd64/", "", ""},
	} {
		if got := x.place(p); got != want {
			t.Errorf("%s: %+v", p, got)
		}
	}
}

func entry(p, content string) manifest.Entry {
	return manifest.Entry{Path: p, Size: int64(len(content)), SHA256: manifest.Sum([]byte(content))}
}

func TestIndexes(t *testing.T) {
	var x Indexes
	add := func(old, now string, p string) bool {
		c := catalog.Difference{Path: p}
		if old != "" {
			e := entry(p, old)
			c.Old = &e
		}
		if now != "" {
			e := entry(p, now)
			c.New = &e
		}
		return x.Add(c)
	}
	const main = "dists/s/main/"
	for p, want := range map[string]bool{
		main + "binary-amd64/Packages.xz": true, main + "source/Sources.bz2": true, "Packages": true,
		main + "binary-amd64/Packages.diff/Index": false, main + "binary-amd64/Release": false,
		main + "Contents-amd64.gz": false, "Packages.txt": false, "XPackages": false,
	} {
		if got := add("1", "2", p); got != want {
			t.Errorf("%s: %v", p, got)
		}
	}
	add("", "2", main+"binary-amd64/Packages.gz") // another form was added
	add("", "2", main+"binary-arm64/Packages.gz") // an architecture was added
	add("1", "", main+"binary-armhf/Packages.xz") // a form was removed, its index did not change
	add("1", "", main+"binary-armel/Packages.xz") // a form was removed, another was added
	add("", "2", main+"binary-armel/Packages.gz") //
	add("1", "", main+"binary-i386/Packages.xz")  // an architecture was removed
	lacking := x.Lacking()
	if len(lacking) != 3 || !lacking[main+"binary-arm64/Packages"] || !lacking[main+"binary-armhf/Packages"] || !lacking[main+"binary-i386/Packages"] {
		t.Errorf("%v", lacking)
	}
	for _, p := range []string{"binary-armhf/Packages.gz", "binary-arm64/Packages.gz", "binary-amd64/Packages.gz", "other"} {
		x.AddForm(lacking, entry(main+p, "2"))
	}
	var got []string
	for _, i := range x.List() {
		got = append(got, fmt.Sprintf("%s|%s|%s %q %q", i.Suite, i.Component, i.Arch, i.Old.Path, i.New.Path))
	}
	want := []string{
		`./|| "Packages" "Packages"`,
		`s|main|amd64 "dists/s/main/binary-amd64/Packages.xz" "dists/s/main/binary-amd64/Packages.xz"`,
		`s|main|arm64 "" "dists/s/main/binary-arm64/Packages.gz"`,
		`s|main|armel "dists/s/main/binary-armel/Packages.xz" "dists/s/main/binary-armel/Packages.gz"`,
		`s|main|i386 "dists/s/main/binary-i386/Packages.xz" ""`,
		`s|main|source "dists/s/main/source/Sources.bz2" "dists/s/main/source/Sources.bz2"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// text is an index of packages, written "name version arch hash".
func text(packages ...string) string {
	var b strings.Builder
	for _, p := range packages {
		f := strings.Fields(p)
		fmt.Fprintf(&b, "Package: %s\nVersion: %s\nArchitecture: %s\nSHA256: %s\nOther: x\n\n", f[0], f[1], f[2], f[3])
	}
	return b.String()
}

// diff compares two indexes.
func diff(t *testing.T, old, now string) ([]Event, error) {
	t.Helper()
	open := func(content string) Tree {
		return Tree{Open: func(_ context.Context, e manifest.Entry) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(content)), nil
		}}
	}
	file := func(content string) File {
		if content == "" {
			return File{}
		}
		return File{entry("Packages", content), ""}
	}
	return Index{Old: file(old), New: file(now)}.Diff(t.Context(), open(old), open(now))
}

func TestDiff(t *testing.T) {
	old := text("z 1 amd64 a", "same 1 amd64 a", "up 1.9 amd64 a", "down 2 all a", "built 1 amd64 a", "gone 1 all a",
		"many 1 amd64 a", "many 2 amd64 b", "arch 1 amd64 a", "twice 1 amd64 a")
	now := text("arch 1 amd64 a", "arch 1 arm64 b", "new 1 amd64 a", "same 1 amd64 a", "up 1.10 amd64 b", "down 2~rc1 all b", "built 1 amd64 c",
		"many 2 amd64 b", "many 3 amd64 c", "many 4 amd64 d", "z 1 amd64 a", "twice 1 amd64 a", "twice 2 amd64 b")
	got, err := diff(t, old, now)
	if err != nil {
		t.Fatal(err)
	}
	want := []Event{
		{"arch", "arm64", Added, "", "1"},
		{"built", "amd64", Rebuilt, "1", "1"},
		{"down", "all", Downgraded, "2", "2~rc1"},
		{"gone", "all", Removed, "1", ""},
		{"many", "amd64", Added, "", "3"},
		{"many", "amd64", Upgraded, "1", "4"},
		{"new", "amd64", Added, "", "1"},
		{"twice", "amd64", Added, "", "2"},
		{"up", "amd64", Upgraded, "1.9", "1.10"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
	for _, tt := range []struct {
		old, now string
		n        int
		kind     Kind
	}{{old, "", 10, Removed}, {"", now, 13, Added}, {old, old, 0, ""}} {
		got, err := diff(t, tt.old, tt.now)
		if err != nil || len(got) != tt.n || len(got) > 0 && got[0].Kind != tt.kind {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestDiffSources(t *testing.T) {
	source := func(version, sum string) string {
		return "Package: hello\nArchitecture: any all\nVersion: " + version + "\nFiles:\n 00 1 hello.dsc\nChecksums-Sha256:\n " + sum + " 1 hello.dsc\n"
	}
	got, err := diff(t, source("1", "00"), source("1", "01"))
	if want := []Event{{"hello", "source", Rebuilt, "1", "1"}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDiffErrors(t *testing.T) {
	for content, want := range map[string]string{
		"no field\n":   "Packages: line 1: a package without a name",
		"Version: 1\n": "Packages: line 1: a package without a name",
	} {
		_, err := diff(t, content, "")
		if _, ok := errors.AsType[*FormatError](err); !ok || err.Error() != want {
			t.Errorf("%q: %v", content, err)
		}
	}
	broken := errors.New("broken")
	for _, ext := range []string{"", ".gz", ".xz"} {
		f := File{manifest.Entry{Path: "Packages" + ext}, ext}
		_, err := Index{Old: f, New: f}.Diff(t.Context(), Tree{Open: func(context.Context, manifest.Entry) (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader("P"), errReader{broken})), nil
		}}, Tree{})
		if !errors.Is(err, broken) {
			t.Errorf("%q: %v", ext, err)
		}
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// Diff agrees with sets of versions and their contents.
func TestDiffRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		side := func() (list []string, contents map[string]string) { // by package and version
			contents = map[string]string{}
			for name := range 3 {
				for version := range 4 {
					for sum := range 2 {
						if random.IntN(3) == 0 {
							list = append(list, fmt.Sprintf("p%d %d amd64 %d", name, version, sum))
							contents[fmt.Sprintf("p%d %d", name, version)] += fmt.Sprint(sum)
						}
					}
				}
			}
			return list, contents
		}
		old, olds := side()
		now, news := side()
		changes, err := diff(t, text(old...), text(now...))
		if err != nil {
			t.Fatal(err)
		}
		for key, is := range news { // what was listed beside others and went is no event
			if was := olds[key]; was != "" && strings.Trim(is, was) == "" {
				olds[key] = is
			}
		}
		for _, c := range changes {
			was, is := c.Package+" "+c.Old, c.Package+" "+c.New
			if c.Kind == Rebuilt { // as the versions are all different
				if was != is || olds[was] == news[was] || olds[was] == "" || news[was] == "" {
					t.Fatalf("%q to %q: %+v", old, now, changes)
				}
				delete(olds, was)
				delete(news, was)
				continue
			}
			if c.Old != "" && (olds[was] == "" || news[was] != "") || c.New != "" && (news[is] == "" || olds[is] != "") {
				t.Fatalf("%q to %q: %+v", old, now, changes)
			}
			delete(olds, was)
			delete(news, is)
		}
		if !maps.Equal(olds, news) { // what no event tells of did not change
			t.Fatalf("%q to %q: %+v", old, now, changes)
		}
	}
}

// large returns a compressed index of n packages.
func large(n int, version string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	filler := strings.Repeat("Depends: libc6 (>= 2.36), something-else, and-more\n", 12)
	for i := range n {
		v := "1.0-1"
		if i%1000 == 0 {
			v = version
		}
		fmt.Fprintf(w, "Package: package-%d\nVersion: %s\nArchitecture: amd64\n%sSHA256: %064x\n\n", i, v, filler, i)
	}
	w.Close()
	return b.Bytes()
}

// Two indexes of 64,000 packages and 50 MB each are compared in little memory.
func TestDiffMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 100 MB")
	}
	before, after := large(64_000, "1.0-1"), large(64_000, "1.0-2")
	live := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	start, most := live(), uint64(0)
	open := func(data []byte) Tree {
		return Tree{Open: func(context.Context, manifest.Entry) (io.ReadCloser, error) {
			return &atEnd{bytes.NewReader(data), func() { most = max(most, live()) }}, nil
		}}
	}
	file := File{manifest.Entry{Path: "Packages.gz"}, ".gz"}
	changes, err := Index{Old: file, New: file}.Diff(t.Context(), open(before), open(after))
	if err != nil || len(changes) != 64 || changes[0].Kind != Upgraded {
		t.Fatalf("%d changes, %v", len(changes), err)
	}
	if used := most - start; used > 40<<20 {
		t.Errorf("%d MB were in use", used>>20)
	} else {
		t.Logf("%d MB were in use", used>>20)
	}
}

// atEnd calls a function when it has been read to its end.
type atEnd struct {
	io.Reader
	f func()
}

func (a *atEnd) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if err == io.EOF {
		a.f()
	}
	return n, err
}

func (a *atEnd) Close() error { return nil }
