package python

import (
	"cmp"
	"strings"
	"testing"
)

// ordered holds versions from old to new; those of one line are equal. The first lines are no
// versions, which are older than all.
var ordered = [][]string{
	{""},
	{"1.0-SNAPSHOT"},
	{"1.3_1"},
	{"2004d-x"},
	{"0.dev0", "0.0dev"},
	{"0", "0.0", "00", "v0", "0!0"},
	{"0.9.9"},
	{"1.dev0", "1.0.dev0", "1.0-dev", "1.0_DEV_0"},
	{"1.0.dev1"},
	{"1.0.dev1+x"},
	{"1.0a0.dev1"},
	{"1.0a0", "1.0a", "1.0-alpha", "1.0_ALPHA.0", "1.0a."},
	{"1.0a0.post0.dev1"},
	{"1.0a0.post1"},
	{"1.0a1"},
	{"1.0a10"},
	{"1.0b1", "1.0.beta-1"},
	{"1.0rc1.dev2"},
	{"1.0rc1", "1.0c1", "1.0pre1", "1.0-preview_01"},
	{"1.0", "1", "1.0.0", "v1", "V01.00", " 1.0\n", "\u00a01.0\u001f"},
	{"1.0+abc", "1+ABC"},
	{"1.0+abc.z"},
	{"1.0+abc.1", "1.0+abc-01", "1.0+abc_1"},
	{"1.0+abc.1.0"},
	{"1.0+abd"},
	{"1.0+0"},
	{"1.0+9"},
	{"1.0+10"},
	{"1.0.post0.dev3"},
	{"1.0.post0", "1.0-0", "1.0.post", "1.0-r", "1.0rev-0"},
	{"1.0.post0+1"},
	{"1.0.post1", "1.0-1"},
	{"1.0.0.1"},
	{"1.0.1"},
	{"1.2"},
	{"1.10"},
	{"1.18446744073709551615"},
	{"1.18446744073709551616"},
	{"20240101"},
	{"1!0.1", "01!0.1"},
	{"18446744073709551616!0"},
}

func TestCompare(t *testing.T) {
	for i, olds := range ordered {
		for j, news := range ordered {
			for _, a := range olds {
				for _, b := range news {
					if got := Compare(a, b); got != cmp.Compare(i, j) {
						t.Errorf("%q and %q: %d, want %d", a, b, got, cmp.Compare(i, j))
					}
				}
			}
		}
	}
}

func TestVersionString(t *testing.T) {
	for text, want := range map[string]string{
		"v01!1.02.0-ALPHA_03-4.DEV5+Ubuntu_01-x": "1!1.2.0a3.post4.dev5+ubuntu.1.x",
		"0!1":                                    "1",
		"1.0.0":                                  "1.0.0",
		"1c":                                     "1rc0",
		"1-1":                                    "1.post1",
		"1r":                                     "1.post0",
		"1dev":                                   "1.dev0",
		"1.0a--1":                                "1.0a0.post1",
		"00000000000000000000000000000.099":      "0.99",
	} {
		if v, err := ParseVersion(text); err != nil || v.String() != want {
			t.Errorf("%q: %q, %v; want %q", text, v, err, want)
		}
	}
}

func TestParseVersionRefuses(t *testing.T) {
	for _, text := range []string{"", " ", "v", "a", "1.", ".1", "1..2", "1!", "!1", "1!!2", "1!2!3", "1+", "1+-", "1+a.", "1+a..b", "1+a+b", "1.0x", "1 .0", "1.0--1", "1.0-1-2", "1.0.post1a1", "1.0dev1post1", "1.0_1", "vv1", "-1", "1.0.*", "\u0661.0", "1.0po\u017ft1", "1+\u212a", "1\x000"} {
		if v, err := ParseVersion(text); err == nil {
			t.Errorf("%q is taken for %q", text, v)
		}
	}
	if _, err := ParseVersion("2013:/" + strings.Repeat("x", 200)); err == nil || err.Error() != `"2013:/`+strings.Repeat("x", 74)+`" is no version` {
		t.Error(err)
	}
}

func TestVersionsOfPackaging(t *testing.T) {
	golden(t, "versions", 30_000, func(t *testing.T, r row) {
		text, _ := r.text(t, 0)
		var canonical *string
		v, err := ParseVersion(text)
		if err == nil {
			s := v.String()
			canonical = &s
		}
		r.want(t, 1, canonical)
		r.want(t, 2, v.IsPrerelease())
	})
}

func TestOrderOfPackaging(t *testing.T) {
	golden(t, "order", 60_000, func(t *testing.T, r row) {
		a, _ := r.text(t, 0)
		b, _ := r.text(t, 1)
		r.want(t, 2, Compare(a, b))
		if Compare(b, a) != -Compare(a, b) {
			t.Errorf("%s: not the same from the other side", r)
		}
	})
}

// FuzzVersion: the order is total, equal versions are alike to others, and the canonical form
// is that of itself.
func FuzzVersion(f *testing.F) {
	for i, line := range ordered[2:] {
		f.Add(line[0], ordered[i+1][0], ordered[i][0])
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		for _, x := range []string{a, b, c} {
			if Compare(x, x) != 0 {
				t.Fatalf("%q is not equal to itself", x)
			}
			if v, err := ParseVersion(x); err == nil {
				again, err := ParseVersion(v.String())
				if err != nil || again.String() != v.String() || again.Compare(v) != 0 {
					t.Fatalf("%q: %q, then %q, %v", x, v, again, err)
				}
			}
			for _, y := range []string{a, b, c} {
				if Compare(x, y) != -Compare(y, x) {
					t.Fatalf("%q and %q", x, y)
				}
				for _, z := range []string{a, b, c} {
					if Compare(x, y) <= 0 && Compare(y, z) <= 0 && Compare(x, z) > 0 {
						t.Fatalf("%q <= %q <= %q", x, y, z)
					}
					if Compare(x, y) == 0 && Compare(x, z) != Compare(y, z) {
						t.Fatalf("%q = %q, but not to %q", x, y, z)
					}
				}
			}
		}
	})
}
