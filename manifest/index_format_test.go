package manifest

import (
	"bytes"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

func encoded(t testing.TB, ix Index) string {
	t.Helper()
	b, err := ix.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestIndexRoundTrip(t *testing.T) {
	for _, ix := range []Index{NewIndex("a/b"), sampleIndex(t), pendingIndex(t)} {
		text := encoded(t, ix)
		again, err := ParseIndex([]byte(text))
		if err != nil || !reflect.DeepEqual(again, ix) {
			t.Errorf("%v\n%+v\n%+v", err, again, ix)
		}
	}
	want := `{"format":"asof.checkpoints/1","repo":"a/b","generation":0,
"checkpoints":[],
"pruned":[]}
`
	if got := encoded(t, NewIndex("a/b")); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// What a checkpoint has besides is left out where it is false.
func TestCheckpointFlags(t *testing.T) {
	for _, end := range []string{"", `,"usage":true`, `,"partial":true`, `,"usage":true,"partial":true`} {
		c := Checkpoint{ID: 63877903418, Layout: Thin, Usage: strings.Contains(end, "usage"), Partial: strings.Contains(end, "partial")}
		line := appendCheckpoint(nil, c)
		if !strings.HasSuffix(string(line), `"layout":"thin"`+end+"}") {
			t.Errorf("%s", line)
		}
		if got, ok := readCheckpoint(line); !ok || got != c {
			t.Errorf("%s: %+v", line, got)
		}
		ix, err := NewIndex("a").Append(c)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseIndex([]byte(encoded(t, ix))); err != nil || !reflect.DeepEqual(again, ix) {
			t.Errorf("%s: %+v, %v", line, again, err)
		}
	}
}

func TestParseIndexRefuses(t *testing.T) {
	good := encoded(t, sampleIndex(t))
	lines := strings.SplitAfter(good, "\n")
	edit := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in %s", old, good)
		}
		return strings.Replace(good, old, new, 1)
	}
	const epoch = "00010101T0000"
	tests := []struct{ name, in, err string }{
		{"good", good, ""},
		{"nothing", "", `it does not begin with {"format":"asof.checkpoints/1"`},
		{"HTML", "<!doctype html>", `it does not begin with {"format":"asof.checkpoints/1"`},
		{"null", "null", `it does not begin with {"format":"asof.checkpoints/1"`},
		{"no format", edit(`"format":"asof.checkpoints/1",`, ""), `it does not begin with {"format":"asof.checkpoints/1"`},
		{"next format", edit("/1", "/2"), `a later version of asof wrote it: format is "asof.checkpoints/2", this version reads asof.checkpoints/1`},
		{"another format", edit("asof.checkpoints/1", "asof.registry/1"), `format is "asof.registry/1", this version reads asof.checkpoints/1`},
		{"next format, of whatever form", `{"format":"asof.checkpoints/2","x":1}`, `a later version of asof wrote it: format is "asof.checkpoints/2", this version reads asof.checkpoints/1`},
		{"long format", `{"format":"` + strings.Repeat("x", 5000) + `"}`, `format is "` + strings.Repeat("x", 40) + `", this version reads asof.checkpoints/1`},
		{"byte order mark", "\ufeff" + good, `it does not begin with {"format":"asof.checkpoints/1"`},
		{"pretty", strings.ReplaceAll(good, `{"`, `{ "`), `it does not begin with {"format":"asof.checkpoints/1"`},
		{"CRLF", strings.ReplaceAll(good, "\n", "\r\n"), "line 1: not in canonical form: no comma at its end"},
		{"one line", strings.ReplaceAll(good, "\n", ""), "line 1: the document is cut off"},
		{"no end of line", good[:len(good)-1], "line 7: the document is cut off"},
		{"cut in the head", lines[0], "line 2: the document is cut off"},
		{"cut in the list", strings.Join(lines[:4], ""), "line 5: the document is cut off"},
		{"trailing line", good + "\n", "line 8: data behind the document's end"},
		{"trailing document", good + good, "line 8: data behind the document's end"},
		{"trailing value", edit("]}\n", "]}{}\n"), "line 7: not in canonical form: neither a comma nor the list's end at its end"},
		{"unknown field in the head", edit(`"generation"`, `"author":"me","generation"`), `line 1: json: unknown field "author"`},
		{"unknown field", edit(`"pages"`, `"sheets":1,"pages"`), `line 3: json: unknown field "sheets"`},
		{"field order in the head", edit(`"repo":"myfile","generation":7`, `"generation":7,"repo":"myfile"`), "line 1: not in canonical form"},
		{"field order", edit(`"files":3,"bytes":30`, `"bytes":30,"files":3`), "line 3: not in canonical form"},
		{"field twice", edit(`"files":3`, `"files":3,"files":3`), "line 3: not in canonical form"},
		{"field missing", edit(`"files":3,`, ``), "line 3: not in canonical form"},
		{"upper case", edit(`"files":3`, `"Files":3`), "line 3: not in canonical form"},
		{"space", edit(`"files":3`, `"files": 3`), "line 3: not in canonical form"},
		{"space at the end", edit("\"full\"},\n", "\"full\"}, \n"), "line 3: not in canonical form: neither a comma nor the list's end at its end"},
		{"escapes", edit(`"full"`, `"\u0066ull"`), "line 3: not in canonical form"},
		{"channels empty", edit(`"channels":{"stable":"`+epoch+`10Z"}`, `"channels":{}`), "line 1: not in canonical form"},
		{"channels null", edit(`"channels":{"stable":"`+epoch+`10Z"}`, `"channels":null`), "line 1: not in canonical form"},
		{"pruned missing", strings.Join(lines[:5], ""), "line 6: the document is cut off"},
		{"wrong list", edit(`"checkpoints":[`, `"checkpoint":[`), `line 2: not in canonical form: want "checkpoints":[`},
		{"null list", edit("\"checkpoints\":[\n", "\"checkpoints\":null,\n"), `line 2: not in canonical form: want "checkpoints":[`},
		{"list of nulls", edit("\"checkpoints\":[\n", "\"checkpoints\":[\nnull,\n"), "line 3: not in canonical form"},
		{"list of empties", edit("\"checkpoints\":[\n", "\"checkpoints\":[\n{},\n"), "line 3: not in canonical form"},
		{"number as text", edit(`"files":3`, `"files":"3"`), "line 3: json: cannot unmarshal string into Go struct field Checkpoint.files of type int64"},
		{"number with a point", edit(`"files":3`, `"files":3.0`), "line 3: json: cannot unmarshal number 3.0 into Go struct field Checkpoint.files of type int64"},
		{"number too large", edit(`"files":3`, `"files":9007199254740992`), "checkpoint " + epoch + "10Z: files or bytes are not within 0 and 9007199254740991"},
		{"negative", edit(`"bytes":30`, `"bytes":-1`), "checkpoint " + epoch + "10Z: files or bytes are not within 0 and 9007199254740991"},
		{"negative changes", edit(`"removed":4`, `"removed":-1`), "checkpoint " + epoch + "10Z: changes are not within 0 and 9007199254740991"},
		{"too many changes", edit(`"removed":4`, `"removed":9007199254740992`), "checkpoint " + epoch + "10Z: changes are not within 0 and 9007199254740991"},
		{"more added than there are", edit(`"added":2`, `"added":4`), "checkpoint " + epoch + "10Z: more files are added or changed than the 3 there are"},
		{"more changed than there are", edit(`"changed":1`, `"changed":2`), "checkpoint " + epoch + "10Z: more files are added or changed than the 3 there are"},
		{"changes missing", edit(`"added":2,"removed":4,"changed":1,`, ``), "line 3: not in canonical form"},
		{"negative generation", edit(`"generation":7`, `"generation":-1`), "generation -1 is not within 0 and 9007199254740991"},
		{"partial is false", edit(`"layout":"full"`, `"layout":"full","partial":false`), "line 3: not in canonical form"},
		{"partial before usage", edit(`"layout":"full"`, `"layout":"full","partial":true,"usage":true`), "line 3: not in canonical form"},
		{"usage is false", edit(`"layout":"full"`, `"layout":"full","usage":false`), "line 3: not in canonical form"},
		{"layout", edit(`"full"`, `"FULL"`), "checkpoint " + epoch + `10Z: layout "FULL" is neither full nor thin`},
		{"bad id", edit(`"id":"`+epoch+`10Z"`, `"id":"00010101T240000Z"`), `line 3: "00010101T240000Z" is not a checkpoint id (YYYYMMDDTHHMMSSZ)`},
		{"bad digest", edit(`"pages":"e3`, `"pages":"E3`), `line 3: "E3` + emptySum[2:] + `" is not a SHA-256 digest (64 lower-case hexadecimal digits)`},
		{"bad repo", edit(`"repo":"myfile"`, `"repo":"../x"`), `repo: base path "../x": segment ".." starts with "."`},
		{"order", lines[0] + lines[1] + lines[3] + lines[2] + strings.Join(lines[4:], ""), "checkpoint " + epoch + "10Z is out of order"},
		{"twice", lines[0] + lines[1] + lines[2] + lines[2] + strings.Join(lines[3:], ""), "checkpoint " + epoch + "10Z is out of order"},
		{"no horizon", edit(`"horizon":"`+epoch+`45Z",`, ``), "checkpoint " + epoch + "40Z lies above the horizon none"},
		{"the zero horizon", edit(epoch+`45Z`, epoch+`00Z`), `line 1: "00010101T000000Z" is not a checkpoint id (YYYYMMDDTHHMMSSZ)`},
		{"the horizon is empty", edit(`"`+epoch+`45Z"`, `""`), `line 1: "" is not a checkpoint id (YYYYMMDDTHHMMSSZ)`},
		{"above the horizon", edit(`"horizon":"`+epoch+`45Z"`, `"horizon":"`+epoch+`39Z"`), "checkpoint " + epoch + "40Z lies above the horizon " + epoch + "39Z"},
		{"pruned is listed", edit(`"id":"`+epoch+`20Z"`, `"id":"`+epoch+`30Z"`), "pruned checkpoint " + epoch + "30Z is listed too"},
		{"pruned is newest", edit(`"id":"`+epoch+`20Z"`, `"id":"`+epoch+`44Z"`), "pruned checkpoint " + epoch + "44Z is newer than the newest"},
		{"pruned only", lines[0] + "\"checkpoints\":[],\n" + strings.Join(lines[5:], ""), "pruned checkpoint " + epoch + "20Z is newer than the newest"},
		{"channel of nothing", edit(`"stable":"`+epoch+`10Z"`, `"stable":"`+epoch+`11Z"`), "channel stable names " + epoch + "11Z: no such checkpoint"},
		{"moved is empty", edit(`"channels"`, `"moved":[],"channels"`), "line 1: not in canonical form"},
		{"moved by a bad name", edit(`10Z"},`, `10Z"},"moved":[{"channel":"latest","id":"`+epoch+`10Z","until":"`+epoch+`11Z"}],`), `channel "latest": segment "latest" is reserved`},
		{"moved at no time", edit(`10Z"},`, `10Z"},"moved":[{"channel":"a","id":"`+epoch+`10Z","until":"never"}],`), `line 1: "never" is not a checkpoint id (YYYYMMDDTHHMMSSZ)`},
		{"moved too often", edit(`10Z"},`, `10Z"},"moved":[`+strings.Repeat(`{"channel":"a","id":"`+epoch+`10Z","until":"`+epoch+`11Z"},`, 256)+`{"channel":"a","id":"`+epoch+`10Z","until":"`+epoch+`11Z"}],`), "channels moved 257 times, more than 256"},
		{"grace is negative", edit(`10Z"},`, `10Z"},"grace":-1,`), "grace -1 is not within 0 and 604800 seconds"},
		{"grace is long", edit(`10Z"},`, `10Z"},"grace":604801,`), "grace 604801 is not within 0 and 604800 seconds"},
		{"channel's name", edit(`"stable"`, `"latest"`), `channel "latest": segment "latest" is reserved`},
	}
	for _, tt := range tests {
		if tt.err != "" {
			tt.err = "checkpoint index: " + tt.err
		}
		ix, err := ParseIndex([]byte(tt.in))
		checkError(t, tt.name, err, tt.err)
		if err != nil && !reflect.DeepEqual(ix, Index{}) {
			t.Errorf("%s: an index beside an error", tt.name)
		}
	}
	_, err := ParseIndex(make([]byte, MaxIndex+1))
	checkError(t, "huge", err, "checkpoint index: larger than 67108864 bytes")
}

func TestEncodeChecks(t *testing.T) {
	ix := sampleIndex(t)
	ix.Checkpoints[0].ID = 0
	_, err := ix.Encode()
	checkError(t, "id", err, "checkpoint: id none is not within 00010101T000001Z and 99991231T235959Z")

	// An index too large to be read again is not written.
	ix = Index{Repo: "a", Horizon: 70_000, Checkpoints: []Checkpoint{checkpoint(70_000)}}
	for i := range ID(MaxIndex / MaxReason) {
		ix.Pruned = append(ix.Pruned, Tombstone{ID: MinID + i, At: MinID, Reason: strings.Repeat("r", MaxReason), Layout: Full})
	}
	_, err = ix.Encode()
	checkError(t, "size", err, "checkpoint index: larger than 67108864 bytes")
}

// A small document must not swell in memory: lists of the shortest elements
// fail at the first of them.
func TestParseIndexMemory(t *testing.T) {
	head, _, _ := strings.Cut(encoded(t, NewIndex("a")), "\n")
	for _, element := range []string{"0", "{}", "null", "[]", `{"id":"00010101T000010Z"}`} {
		for _, sep := range []string{",", ",\n"} {
			body := strings.Repeat(element+sep, 1<<20/len(element))
			data := []byte(head + "\n\"checkpoints\":[\n" + body + element + "],\n\"pruned\":[]}\n")
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := ParseIndex(data); err == nil {
				t.Fatal("passes")
			}
			runtime.ReadMemStats(&after)
			allocs := after.TotalAlloc - before.TotalAlloc
			if limit := uint64(8 * len(data)); allocs > limit {
				t.Errorf("%q, %q: %d bytes for an input of %d", element, sep, allocs, len(data))
			}
		}
	}
}

func FuzzParseIndex(f *testing.F) {
	f.Add([]byte(encoded(f, NewIndex("a/b"))))
	f.Add([]byte(encoded(f, sampleIndex(f))))
	f.Add([]byte(encoded(f, pendingIndex(f))))
	f.Add([]byte(encoded(f, retiredIndex(f))))
	f.Add([]byte(`{"format":"asof.checkpoints/1","repo":"a","generation":0,` + "\n\"checkpoints\":[\n{},\n{}],\n\"pruned\":[\nnull]}\n"))
	f.Add([]byte(`{"format":"asof.checkpoints/2"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		ix, err := ParseIndex(data)
		if err != nil {
			return
		}
		if again, err := ix.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q is taken, and printed as %q, %v", data, again, err)
		}
		if a, err := NewHistory(ix, nil).Resolve(t.Context(), When{Kind: WhenLatest}, 0); err != nil || a.Final {
			t.Errorf("%q: latest is %+v, %v", data, a, err)
		}
	})
}

func BenchmarkParseIndex(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		ix := manyCheckpoints(n)
		data := encoded(b, ix)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := ParseIndex([]byte(data)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// manyCheckpoints has n checkpoints, an hour apart.
func manyCheckpoints(n int) Index {
	ix := NewIndex("a")
	for i := range n {
		ix.Checkpoints = append(ix.Checkpoints, checkpoint(ID(i+1)*3600))
	}
	ix.Horizon = ID(n) * 3600
	return ix
}
