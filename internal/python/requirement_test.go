package python

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseRequirement(t *testing.T) {
	for text, want := range map[string]string{
		"A": "A",
		" requests [security, socks,security] >= 2.8.1 , == 2.8.* ; python_version < '2.7' ": `requests[security,socks]==2.8.*,>=2.8.1; python_version < "2.7"`,
		"name (>=3),":                "",
		"name (>=3,)":                "name>=3",
		"name (<2,>=3);extra=='X.y'": `name<2,>=3; extra == "x-y"`,
		"name[]()":                   "name",
		"name[]":                     "name",
		"pip @ https://example.org/p;a=1.zip ; os_name == 'nt'": `pip @ https://example.org/p;a=1.zip ; os_name == "nt"`,
		"pip@file:///x#sha256=0":                                "pip @ file:///x#sha256=0",
		"a===weird!":                                            "a===weird!",
		"torch==2.0+cu118":                                      "torch==2.0+cu118",
	} {
		r, err := ParseRequirement(text)
		if want == "" {
			if err == nil {
				t.Errorf("%q is taken for %q", text, r)
			}
			continue
		}
		if err != nil || r.String() != want {
			t.Errorf("%q: %q, %v; want %q", text, r, err, want)
		}
	}
	got, err := ParseRequirement("Foo[b,a]>=1")
	if s, _ := ParseSpecifiers(">=1"); err != nil || !reflect.DeepEqual(got, Requirement{Name: "Foo", Extras: []string{"a", "b"}, Specifiers: s}) {
		t.Errorf("%#v, %v", got, err)
	}
}

func TestRequirementErrors(t *testing.T) {
	deep := "a; " + strings.Repeat("(", maxDepth+1) + "os_name == ''"
	for text, want := range map[string]string{
		"":                                    `requirement "": position 1: the name of a project is expected`,
		" -e .":                               `requirement " -e .": position 2: the name of a project is expected`,
		"a b":                                 `requirement "a b": position 3: "b" is no version specifier`,
		"a >= 1 < 2":                          `requirement "a >= 1 < 2": position 3: ">= 1 < 2" is no version specifier`,
		"a ==1, , >=2":                        `requirement "a ==1, , >=2": position 7: "" is no version specifier`,
		"a>=1.*":                              `requirement "a>=1.*": position 2: ">=1.*" is no version specifier`,
		"a>=1)":                               `requirement "a>=1)": position 5: ';' or the end is expected`,
		"a (>=1":                              `requirement "a (>=1": position 7: ')' is expected`,
		"a (>=1;os_name=='')":                 `requirement "a (>=1;os_name=='')": position 7: ')' is expected`,
		"a[b":                                 `requirement "a[b": position 4: ']' is expected after the names of extras`,
		"a[b c]":                              `requirement "a[b c]": position 5: ']' is expected after the names of extras`,
		"a[b,]":                               `requirement "a[b,]": position 5: the name of an extra is expected`,
		"a @":                                 `requirement "a @": position 4: a URL is expected`,
		"a @ x\n; os_name==''":                `requirement "a @ x\n; os_name==''": position 6: a blank is expected after the URL`,
		"a @ x ; os_name==":                   `requirement "a @ x ; os_name==": position 18: a variable or a quoted text is expected`,
		"a @ x y":                             `requirement "a @ x y": position 7: ';' or the end is expected`,
		"a;":                                  `requirement "a;": position 3: a variable or a quoted text is expected`,
		"a; os_name":                          `requirement "a; os_name": position 11: an operator is expected, one of ===, ~=, ==, !=, <=, >=, <, >, in, not in`,
		"a; os_name = 'x'":                    `requirement "a; os_name = 'x'": position 12: an operator is expected, one of ===, ~=, ==, !=, <=, >=, <, >, in, not in`,
		"a; os_name not 'x'":                  `requirement "a; os_name not 'x'": position 16: 'in' is expected after 'not'`,
		"a; 'x":                               `requirement "a; 'x": position 4: the quote is not closed`,
		`a; 'x\n' == os_name`:                 `requirement "a; 'x\\n' == os_name": position 4: a quoted text can't hold backslashes, line ends or zero bytes`,
		"a; (os_name == 'x'":                  `requirement "a; (os_name == 'x'": position 19: 'and', 'or' or ')' is expected`,
		"a; os_name=='x' xor":                 `requirement "a; os_name=='x' xor": position 17: 'and', 'or' or the end is expected`,
		deep:                                  `requirement "` + deep[:200] + `": position 205: parentheses are nested too deep`,
		strings.Repeat("a", MaxRequirement+1): `requirement "` + strings.Repeat("a", 80) + `"…: it has more than 65536 bytes`,
	} {
		if r, err := ParseRequirement(text); err == nil || err.Error() != want {
			t.Errorf("%.200q: %q, %v\nwant %s", text, r, err, want)
		}
	}
}

func TestParseRequiresDist(t *testing.T) {
	for text, want := range map[string]string{
		"six (>=1.9.*)":               "six>=1.9",
		"a>=1.*,<2.*; extra == 'x'":   `a<2,>=1; extra == "x"`,
		"requests (>=2.4.2,!=2.12.*)": "requests!=2.12.*,>=2.4.2",
	} {
		if r, err := ParseRequiresDist(text); err != nil || r.String() != want {
			t.Errorf("%q: %q, %v; want %q", text, r, err, want)
		}
	}
}

func TestRequirementsOfPackaging(t *testing.T) {
	golden(t, "requirements", 30_000, func(t *testing.T, r row) {
		text, _ := r.text(t, 0)
		got, err := ParseRequirement(text)
		want, valid := r.text(t, 1)
		if valid != (err == nil) || valid && got.String() != want {
			t.Errorf("%s: %q, %v", r, got, err)
		}
	})
}

// FuzzRequirement: a canonical form is that of itself, and says the same.
func FuzzRequirement(f *testing.F) {
	for _, seed := range []string{"a", "A[b,c] (>=1,<2); os_name == 'nt' and (extra == \"x\" or 'y' in python_version)", "p @ https://example.org/x ; os.name != 'a'", "a===b,==1.*"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRequirement(text)
		if err != nil {
			return
		}
		again, err := ParseRequirement(r.String())
		if err != nil || again.String() != r.String() {
			t.Fatalf("%q: %q, then %q, %v", text, r, again, err)
		}
		if lenient, err := ParseRequiresDist(text); err != nil || lenient.String() != r.String() {
			t.Fatalf("%q: %q, leniently %q, %v", text, r, lenient, err)
		}
		for _, e := range []Environment{{}, linux, {PythonVersion: "3.11"}} {
			if r.Marker.Evaluate(e, "x") != again.Marker.Evaluate(e, "x") {
				t.Fatalf("%q: %q", text, r)
			}
		}
	})
}
