package manifest

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestModes(t *testing.T) {
	m := Modes{Executable: []string{"bin/a", "bin/b <&>", "c"}}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	if want := "{\"format\":\"asof.modes/1\",\n\"executable\":[\n\"bin/a\",\n\"bin/b \\u003c\\u0026\\u003e\",\n\"c\"]}\n"; good != want {
		t.Errorf("got %s", good)
	}
	for _, tt := range []struct{ name, in, err string }{
		{"good", good, ""},
		{"next format", strings.Replace(good, "/1", "/2", 1), `a later version of asof wrote it: format is "asof.modes/2", this version reads asof.modes/1`},
		{"unknown member", strings.Replace(good, `/1"`, `/1","x":1`, 1), `line 1: json: unknown field "x"`},
		{"unknown list", strings.Replace(good, "]}\n", "],\n\"links\":[]}\n", 1), "line 5: invalid character ']' after top-level value"},
		{"bad path", strings.Replace(good, "bin/a", "../a", 1), `path "../a" holds the segment ".."`},
		{"order", strings.Replace(good, `"c"`, `"bin/a"`, 1), `executable path "bin/a" is out of order`},
		{"no string", strings.Replace(good, `"c"`, `7`, 1), "line 5: json: cannot unmarshal number into Go value of type string"},
		{"trailing", good + "x", "line 6: data behind the document's end"},
		{"huge", good + strings.Repeat(" ", MaxModes), "larger than 67108864 bytes"},
	} {
		if tt.err != "" {
			tt.err = "modes: " + tt.err
		}
		got, err := ParseModes([]byte(tt.in))
		checkError(t, tt.name, err, tt.err)
		if err == nil && !reflect.DeepEqual(got, m) {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
	for _, bad := range []Modes{{[]string{"b", "a"}}, {[]string{"a", "a"}}, {[]string{"/a"}}} {
		if _, err := bad.Encode(); err == nil {
			t.Errorf("%v passes", bad)
		}
	}
	if !m.Of("c") || m.Of("bin") || (Modes{}).Of("c") {
		t.Error("Of is wrong")
	}
	other := Modes{Executable: []string{"a", "bin/b <&>", "d"}}
	if got, want := m.Differing(other), []string{"a", "bin/a", "c", "d"}; !slices.Equal(got, want) || !slices.Equal(other.Differing(m), want) {
		t.Errorf("differing: %q", got)
	}
	if got := m.Differing(m); got != nil {
		t.Errorf("differing from itself: %q", got)
	}
}

func FuzzParseModes(f *testing.F) {
	for _, list := range [][]string{nil, {"a"}, {"a/b", "c d", "ü"}} {
		b, err := Modes{list}.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseModes(data)
		if err != nil {
			return
		}
		if again, err := m.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q is taken, and printed as %q, %v", data, again, err)
		}
	})
}
