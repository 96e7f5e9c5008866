package manifest

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// note is one of everything.
func note(t testing.TB) Note {
	t.Helper()
	n := Note{Repo: "a", At: march18 + 100, Records: march18 + 90, Horizon: march18 + 50}
	for i := range 4 {
		n.Checkpoints = append(n.Checkpoints, Checkpoint{ID: march18 + ID(10*i), Layout: Thin, Files: 3, Bytes: 30})
	}
	segment, err := Segment{Repo: "a", Checkpoints: n.Checkpoints[:2]}.seal()
	if err != nil {
		t.Fatal(err)
	}
	n.Segments, n.Checkpoints = []SegmentRef{segment.Ref}, n.Checkpoints[2:]
	n.Pruned = []Tombstone{{ID: march18 + 25, At: march18 + 60, Reason: "old", Layout: Full}}
	n.Held = []Checkpoint{{ID: march18 + 25, Layout: Full}, {ID: march18 + 25, Layout: Full, Pages: Sum(nil)}}
	n.Released = []Release{{march18 + 5, march18 + 70}, {march18 + 6, march18 + 70}}
	return n
}

func TestNote(t *testing.T) {
	want := note(t)
	b, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	if !strings.HasPrefix(good, `{"format":"asof.note/1","repo":"a","at":"20250318T140518Z","records":"20250318T140508Z","horizon":"20250318T140428Z",`+"\n"+`"segments":[`) ||
		!strings.HasSuffix(good, "\n"+`"released":[`+"\n"+`{"id":"20250318T140343Z","at":"20250318T140448Z"},`+"\n"+`{"id":"20250318T140344Z","at":"20250318T140448Z"}]}`+"\n") {
		t.Error(good)
	}
	held := good[strings.Index(good, `"held":[`):]
	for _, tt := range []struct{ name, in, err string }{
		{"good", good, ""},
		{"nothing", "", `it does not begin with {"format":"asof.note/1"`},
		{"next format", strings.Replace(good, "/1", "/2", 1), `a later version of asof wrote it: format is "asof.note/2", this version reads asof.note/1`},
		{"no end", strings.TrimSpace(good), "line 14: the document is cut off"},
		{"trailing", good + "x", "line 15: data behind the document's end"},
		{"huge", good + strings.Repeat(" ", MaxNote), "larger than 67108864 bytes"},
		{"base", strings.Replace(good, `"repo":"a"`, `"repo":".a"`, 1), `repo: base path ".a": segment ".a" starts with "."`},
		{"order of releases", strings.Replace(good, `{"id":"20250318T140344Z"`, `{"id":"20250318T140343Z"`, 1), "released checkpoint 20250318T140343Z is out of order"},
		{"held and released", strings.Replace(good, `{"id":"20250318T140344Z"`, `{"id":"20250318T140403Z"`, 1), "checkpoint 20250318T140403Z is held and released"},
		{"order of what is held", strings.Replace(good, held, strings.Replace(held, emptySum, strings.Repeat("0", 64), 1), 1), "held checkpoint 20250318T140403Z is out of order"},
		{"layout", strings.Replace(good, held, strings.Replace(held, `"full"`, `"flat"`, 1), 1), `held: checkpoint 20250318T140403Z: layout "flat" is neither full nor thin`},
	} {
		got, err := ParseNote([]byte(tt.in))
		if tt.err == "" {
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v, %v", tt.name, got, err)
			}
			continue
		}
		checkError(t, tt.name, err, "note: "+tt.err)
	}
	if _, err := (Note{Repo: "a", Released: []Release{{1, 0}}}).Encode(); err == nil {
		t.Error("a release without a time is written")
	}
	if b, err := (Note{Repo: "a"}).Encode(); err != nil {
		t.Error(err)
	} else if n, err := ParseNote(b); err != nil || !reflect.DeepEqual(n, Note{Repo: "a"}) {
		t.Errorf("%+v, %v", n, err)
	}
}

func TestNoteRelease(t *testing.T) {
	n := note(t)
	same, changed := n.Release([]ID{march18 + 5}, march18+200)
	if changed || !reflect.DeepEqual(same.Released, n.Released) {
		t.Errorf("released again: %+v", same.Released)
	}
	next, changed := n.Release([]ID{march18 + 4, march18 + 25}, march18+200)
	if !changed || next.Holds(march18+25) || len(next.Held) > 0 || len(n.Held) != 2 || len(n.Released) != 2 {
		t.Errorf("%+v", next)
	}
	if r, ok := next.FindReleased(march18 + 25); !ok || r.At != march18+200 {
		t.Errorf("%+v", r)
	}
	if _, err := next.Encode(); err != nil {
		t.Error(err)
	}
	if _, ok := next.FindReleased(march18 + 26); ok {
		t.Error("another is released")
	}
}

func FuzzParseNote(f *testing.F) {
	b, err := note(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := ParseNote(data)
		if err != nil {
			return
		}
		if again, err := n.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q is taken, and printed as %q, %v", data, again, err)
		}
	})
}

// What is rejected is held no more, and stays rejected.
func TestNoteReject(t *testing.T) {
	forged, true_ := Checkpoint{ID: 20, Manifest: Digest{1}, Layout: Full}, Checkpoint{ID: 20, Manifest: Digest{2}, Layout: Full}
	n := Note{Repo: "a", Held: []Checkpoint{forged, true_}}
	next, changed := n.Reject([]Checkpoint{forged})
	if !changed || len(next.Held) != 1 || next.Held[0] != true_ || !next.Rejects(forged) || next.Rejects(true_) || len(n.Rejected) != 0 {
		t.Fatalf("%+v", next)
	}
	if again, changed := next.Reject([]Checkpoint{forged}); changed || !reflect.DeepEqual(again, next) {
		t.Errorf("again: %+v", again)
	}
	data, err := next.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ParseNote(data); err != nil || !reflect.DeepEqual(again, next) {
		t.Errorf("%s: %+v, %v", data, again, err)
	}
	next.Held = append(next.Held, forged)
	slices.SortFunc(next.Held, CompareHeld)
	_, err = next.Encode()
	checkError(t, "both", err, "note: checkpoint "+ID(20).String()+" is held and rejected")
}
