package manifest

import (
	"bytes"
	"strings"
	"testing"
)

func TestStaged(t *testing.T) {
	s := Staged{At: 1742306618, Manifest: Sum(nil), Content: Sum([]byte("x")), Files: 3, Bytes: 30}
	b, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	tests := []struct{ name, in, err string }{
		{"good", good, ""},
		{"nothing", "", `it does not begin with {"format":"asof.staged/1"`},
		{"next format", strings.Replace(good, "/1", "/2", 1), `format is "asof.staged/2", this version reads asof.staged/1`},
		{"unknown", strings.Replace(good, `"at"`, `"x":1,"at"`, 1), `line 1: json: unknown field "x"`},
		{"space", strings.Replace(good, ":3", ": 3", 1), "line 1: not in canonical form"},
		{"no end", strings.TrimSpace(good), "line 1: the document is cut off"},
		{"trailing", good + "x", "line 2: data behind the document's end"},
		{"huge", good + strings.Repeat(" ", MaxStaged), "larger than 1024 bytes"},
	}
	for _, tt := range tests {
		if tt.err != "" {
			tt.err = "staged revision: " + tt.err
		}
		got, err := ParseStaged([]byte(tt.in))
		checkError(t, tt.name, err, tt.err)
		if err == nil && got != s || err != nil && got != (Staged{}) {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
	s.At = NoTime
	if _, err := s.Encode(); err == nil {
		t.Error("no time passes")
	}
}

func FuzzParseStaged(f *testing.F) {
	b, err := Staged{At: 1742306618, Files: 3}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseStaged(data)
		if err != nil {
			return
		}
		if again, err := s.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q is taken, and printed as %q, %v", data, again, err)
		}
	})
}
