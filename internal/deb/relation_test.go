package deb

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestParseDependencies(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []Dependency
	}{
		{"", nil},
		{" ,, \n", nil},
		{"a", []Dependency{{{Name: "a"}}}},
		{"libc6 (>= 2.36), python3:any|\n python3.11 (<<4),", []Dependency{
			{{Name: "libc6", Op: AtLeast, Version: "2.36"}},
			{{Name: "python3", Arch: "any"}, {Name: "python3.11", Op: Earlier, Version: "4"}},
		}},
		{"g++-12(=1:12-2)", []Dependency{{{Name: "g++-12", Op: Equal, Version: "1:12-2"}}}},
		{"a (< 1), b (> 1), c (1)", []Dependency{
			{{Name: "a", Op: AtMost, Version: "1"}}, {{Name: "b", Op: AtLeast, Version: "1"}}, {{Name: "c", Op: Equal, Version: "1"}},
		}},
		{"dh-python:native (>> 1) [!hurd-any linux-any] <!nocheck> <stage1>", []Dependency{
			{{Name: "dh-python", Arch: "native", Op: Later, Version: "1", Archs: []string{"!hurd-any", "linux-any"}, Profile: "!nocheck> <stage1"}},
		}},
		{"X_y", []Dependency{{{Name: "X_y"}}}},
	} {
		got, err := ParseDependencies(tt.text)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q: %+v, %v", tt.text, got, err)
		}
	}
	for text, want := range map[string]string{
		"a | | b":      `dependency "a | | b": a name of a package is missing`,
		"a, (>= 1)":    `dependency "(>= 1)": a name of a package is missing`,
		"a (>= 1":      `dependency "a (>= 1": a parenthesis is not closed`,
		"a (=> 1)":     `dependency "a (=> 1)": "=>" compares nothing`,
		"a (>=)":       `dependency "a (>=)": "" is no version`,
		"a (>= 1 2)":   `dependency "a (>= 1 2)": "1 2" is no version`,
		"a [] ":        `dependency "a []": a list of architectures is empty or not closed`,
		"a [x":         `dependency "a [x": a list of architectures is empty or not closed`,
		"a <":          `dependency "a <": a list of profiles is empty or not closed`,
		"a b":          `dependency "a b": "b" can't stand there`,
		"a:b:c":        `dependency "a:b:c": "b:c" is no architecture`,
		"a:":           `dependency "a:": "" is no architecture`,
		"../a":         `dependency "../a": "../a" is no name of a package`,
		"${misc:Deps}": `dependency "${misc:Deps}": "${misc" is no name of a package`,
	} {
		if _, err := ParseDependencies(text); err == nil || err.Error() != want {
			t.Errorf("%q\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestSatisfiedBy(t *testing.T) {
	for _, tt := range []struct {
		relation string
		yes, no  string // versions
	}{
		{"a", "0 1 2", ""},
		{"a (<< 1.0)", "0.9 1.0~rc1", "1.0 1.0-1"},
		{"a (<= 1.0)", "0.9 1.0 1.0-0", "1.0-1"},
		{"a (= 1.0-1)", "1.0-1 0:1.0-01", "1.0 1.0-1+b1"},
		{"a (>= 1.0)", "1.0 1.0-1 1:0", "1.0~rc1"},
		{"a (>> 1.0)", "1.0-1", "1.0 0.9"},
	} {
		d, err := ParseDependencies(tt.relation)
		if err != nil {
			t.Fatal(err)
		}
		for i, versions := range []string{tt.no, tt.yes} {
			for _, v := range strings.Fields(versions) {
				if got := d[0][0].SatisfiedBy(v); got != (i == 1) {
					t.Errorf("%s by %s: %v", tt.relation, v, got)
				}
			}
		}
		if got := d[0][0].SatisfiedBy(""); got != (tt.relation == "a") {
			t.Errorf("%s by a virtual package: %v", tt.relation, got)
		}
	}
}

// FuzzParseDependencies: what is read, written again, reads the same.
func FuzzParseDependencies(f *testing.F) {
	for _, seed := range []string{"", "a, b | c", "a:any (>= 1) [x !y] <!z> <w>", "a(<1),", "a (", "a [", "a <>", "|", "g++ (= 1:2-3)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ParseDependencies(text)
		if err != nil {
			return
		}
		var again []string
		for _, d := range list {
			var alternatives []string
			for _, r := range d {
				s := r.Name
				if r.Arch != "" {
					s += ":" + r.Arch
				}
				if r.Op != Any {
					s += fmt.Sprintf(" (%s %s)", r.Op, r.Version)
				}
				if len(r.Archs) > 0 {
					s += fmt.Sprint(" ", r.Archs)
				}
				if r.Profile != "" {
					s += " <" + r.Profile + ">"
				}
				alternatives = append(alternatives, s)
			}
			again = append(again, strings.Join(alternatives, " | "))
		}
		second, err := ParseDependencies(strings.Join(again, ", "))
		if err != nil || !reflect.DeepEqual(list, second) {
			t.Fatalf("%q: %+v\n%q: %+v, %v", text, list, again, second, err)
		}
	})
}
