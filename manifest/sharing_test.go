package manifest

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// versionsOf makes a manifest of 20,000 files and several later versions, each
// with a hundred changed files. It returns the last root, its entries, and all
// objects.
func versionsOf(t testing.TB, versions int) (Root, []Entry, map[Digest][]byte) {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 6))
	entries := sampleEntries(20_000)
	objects := map[Digest][]byte{}
	var root Root
	for range versions {
		root = rebuilt(t, entries).Sharing(root)
		objects[root.Name] = objectOf(t, root, entries)
		entries = slices.Clone(entries)
		for range 100 {
			entries[rng.IntN(len(entries))].SHA256[0]++
		}
	}
	root = rebuilt(t, entries).Sharing(root)
	objects[root.Name] = objectOf(t, root, entries)
	return root, entries, objects
}

// checkObject checks that a root reads back, that its object is what the root
// says, and that each leaf is where the root says.
func checkObject(t *testing.T, root Root, entries []Entry, objects map[Digest][]byte) {
	t.Helper()
	data := objects[root.Name]
	size, err := RootSize(data)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := ParseRoot(data[:size])
	if err != nil || !bytes.Equal(parsed.Encode(), root.Encode()) || !slices.Equal(parsed.Leaves, root.Leaves) || parsed.Name != Sum(data[:size]) {
		t.Fatalf("the root does not read back: %v", err)
	}
	if _, own := root.Own(); int64(len(data)) != size+own {
		t.Errorf("the object has %d bytes, want %d and %d", len(data), size, own)
	}
	var all []Entry
	for _, ref := range parsed.Leaves {
		leaf := objects[parsed.In(ref)][ref.Offset : ref.Offset+ref.Size]
		list, err := ParseLeaf(leaf, ref)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, list...)
	}
	if !slices.Equal(all, entries) {
		t.Error("the leaves hold other entries")
	}
}

func TestSharing(t *testing.T) {
	for _, versions := range []int{0, 1, 2, MaxSources, MaxSources + 1, 30} {
		root, entries, objects := versionsOf(t, versions)
		checkObject(t, root, entries, objects)
		if len(root.Sources) > MaxSources || versions <= MaxSources && len(root.Sources) != versions {
			t.Errorf("%d earlier versions: %d sources", versions, len(root.Sources))
		}
		if versions == 2 {
			if leaves, _ := root.Own(); leaves < 50 || leaves > 100 {
				t.Errorf("100 changed files: %d leaves of %d", leaves, len(root.Leaves))
			}
		}
	}
}

// Mostly changes are written, also in the long run.
func TestSharingWritesLittle(t *testing.T) {
	entries := sampleEntries(20_000)
	root := rebuilt(t, entries)
	all, _ := root.Own()
	rng := rand.New(rand.NewPCG(7, 8))
	written := 0
	const versions = 60
	for range versions {
		for range 10 {
			entries[rng.IntN(len(entries))].SHA256[0]++
		}
		root = rebuilt(t, entries).Sharing(root)
		leaves, _ := root.Own()
		written += leaves
	}
	if mean := written / versions; mean > 30 {
		t.Errorf("10 changes write %d leaves of %d on average", mean, all)
	}
}

func TestSharingAllOrNothing(t *testing.T) {
	entries := sampleEntries(20_000)
	first := rebuilt(t, entries)
	if again := rebuilt(t, entries).Sharing(first); again.Name != first.Name || len(again.Sources) > 0 {
		t.Error("the same files made another manifest")
	}
	if fresh := first.Sharing(Root{}); fresh.Name != first.Name {
		t.Error("nothing to share made another manifest")
	}
	// Fewer files, and no new leaf: the root is still a new one.
	cut := first.Leaves[0].Files
	fewer := rebuilt(t, entries[cut:]).Sharing(first)
	if own, _ := fewer.Own(); own != 0 || len(fewer.Sources) != 1 || fewer.Name == first.Name {
		t.Errorf("%d leaves of its own, sources %v", own, fewer.Sources)
	}
	checkObject(t, fewer, entries[cut:], map[Digest][]byte{
		first.Name: objectOf(t, first, entries), fewer.Name: objectOf(t, fewer, entries[cut:]),
	})
	// A small manifest has all its leaves in its own object.
	small := sampleEntries(1500)
	before := rebuilt(t, small)
	small[3].Size++
	after := rebuilt(t, small).Sharing(before)
	if own, _ := after.Own(); own != len(after.Leaves) || len(after.Sources) > 0 || len(after.Leaves) < 20 {
		t.Errorf("%d of %d leaves, sources %v", own, len(after.Leaves), after.Sources)
	}
}

func TestKeep(t *testing.T) {
	for _, tt := range []struct {
		live  []int64
		fresh int64
		want  string
	}{
		{nil, 5, "[]"},
		{[]int64{0, 3}, 5, "[false true]"},
		{[]int64{9, 9, 9, 9, 9, 9, 9, 1}, 5, "[true true true true true true true true]"},
		{[]int64{99, 98, 97, 96, 95, 94, 93, 92, 1}, 5, "[true true true true true true true true false]"},
		{[]int64{1000, 1, 1, 1, 1, 1, 1, 1, 1}, 1, "[true false false false false false false false false]"},
		{[]int64{1000, 10, 1, 1, 1, 1, 1, 1, 1}, 1, "[true true false false false false false false false]"},
		{[]int64{1000, 9, 1, 1, 1, 1, 1, 1, 1}, 2, "[true false false false false false false false false]"},
		{[]int64{1000, 0, 1, 1, 1, 1, 1, 1, 1}, 2, "[true false true true true true true true true]"},
	} {
		if got := fmt.Sprint(keep(tt.live, tt.fresh)); got != tt.want {
			t.Errorf("%v and %d: %s, want %s", tt.live, tt.fresh, got, tt.want)
		}
	}
}

// After random changes in any order, every leaf is where its root says.
func TestSharingRandomly(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	files := map[string]Entry{}
	for _, e := range sampleEntries(10_000) {
		files[e.Path] = e
	}
	objects := map[Digest][]byte{}
	var root Root
	for range 25 {
		for range rng.IntN(60) {
			e := sampleEntry(rng.IntN(11_000))
			if e.SHA256[0] += byte(rng.IntN(3)); rng.IntN(4) == 0 {
				delete(files, e.Path)
			} else {
				files[e.Path] = e
			}
		}
		if rng.IntN(8) == 0 {
			maps.DeleteFunc(files, func(string, Entry) bool { return rng.IntN(20) == 0 })
		}
		var entries []Entry
		for _, p := range sortedKeys(files) {
			entries = append(entries, files[p])
		}
		root = rebuilt(t, entries).Sharing(root)
		objects[root.Name] = objectOf(t, root, entries)
		checkObject(t, root, entries, objects)
	}
}
