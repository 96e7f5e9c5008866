package rpm

import (
	"fmt"
	"strings"
	"testing"
)

// show writes a rich dependency with its operator in front.
func show(r Rich) string {
	if r.Op == "" {
		text := r.Relation.Name
		if r.Relation.Flags != "" {
			text += " " + r.Relation.Flags + " " + EVR{r.Relation.Epoch, r.Relation.Version, r.Relation.Release}.String()
		}
		return text
	}
	parts := make([]string, len(r.Parts))
	for i, p := range r.Parts {
		parts[i] = show(p)
	}
	return fmt.Sprintf("%s[%s]", r.Op, strings.Join(parts, ", "))
}

func TestParseRich(t *testing.T) {
	deep := strings.Repeat("(", 100) + "a" + strings.Repeat(")", 100)
	for text, want := range map[string]string{
		"(a if b)":                                                    "if[a, b]",
		"(a >= 1.0-1 and (b or c) and d)":                             "and[a GE 1.0-1, or[b, c], d]",
		"((a with a < 2) unless b else c)":                            "unless[with[a, a LT 2], b, c]",
		"(python3dist(x) >= 1 with python3dist(x) < 2:2)":             "with[python3dist(x) GE 1, python3dist(x) LT 2:2]",
		"(crate(x/default) >= 1.0.0~ with crate(x/default) < 2.0.0~)": "with[crate(x/default) GE 1.0.0~, crate(x/default) LT 2.0.0~]",
		"( /bin/sh or  a(b(c))(64bit) )":                              "or[/bin/sh, a(b(c))(64bit)]",
		"(a)":                                                         "a", "(a without b)": "without[a, b]",
		"": "", "()": "", "(": "", "(a >=": "", "(a": "", "(a or)": "", "(a or b and c)": "", "(a b c)": "", "(a) b": "", "(a if b else c else d)": "", "a": "",
		deep: "",
	} {
		got, err := parseRich(text)
		if want == "" && err == nil || want != "" && (err != nil || show(got) != want) {
			t.Errorf("%s: %s, %v", text, show(got), err)
		}
	}
}

// Reading ends, whatever the text, and names nothing that does not stand in it.
func FuzzRich(f *testing.F) {
	f.Add("((a with a < 2) unless b else c(d))")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseRich(text)
		if err != nil {
			return
		}
		r.Relations(func(one Relation) {
			if one.Name == "" || !strings.Contains(text, one.Name) {
				t.Fatalf("%q: %q", text, one.Name)
			}
		})
	})
}
