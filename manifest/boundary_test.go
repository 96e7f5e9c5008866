package manifest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// One path more or less in 50,000 changes its own leaf, and rarely another.
func TestLeafBoundaries(t *testing.T) {
	entries := sampleEntries(50_000)
	root, _ := build(t, entries)
	if n := len(root.Leaves); n < 720 || n > 880 { // 63 lines each
		t.Errorf("%d leaves", n)
	}
	old := map[Digest]bool{}
	for _, l := range root.Leaves {
		old[l.Digest] = true
	}
	changed := func(entries []Entry) int {
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
		n := 0
		for _, l := range root.Leaves {
			if !old[l.Digest] {
				n++
			}
		}
		return n
	}
	rng := rand.New(rand.NewPCG(9, 10))
	ones, rounds := 0, 12
	for round := range rounds {
		i := rng.IntN(len(entries))
		var next []Entry
		if round%2 == 0 {
			next = append(append(next, entries[:i]...), entries[i+1:]...)
		} else {
			e := entries[i]
			e.Path += fmt.Sprintf("+%d", round)
			next = append(append(append(next, entries[:i+1]...), e), entries[i+1:]...)
		}
		n := changed(next)
		if n > 4 {
			t.Errorf("round %d at %d: %d leaves changed", round, i, n)
		}
		if n == 1 {
			ones++
		}
	}
	if ones < rounds*3/4 {
		t.Errorf("only %d of %d changes touched one leaf", ones, rounds)
	}
	entries[25_000].Size++
	if n := changed(entries); n != 1 {
		t.Errorf("a new size changed %d leaves", n)
	}
}

// pathsThat returns n paths in order whose hash ends a leaf, or does not.
func pathsThat(end bool, n int) []Entry {
	entries := make([]Entry, 0, n)
	for i := 0; len(entries) < n; i++ {
		if p := fmt.Sprintf("%08d", i); endsLeaf(p, leafMin) == end {
			entries = append(entries, Entry{Path: p})
		}
	}
	return entries
}

func TestLeafMinMax(t *testing.T) {
	sizes := func(root Root) (s []int64) {
		for _, l := range root.Leaves {
			s = append(s, l.Files)
		}
		return s
	}
	// Every hash ends a leaf, but no leaf is shorter than the minimum.
	root, leaves := build(t, pathsThat(true, 20))
	if got := sizes(root); !reflect.DeepEqual(got, []int64{16, 4}) {
		t.Errorf("leaves of %d lines", got)
	}
	// No hash ends a leaf: leaves end at the maximum.
	long, more := build(t, pathsThat(false, 900))
	if got := sizes(long); !reflect.DeepEqual(got, []int64{384, 384, 132}) {
		t.Errorf("leaves of %d lines", got)
	}
	for _, r := range []struct {
		root   Root
		leaves map[Digest][]byte
	}{{root, leaves}, {long, more}} {
		if _, err := ParseRoot(r.root.Encode()); err != nil {
			t.Error(err)
		}
		for _, ref := range r.root.Leaves {
			if _, err := ParseLeaf(r.leaves[ref.Digest], ref); err != nil {
				t.Error(err)
			}
		}
	}
	// The longest lines make the largest leaf.
	if e := appendEntry(nil, Entry{Path: strings.Repeat("p", MaxPath), Size: MaxSize, Modified: march18}); len(e)*leafMax != MaxLeaf {
		t.Errorf("MaxLeaf is %d, the longest line %d", MaxLeaf, len(e))
	}
}
