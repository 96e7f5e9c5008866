package python

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestParseFile(t *testing.T) {
	for _, c := range []struct {
		name, project string
		want          File
	}{
		{"Foo_Bar-1.0+cu118-1a-py2.PY3-none-any.whl", "foo.bar", File{Wheel, "1.0+cu118", "1a", Tags{[]string{"py2", "py3"}, []string{"none"}, []string{"any"}}}},
		{"a-1-cp311-abi3.cp37m-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "A", File{Wheel, "1", "", Tags{[]string{"cp311"}, []string{"abi3", "cp37m"}, []string{"manylinux_2_17_x86_64", "manylinux2014_x86_64"}}}},
		{"a-1.3_1-py3-none-any.whl", "a", File{Wheel, "1.3_1", "", Tags{[]string{"py3"}, []string{"none"}, []string{"any"}}}},
		{"foo-1.0.tar.gz", "foo", File{Kind: Sdist, Version: "1.0"}},
		{"foo-bar-1.0-1.tar.bz2", "foo_bar", File{Kind: Sdist, Version: "1.0-1"}},
		{"foo-bar-1.0.zip", "foo", File{Kind: Sdist, Version: "bar-1.0"}}, // as pip does
		{"foo-1.0.linux-x86_64.tar.gz", "foo", File{Kind: Sdist, Version: "1.0.linux-x86_64"}},
		{"foo-1.0-py2.7.tgz", "foo", File{Kind: Sdist, Version: "1.0"}},
		{"foo-1.0-py27.tar.xz", "foo", File{Kind: Sdist, Version: "1.0"}},
		{"foo-1.0-py4.tar", "foo", File{Kind: Sdist, Version: "1.0-py4"}},
		{"foo--1.0.tar.lzma", "foo-", File{Kind: Sdist, Version: "1.0"}},
		{"foo-1.0-py2.7.egg", "foo", File{Kind: Other, Version: "1.0"}},
		{"foo-1.0.win32-py2.7.exe", "foo", File{Kind: Other, Version: "1.0"}},
		{"foo-1.0.win-amd64.msi", "foo", File{Kind: Other, Version: "1.0"}},
		{"foo-1.0-1.noarch.rpm", "foo", File{Kind: Other, Version: "1.0"}},
	} {
		if got, err := ParseFile(c.name, c.project); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
}

func TestParseFileRefuses(t *testing.T) {
	for name, want := range map[string]string{
		"foo-1.0.tar.gz.asc":              "its ending is none of a wheel, an sdist or anything old",
		"foo-1.0.TAR.GZ":                  "its ending is none of a wheel, an sdist or anything old",
		"bar-1.0.tar.gz":                  `it is not "foo" with a version`,
		"foo-.zip":                        `it is not "foo" with a version`,
		"foo.zip":                         `it is not "foo" with a version`,
		"foo-1-py3-none.whl":              `a wheel's name has five or six parts with "-" between them`,
		"foo-1-2-3-py3-none-any.whl":      `a wheel's name has five or six parts with "-" between them`,
		"foo--py3-none-any.whl":           "its version is empty",
		"bar-1-py3-none-any.whl":          `it is a wheel of "bar", not of "foo"`,
		"foo-1-x-py3-none-any.whl":        `its build "x" does not begin with a digit`,
		"foo-1--py3-none-any.whl":         `its build "" does not begin with a digit`,
		"foo-1-py3.-none-any.whl":         `"py3." is no list of tags`,
		"foo-1-3-none-any.whl":            `"3" is no list of tags`,
		"foo-1-py3-none-.whl":             `"" is no list of tags`,
		"../foo-1.0.zip":                  "it leads into another folder",
		`..\foo-1.0.zip`:                  "it leads into another folder",
		"foo-1.0\n.zip":                   "it holds control characters or is no UTF-8",
		"foo-1.0\xff.zip":                 "it holds control characters or is no UTF-8",
		"":                                "it names no file",
		"..":                              "it names no file",
		strings.Repeat("a", 252) + ".zip": "it has more than 255 bytes",
	} {
		if f, err := ParseFile(name, "foo"); err == nil || !strings.HasPrefix(err.Error(), `file "`) || !strings.HasSuffix(err.Error(), ": "+want) {
			t.Errorf("%q: %+v, %v", name, f, err)
		}
	}
	if err := CheckFileName("foo-1.0+x!y é.whl"); err != nil {
		t.Error(err)
	}
	if err := CheckFileName("a/b"); err == nil || err.Error() != `file name "a/b": it leads into another folder` {
		t.Error(err)
	}
}

func TestFilesOfPackaging(t *testing.T) {
	golden(t, "files", 20_000, func(t *testing.T, r row) {
		name, _ := r.text(t, 0)
		project, valid := r.text(t, 1)
		if !valid {
			// What pip no longer takes is read where its version is no version, or its project
			// is written in an old way: pip did, and a checkpoint holds what a page holds.
			project, _, _ = strings.Cut(name, "-")
			f, err := ParseFile(name, project)
			if _, errVersion := ParseVersion(f.Version); err == nil && errVersion == nil && f.Kind == Wheel && !strings.Contains(name, "__") && CheckName(project) == nil {
				t.Errorf("%s: %+v", r, f)
			}
			return
		}
		if CheckName(project) != nil && !strings.HasSuffix(name, ".whl") {
			return // where a name that is none ends in "-", pip and packaging differ
		}
		f, err := ParseFile(name, project)
		v, errVersion := ParseVersion(f.Version)
		if err != nil || errVersion != nil {
			t.Errorf("%s: %v, %v", r, err, errVersion)
			return
		}
		r.want(t, 2, v.String())
		r.want(t, 3, f.Build)
		tags := []string{}
		for _, python := range f.Tags.Pythons {
			for _, abi := range f.Tags.ABIs {
				for _, platform := range f.Tags.Platforms {
					tags = append(tags, python+"-"+abi+"-"+platform)
				}
			}
		}
		slices.Sort(tags)
		r.want(t, 4, slices.Compact(tags))
	})
}

// FuzzFile: what is taken can be stored, and says the same when it is written again.
func FuzzFile(f *testing.F) {
	f.Add("Foo_Bar-1.0+cu118-1a-py2.py3-none-any.whl", "foo.bar")
	f.Add("foo-bar-1.0-py2.7.tar.gz", "foo_bar")
	f.Add("foo-1.0.win32-py2.7.exe", "foo")
	f.Fuzz(func(t *testing.T, name, project string) {
		got, err := ParseFile(name, project)
		if err != nil {
			return
		}
		if err := CheckFileName(name); err != nil {
			t.Fatal(err)
		}
		if again, err := ParseFile(name, NormalizeName(project)); err != nil || !reflect.DeepEqual(again, got) {
			t.Fatalf("%q: %+v, then %+v, %v", name, got, again, err)
		}
		if got.Kind != Wheel {
			return
		}
		if got.Version == "" || len(got.Tags.Pythons) == 0 || len(got.Tags.ABIs) == 0 || len(got.Tags.Platforms) == 0 || !strings.HasSuffix(lower(name), "-"+got.Tags.String()+".whl") {
			t.Fatalf("%q: %+v", name, got)
		}
		for _, python := range []string{"3.11", "2.7", "3.14t", "pp3.10"} {
			target, err := ParseTarget(python, "manylinux_2_28_x86_64")
			if err != nil {
				t.Fatal(err)
			}
			target.Fits(got.Tags)
		}
	})
}
