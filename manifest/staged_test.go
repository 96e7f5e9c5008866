package manifest

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestStaged(t *testing.T) {
	s := Staged{
		At: 63877903418, Manifest: Sum(nil), Content: Sum([]byte("x")), Files: 3, Bytes: 30,
		Later: []LaterFile{{"dists/s/Release", 3}, {"my.list", 1}},
	}
	b, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	old := strings.Replace(good[:strings.Index(good, ",\n")]+"}\n", "staged/2", "staged/1", 1)
	tests := []struct{ name, in, err string }{
		{"good", good, ""},
		{"of an earlier version", old, ""},
		{"nothing", "", `it does not begin with {"format":"asof.staged/3"`},
		{"next format", strings.Replace(good, "/2", "/4", 1), `a later version of asof wrote it: format is "asof.staged/4", this version reads asof.staged/3`},
		{"no modes", strings.Replace(good, "/2", "/3", 1), `line 2: not in canonical form: want "executable":[`},
		{"unknown", strings.Replace(good, `"at"`, `"x":1,"at"`, 1), `line 1: json: unknown field "x"`},
		{"space", strings.Replace(good, ":3", ": 3", 1), "line 1: not in canonical form"},
		{"no end", strings.TrimSpace(good), "line 4: the document is cut off"},
		{"trailing", good + "x", "line 5: data behind the document's end"},
		{"bad path", strings.Replace(good, "my.list", "../my.list", 1), `path "../my.list" holds the segment ".."`},
		{"order", strings.Replace(good, "my.list", "a", 1), `path "a" is out of order`},
		{"phase", strings.Replace(good, `"phase":1`, `"phase":0`, 1), "my.list: phase 0 is not within 1 and 9"},
		{"huge", good + strings.Repeat(" ", MaxStaged), "larger than 67108864 bytes"},
	}
	for _, tt := range tests {
		if tt.err != "" {
			tt.err = "staged revision: " + tt.err
		}
		got, err := ParseStaged([]byte(tt.in))
		checkError(t, tt.name, err, tt.err)
		want := s
		if tt.in == old {
			want.Later, want.Unphased = nil, true
		}
		if err != nil {
			want = Staged{}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
	for _, modes := range []Modes{{}, {Executable: []string{"bin/a", "bin/b"}}} {
		moded := s
		moded.Modes, moded.HeldBack = &modes, HeldBack{Files: 1, Bytes: 2}
		b, err := moded.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseStaged(b)
		if err != nil || !reflect.DeepEqual(got, moded) {
			t.Errorf("%s: %+v, %v", b, got, err)
		}
		if _, err := ParseStaged(bytes.Replace(b, []byte("/3"), []byte("/2"), 1)); err == nil {
			t.Errorf("%s is read as a revision without modes", b)
		}
	}
	s.Modes = &Modes{Executable: []string{"b", "a"}}
	if _, err := s.Encode(); err == nil {
		t.Error("executable files in disorder pass")
	}
	s.Modes = nil
	s.HeldBack = HeldBack{Files: 2, Bytes: 30}
	if b, err := s.Encode(); err != nil || !strings.Contains(string(b), `,"held_back":{"files":2,"bytes":30},`+"\n") {
		t.Errorf("%s, %v", b, err)
	} else if got, err := ParseStaged(b); err != nil || got.HeldBack != s.HeldBack {
		t.Errorf("%+v, %v", got, err)
	}
	s.At = 0
	if _, err := s.Encode(); err == nil {
		t.Error("no time passes")
	}
	if _, err := (Staged{At: 63877903418, Unphased: true}).Encode(); err == nil {
		t.Error("unknown phases pass")
	}
}

func FuzzParseStaged(f *testing.F) {
	b, err := Staged{At: 63877903418, Files: 3, Later: []LaterFile{{"a/b", 2}}}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(strings.Replace(string(b), "staged/2", "staged/1", 1)))
	f.Add([]byte(strings.Replace(strings.Replace(string(b), "staged/2", "staged/3", 1), "\"later\"", "\"executable\":[\n\"a\"],\n\"later\"", 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseStaged(data)
		if err != nil {
			return
		}
		if s.Unphased {
			return
		}
		if again, err := s.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q is taken, and printed as %q, %v", data, again, err)
		}
	})
}
