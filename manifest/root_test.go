package manifest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// twoLeaves returns entries whose first 16 make a leaf of the least size.
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

// sized returns the root in text, with its size added as the second line.
func sized(text string) string {
	head, rest, _ := strings.Cut(text, "\n")
	return fmt.Sprintf("%s\nroot %d\n%s", head, textSize(len(text)+len("root \n")), rest)
}

func TestParseRoot(t *testing.T) {
	const d = emptySum
	good := string(sampleRoot(t).Encode())
	lines := strings.SplitAfter(good, "\n")
	first, second := lines[5], lines[6]
	head := "asof.manifest/1\nfiles 1\nbytes 3\ncontent " + d + "\n"
	two := strings.Replace(head, "files 1", "files 17", 1)
	source := "source " + d + "\n"
	other := "source " + strings.Repeat("0", 64) + "\n"
	placed := func(line, place string) string { return strings.Replace(line, "  ", " "+place+"  ", 1) }
	tests := []struct{ name, in, err string }{
		{"good", good, ""},
		{"one leaf", sized(head + d + " 1 77  a\n"), ""},
		{"a leaf elsewhere", sized(head + source + d + " 1 77 1 300  a\n"), ""},
		{"two sources", sized(two + source + other + placed(first, "1 500") + placed(second, "2 400")), ""},
		{"one source", sized(two + source + placed(first, "1 500") + placed(second, "1 9000")), ""},
		{"empty tree", sized("asof.manifest/1\nfiles 0\nbytes 0\ncontent " + d + "\n"), ""},
		{"nothing", "", "manifest root: incomplete"},
		{"cut in a line", good[:len(good)-1], fmt.Sprintf("manifest root, line 2: the root has %d bytes, not %d", len(good)-1, len(good))},
		{"no end", sized(strings.TrimSuffix(head, "\n")), "manifest root, line 5: the last line has no end"},
		{"cut in the head", sized("asof.manifest/1\nfiles 1\n"), "manifest root: incomplete"},
		{"no leaves", sized(head), "manifest root: its leaves hold 0 files, not 1"},
		{"a leaf is missing", sized(two + first), "manifest root: its leaves hold 16 files, not 17"},
		{"next format", strings.Replace(good, "/1", "/2", 1), `manifest root, line 1: format is "asof.manifest/2", want asof.manifest/1`},
		{"CRLF", strings.ReplaceAll(good, "\n", "\r\n"), `manifest root, line 1: format is "asof.manifest/1\r", want asof.manifest/1`},
		{"byte order mark", "\ufeff" + good, `manifest root, line 1: format is "\ufeffasof.manifest/1", want asof.manifest/1`},
		{"no size", "asof.manifest/1\nfiles 1\n", `manifest root, line 2: want "root"`},
		{"size", "asof.manifest/1\nroot 024\n", `manifest root, line 2: "024" is not a number from 0 to 9007199254740991`},
		{"swapped head", sized("asof.manifest/1\nbytes 3\nfiles 1\n"), `manifest root, line 3: want "files"`},
		{"no bytes", sized("asof.manifest/1\nfiles 1\nbytes3\n"), `manifest root, line 4: want "bytes"`},
		{"no content", sized("asof.manifest/1\nfiles 1\nbytes 3\nContent x\n"), `manifest root, line 5: want "content"`},
		{"files", sized("asof.manifest/1\nfiles 01\n"), `manifest root, line 3: "01" is not a number from 0 to 9007199254740991`},
		{"bytes", sized("asof.manifest/1\nfiles 1\nbytes 9007199254740992\n"), `manifest root, line 4: "9007199254740992" is not a number from 0 to 9007199254740991`},
		{"content", sized("asof.manifest/1\nfiles 1\nbytes 3\ncontent \n"), `manifest root, line 5: "" is not a SHA-256 digest (64 hexadecimal digits)`},
		{"blank line", sized(head + "\n"), "manifest root, line 6: not of the form: digest files size [source offset]  last-path"},
		{"leaf of none", sized(head + d + " 0 77  a\n"), `manifest root, line 6: files: "0" is not a number from 1 to 384`},
		{"leaf of too many", sized(head + d + " 385 77  a\n"), `manifest root, line 6: files: "385" is not a number from 1 to 384`},
		{"leaf of nothing", sized(head + d + " 1 0  a\n"), `manifest root, line 6: size: "0" is not a number from 1 to 332544`},
		{"leaf too large", sized(head + d + " 1 332545  a\n"), `manifest root, line 6: size: "332545" is not a number from 1 to 332544`},
		{"leaf's path", sized(head + d + " 1 77  ../a\n"), `manifest root, line 6: path "../a" holds the segment ".."`},
		{"leaf's digest", sized(head + "x 1 77  a\n"), `manifest root, line 6: "x" is not a SHA-256 digest (64 hexadecimal digits)`},
		{"one space", sized(head + d + " 1 77 a\n"), "manifest root, line 6: not of the form: digest files size [source offset]  last-path"},
		{"source 0", sized(head + source + d + " 1 77 0 300  a\n"), `manifest root, line 7: source: "0" is not a number from 1 to 8`},
		{"source 9", sized(head + source + d + " 1 77 9 300  a\n"), `manifest root, line 7: source: "9" is not a number from 1 to 8`},
		{"no such source", sized(head + source + d + " 1 77 2 300  a\n"), "manifest root, line 7: leaf " + d + ": source 2 is not listed, or out of order"},
		{"sources out of order", sized(head + source + other + d + " 1 77 2 300  a\n"), "manifest root, line 8: leaf " + d + ": source 2 is not listed, or out of order"},
		{"no offset", sized(head + source + d + " 1 77 1  a\n"), `manifest root, line 7: offset: "" is not a number from 0 to 1099511627699`},
		{"offset", sized(head + source + d + " 1 77 1 1099511627700  a\n"), `manifest root, line 7: offset: "1099511627700" is not a number from 0 to 1099511627699`},
		{"one field more", sized(head + source + d + " 1 77 1 300 1  a\n"), `manifest root, line 7: offset: "300 1" is not a number from 0 to 1099511627699`},
		{"overlap", sized(two + source + placed(first, "1 500") + placed(second, "1 501")), "manifest root, line 8: leaf " + second[:64] + ": its place in source 1 is out of order"},
		{"unused source", sized(head + source + d + " 1 77  a\n"), "manifest root: no leaf stands in source " + d},
		{"source twice", sized(head + source + source + d + " 1 77 1 300  a\n"), "manifest root, line 7: source " + d + " is listed twice"},
		{"source's name", sized(head + "source x\n"), `manifest root, line 6: "x" is not a SHA-256 digest (64 hexadecimal digits)`},
		{"source behind a leaf", sized(two + first + source), "manifest root, line 7: not of the form: digest files size [source offset]  last-path"},
		{"order", sized(two + second + first), "manifest root, line 7: leaf " + second[:64] + " ends too early"},
		{"twice", sized(two + first + first), "manifest root, line 7: leaf " + first[:64] + " is out of order"},
		{"short leaf", sized(two + d + " 1 77  a\n" + d + " 1 77  b\n"), "manifest root, line 7: leaf " + d + " ends too early"},
		{"bytes of nothing", sized("asof.manifest/1\nfiles 0\nbytes 1\ncontent " + d + "\n"), "manifest root: content without files"},
		{"content of nothing", sized("asof.manifest/1\nfiles 0\nbytes 0\ncontent " + first[:64] + "\n"), "manifest root: content without files"},
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
	many := head
	for i := range MaxSources + 1 {
		many += "source " + Sum([]byte{byte(i)}).String() + "\n"
	}
	_, err = ParseRoot([]byte(sized(many)))
	checkError(t, "many sources", err, "manifest root, line 14: more than 8 sources")
}

// A size that includes itself can be right twice: with 97 other bytes, both 99
// and 100 are. Only the smaller is accepted.
func TestRootSizeIsTheLeast(t *testing.T) {
	head := "asof.manifest/1\nfiles 1\nbytes 3\ncontent " + emptySum + "\n"
	found := false
	for pad := range 1000 {
		text := fmt.Sprintf("%s%s 1 77  %s\n", head, emptySum, strings.Repeat("a/", pad/2)+strings.Repeat("b", 1+pad%2))
		others := len(text) + len("root \n")
		least := textSize(others)
		if least != others+len(fmt.Sprint(least)) {
			t.Fatalf("%d bytes: %d", others, least)
		}
		if next := least + 1; next == others+len(fmt.Sprint(next)) {
			found = true
			wrong := strings.Replace(sized(text), fmt.Sprintf("root %d", least), fmt.Sprintf("root %d", next), 1)
			_, err := ParseRoot([]byte(wrong))
			checkError(t, "the larger size", err, fmt.Sprintf("manifest root, line 2: the root has %d bytes, not %d", next, next))
		}
	}
	if !found {
		t.Error("no such size was met")
	}
}

func TestRootSize(t *testing.T) {
	object := objectOf(t, sampleRoot(t), twoLeaves())
	for _, head := range [][]byte{object, object[:RootHead]} {
		size, err := RootSize(head)
		if err != nil || size != int64(len(sampleRoot(t).Encode())) {
			t.Error(size, err)
		}
	}
	for in, want := range map[string]string{
		"":                                  `manifest root: it begins with "", want asof.manifest/1 and its size`,
		"asof.manifest/2\nroot 1\n":         `manifest root: a later version of asof wrote it: format is "asof.manifest/2", this version reads asof.manifest/1`,
		"asof.manifest/1\nroot 1":           `manifest root: size: "1" is not a number from 0 to 268435456`,
		"asof.manifest/1\nroot -1\n":        `manifest root: size: "-1" is not a number from 0 to 268435456`,
		"asof.manifest/1\nroot 268435457\n": `manifest root: size: "268435457" is not a number from 0 to 268435456`,
	} {
		_, err := RootSize([]byte(in))
		checkError(t, in, err, want)
	}
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
	shared, _, _ := versionsOf(f, 3)
	f.Add(shared.Encode())
	f.Add(Root{Content: Sum(nil)}.Encode())
	f.Add([]byte(sized(fmt.Sprintf("asof.manifest/1\nfiles 1\nbytes 3\ncontent %s\n%s 1 77  a  b\n", emptySum, emptySum))))
	f.Add([]byte(sized(fmt.Sprintf("asof.manifest/1\nfiles 1\nbytes 3\ncontent %s\nsource %s\n%s 1 77 1 5  a\n", emptySum, emptySum, emptySum))))
	f.Add([]byte("asof.manifest/1\nroot 0\nfiles 00\nbytes +1\ncontent x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		size, sizeErr := RootSize(data)
		r, err := ParseRoot(data)
		if err != nil {
			return
		}
		if !bytes.Equal(r.Encode(), data) {
			t.Errorf("%q is taken, and printed as %q", data, r.Encode())
		}
		if sizeErr != nil || size != int64(len(data)) || r.Name != Sum(data) {
			t.Errorf("%q has another size: %d, %v", data, size, sizeErr)
		}
		own := int64(len(data))
		ends := map[Digest]int64{}
		for _, l := range r.Leaves {
			if l.Source == 0 {
				if l.Offset != own {
					t.Errorf("leaf %s is at %d, not %d", l.Digest, l.Offset, own)
				}
				own += l.Size
			}
			in := r.In(l)
			if l.Offset < ends[in] || l.Size < 1 || l.Size > MaxLeaf || l.Offset+l.Size > MaxObject {
				t.Errorf("leaf %s reaches outside its place", l.Digest)
			}
			ends[in] = l.Offset + l.Size
		}
		if len(ends) > MaxSources+1 {
			t.Errorf("%d objects", len(ends))
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
