package catalog

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Diff agrees with a comparison of the two maps.
func TestDiff(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 10, 5000} {
		for range 5 {
			s := newStore(t)
			from, to := map[string]string{}, map[string]string{}
			for i := range n {
				from[fmt.Sprint(i)] = "x"
			}
			maps.Copy(to, from)
			want := map[string]string{}
			for range 1 + n/20 {
				path := fmt.Sprint(random.IntN(n + 10))
				switch _, ok := to[path]; {
				case !ok:
					to[path] = "new"
				case random.IntN(2) == 0:
					delete(to, path)
				default:
					to[path] += "y"
				}
			}
			for path := range from {
				if now, ok := to[path]; !ok {
					want[path] = "removed"
				} else if now != from[path] {
					want[path] = "changed"
				}
			}
			for path := range to {
				if _, ok := from[path]; !ok {
					want[path] = "added"
				}
			}
			got, last := map[string]string{}, ""
			for c, err := range Diff(t.Context(), s.open(s.build(from, none).Name), s.open(s.build(to, none).Name)) {
				if err != nil {
					t.Fatal(err)
				}
				if c.Path <= last {
					t.Errorf("%s is out of order", c.Path)
				}
				last = c.Path
				switch {
				case c.Old == nil:
					got[c.Path] = "added"
				case c.New == nil:
					got[c.Path] = "removed"
				default:
					got[c.Path] = "changed"
				}
			}
			if !maps.Equal(got, want) {
				t.Fatalf("%d files: got %d changes, want %d", n, len(got), len(want))
			}
		}
	}
}

// A small change in a large manifest reads the roots and the leaves that it
// touched: those of the later manifest come with its root.
func TestDiffReadsWhatDiffers(t *testing.T) {
	s := newStore(t)
	files := map[string]string{}
	for i := range 80_000 {
		files[fmt.Sprintf("%05d", i)] = "x"
	}
	from := s.build(files, none)
	files["60000"] = "changed"
	delete(files, "79000")
	to := s.build(files, from)
	s.take()
	n := 0
	for _, err := range Diff(t.Context(), s.open(from.Name), s.open(to.Name)) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	at := func(path string) string {
		ref, _ := from.Find(path)
		return fmt.Sprintf("%s %d+%d", from.Name, ref.Offset, ref.Size)
	}
	want := []string{from.Name.String() + " 0+4194304", to.Name.String() + " 0+4194304", at("60000"), at("79000")}
	got := s.take()
	slices.Sort(got[2:]) // read at the same time
	if n != 2 || !slices.Equal(got, want) {
		t.Errorf("%d changes, read\n%s\nwant\n%s", n, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	m := s.open(to.Name)
	s.take()
	for c, err := range Diff(t.Context(), m, m) {
		t.Errorf("%+v, %v", c, err)
	}
	if got := s.take(); len(got) > 0 {
		t.Errorf("read %q for the same manifest", got)
	}
}
