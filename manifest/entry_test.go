package manifest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// samplePath returns the i-th of a million paths in ascending order.
func samplePath(i int) string {
	return fmt.Sprintf("pool/main/%c/%05d/package-%07d_1.2-3_amd64.deb", 'a'+i/100_000, i/10, i)
}

func sampleEntry(i int) Entry {
	p := samplePath(i)
	e := Entry{Path: p, Size: int64(i) * 1009, SHA256: Sum([]byte(p)), Modified: march18 - ID(i)}
	if i%7 == 0 {
		e.Modified = 0
	}
	return e
}

func TestEntryRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	paths := []string{"a", "a b", " ", "  ", "a  b", "  a", "-", "- ", "ä/日本", "x/ - /y", strings.Repeat("p", MaxSegment)}
	for range 20_000 {
		e := Entry{Path: paths[rng.IntN(len(paths))], Modified: randomID(rng), Size: rng.Int64N(MaxSize+1) >> rng.IntN(44)}
		for i := range e.SHA256 {
			e.SHA256[i] = byte(rng.Uint32())
		}
		switch rng.IntN(20) {
		case 0:
			e.Modified = 0
		case 1:
			e.Size, e.Modified = MaxSize, MaxID
		case 2:
			e.Size, e.Modified = 0, MinID
		}
		line := string(appendEntry(nil, e))
		again, err := parseEntry(strings.TrimSuffix(line, "\n"))
		if err != nil || again != e {
			t.Fatalf("%q: %+v, %v, want %+v", line, again, err, e)
		}
	}
}

func TestAppendEntry(t *testing.T) {
	e := Entry{Path: "a b", Size: 42, SHA256: Sum(nil), Modified: march18}
	if got, want := string(appendEntry([]byte("x"), e)), "x"+emptySum+" 42 20250318T140338Z  a b\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	e.Modified = 0
	if got, want := string(appendEntry(nil, e)), emptySum+" 42 -  a b\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestParseEntry(t *testing.T) {
	const form = "not of the form: digest size modified  path"
	tests := []struct{ line, err string }{
		{"D 0 -  a", ""},
		{"D 5497558138880 20250318T140338Z  a", ""},
		{"", form},
		{"D", form},
		{"D 0", form},
		{"D 0 -", form},
		{"D 0 - a", form},
		{"D  0 -  a", `size: "" is not a number from 0 to 5497558138880`},
		{" D 0 -  a", `"" is not a SHA-256 digest (64 hexadecimal digits)`},
		{"D 0 -  ", `empty path`},
		{"D 0 -   a", ""}, // the path " a"
		{"D 00 -  a", `size: "00" is not a number from 0 to 5497558138880`},
		{"D +1 -  a", `size: "+1" is not a number from 0 to 5497558138880`},
		{"D -1 -  a", `size: "-1" is not a number from 0 to 5497558138880`},
		{"D -0 -  a", `size: "-0" is not a number from 0 to 5497558138880`},
		{"D 1_0 -  a", `size: "1_0" is not a number from 0 to 5497558138880`},
		{"D 0x1 -  a", `size: "0x1" is not a number from 0 to 5497558138880`},
		{"D 1e3 -  a", `size: "1e3" is not a number from 0 to 5497558138880`},
		{"D 5497558138881 -  a", `size: "5497558138881" is not a number from 0 to 5497558138880`},
		{"D 18446744073709551617 -  a", `size: "18446744073709551617" is not a number from 0 to 5497558138880`},
		{"D 0 --  a", `modification time: "--" is not a checkpoint id (YYYYMMDDTHHMMSSZ)`},
		{"D 0   a", `modification time: "" is not a checkpoint id (YYYYMMDDTHHMMSSZ)`},
		{"D 0 00001231T235959Z  a", `modification time: "00001231T235959Z" is not a checkpoint id (YYYYMMDDTHHMMSSZ)`},
		{"D 0 - x  a", `modification time: "- x" is not a checkpoint id (YYYYMMDDTHHMMSSZ)`},
		{"D 0 -  a\r", `path "a\r" holds a control character`},
		{"D 0 -  ../a", `path "../a" holds the segment ".."`},
		{"E 0 -  a", `"E" is not a SHA-256 digest (64 hexadecimal digits)`},
	}
	for _, tt := range tests {
		_, err := parseEntry(strings.Replace(tt.line, "D", emptySum, 1))
		checkError(t, tt.line, err, tt.err)
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
