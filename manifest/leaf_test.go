package manifest

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// refOf returns the reference that a Builder would make for data, if it could.
func refOf(data []byte) LeafRef {
	text := strings.TrimSuffix(string(data), "\n")
	_, path, _ := strings.Cut(text[strings.LastIndexByte(text, '\n')+1:], "  ")
	return LeafRef{Digest: Sum(data), Files: int64(bytes.Count(data, []byte("\n"))), Size: int64(len(data)), Last: path}
}

func TestParseLeaf(t *testing.T) {
	d := emptySum + " 0 -  "
	tests := []struct{ name, in, err string }{
		{"good", d + "a\n" + d + "b\n", ""},
		{"order", d + "b\n" + d + "a\n", `line 2: path "a" is out of order`},
		{"twice", d + "a\n" + d + "a\n", `line 2: path "a" is listed twice`},
		{"below a file", d + "a\n" + d + "a/b\n", `line 2: path "a/b" stands below "a", which is a file`},
		{"hostile", d + "../a\n", `line 1: path "../a" holds the segment ".."`},
		{"blank line", d + "a\n\n" + d + "b\n", `line 2: not of the form: digest size modified  path`},
		{"cut off", d + "a\n" + d + "b", `line 2: the last line has no end`},
		{"empty", "", `it is not the leaf that the root describes`},
		{"CRLF", d + "a\r\n", `line 1: path "a\r" holds a control character`},
		{"two leaves in one", leafText(twoLeaves()), `line 17: the leaf should have ended before`},
		{"too many lines", leafText(pathsThat(false, leafMax+1)), `it is not the leaf that the root describes`},
	}
	for _, tt := range tests {
		ref := refOf([]byte(tt.in))
		want := tt.err
		if want != "" {
			want = "leaf " + ref.Digest.String() + ": " + want
		}
		_, err := ParseLeaf([]byte(tt.in), ref)
		checkError(t, tt.name, err, want)
	}
}

func leafText(entries []Entry) string {
	var b []byte
	for _, e := range entries {
		b = appendEntry(b, e)
	}
	return string(b)
}

// A leaf must match what the root says about it.
func TestParseLeafWrongRef(t *testing.T) {
	data := []byte(leafText(sampleEntries(3)))
	good := refOf(data)
	if entries, err := ParseLeaf(data, good); err != nil || len(entries) != 3 {
		t.Fatal(entries, err)
	}
	for name, change := range map[string]func(*LeafRef){
		"digest":         func(r *LeafRef) { r.Digest[0]++ },
		"fewer files":    func(r *LeafRef) { r.Files-- },
		"more files":     func(r *LeafRef) { r.Files++ },
		"no files":       func(r *LeafRef) { r.Files = 0 },
		"negative files": func(r *LeafRef) { r.Files = -1 },
		"too many files": func(r *LeafRef) { r.Files = 1 << 60 },
		"size":           func(r *LeafRef) { r.Size++ },
		"last":           func(r *LeafRef) { r.Last += "x" },
	} {
		ref := good
		change(&ref)
		want := "leaf " + ref.Digest.String() + ": it is not the leaf that the root describes"
		if name == "digest" {
			want = "leaf " + ref.Digest.String() + ": its content has another digest"
		}
		entries, err := ParseLeaf(data, ref)
		checkError(t, name, err, want)
		if entries != nil {
			t.Errorf("%s: entries beside an error", name)
		}
	}
}

