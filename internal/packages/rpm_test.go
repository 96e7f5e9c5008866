package packages

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
)

// files are the files of a tree, by their paths.
type files map[string]string

func (f files) tree() Tree {
	return Tree{
		Open: func(_ context.Context, e manifest.Entry) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(f[e.Path])), nil
		},
		Find: func(_ context.Context, path string) (manifest.Entry, bool, error) {
			content, ok := f[path]
			return entry(path, content), ok, nil
		},
	}
}

// diffTrees compares all indexes of two trees, as the command does.
func diffTrees(t *testing.T, old, now files) (got []string, err error) {
	t.Helper()
	var x Indexes
	all := maps.Clone(old)
	maps.Copy(all, now)
	for _, p := range slices.Sorted(maps.Keys(all)) {
		c := catalog.Difference{Path: p}
		if content, ok := old[p]; ok {
			e := entry(p, content)
			c.Old = &e
		}
		if content, ok := now[p]; ok {
			e := entry(p, content)
			c.New = &e
		}
		if c.Old == nil || c.New == nil || c.Old.SHA256 != c.New.SHA256 {
			x.Add(c)
		}
	}
	lacking := x.Lacking()
	for p, content := range now {
		x.AddForm(lacking, entry(p, content))
	}
	for _, i := range x.List() {
		events, err := i.Diff(t.Context(), old.tree(), now.tree())
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			got = append(got, strings.Join(strings.Fields(fmt.Sprint(i.Suite, " ", e.Kind, " ", e.Package, " ", e.Arch, " ", e.Old, " ", e.New)), " "))
		}
	}
	return got, nil
}

// makeRepository is an RPM repository below a folder, whose packages are written "name arch
// [epoch:]version-release checksum".
func makeRepository(root, location string, packages ...string) files {
	var primary strings.Builder
	primary.WriteString(`<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm">`)
	for i, p := range packages {
		f := strings.Fields(p)
		epoch, version, ok := strings.Cut(f[2], ":")
		if !ok {
			epoch, version = "", f[2]
		}
		version, release, _ := strings.Cut(version, "-")
		fmt.Fprintf(&primary, `<package type="rpm"><name>%s</name><arch>%s</arch><version epoch="%s" ver="%s" rel="%s"/><checksum type="sha256" pkgid="YES">%s</checksum><location href="%d/x.rpm"/></package>`,
			f[0], f[1], epoch, version, release, f[3], i)
	}
	primary.WriteString("</metadata>\n")
	list := pack(filepath.Ext(location), primary.String())
	document := fmt.Sprintf(`<repomd><data type="filelists"><location href="repodata/none"/></data><data type="primary"><checksum type="sha256">%s</checksum><location href="%s"/></data></repomd>`, manifest.Sum([]byte(list)), location)
	return files{root + "repodata/repomd.xml": document, root + location: list}
}

func pack(ext, content string) string {
	var b bytes.Buffer
	var w io.WriteCloser
	switch ext {
	case ".gz":
		w = gzip.NewWriter(&b)
	case ".zst":
		w, _ = zstd.NewWriter(&b)
	default:
		return content
	}
	_, _ = io.WriteString(w, content)
	w.Close()
	return b.String()
}

