package python

import (
	"slices"
	"strings"
	"testing"
)

func mustVersion(t *testing.T, text string) Version {
	t.Helper()
	v, err := ParseVersion(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSpecifiersContain(t *testing.T) {
	for _, c := range []struct{ specifiers, in, out string }{
		{"", "0 1.0 1!2 1a1", ""},
		{"==1.0", "1 1.0.0 1.0+x", "1.0.1 1.0.post1 1.0a1 1!1.0"},
		{"==1.0+x", "1+x 1.0.0+X", "1.0 1.0+x.1 1.0+y"},
		{"!=1.0", "1.0.1 1.0.post1 1.0a1", "1 1.0+x"},
		{"==1.1.*", "1.1 1.1.0.5 1.1a1 1.1.dev0 1.1.post9+x", "1.10 1.2 1 1!1.1"},
		{"==1.0.*", "1 1a1 1.0.3", "1.1 2"},
		{"==01!1.*", "1!1.4", "1.4"},
		{"!=1.1.*", "1.2 1.0", "1.1.1"},
		{"~=2.2", "2.2 2.3 2.2.post1 2.9+x", "2.1 3 3.0a1 2.2rc1"},
		{"~=2.2.0", "2.2 2.2.5", "2.3 2.1"},
		{"~=2.2a1.post2.dev3", "2.2a2 2.2 2.9", "2.2a1 3.dev0"},
		{">=1.0", "1.0+x 1.0.post1 2 1!0", "1.0rc1 0.9"},
		{"<=1.0", "1.0 1.0+x 1.0rc1 0.9", "1.0.post1 1.0.1"},
		{"<3", "2.9 2.9.post1", "3a1 3.dev0 3 3+x"},
		{"<3a2", "3a1 3.dev0", "3a2 3a2+x 3"},
		{"<3.post1", "3 3rc1 3.post0", "3.post1.dev1 3.post1"},
		{">1.7", "1.7.1 1.8a1 2", "1.7.0.post1 1.7.post1+x 1.7+x 1.7"},
		{">1.7.post2", "1.7.post3 1.7.post3.dev1 1.7.1", "1.7.post2 1.7.post2+x 1.7.post1"},
		{">1.7a1", "1.7a2 1.7 1.7a2.dev0", "1.7a1.post1 1.7a1+x 1.7a1"},
		{">1.7.dev1", "1.7.dev2 1.7", "1.7.dev1+x 1.7.dev1"},
		{"===1.0", "1.0", "1.0.0 1 1.0+x"},
		{"===1.0+Local", "1.0+local", "1.0"},
		{"===anything/at:all", "", "1"},
		{" >= 1.0 ,!=1.3.* , <2,", "1.0 1.4", "1.3 1.3.5 2 2a1"},
		{">=99999999999999999999", "99999999999999999999 100000000000000000000", "99999999999999999998"},
	} {
		s, err := ParseSpecifiers(c.specifiers)
		if err != nil {
			t.Error(err)
		}
		for _, v := range strings.Fields(c.in) {
			if !s.Contains(mustVersion(t, v), true) {
				t.Errorf("%s is not in %q", v, c.specifiers)
			}
		}
		for _, v := range strings.Fields(c.out) {
			if s.Contains(mustVersion(t, v), true) {
				t.Errorf("%s is in %q", v, c.specifiers)
			}
		}
	}
}

func TestParseSpecifiersRefuses(t *testing.T) {
	for _, text := range []string{"1.0", "=1", "=>1", "==", "===", "=== ;", "===a b", "~=1", "~=1.*", ">=1.*", "<1.0.*", "==1a1.*", "==1.*.*", "==1.0+x.*", ">=1+x", "~=1.0+x", "==1 2", ">=1;", ">=\u0661", ">= 1 <2", "!1"} {
		if s, err := ParseSpecifiers(text); err == nil || !strings.HasSuffix(err.Error(), " is no version specifier") {
			t.Errorf("%q is taken for %q, %v", text, s, err)
		}
	}
}

func TestParseRequiresPython(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "",
		">=3.6.*":                     ">=3.6",
		">= 2.7, !=3.0.*, <4.*":       "!=3.0.*,<4,>=2.7",
		">=2.7,!=3.0.*,!=3.1.*,<3.9,": "!=3.0.*,!=3.1.*,<3.9,>=2.7",
		"<=3.*":                       "<=3",
		">3.*":                        ">3",
	} {
		if s, err := ParseRequiresPython(text); err != nil || s.String() != want {
			t.Errorf("%q: %q, %v; want %q", text, s, err, want)
		}
	}
	for _, text := range []string{"3.6", ">=3.6.*.*", "~=3.6.*", ">=.*", "any", ">=3.6 <4"} {
		if s, err := ParseRequiresPython(text); err == nil {
			t.Errorf("%q is taken for %q", text, s)
		}
	}
}

func TestSpecifiersString(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "",
		" >=1.0.0 ,==  1 ,==1.0,==1.*": "==1,==1.*,>=1.0.0",
		"~=1.0,~=1.0.0,~=01.0":         "~=01.0,~=1.0.0",
		"===X,===x":                    "===X,===x",
	} {
		if s, err := ParseSpecifiers(text); err != nil || s.String() != want {
			t.Errorf("%q: %q, %v; want %q", text, s, err, want)
		}
	}
}