// Leaf.Find against a linear search, on random leaves.
func TestLeafFind(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	letters := []string{"a", "b", " ", "  ", "-", "/x", "0", "é"}
	word := func() string {
		w := "p"
		for range rng.IntN(5) {
			w += letters[rng.IntN(len(letters))]
		}
		return w
	}
	for range 500 {
		set := map[string]bool{}
		for range rng.IntN(60) {
			set[word()] = true
		}
		var c PathChecker
		var entries []Entry
		for _, p := range sortedKeys(set) {
			if c.Next(p) == nil {
				entries = append(entries, Entry{Path: p, Size: rng.Int64N(1000), Modified: randomID(rng), SHA256: Sum([]byte(p))})
			}
		}
		data := []byte(leafText(entries))
		queries := append(sortedKeys(set), "", " ", "zz", "  p", "p  ")
		for range 50 {
			queries = append(queries, word())
		}
		for _, q := range queries {
			var want Entry
			found := false
			for _, e := range entries {
				if e.Path == q {
					want, found = e, true
				}
			}
			leaf, err := NewLeaf(data)
			if err != nil {
				t.Fatal(err)
			}
			e, ok, err := leaf.Find(q)
			if err != nil || ok != found || e != want {
				t.Fatalf("%q in %q: %+v, %v, %v", q, data, e, ok, err)
			}
			if leaf.Has(q) != found {
				t.Fatalf("%q in %q: Has says %v", q, data, !found)
			}
		}
	}
}

func findIn(data []byte, path string) (Entry, bool, error) {
	leaf, err := NewLeaf(data)
	if err != nil {
		return Entry{}, false, err
	}
	return leaf.Find(path)
}

func TestLeafFindMalformed(t *testing.T) {
	for in, want := range map[string]string{
		"x\n":                                "leaf: a line is not of the form: digest size modified  path",
		"\n\n\n":                             "leaf: a line is not of the form: digest size modified  path",
		"x 0 -  a\n":                         "leaf: a line is not of the form: digest size modified  path",
		emptySum + " x -  a\n":               `leaf: size: "x" is not a number from 0 to 5497558138880`,
		emptySum + " 0 -  a":                 "", // the digest was checked before; no end is needed
		"":                                   "",
		strings.Repeat("y", 5000):            "leaf: a line is not of the form: digest size modified  path",
		"no line\n" + emptySum + " 0 -  b\n": "leaf: a line is not of the form: digest size modified  path",
	} {
		_, ok, err := findIn([]byte(in), "a")
		checkError(t, in, err, want)
		if ok != (in == emptySum+" 0 -  a") {
			t.Errorf("%q: found is %v", in, ok)
		}
	}
}

func FuzzParseLeaf(f *testing.F) {
	d := emptySum + " 0 -  "
	f.Add([]byte(leafText(sampleEntries(3))))
	f.Add([]byte(d + "a  b\n" + d + "a\u00a0\n"))
	f.Add([]byte(d + "a\n" + d + "a/b\n"))
	f.Add([]byte(d + "b\n" + d + "a\n"))
	f.Add([]byte(d + "a"))
	f.Fuzz(func(t *testing.T, data []byte) {
		ref := refOf(data)
		entries, err := ParseLeaf(data, ref)
		for _, e := range entries {
			if got, ok, err := findIn(data, e.Path); err != nil || !ok || got != e {
				t.Errorf("%q is not found: %v", e.Path, err)
			}
		}
		findIn(data, "a") // must not panic, whatever the data
		if err != nil {
			return
		}
		root, leaves := build(t, entries)
		ref.Offset = int64(len(root.Encode()))
		if len(root.Leaves) != 1 || root.Leaves[0] != ref || !bytes.Equal(leaves[ref.Digest], data) {
			t.Errorf("%q is taken, and printed differently", data)
		}
	})
}

func BenchmarkParseLeaves1M(b *testing.B) {
	root, leaves := build(b, sampleEntries(1_000_000))
	b.ReportAllocs()
	for b.Loop() {
		for _, ref := range root.Leaves {
			if _, err := ParseLeaf(leaves[ref.Digest], ref); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkLeafFind(b *testing.B) {
	entries := sampleEntries(2000)
	leaf, err := NewLeaf([]byte(leafText(entries)))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i = (i + 997) % len(entries)
		if _, ok, err := leaf.Find(entries[i].Path); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
