package manifest

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func sampleAttempt() Attempt {
	a := Attempt{ID: march18, Content: Sum(nil), Layout: Full, Files: sampleEntries(3)}
	for i := range a.Files {
		a.Files[i].Modified = 0
	}
	return a
}

func encodedAttempt(t testing.TB, a Attempt) []byte {
	t.Helper()
	b, err := a.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAttempt(t *testing.T) {
	a := sampleAttempt()
	good := string(encodedAttempt(t, a))
	bad := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	tests := []struct{ name, in, err string }{
		{"good", good, ""},
		{"nothing", "", "attempt: incomplete"},
		{"head only", strings.Join(strings.SplitAfter(good, "\n")[:3], ""), "attempt: incomplete"},
		{"next format", bad("/1", "/2"), `attempt, line 1: a later version of asof wrote it: format is "asof.attempt/2", this version reads asof.attempt/1`},
		{"no id", bad("id ", "ID "), `attempt, line 2: want "id "`},
		{"id", bad("T140338Z", "T240338Z"), `attempt, line 2: "20250318T240338Z" is not a checkpoint id (YYYYMMDDTHHMMSSZ)`},
		{"content", bad("content e", "content E"), `attempt, line 3: "E` + emptySum[1:] + `" is not a SHA-256 digest (64 lower-case hexadecimal digits)`},
		{"layout", bad("full", "fat"), `attempt, line 4: layout "fat" is neither full nor thin`},
		{"a time", bad(" -  ", " 20250318T140338Z  "), "attempt, line 5: a file of an attempt has no time"},
		{"cut off", good[:len(good)-1], "attempt, line 7: the last line has no end"},
		{"hostile", bad("pool/", "../"), `attempt, line 5: path "../main/a/00000/package-0000000_1.2-3_amd64.deb" holds the segment ".."`},
	}
	for _, tt := range tests {
		got, err := ParseAttempt([]byte(tt.in))
		checkError(t, tt.name, err, tt.err)
		if err == nil && !reflect.DeepEqual(got, a) {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
	_, err := ParseAttempt(make([]byte, MaxAttempt+1))
	checkError(t, "huge", err, "attempt: larger than 50331648 bytes")
}

// An attempt with too many files leaves out the last ones and is still valid.
func TestAttemptTooLarge(t *testing.T) {
	a := sampleAttempt()
	long := Entry{Path: strings.Repeat("p/", 375) + "p"}
	a.Files = nil
	for range MaxAttempt/800 + 1000 {
		a.Files = append(a.Files, long)
	}
	b := encodedAttempt(t, a)
	got, err := ParseAttempt(b)
	if err != nil || len(b) > MaxAttempt || len(b) < MaxAttempt-1000 || len(got.Files) >= len(a.Files) {
		t.Errorf("%d bytes, %d of %d files, %v", len(b), len(got.Files), len(a.Files), err)
	}
}

func FuzzParseAttempt(f *testing.F) {
	f.Add(encodedAttempt(f, sampleAttempt()))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := ParseAttempt(data)
		if err != nil {
			return
		}
		if again, err := a.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q is taken, and printed as %q, %v", data, again, err)
		}
	})
}
