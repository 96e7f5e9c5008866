package manifest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
)

// build makes a manifest, and returns its leaves by digest.
func build(t testing.TB, entries []Entry) (Root, map[Digest][]byte) {
	t.Helper()
	root := rebuilt(t, entries)
	leaves := map[Digest][]byte{}
	data := objectOf(t, root, entries)
	for _, ref := range root.Leaves {
		leaves[ref.Digest] = data[ref.Offset : ref.Offset+ref.Size]
	}
	return root, leaves
}

// rebuilt makes a manifest with all its leaves in its own object.
func rebuilt(t testing.TB, entries []Entry) Root {
	t.Helper()
	b := NewBuilder()
	for _, e := range entries {
		if err := b.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	root, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// objectOf returns the object of a manifest.
func objectOf(t testing.TB, root Root, entries []Entry) []byte {
	t.Helper()
	data, err := io.ReadAll(root.Object(entries))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func sampleEntries(n int) []Entry {
	entries := make([]Entry, n)
	for i := range entries {
		entries[i] = sampleEntry(i)
	}
	return entries
}

func TestBuilderRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 2, 15, 16, 17, 30_000} {
		entries := sampleEntries(n)
		root, leaves := build(t, entries)
		parsed, err := ParseRoot(root.Encode())
		if err != nil || !reflect.DeepEqual(parsed, root) {
			t.Fatalf("%d: %v\n%+v\n%+v", n, err, parsed, root)
		}
		if root.Name != Sum(root.Encode()) || root.Files != int64(n) || len(leaves) != len(root.Leaves) {
			t.Fatalf("%d: %+v", n, root)
		}
		// Compute the sums naively.
		var all []Entry
		var sums bytes.Buffer
		var total int64
		for _, ref := range root.Leaves {
			got, err := ParseLeaf(leaves[ref.Digest], ref)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, got...)
		}
		for _, e := range entries {
			fmt.Fprintf(&sums, "%s  %s\n", e.SHA256, e.Path)
			total += e.Size
		}
		if len(all) != n || n > 0 && !reflect.DeepEqual(all, entries) {
			t.Fatalf("%d: the leaves hold other entries", n)
		}
		if root.Bytes != total || root.Content != Sum(sums.Bytes()) {
			t.Fatalf("%d: %d bytes, content %s", n, root.Bytes, root.Content)
		}
	}
}

// The content ignores times; the digest does not.
func TestBuilderContent(t *testing.T) {
	entries := sampleEntries(10)
	root, _ := build(t, entries)
	entries[3].Modified++
	touched, _ := build(t, entries)
	if root.Content != touched.Content || root.Name == touched.Name {
		t.Error("a new time changed the content, or not the digest")
	}
	entries[3].SHA256[0]++
	changed, _ := build(t, entries)
	if changed.Content == touched.Content {
		t.Error("other bytes did not change the content")
	}
}

func TestBuilderErrors(t *testing.T) {
	ok := Entry{Path: "b"}
	tests := []struct {
		e   Entry
		err string
	}{
		{Entry{Path: "b"}, `path "b" is listed twice`},
		{Entry{Path: "a"}, `path "a" is out of order`},
		{Entry{Path: "b/c"}, `path "b/c" stands below "b", which is a file`},
		{Entry{Path: "../c"}, `path "../c" holds the segment ".."`},
		{Entry{Path: "c", Size: -1}, `path "c": size -1 is not within 0 and 5497558138880`},
		{Entry{Path: "c", Size: MaxSize + 1}, `path "c": size 5497558138881 is not within 0 and 5497558138880`},
	}
	for _, tt := range tests {
		b := NewBuilder()
		if err := b.Add(ok); err != nil {
			t.Fatal(err)
		}
		checkError(t, tt.e.Path, b.Add(tt.e), tt.err)
		// A caller that ignored the error must not get a manifest without the
		// file.
		checkError(t, "the next Add", b.Add(Entry{Path: "z"}), tt.err)
		root, err := b.Finish()
		checkError(t, "Finish", err, tt.err)
		if !reflect.DeepEqual(root, Root{}) {
			t.Error("a root beside an error")
		}
	}
}

func TestBuilderOverflow(t *testing.T) {
	b := NewBuilder()
	var err error
	n := 0
	for ; err == nil && n < 10_000; n++ {
		err = b.Add(Entry{Path: samplePath(n), Size: MaxSize})
	}
	checkError(t, "sum", err, fmt.Sprintf(`path %q: with it the files are larger than 9007199254740991 bytes`, samplePath(n-1)))
	if n != maxNumber/MaxSize+1 {
		t.Errorf("after %d files", n)
	}
}

func TestBuilderRootTooLarge(t *testing.T) {
	b := NewBuilder()
	b.size = MaxRoot - 10 // as after some 300,000 leaves
	if err := b.Add(sampleEntry(1)); err != nil {
		t.Fatal(err)
	}
	_, err := b.Finish()
	checkError(t, "root", err, "manifest root: larger than 268435456 bytes")
}

func TestBuilderTimeOutOfRange(t *testing.T) {
	for _, at := range []ID{0, -1, MaxID + 1, -1 << 63, 1<<63 - 1} {
		_, leaves := build(t, []Entry{{Path: "a", Modified: at}})
		for _, data := range leaves {
			if got, want := string(data), strings.Repeat("00", sha256.Size)+" 0 -  a\n"; got != want {
				t.Errorf("%d: %q", at, got)
			}
		}
	}
}

func BenchmarkBuild1M(b *testing.B) {
	entries := sampleEntries(1_000_000)
	b.ReportAllocs()
	for b.Loop() {
		m := NewBuilder()
		for _, e := range entries {
			if err := m.Add(e); err != nil {
				b.Fatal(err)
			}
		}
		root, err := m.Finish()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, root.Object(entries)); err != nil {
			b.Fatal(err)
		}
	}
}
