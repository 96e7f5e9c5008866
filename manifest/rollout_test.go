package manifest

import (
	"reflect"
	"strings"
	"testing"
)

func by(at ID) Stamp { return Stamp{At: at, By: "ci"} }

// rollout has one of everything: canary, which was rolled back from 30 to 20 and is held, and
// early, which stands for 10.
func rollout(t testing.TB) Rollout {
	t.Helper()
	var r Rollout
	var err error
	for _, step := range []func() (Rollout, error){
		func() (Rollout, error) {
			return r.Set([]string{"b", "a"}, []RingRule{{"canary", 0}, {"early", 100}}, by(50))
		},
		func() (Rollout, error) { return r.Move("canary", 10, by(60)) },
		func() (Rollout, error) { return r.Move("early", 10, by(70)) },
		func() (Rollout, error) { return r.Move("canary", 20, by(80)) },
		func() (Rollout, error) { return r.Move("canary", 30, by(90)) },
		func() (Rollout, error) { return r.Rollback("canary", 20, []string{"b"}, Stamp{100, "eve", "it broke"}) },
		func() (Rollout, error) { return r.Extend("early", 12) },
	} {
		if r, err = step(); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestRolloutFormat(t *testing.T) {
	want := rollout(t)
	b, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	const epoch = "00010101T00"
	good := string(b)
	if start := `{"format":"asof.rollout/1","generation":7,"recorded":6,"last":{"what":"rollback","ring":"canary","from":"` + epoch + `0030Z","to":"` + epoch +
		`0020Z","at":"` + epoch + `0140Z","by":"eve","reason":"it broke"},"members":["a","b"],` + "\n" + `"rings":[` + "\n" + `{"name":"canary","after":0,"held":{"at":`; !strings.HasPrefix(good, start) {
		t.Errorf("%s\nbegins not with\n%s", good, start)
	}
	if end := "\n" + `"blocks":[` + "\n" + `{"repos":["b"],"after":"` + epoch + `0020Z","through":"` + epoch + `0030Z","at":"` + epoch + `0140Z","by":"eve","reason":"it broke"}]}` + "\n"; !strings.HasSuffix(good, end) {
		t.Errorf("%s\nends not with\n%s", good, end)
	}
	for _, tt := range []struct{ name, in, err string }{
		{"good", good, ""},
		{"nothing", "", `it does not begin with {"format":"asof.rollout/1"`},
		{"next format", strings.Replace(good, "/1", "/2", 1), "a later version of asof wrote it"},
		{"no end", strings.TrimSpace(good), "the document is cut off"},
		{"trailing", good + "x", "data behind the document's end"},
		{"huge", good + strings.Repeat(" ", MaxRollout), "larger than 16777216 bytes"},
		{"twice", strings.Replace(good, `"name":"early"`, `"name":"canary"`, 1), "ring canary: already taken"},
		{"order of members", strings.Replace(good, `["a","b"]`, `["b","a"]`, 1), "members: a is out of order"},
		{"name", strings.Replace(good, `"name":"early"`, `"name":"latest"`, 1), `segment "latest" is reserved`},
		{"after", strings.Replace(good, `"after":100`, `"after":-1`, 1), "after -1 seconds: not within 0 and 31622400"},
		{"no such change", strings.Replace(good, `"what":"rollback"`, `"what":"roll"`, 1), `"roll" is no change`},
		{"nobody", strings.Replace(good, `,"by":"eve"`, ``, 1), `by "": not one line of 1 to 200 bytes`},
		{"lines", strings.Replace(good, "it broke", `it\nbroke`, 1), "is not one line of UTF-8 text"},
		{"empty block", strings.Replace(good, `"repos":["b"]`, `"repos":[]`, 1), "in 0 repos: no checkpoint can be that"},
		{"count", strings.Replace(good, `"recorded":6`, `"recorded":8`, 1), "8 changes of 7 are recorded"},
		{"last", strings.Replace(good, `"recorded":6`, `"recorded":0`, 1), "the last one is not as it must be"},
	} {
		got, err := ParseRollout([]byte(tt.in))
		switch {
		case tt.err == "" && (err != nil || !reflect.DeepEqual(got, want)):
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%s: %v, want %s", tt.name, err, tt.err)
		}
	}
}

// What one can read, one can write, to the same bytes.
func FuzzRollout(f *testing.F) {
	b, err := rollout(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"format":"asof.rollout/1","generation":0,"recorded":0,` + "\n\"rings\":[],\n\"blocks\":[]}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseRollout(data)
		if err != nil {
			return
		}
		again, err := r.Encode()
		if err != nil || string(again) != string(data) {
			t.Fatalf("%s, %v", again, err)
		}
	})
}