func TestTakesPrereleases(t *testing.T) {
	for _, c := range []struct {
		specifiers, versions string
		want                 bool
	}{
		{"", "1.0 2a1", false},
		{"", "1.0a1 2a1", true},
		{"", "", true},
		{">=1", "0.9 1.1a1", true},
		{">=1", "1 1.1a1", false},
		{">=1a1", "1 1.1a1", true},
		{">=1.dev0", "1 1.1a1", true},
		{"!=1a1", "1 1.1a1", false},
		{"===1a1", "1", true},
		{"===a", "1", true},
		{"==1.*", "1 1.1a1", false},
	} {
		var versions []Version
		for _, v := range strings.Fields(c.versions) {
			versions = append(versions, mustVersion(t, v))
		}
		s, err := ParseSpecifiers(c.specifiers)
		if got := s.TakesPrereleases(versions); err != nil || got != c.want {
			t.Errorf("%q of %q: %t, %v", c.specifiers, c.versions, got, err)
		}
	}
}

func TestSpecifiersOfPackaging(t *testing.T) {
	golden(t, "specifiers", 60_000, func(t *testing.T, r row) {
		text, _ := r.text(t, 0)
		s, err := ParseSpecifiers(text)
		if _, valid := r.text(t, 2); valid != (err == nil) {
			t.Errorf("%s: %v", r, err)
		} else if valid {
			of, _ := r.text(t, 1)
			v := mustVersion(t, of)
			r.want(t, 2, s.String())
			r.want(t, 3, s.NamesPrerelease())
			r.want(t, 4, s.Contains(v, true))
			r.want(t, 5, s.Contains(v, false))
		}
	})
}

func TestFiltersOfPackaging(t *testing.T) {
	golden(t, "filters", 20_000, func(t *testing.T, r row) {
		text, _ := r.text(t, 0)
		var texts []string
		r.get(t, 1, &texts)
		var versions []Version
		for _, text := range texts {
			versions = append(versions, mustVersion(t, text))
		}
		s, err := ParseSpecifiers(text)
		if err != nil {
			t.Fatal(err)
		}
		prereleases := s.TakesPrereleases(versions)
		got := []string{}
		for _, v := range versions {
			if s.Contains(v, prereleases) {
				got = append(got, v.String())
			}
		}
		r.want(t, 2, got)
	})
}

// FuzzSpecifiers: the canonical text says the same, and so does a lenient reading.
func FuzzSpecifiers(f *testing.F) {
	for _, seed := range []string{"", "==1.0", "!=1.*,>=0.9a1", "~=1!2.3.post1", "===x", "<2,<=1.0.0,>1,===1"} {
		f.Add(seed, "1.0a1")
	}
	f.Fuzz(func(t *testing.T, text, version string) {
		s, err := ParseSpecifiers(text)
		lenient, errLenient := ParseRequiresPython(text)
		if err != nil {
			return
		}
		if errLenient != nil || !slices.EqualFunc(s, lenient, func(a, b Specifier) bool { return a.String() == b.String() }) {
			t.Fatalf("%q, leniently %q, %v", s, lenient, errLenient)
		}
		again, err := ParseSpecifiers(s.String())
		if err != nil || again.String() != s.String() {
			t.Fatalf("%q: %q, then %q, %v", text, s, again, err)
		}
		if v, err := ParseVersion(version); err == nil && (s.Contains(v, true) != again.Contains(v, true) || s.Contains(v, false) && !s.Contains(v, true)) {
			t.Fatalf("%q: %q", s, v)
		}
	})
}
