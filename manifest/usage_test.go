package manifest

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

func usage() Usage {
	return Usage{[]Snippet{
		{Title: "a source", Note: "read {repo}", File: "/etc/x", Text: "URIs: {tree}\nKey: {tree}k {other}\n"},
		{Title: "more", Text: "{repo}@SNAPSHOTID@/"},
	}}
}

func TestUsage(t *testing.T) {
	want := usage()
	b, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	for _, tt := range []struct{ name, in, err string }{
		{"good", good, ""},
		{"nothing", "", `it does not begin with {"format":"asof.usage/1"`},
		{"space", strings.Replace(good, `"title":`, `"title": `, 1), "line 1: not in canonical form"},
		{"trailing", good + "x", "line 2: data behind the document's end"},
		{"huge", good + strings.Repeat(" ", MaxUsage), "larger than 262144 bytes"},
	} {
		if tt.err != "" {
			tt.err = "usage: " + tt.err
		}
		got, err := ParseUsage([]byte(tt.in))
		checkError(t, tt.name, err, tt.err)
		if err == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("%+v", got)
		}
	}
	if _, err := (Usage{[]Snippet{{Text: "\xff"}}}).Encode(); err == nil {
		t.Error("what is no UTF-8 passes")
	}
	if _, err := (Usage{[]Snippet{{Text: strings.Repeat("x", MaxUsage)}}}).Encode(); err == nil {
		t.Error("what is too large passes")
	}
	filled := want.For("https://h", "r", IDOf(time.Date(2025, time.March, 18, 14, 3, 38, 0, time.UTC)), "")
	if s := filled.Snippets[0]; s.Text != "URIs: https://h/r/20250318T140338Z/\nKey: https://h/r/20250318T140338Z/k {other}\n" || s.Note != "read https://h/r/" {
		t.Errorf("%+v", s)
	}
	ways := Usage{[]Snippet{{Title: "any", Text: "{tree}"}, {Title: "time", Way: ByTime}, {Title: "follows {when}", Way: ByName, Text: "{repo}{when}/"}}}
	if at := ways.For("https://h", "r", 1, "").Snippets; len(at) != 3 || at[2].Title != "follows latest" || at[2].Text != "https://h/r/latest/" {
		t.Errorf("%+v", at)
	}
	if by := ways.For("https://h", "r", 1, "prod").Snippets; len(by) != 2 || by[0].Text != "https://h/r/00010101T000001Z/" || by[1].Title != "follows prod" || by[1].Text != "https://h/r/prod/" {
		t.Errorf("%+v", by)
	}
	if _, err := (Usage{[]Snippet{{Way: "other"}}}).Encode(); err == nil {
		t.Error("another way passes")
	}
	if want.Snippets[0].Note != "read {repo}" || filled.Snippets[1].Text != "https://h/r/@SNAPSHOTID@/" {
		t.Errorf("%+v", filled)
	}
}

func FuzzParseUsage(f *testing.F) {
	b, err := usage().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, data []byte) {
		u, err := ParseUsage(data)
		if err != nil {
			return
		}
		if again, err := u.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q is taken, and printed as %q, %v", data, again, err)
		}
	})
}
