package manifest

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func receipt() Receipt {
	old, now := FileDigest{1, Sum([]byte("1"))}, FileDigest{30, Sum([]byte("2"))}
	return Receipt{
		Repo: "myfile", Base: "a/myfile", ID: 40, Layout: Thin, Manifest: Sum([]byte("m")), Content: Sum([]byte("x")), Files: 4, Bytes: 90,
		Previous: &Previous{30, Sum([]byte("p")), Sum(nil), Full},
		Changes:  Changes{Added: 1, Removed: 1, Changed: 1}, Growth: 58, Complete: true,
		List: []Change{NewChange("a", nil, &now), NewChange("b", &old, &now), NewChange("c <d>", &old, nil)},
	}
}

// manyChanges is a repo's first checkpoint, with n files.
func manyChanges(n int) Receipt {
	r := Receipt{Repo: "a", Base: "a", ID: march18, Layout: Full, Files: int64(n), Changes: Changes{Added: int64(n)}, Complete: n <= MaxListedChanges}
	for i := range min(n, MaxListedChanges) {
		r.List = append(r.List, NewChange(fmt.Sprintf("%07d", i), nil, &FileDigest{}))
	}
	return r
}

func encodedReceipt(t testing.TB, r Receipt) string {
	t.Helper()
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestParseReceipt(t *testing.T) {
	want := receipt()
	good := encodedReceipt(t, want)
	edit := func(old, new string) string {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("no %q", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for _, tt := range []struct{ name, in, err string }{
		{"good", good, ""},
		{"nothing", "", `it does not begin with {"format":"asof.changes/1"`},
		{"next format", edit("/1", "/2"), `a later version of asof wrote it: format is "asof.changes/2", this version reads asof.changes/1`},
		{"cut off", good[:len(good)-1], "line 5: the document is cut off"},
		{"trailing", good + "x", "line 6: data behind the document's end"},
		{"unknown", edit(`"growth"`, `"x":1,"growth"`), `line 1: json: unknown field "x"`},
		{"space", edit(`"files":4`, `"files": 4`), "line 1: not in canonical form"},
		{"a list in the head", edit(`"complete":true`, `"complete":true,"List":[]`), `line 1: json: unknown field "List"`},
		{"repo", edit(`"repo":"myfile"`, `"repo":"latest"`), `repo: base path "latest": segment "latest" is reserved`},
		{"base", edit(`"a/myfile"`, `"a//myfile"`), `base path "a//myfile": empty segment`},
		{"layout", edit(`"thin"`, `"flat"`), `checkpoint 00010101T000040Z: layout "flat" is neither full nor thin`},
		{"previous", edit(`"00010101T000030Z"`, `"00010101T000040Z"`), "the previous checkpoint is not an earlier one"},
		{"previous layout", edit(`"full"`, `"flat"`), `previous checkpoint: layout "flat" is neither full nor thin`},
		{"the first", good[:strings.Index(good, `{"id"`)] + "null" + good[strings.Index(good, `,"added"`):], "nothing came before, but not all files are added"},
		{"growth", edit(`"growth":58`, `"growth":59`), "the changes are not what their sums say"},
		{"too much growth", edit(`"growth":58`, `"growth":91`), "a growth of 91 bytes is not within -9007199254740991 and 90"},
		{"sums", edit(`"removed":1`, `"removed":2`), "the changes are not what their sums say"},
		{"complete", edit(`"complete":true`, `"complete":false`), "of 3 changes, complete is false"},
		{"order", edit(`"path":"a"`, `"path":"bb"`), `path "b" is out of order`},
		{"path", edit(`"path":"a"`, `"path":"../a"`), `path "../a" holds the segment ".."`},
		{"kind", edit(`"change":"added"`, `"change":"removed"`), `a: what was and what is make no change of the kind "removed"`},
		{"no change", edit(Sum([]byte("2")).String()+`"}},
{"path":"c`, Sum([]byte("1")).String()+`"}},
{"path":"c`), `b: what was and what is make no change of the kind "changed"`},
		{"size", edit(`"size":30`, `"size":-1`), "a: its size is not within 0 and 5497558138880"},
	} {
		if tt.err != "" {
			tt.err = "receipt: " + tt.err
		}
		got, err := ParseReceipt([]byte(tt.in))
		checkError(t, tt.name, err, tt.err)
		if err == nil && !reflect.DeepEqual(got, want) || err != nil && !reflect.DeepEqual(got, Receipt{}) {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
	c := Checkpoint{ID: 40, Manifest: want.Manifest, Content: want.Content, Pages: Sum(nil), Files: 4, Bytes: 90, Changes: want.Changes, Layout: Thin}
	if got := want.Checkpoint(Sum(nil), false); got != c {
		t.Errorf("%+v", got)
	}
}

// A receipt lists only the first of very many changes.
func TestLongReceipt(t *testing.T) {
	for _, n := range []int{0, MaxListedChanges, MaxListedChanges + 1} {
		r := manyChanges(n)
		got, err := ParseReceipt([]byte(encodedReceipt(t, r)))
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("%d: %v", n, err)
		}
	}
	r := manyChanges(MaxListedChanges + 1)
	r.List = r.List[1:]
	_, err := r.Encode()
	checkError(t, "short", err, "receipt: the changes are not the first of those that the sums say")

	r = manyChanges(MaxListedChanges)
	for i := range r.List {
		r.List[i].Path = r.List[i].Path + "/" + strings.Repeat(strings.Repeat("<", MaxSegment)+"/", 2) + strings.Repeat("<", 233)
	}
	if n := len(encodedReceipt(t, r)); n > MaxReceipt {
		t.Errorf("the largest receipt has %d bytes", n)
	}
}

// A receipt lists what upstream did not have, if there is anything.
func TestReceiptMissing(t *testing.T) {
	r := receipt()
	if strings.Contains(encodedReceipt(t, r), `"missing"`) {
		t.Error("nothing is missing, and it says so")
	}
	r.Missing = []string{"a.deb", "b.deb"}
	text := encodedReceipt(t, r)
	if got, err := ParseReceipt([]byte(text)); err != nil || !reflect.DeepEqual(got, r) || !strings.Contains(text, `"missing":["a.deb","b.deb"],`+"\n") {
		t.Errorf("%v\n%s", err, text)
	}
	for want, missing := range map[string][]string{
		`receipt: missing path "a" is out of order`:        {"b", "a"},
		`receipt: path "../a" holds the segment ".."`:      {"../a"},
		"receipt: more than 1000 missing files are listed": slices.Repeat([]string{"a"}, MaxListedMissing+1),
	} {
		r.Missing = missing
		_, err := r.Encode()
		checkError(t, want, err, want)
	}
}

// A receipt counts what the configuration held back, if there is anything. Its checkpoint
// is partial then, as it is if something is missing.
func TestReceiptHeldBack(t *testing.T) {
	r := receipt()
	if strings.Contains(encodedReceipt(t, r), `"held_back"`) || r.Checkpoint(Digest{}, false).Partial {
		t.Error("nothing is held back, and it says so")
	}
	r.Missing = []string{"a.deb"}
	if !r.Checkpoint(Digest{}, false).Partial {
		t.Error("what lacks a file is partial")
	}
	r.Missing, r.HeldBack = nil, HeldBack{Files: 2, Bytes: 30}
	text := encodedReceipt(t, r)
	if got, err := ParseReceipt([]byte(text)); err != nil || !reflect.DeepEqual(got, r) || !strings.Contains(text, `"held_back":{"files":2,"bytes":30},`+"\n") || !got.Checkpoint(Digest{}, false).Partial {
		t.Errorf("%v\n%s", err, text)
	}
	for want, held := range map[string]HeldBack{
		"receipt: -1 files of 0 bytes can't be held back": {Files: -1},
		"receipt: 0 files of 1 bytes can't be held back":  {Bytes: 1},
		"receipt: 1 files of -1 bytes can't be held back": {Files: 1, Bytes: -1},
	} {
		r.HeldBack = held
		_, err := r.Encode()
		checkError(t, want, err, want)
	}
}

func FuzzParseReceipt(f *testing.F) {
	f.Add([]byte(encodedReceipt(f, receipt())))
	f.Add([]byte(encodedReceipt(f, manyChanges(2))))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseReceipt(data)
		if err != nil {
			return
		}
		if again, err := r.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q is taken, and printed as %q, %v", data, again, err)
		}
	})
}