func TestDiffRPM(t *testing.T) {
	old := makeRepository("", "repodata/1-primary.xml.gz",
		"same x86_64 1-1 a", "up x86_64 1.9-1 a", "epoch noarch 9-1 a", "down x86_64 1.0-1 a", "pre x86_64 1.0~rc1-1 a", "git x86_64 1.0^git1-1 a",
		"built x86_64 0:1-1 a", "gone noarch 1-1 a", "kernel x86_64 1-1 a", "kernel x86_64 2-1 b", "src src 1-1 a", "zero x86_64 0:1-1 a",
		"twice x86_64 1-1 a", "twice x86_64 1-1 b", "both x86_64 1-1 a", "both x86_64 1-1 b", "copied x86_64 1-1 a", "beside x86_64 1-1 a", "arch i686 1-1 a")
	now := makeRepository("", "repodata/2-primary.xml.zst",
		"same x86_64 1-1 a", "up x86_64 1.10-1 b", "epoch noarch 1:1-1 b", "down x86_64 1.0-0.9 b", "pre x86_64 1.0-1 b", "git x86_64 1.0.1-1 b",
		"built x86_64 0:1-1 b", "new noarch 1-1 a", "kernel x86_64 2-1 b", "kernel x86_64 3-1 c", "src src 1-2 b", "zero x86_64 1-1 a",
		"twice x86_64 1-1 b", "both x86_64 2-1 c", "both x86_64 2-1 d", "copied x86_64 1-1 a", "copied x86_64 1-1 a", "beside x86_64 1-1 a", "beside x86_64 1-1 b", "arch x86_64 1-1 a")
	want := []string{
		"./ removed arch i686 1-1", "./ added arch x86_64 1-1", "./ rebuilt beside x86_64 1-1 1-1", "./ upgraded both x86_64 1-1 2-1", "./ rebuilt built x86_64 1-1 1-1", "./ downgraded down x86_64 1.0-1 1.0-0.9", "./ upgraded epoch noarch 9-1 1:1-1",
		"./ upgraded git x86_64 1.0^git1-1 1.0.1-1", "./ removed gone noarch 1-1", "./ upgraded kernel x86_64 1-1 3-1", "./ added new noarch 1-1", "./ upgraded pre x86_64 1.0~rc1-1 1.0-1",
		"./ upgraded src src 1-1 1-2", "./ upgraded up x86_64 1.9-1 1.10-1",
	}
	if got, err := diffTrees(t, old, now); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v\ngot  %q\nwant %q", err, got, want)
	}
	// Lists that the root document no longer names count for nothing.
	kept := maps.Clone(old)
	maps.Copy(kept, now)
	if got, err := diffTrees(t, old, kept); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %q", err, got)
	}
	if got, err := diffTrees(t, files{}, old); err != nil || len(got) != 17 || got[0] != "./ added arch i686 1-1" {
		t.Errorf("%v, %q", err, got)
	}
	if got, err := diffTrees(t, old, files{}); err != nil || len(got) != 17 || got[0] != "./ removed arch i686 1-1" {
		t.Errorf("%v, %q", err, got)
	}
	// Another root document that names the same list.
	same := maps.Clone(old)
	same["repodata/repomd.xml"] += " "
	if got, err := diffTrees(t, old, same); err != nil || got != nil {
		t.Errorf("%v, %q", err, got)
	}
}

// Several repositories in one tree, one of which names a list outside of its folder.
func TestDiffRPMFolders(t *testing.T) {
	old := makeRepository("BaseOS/x86_64/os/", "repodata/primary.xml", "a noarch 1-1 a")
	now := makeRepository("BaseOS/x86_64/os/", "repodata/primary.xml", "a noarch 2-1 a")
	maps.Copy(now, makeRepository("x/", "repodata/primary.xml", "b noarch 1-1 a"))
	now["lists/y"] = now["x/repodata/primary.xml"]
	now["y/repodata/repomd.xml"] = `<repomd><data type="primary"><location href="../lists/y"/></data></repomd>`
	now["xrepodata/repomd.xml"] = "not one"
	want := []string{"BaseOS/x86_64/os/ upgraded a noarch 1-1 2-1", "x/ added b noarch 1-1", "y/ added b noarch 1-1"}
	if got, err := diffTrees(t, old, now); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %q", err, got)
	}
}

