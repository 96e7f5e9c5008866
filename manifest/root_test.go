package manifest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// twoLeaves are entries of which the first 512 make a leaf of the least size.
func twoLeaves() []Entry {
	entries := sampleEntries(leafMin - 1)
	for i := leafMin; len(entries) < leafMin+1; i++ {
		if len(entries) == leafMin || endsLeaf(samplePath(i), leafMin) {
			entries = append(entries, sampleEntry(i))
		}
	}
	return entries
}

func sampleRoot(t testing.TB) Root {
	root, _ := build(t, twoLeaves())
	if len(root.Leaves) != 2 {
		t.Fatal(root)
	}
	return root
}

func TestParseRoot(t *testing.T) {
	const d = emptySum
	good := string(sampleRoot(t).Encode())
	lines := strings.SplitAfter(good, "\n")
	first, second := lines[4], lines[5]
	head := "asof.manifest/1\nfiles 1\nbytes 3\ncontent " + d + "\n"
	tests := []struct{ name, in, err string }{
		{"good", good, ""},
		{"one leaf", head + d + " 1 77  a\n", ""},
		{"empty tree", "asof.manifest/1\nfiles 0\nbytes 0\ncontent " + d + "\n", ""},
		{"nothing", "", "manifest root: incomplete"},
		{"cut in a line", good[:len(good)-1], "manifest root, line 6: the last line has no end"},
		{"cut in the head", "asof.manifest/1\nfiles 1\n", "manifest root: incomplete"},
		{"no leaves", head, "manifest root: its leaves hold 0 files, not 1"},
		{"a leaf is missing", strings.Join(lines[:5], ""), "manifest root: its leaves hold 512 files, not 513"},
		{"next format", strings.Replace(good, "/1", "/2", 1), `manifest root, line 1: format is "asof.manifest/2", want asof.manifest/1`},
		{"CRLF", strings.ReplaceAll(good, "\n", "\r\n"), `manifest root, line 1: format is "asof.manifest/1\r", want asof.manifest/1`},
		{"byte order mark", "\ufeff" + good, `manifest root, line 1: format is "\ufeffasof.manifest/1", want asof.manifest/1`},
		{"swapped head", "asof.manifest/1\nbytes 3\nfiles 1\n", `manifest root, line 2: want "files"`},
		{"no bytes", "asof.manifest/1\nfiles 1\nbytes3\n", `manifest root, line 3: want "bytes"`},
		{"no content", "asof.manifest/1\nfiles 1\nbytes 3\nContent x\n", `manifest root, line 4: want "content"`},
		{"files", "asof.manifest/1\nfiles 01\n", `manifest root, line 2: "01" is not a number from 0 to 9007199254740991`},
		{"bytes", "asof.manifest/1\nfiles 1\nbytes 9007199254740992\n", `manifest root, line 3: "9007199254740992" is not a number from 0 to 9007199254740991`},
		{"content", "asof.manifest/1\nfiles 1\nbytes 3\ncontent \n", `manifest root, line 4: "" is not a SHA-256 digest (64 hexadecimal digits)`},
		{"blank line", good + "\n", "manifest root, line 7: not of the form: digest files size  last-path"},
		{"leaf of none", head + d + " 0 77  a\n", `manifest root, line 5: files: "0" is not a number from 1 to 8192`},
		{"leaf of too many", head + d + " 8193 77  a\n", `manifest root, line 5: files: "8193" is not a number from 1 to 8192`},
		{"leaf too large", head + d + " 1 7094273  a\n", `manifest root, line 5: size: "7094273" is not a number from 0 to 7094272`},
		{"leaf's path", head + d + " 1 77  ../a\n", `manifest root, line 5: path "../a" holds the segment ".."`},
		{"leaf's digest", head + "x 1 77  a\n", `manifest root, line 5: "x" is not a SHA-256 digest (64 hexadecimal digits)`},
		{"one space", head + d + " 1 77 a\n", "manifest root, line 5: not of the form: digest files size  last-path"},
		{"order", strings.Join(lines[:4], "") + second + first, "manifest root: leaf " + second[:64] + " ends too early"},
		{"twice", strings.Join(lines[:4], "") + first + first, "manifest root: leaf " + first[:64] + " is out of order"},
		{"short leaf", strings.Replace(head, "files 1", "files 2", 1) + d + " 1 77  a\n" + d + " 1 77  b\n", "manifest root: leaf " + d + " ends too early"},
		{"bytes of nothing", "asof.manifest/1\nfiles 0\nbytes 1\ncontent " + d + "\n", "manifest root: content without files"},
		{"content of nothing", "asof.manifest/1\nfiles 0\nbytes 0\ncontent " + first[:64] + "\n", "manifest root: content without files"},
	}
	for _, tt := range tests {
		r, err := ParseRoot([]byte(tt.in))
		checkError(t, tt.name, err, tt.err)
		if err == nil && string(r.Encode()) != tt.in {
			t.Errorf("%s: reads and prints differently", tt.name)
		}
	}
	_, err := ParseRoot(make([]byte, MaxRoot+1))
	checkError(t, "huge", err, "manifest root: larger than 268435456 bytes")
}

func TestRootFind(t *testing.T) {
	var r Root
	if _, ok := r.Find("a"); ok {
		t.Error("found in nothing")
	}
	for i, last := range []string{"b", "d/e", "f"} {
		r.Leaves = append(r.Leaves, LeafRef{Files: int64(i), Last: last})
	}
	for path, want := range map[string]int64{"": 0, "a": 0, "b": 0, "b!": 1, "d": 1, "d/e": 1, "d/ea": 2, "f": 2, "g": -1, "f/": -1} {
		l, ok := r.Find(path)
		if ok != (want >= 0) || ok && l.Files != want {
			t.Errorf("%q: %v, %v", path, l.Files, ok)
		}
	}
}

func FuzzParseRoot(f *testing.F) {
	f.Add(sampleRoot(f).Encode())
	f.Add(Root{Content: Sum(nil)}.Encode())
	f.Add(fmt.Appendf(nil, "asof.manifest/1\nfiles 1\nbytes 3\ncontent %s\n%s 1 77  a  b\n", emptySum, emptySum))
	f.Add([]byte("asof.manifest/1\nfiles 00\nbytes +1\ncontent x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseRoot(data)
		if err == nil && !bytes.Equal(r.Encode(), data) {
			t.Errorf("%q is taken, and printed as %q", data, r.Encode())
		}
	})
}

func BenchmarkParseRoot(b *testing.B) {
	entries := sampleEntries(1_000_000)
	root, _ := build(b, entries)
	data := root.Encode()
	b.ReportAllocs()
	b.ReportMetric(float64(len(data)), "root-bytes")
	for b.Loop() {
		if _, err := ParseRoot(data); err != nil {
			b.Fatal(err)
		}
	}
}
