package manifest

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func group() Group {
	before := march18 - (24*60+3)*60 - 38
	member := func(name string, at ID) Member {
		return Member{Repo{name, "base/" + name}, Checkpoint{ID: at, Content: Sum([]byte(name)), Files: 3, Bytes: 30, Layout: Thin}, &before}
	}
	return Group{ID: march18, Until: march18 + 48*60*60, Members: []Member{member("a", march18), member("b", before)}}
}

func TestGroup(t *testing.T) {
	want := group()
	b, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	if !strings.HasPrefix(good, `{"format":"asof.together/1","id":"20250318T140338Z","until":"20250320T140338Z","members":[{"name":"a","base":"base/a","checkpoint":{"id":"20250318T140338Z","manifest":"`) {
		t.Error(good)
	}
	for _, tt := range []struct{ name, in, err string }{
		{"good", good, ""},
		{"nothing", "", `it does not begin with {"format":"asof.together/1"`},
		{"next format", strings.Replace(good, "/1", "/2", 1), `a later version of asof wrote it: format is "asof.together/2", this version reads asof.together/1`},
		{"space", strings.Replace(good, ":3", ": 3", 1), "line 1: not in canonical form"},
		{"no end", strings.TrimSpace(good), "line 1: the document is cut off"},
		{"trailing", good + "x", "line 2: data behind the document's end"},
		{"huge", good + strings.Repeat(" ", MaxGroup), "larger than 1048576 bytes"},
		{"later", strings.Replace(good, `{"id":"20250318T140338Z"`, `{"id":"20250318T140339Z"`, 1), "member a: checkpoint 20250318T140339Z lies above the id 20250318T140338Z"},
		{"newer", strings.Replace(good, `"previous":"20250317T140000Z"`, `"previous":"20250318T140338Z"`, 1), "member a: checkpoint 20250318T140338Z is neither the newest nor follows it"},
		{"not the newest", strings.Replace(good, `"previous":"20250317T140000Z"}]`, `"previous":null}]`, 1), "member b: checkpoint 20250317T140000Z is neither the newest nor follows it"},
		{"order", strings.Replace(good, `"base/a"`, `"base/z"`, 1), "member b is out of order"},
		{"base", strings.Replace(good, `"base/a"`, `"../a"`, 1), `member: base path "../a": segment ".." begins with a dot`},
		{"layout", strings.Replace(good, `"thin"`, `"flat"`, 1), `member a: checkpoint 20250318T140338Z: layout "flat" is neither full nor thin`},
	} {
		got, err := ParseGroup([]byte(tt.in))
		if tt.err == "" {
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v, %v", tt.name, got, err)
			}
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), "repos published together: ") {
			t.Errorf("%s: %v", tt.name, err)
		}
		if tt.name != "base" {
			checkError(t, tt.name, err, "repos published together: "+tt.err)
		}
	}
}

func FuzzParseGroup(f *testing.F) {
	b, err := group().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"format":"asof.together/1","id":"20250318T140338Z","until":"20250318T140338Z","members":null}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := ParseGroup(data)
		if err != nil {
			return
		}
		if again, err := g.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q is taken, and printed as %q, %v", data, again, err)
		}
	})
}