// What createrepo_c writes, in every compression and with every kind of checksum.
func TestDiffCreaterepo(t *testing.T) {
	const folder = "../rpm/testdata/createrepo_c"
	kinds, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var before files
	tried := 0
	for _, kind := range kinds {
		tree := files{}
		root := filepath.Join(folder, kind.Name())
		err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(p)
			tree[strings.TrimPrefix(p, root+"/")] = string(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if tree[repomd] == "" {
			continue // the packages
		}
		tried++
		want := []string{"./ added hello noarch 1.0-1", "./ added hello noarch 1.0^git1-1", "./ added libhello++ noarch 2:1.0-1"}
		if kind.Name() == "gz-db" {
			want = append(want, "./ added libhello++ src 2:1.0-1")
		}
		if got, err := diffTrees(t, files{}, tree); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %q", kind.Name(), err, got)
		}
		if !slices.Contains([]string{"bz2", "xz", "simple", "zck"}, kind.Name()) {
			continue
		}
		if before != nil {
			if got, err := diffTrees(t, before, tree); err != nil || got != nil {
				t.Errorf("%s has the same packages: %v, %q", kind.Name(), err, got)
			}
		}
		before = tree
	}
	if tried < 6 {
		t.Errorf("%d repositories", tried)
	}
}

// The error of what is no index names the file and the cause.
func TestDiffRPMErrors(t *testing.T) {
	good := makeRepository("r/", "repodata/primary.xml", "a noarch 1-1 a")
	with := func(p, content string) files {
		f := maps.Clone(good)
		f[p] = content
		return f
	}
	without := maps.Clone(good)
	delete(without, "r/repodata/primary.xml")
	const document, list = "r/repodata/repomd.xml", "r/repodata/primary.xml"
	for want, tree := range map[string]files{
		document + ": line 1: ":                   with(document, "<html>"),
		document + ": names no primary.xml":       with(document, "<repomd/>"),
		document + `: "../../x" leads out of`:     with(document, `<repomd><data type="primary"><location href="../../x"/></data></repomd>`),
		document + `: names "r/repodata/primary.`: without,
		list + ": line 1: ":                       with(list, "<metadata><package>"),
		list + ": line 1: a package without a":    with(list, "<metadata><package/></metadata>"),
		list + ": line 2: ":                       with(list, "<metadata>\n<!DOCTYPE x>"),
		"r/repodata/x.gz: unpack: ":               {document: `<repomd><data type="primary"><location href="repodata/x.gz"/></data></repomd>`, "r/repodata/x.gz": "no gzip"},
	} {
		_, err := diffTrees(t, files{}, tree)
		if _, ok := errors.AsType[*FormatError](err); !ok || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	broken := errors.New("broken")
	document2 := entry(repomd, "x")
	for _, tree := range []Tree{
		{Open: func(context.Context, manifest.Entry) (io.ReadCloser, error) { return nil, broken }},
		{Open: func(context.Context, manifest.Entry) (io.ReadCloser, error) {
			return io.NopCloser(errReader{broken}), nil
		}},
		{Open: good.tree().Open, Find: func(context.Context, string) (manifest.Entry, bool, error) { return manifest.Entry{}, false, broken }},
	} {
		e := document2
		e.Path = document
		_, err := Index{RPM: true, New: File{e, ""}}.Diff(t.Context(), Tree{}, tree)
		if _, ok := errors.AsType[*FormatError](err); ok || !errors.Is(err, broken) {
			t.Errorf("%v", err)
		}
	}
}

// Clients read a list that is not compressed whatever its name is, so it is compared.
func TestDiffPlain(t *testing.T) {
	plain := func(location string, packages ...string) files {
		tree := makeRepository("", "repodata/primary.xml", packages...)
		tree["repodata/repomd.xml"] = strings.Replace(tree["repodata/repomd.xml"], "repodata/primary.xml", location, 1)
		tree[location] = tree["repodata/primary.xml"]
		return tree
	}
	got, err := diffTrees(t, plain("repodata/primary.xml.gz", "a noarch 1-1 a"), plain("repodata/2-primary.xml.gz", "a noarch 2-1 b"))
	if want := []string{"./ upgraded a noarch 1-1 2-1"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}
