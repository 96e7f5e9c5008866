package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// sealedIndex is sampleIndex with 10, 20 (pruned) and 30 in a segment.
func sealedIndex(t testing.TB) (Index, SealedSegment) {
	t.Helper()
	ix, documents, err := sampleIndex(t).Seal(1, SegmentEntries, Segment{})
	if err != nil || len(documents) != 1 {
		t.Fatal(documents, err)
	}
	return ix, documents[0]
}

func parsedSegment(t testing.TB, ix Index, s SealedSegment) Segment {
	t.Helper()
	parsed, err := ParseSegment(s.Data, ix.Repo, s.Ref)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestSeal(t *testing.T) {
	before := sampleIndex(t)
	ix, document := sealedIndex(t)
	want := SegmentRef{10, 30, 2, 1, Sum(document.Data), int64(len(document.Data))}
	if !slices.Equal(ix.Segments, []SegmentRef{want}) || document.Ref != want {
		t.Errorf("segments %+v, want %+v", ix.Segments, want)
	}
	if len(ix.Checkpoints) != 1 || ix.Checkpoints[0].ID != 40 || len(ix.Pruned) != 0 || ix.Generation != before.Generation+1 || ix.Horizon != before.Horizon {
		t.Errorf("the rest is %+v", ix)
	}
	segment := parsedSegment(t, ix, document)
	if _, listed := segment.Find(30); !listed || segment.Len() != 3 {
		t.Errorf("%+v", segment)
	}
	if dead, ok := segment.FindPruned(20); !ok || dead != before.Pruned[0] {
		t.Errorf("%+v", segment)
	}
	if again, err := ParseIndex([]byte(encoded(t, ix))); err != nil || !reflect.DeepEqual(again, ix) {
		t.Errorf("%v\n%+v\n%+v", err, again, ix)
	}
	if listed, pruned := ix.Count(); listed != 3 || pruned != 1 {
		t.Errorf("%d listed, %d pruned", listed, pruned)
	}
	if next, documents, err := ix.Seal(1, 4, segment); err != nil || documents != nil || next.Generation != ix.Generation {
		t.Errorf("sealing the newest: %+v, %v", next, err)
	}
}

// A segment is filled before the next begins. Sealed entries stay sealed.
func TestSealFills(t *testing.T) {
	ix := NewIndex("myfile")
	stored := map[Digest]SealedSegment{}
	var sizes []int
	for i := range 40 {
		next, err := ix.Append(checkpoint(ID(10 * (i + 1))))
		if err != nil {
			t.Fatal(err)
		}
		ix = next
		if ix.Tail().Len() <= 4 {
			continue
		}
		var open Segment
		if ref, ok := ix.Open(7); ok {
			open = parsedSegment(t, ix, stored[ref.Digest])
		}
		next, documents, err := ix.Seal(2, 7, open)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range documents {
			stored[d.Ref.Digest] = d
		}
		ix = next
		if n := ix.Tail().Len(); n != 2 {
			t.Fatalf("%d entries are left", n)
		}
	}
	var ids []ID
	for _, ref := range ix.Segments {
		segment := parsedSegment(t, ix, stored[ref.Digest])
		ids = append(ids, segment.ids()...)
		sizes = append(sizes, segment.Len())
	}
	ids = append(ids, ix.Tail().ids()...)
	if len(ids) != 40 || !slices.IsSorted(ids) {
		t.Errorf("the history is %v", ids)
	}
	if want := []int{7, 7, 7, 7, 7, 1}; !slices.Equal(sizes, want) {
		t.Errorf("segments of %v entries, want %v", sizes, want)
	}
}

func TestSealRefuses(t *testing.T) {
	ix, document := sealedIndex(t)
	segment := parsedSegment(t, ix, document)
	for range 3 {
		ix, _ = ix.Append(checkpoint(ix.Horizon + 10))
	}
	other := segment
	other.Pruned = slices.Clone(other.Pruned)
	other.Pruned[0].Reason = "another"
	longer := segment
	longer.Checkpoints = append(slices.Clone(longer.Checkpoints), checkpoint(31))
	for name, s := range map[string]Segment{"changed": other, "longer": longer} {
		if next, _, err := ix.Seal(1, 9, s); !errors.Is(err, errOtherSegment) || !reflect.DeepEqual(next, ix) {
			t.Errorf("seal, %s: %v", name, err)
		}
	}
	if next, _, err := ix.Reseal(longer); !errors.Is(err, errOtherSegment) || !reflect.DeepEqual(next, ix) {
		t.Errorf("reseal, longer: %v", err)
	}
	if _, _, err := sampleIndex(t).Seal(1, 9, segment); !errors.Is(err, errOtherSegment) {
		t.Errorf("seal, a segment of another index: %v", err)
	}
}

func TestReseal(t *testing.T) {
	ix, document := sealedIndex(t)
	segment := parsedSegment(t, ix, document)
	if _, err := segment.Prune([]ID{20}, 50, ""); !errors.Is(err, ErrNoCheckpoint) {
		t.Errorf("pruned twice: %v", err)
	}
	held, err := segment.Prune([]ID{10, 30}, 50, "old")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = ix.Reseal(held)
	checkError(t, "a channel's", err, "00010101T000010Z is in use: channel stable names it")

	pruned, err := segment.Prune([]ID{30}, 50, "old")
	if err != nil {
		t.Fatal(err)
	}
	next, replaced, err := ix.Reseal(pruned)
	if err != nil {
		t.Fatal(err)
	}
	if next.Generation != ix.Generation+1 || next.Segments[0].Pruned != 2 || next.Segments[0].Digest == document.Ref.Digest {
		t.Errorf("%+v", next)
	}
	a, err := sealedSegments{replaced.Ref.Digest: replaced}.history(t, next).Resolve(t.Context(), At(35), 100)
	if err != nil || a.Outcome != Gone || a.ID != 30 || a.Reason != "old" || !a.Final {
		t.Errorf("%+v", a)
	}
	if ix.Segments[0] != document.Ref || segment.Len() != 3 || len(segment.Pruned) != 1 {
		t.Error("the original changed")
	}
}

// Channels may name sealed checkpoints, as far as the index can tell.
func TestSealedChannel(t *testing.T) {
	ix, _ := sealedIndex(t)
	if ix.Channels["stable"] != 10 {
		t.Errorf("%v", ix.Channels)
	}
	if _, err := ix.SetChannel("old", 30, 500); err != nil {
		t.Error(err)
	}
	for _, id := range []ID{9, 31, 41} {
		if _, err := ix.SetChannel("old", id, 500); !errors.Is(err, ErrNoCheckpoint) {
			t.Errorf("%d: %v", id, err)
		}
	}
	if _, err := ix.Prune(30, 60, ""); !errors.Is(err, ErrNoCheckpoint) {
		t.Errorf("pruning a sealed one in the index: %v", err)
	}
}

func TestParseSegmentRefuses(t *testing.T) {
	ix, document := sealedIndex(t)
	good := string(document.Data)
	edit := func(old, new string) string {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("no %q", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	const epoch = "00010101T0000"
	// The reference matches the data, except for its bounds and counts.
	refOf := func(data string) SegmentRef {
		ref := document.Ref
		ref.Digest, ref.Size = Sum([]byte(data)), int64(len(data))
		return ref
	}
	tests := []struct {
		name, in string
		err      string
	}{
		{"good", good, ""},
		{"nothing", "", `it does not begin with {"format":"asof.segment/1"`},
		{"an index", encoded(t, ix), `format is "asof.checkpoints/1", this version reads asof.segment/1`},
		{"cut off", good[:len(good)-1], "line 6: the document is cut off"},
		{"trailing", good + "\n", "line 7: data behind the document's end"},
		{"pretty", edit(`"files":3`, `"files": 3`), "line 3: not in canonical form"},
		{"twice", edit(`"id":"`+epoch+`20Z"`, `"id":"`+epoch+`30Z"`), "pruned checkpoint " + epoch + "30Z is listed too"},
		{"bad repo", edit(`"repo":"myfile"`, `"repo":"latest"`), `repo: base path "latest": segment "latest" is reserved`},
		{"another repo", edit(`"repo":"myfile"`, `"repo":"other"`), "it belongs to repo other, not myfile"},
		{"another first", edit(`"id":"`+epoch+`10Z"`, `"id":"`+epoch+`11Z"`), "it is not what the index says of it"},
		{"empty", "{\"format\":\"asof.segment/1\",\"repo\":\"myfile\",\n\"checkpoints\":[],\n\"pruned\":[]}\n", "0 entries are not within 1 and 4096"},
	}
	for _, tt := range tests {
		if tt.err != "" {
			tt.err = "segment: " + tt.err
		}
		s, err := ParseSegment([]byte(tt.in), "myfile", refOf(tt.in))
		checkError(t, tt.name, err, tt.err)
		if err != nil && !reflect.DeepEqual(s, Segment{}) {
			t.Errorf("%s: a segment beside an error", tt.name)
		}
	}
	for name, ref := range map[string]SegmentRef{
		"last":        {10, 31, 2, 1, document.Ref.Digest, document.Ref.Size},
		"checkpoints": {10, 30, 1, 2, document.Ref.Digest, document.Ref.Size},
		"digest":      {10, 30, 2, 1, Digest{}, document.Ref.Size},
		"size":        {10, 30, 2, 1, document.Ref.Digest, document.Ref.Size + 1},
	} {
		if _, err := ParseSegment(document.Data, "myfile", ref); err == nil {
			t.Errorf("a wrong %s passes", name)
		}
	}
	many := Segment{Repo: "myfile"}
	for i := range ID(SegmentEntries + 1) {
		many.Checkpoints = append(many.Checkpoints, checkpoint(MinID+i))
	}
	_, err := many.Encode()
	checkError(t, "too many", err, "4097 entries are not within 1 and 4096")
}

// The largest possible segment is within its bound.
func TestLargestSegment(t *testing.T) {
	s := Segment{Repo: strings.Repeat("a", MaxBase)}
	for i := range ID(SegmentEntries) {
		s.Pruned = append(s.Pruned, Tombstone{ID: MinID + i, At: MinID + i, Reason: strings.Repeat("<", MaxReason), Layout: Full})
	}
	data, err := s.Encode()
	if err != nil || len(data) > MaxSegmentSize {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

func TestParseSegmentRefs(t *testing.T) {
	ix, _ := sealedIndex(t)
	good := encoded(t, ix)
	const epoch = "00010101T0000"
	lines := strings.SplitAfter(good, "\n")
	edit := func(old, new string) string {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("no %q", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	twice := lines[0] + lines[1] + strings.TrimSuffix(lines[2], "],\n") + ",\n" + strings.Join(lines[2:], "")
	tests := []struct{ name, in, err string }{
		{"good", good, ""},
		{"empty list", lines[0] + "\"segments\":[],\n" + strings.Join(lines[3:], ""), "line 2: not in canonical form: an empty list of segments"},
		{"behind the checkpoints", lines[0] + strings.Join(lines[3:5], "") + lines[1] + lines[2] + strings.Join(lines[5:], ""), `line 4: not in canonical form: want "pruned":[`},
		{"order of members", edit(`"checkpoints":2,"pruned":1`, `"pruned":1,"checkpoints":2`), "line 3: not in canonical form"},
		{"twice", twice, "segment " + epoch + "10Z is out of order"},
		{"backwards", edit(`"first":"`+epoch+`10Z"`, `"first":"`+epoch+`31Z"`), "segment 0: its first and last id are none"},
		{"reaches into the tail", edit(`"last":"`+epoch+`30Z"`, `"last":"`+epoch+`40Z"`), "segment " + epoch + "10Z does not end before the entries of the index"},
		{"no entries", edit(`"checkpoints":2,"pruned":1`, `"checkpoints":0,"pruned":0`), "segment " + epoch + "10Z: its entries are not within 1 and 4096"},
		{"a negative", edit(`"checkpoints":2,"pruned":1`, `"checkpoints":-2,"pruned":4`), "segment " + epoch + "10Z: its entries are not within 1 and 4096"},
		{"too many", edit(`"checkpoints":2`, `"checkpoints":4096`), "segment " + epoch + "10Z: its entries are not within 1 and 4096"},
		{"more than fit", edit(`"checkpoints":2`, `"checkpoints":22`), "segment " + epoch + "10Z can't hold 23 entries up to " + epoch + "30Z"},
		{"one at two times", edit(`"checkpoints":2,"pruned":1`, `"checkpoints":1,"pruned":0`), "segment " + epoch + "10Z can't hold 1 entries up to " + epoch + "30Z"},
		{"no size", edit(fmt.Sprintf(`"size":%d`, ix.Segments[0].Size), `"size":0`), "segment " + epoch + "10Z: its size is not within 1 and 33554432"},
		{"huge", edit(fmt.Sprintf(`"size":%d`, ix.Segments[0].Size), `"size":33554433`), "segment " + epoch + "10Z: its size is not within 1 and 33554432"},
		{"channel between", edit(`"stable":"`+epoch+`10Z"`, `"stable":"`+epoch+`31Z"`), "channel stable names " + epoch + "31Z: no such checkpoint"},
		{"nothing behind", lines[0] + lines[1] + lines[2] + "\"checkpoints\":[],\n\"pruned\":[]}\n", "segment " + epoch + "10Z does not end before the entries of the index"},
	}
	for _, tt := range tests {
		if tt.err != "" {
			tt.err = "checkpoint index: " + tt.err
		}
		_, err := ParseIndex([]byte(tt.in))
		checkError(t, tt.name, err, tt.err)
	}
}

// The size of the index of a million checkpoints.
func TestMillion(t *testing.T) {
	if testing.Short() {
		t.Skip("a million checkpoints")
	}
	ix, documents, err := manyCheckpoints(1_000_000).Seal(TailEntries, SegmentEntries, Segment{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(documents); n != 245 {
		t.Errorf("%d segments", n)
	}
	if n := len(encoded(t, ix)); n > 250_000 {
		t.Errorf("the index has %d bytes", n)
	}
}

func FuzzParseSegment(f *testing.F) {
	ix, document := sealedIndex(f)
	f.Add(document.Data)
	f.Add([]byte(encoded(f, ix)))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseSegment(data)
		if err != nil {
			return
		}
		if again, err := s.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q is taken, and printed as %q, %v", data, again, err)
		}
		if _, err := ParseSegment(data, s.Repo, s.ref(data)); err != nil {
			t.Errorf("%q: %v", data, err)
		}
		s.Timeline().newest(0)
	})
}

// The fast reader of lines agrees with the strict one, and the fast writer agrees
// with json.Marshal.
func FuzzLine(f *testing.F) {
	ix, _ := sealedIndex(f)
	sample := sampleIndex(f)
	for _, line := range [][]byte{
		appendCheckpoint(nil, sample.Checkpoints[0]), appendTombstone(nil, sample.Pruned[0]),
		appendSegmentRef(nil, ix.Segments[0]), appendRepo(nil, Repo{"a", "b/c"}),
		appendTombstone(nil, Tombstone{Reason: "<\"ü\u2028\\&>"}),
		[]byte(`{"id":"00010101T000010Z","manifest":"` + strings.Repeat("A", 64) + `"}`),
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		agree(t, line, readCheckpoint, appendCheckpoint)
		agree(t, line, readTombstone, appendTombstone)
		agree(t, line, readSegmentRef, appendSegmentRef)
		agree(t, line, readRepo, appendRepo)
	})
}

func agree[T comparable](t *testing.T, line []byte, read func([]byte) (T, bool), write func([]byte, T) []byte) {
	t.Helper()
	got, ok := read(line)
	want, err := decodeLine[T](line)
	if ok && (err != nil || got != want) {
		t.Errorf("%q is read as %+v, want %+v, %v", line, got, want, err)
	}
	if err != nil {
		return
	}
	if again := write(nil, want); !bytes.Equal(again, line) {
		t.Errorf("%q is written as %q", line, again)
	}
	if again, err := json.Marshal(want); err != nil || !bytes.Equal(again, line) {
		t.Errorf("%q is marshalled as %q, %v", line, again, err)
	}
}

// The fast reader reads all that asof writes.
func TestQuickLines(t *testing.T) {
	ix, _ := sealedIndex(t)
	sample := sampleIndex(t)
	if c, ok := readCheckpoint(appendCheckpoint(nil, sample.Checkpoints[0])); !ok || c != sample.Checkpoints[0] {
		t.Errorf("checkpoint: %+v", c)
	}
	if d, ok := readTombstone(appendTombstone(nil, sample.Pruned[0])); !ok || d != sample.Pruned[0] {
		t.Errorf("tombstone: %+v", d)
	}
	if s, ok := readSegmentRef(appendSegmentRef(nil, ix.Segments[0])); !ok || s != ix.Segments[0] {
		t.Errorf("segment: %+v", s)
	}
	if r, ok := readRepo(appendRepo(nil, Repo{"a", "b/c+d~e"})); !ok || r != (Repo{"a", "b/c+d~e"}) {
		t.Errorf("repo: %+v", r)
	}
}

// Another history takes the place of an index's own, sealed as a publish would have.
func TestRewrite(t *testing.T) {
	ix := NewIndex("a")
	var all Segment
	for i := range 10 {
		c := Checkpoint{ID: march18 + ID(i), Layout: Full}
		all.Checkpoints = append(all.Checkpoints, c)
		if i%3 == 0 {
			next, err := ix.Append(c)
			if err != nil {
				t.Fatal(err)
			}
			ix = next
		}
	}
	next, documents, err := ix.Rewrite(all, 4, 3)
	if err != nil || len(documents) != 3 || len(next.Segments) != 3 || len(next.Checkpoints) != 2 || next.Generation <= ix.Generation {
		t.Errorf("%+v, %d documents, %v", next, len(documents), err)
	}
	if listed, _ := next.Count(); listed != 10 || next.Segments[1].First != march18+3 {
		t.Errorf("%d are listed: %+v", listed, next.Segments)
	}
	few, documents, err := ix.Rewrite(Segment{Checkpoints: all.Checkpoints[:2]}, 4, 3)
	if err != nil || len(documents) > 0 || len(few.Checkpoints) != 2 || few.Horizon != ix.Horizon {
		t.Errorf("%+v, %v", few, err)
	}
	twice := Segment{Checkpoints: []Checkpoint{all.Checkpoints[0], all.Checkpoints[0]}}
	if same, _, err := ix.Rewrite(twice, 4, 3); err == nil || same.Generation != ix.Generation {
		t.Errorf("%+v, %v", same, err)
	}
}
