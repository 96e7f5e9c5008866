package deb

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// ordered holds versions from old to new; those of one line are equal.
var ordered = [][]string{
	{"~~"},
	{"~"},
	{"", "0", "00", "0-0", "0:0", "00:0"},
	{"0.1~~"},
	{"0.1~"},
	{"0.1~a"},
	{"0.1-1~bpo1", "0:0.1-1~bpo1"},
	{"0.1-1"},
	{"0.1-1+b1"},
	{"0.1-1.1"},
	{"0.1-2"},
	{"0.1-10"},
	{"0.1a"},
	{"0.1b"},
	{"0.1+b1"},
	{"0.1.1"},
	{"0.2"},
	{"0.10"},
	{"1.0~rc1-1"},
	{"1.0", "1.0-0", "1.0-"},
	{"1.0-1", "1.0-01", "1.00-1"},
	{"1.0-1deb10u1"},
	{"1.0-1+deb12u1"},
	{"1.0-1+deb12u10"},
	{"1.0a-1"},
	{"1.0+dfsg-1"},
	{"1.0+git20230101-1"},
	{"1.0-1-1"},
	{"1.0.1"},
	{"2.36-9+deb12u10"},
	{"100000000000000000000000000000"},
	{"100000000000000000000000000001"},
	{"1:0", "01:0"},
	{"1:0:1"},
	{"1:1.0-1"},
	{"2:0"},
	{"10:0"},
}

func TestCompareVersions(t *testing.T) {
	for i, olds := range ordered {
		for j, news := range ordered {
			for _, a := range olds {
				for _, b := range news {
					if got := CompareVersions(a, b); got != cmp.Compare(i, j) {
						t.Errorf("%q and %q: %d, want %d", a, b, got, cmp.Compare(i, j))
					}
				}
			}
		}
	}
}

// randomVersion is a version that dpkg takes.
func randomVersion(r *rand.Rand) string {
	pick := func(from string, least, most int) string {
		var b strings.Builder
		for range least + r.IntN(most-least+1) {
			b.WriteByte(from[r.IntN(len(from))])
		}
		return b.String()
	}
	v := pick("0129", 1, 2) + pick("019.~+aZ", 0, 5)
	if r.IntN(4) == 0 {
		v = pick("012", 1, 1) + ":" + v
	}
	if r.IntN(2) == 0 {
		v += "-" + pick("019.~+aZ", 1, 4)
	}
	return v
}

// TestDpkg holds the order against dpkg's own.
func TestDpkg(t *testing.T) {
	dpkg, err := exec.LookPath("dpkg")
	if err != nil {
		t.Skip("the dpkg command is not there: apt-get install dpkg")
	}
	compare := func(a, op, b string) bool {
		err := exec.CommandContext(t.Context(), dpkg, "--compare-versions", "--", a, op, b).Run()
		if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) {
			t.Fatalf("dpkg --compare-versions %s %s %s: %v", a, op, b, err)
		}
		return err == nil
	}
	r := rand.New(rand.NewPCG(4, 2))
	pairs := [][2]string{}
	for _, group := range ordered { // neighbours, and versions that are equal
		for _, v := range group {
			if CheckVersion(v) == nil {
				pairs = append(pairs, [2]string{v, randomVersion(r)})
				if n := len(pairs); n > 1 {
					pairs = append(pairs, [2]string{pairs[n-2][0], v})
				}
			}
		}
	}
	for range 300 {
		a := randomVersion(r)
		b := randomVersion(r)
		if r.IntN(2) == 0 { // one that is much like it
			i := r.IntN(len(a) + 1)
			b = a[:i] + string("09.~+aZ"[r.IntN(7)]) + a[i:]
		}
		if CheckVersion(b) == nil {
			pairs = append(pairs, [2]string{a, b})
		}
	}
	for _, p := range pairs {
		op := []string{"lt", "eq", "gt"}[CompareVersions(p[0], p[1])+1]
		if !compare(p[0], op, p[1]) {
			t.Errorf("dpkg does not say that %s %s %s", p[0], op, p[1])
		}
	}
	t.Logf("%d pairs", len(pairs))
}

func TestCheckVersion(t *testing.T) {
	for _, v := range []string{"0", "1.0-1", "1:2.3~rc1+dfsg-4.5+b6", "2147483647:1", "1-2-3", "9.a-b~", "1:1:1"} {
		if err := CheckVersion(v); err != nil {
			t.Error(err)
		}
	}
	for v, want := range map[string]string{
		"":             `version "": it is empty`,
		"1:":           `version "1:": it is empty`,
		":1":           `version ":1": its epoch is no number`,
		"a:1":          `version "a:1": its epoch is no number`,
		"-1:1":         `version "-1:1": its epoch is no number`,
		"2147483648:1": `version "2147483648:1": its epoch is too large`,
		"a1":           `version "a1": it does not begin with a digit`,
		"1-":           `version "1-": its revision is empty`,
		"1 2":          `version "1 2": it must not hold ' '`,
		"1_2":          `version "1_2": it must not hold '_'`,
		"1-2:/":        `version "1-2:/": its epoch is no number`,
		"1\n":          `version "1\n": it must not hold '\n'`,
	} {
		if err := CheckVersion(v); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// FuzzCompareVersions: the order is total, and equal versions are alike to others.
func FuzzCompareVersions(f *testing.F) {
	f.Add("1.0-1", "1.0", "0:1.0-0")
	f.Add("1:0~", "~", "a-b:c")
	f.Add("\x00", "\xff", "00000")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if CompareVersions(a, a) != 0 || CompareVersions(a, b) != -CompareVersions(b, a) {
			t.Fatalf("%q and %q", a, b)
		}
		v := []string{a, b, c}
		slices.SortFunc(v, CompareVersions)
		if CompareVersions(v[0], v[1]) > 0 || CompareVersions(v[1], v[2]) > 0 || CompareVersions(v[0], v[2]) > 0 {
			t.Fatalf("%q", v)
		}
		if CompareVersions(v[0], v[1]) == 0 && CompareVersions(v[0], v[2]) != CompareVersions(v[1], v[2]) {
			t.Fatalf("%q", v)
		}
	})
}
