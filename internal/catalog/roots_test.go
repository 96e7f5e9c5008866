package catalog

import (
	"errors"
	"testing"

	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/manifest"
)

// Every kind of object is known here: what it refers to, or that it refers to nothing.
// Whoever adds a kind decides that, or nothing is collected any more.
func TestEveryKindIsKnown(t *testing.T) {
	roots := RootsOf{Store: memstore.New(memstore.Options{}), History: NewHistory(nil, manifest.NewIndex("a"))}
	refers := 0
	for kind := range manifest.Kind(manifest.Kinds) {
		by, err := roots.by(kind)
		if err != nil {
			t.Error(err)
		}
		if by != nil {
			refers++
		}
	}
	if refers != 4 {
		t.Errorf("%d kinds refer to something, want 4: an index, a segment, what is staged, a group", refers)
	}
	if _, err := roots.by(manifest.Kind(manifest.Kinds)); err == nil {
		t.Error("a kind that there is not is known")
	}
}

// roots lists what All yields, as "<kind> <id>", and counts errors.
func (s *store) roots(r RootsOf) (ids map[manifest.Kind][]manifest.ID, failed int) {
	ids = map[manifest.Kind][]manifest.ID{}
	for root, err := range r.All(s.t.Context()) {
		if err != nil {
			failed++
			continue
		}
		ids[root.By] = append(ids[root.By], root.Checkpoint.ID)
	}
	return ids, failed
}

// A group refers to something as long as it may be committed. A document that can't
// be read is an error, and the others are read all the same.
func TestRootsOf(t *testing.T) {
	s := newStore(t)
	repo := manifest.Repo{Name: "a", Base: "a"}
	c := manifest.Checkpoint{ID: 1000, Manifest: manifest.Sum([]byte("files")), Layout: manifest.Full}
	index, err := manifest.NewIndex("a").Append(c)
	if err != nil {
		t.Fatal(err)
	}
	next := c
	next.ID = 2000
	group := manifest.Group{ID: 2000, Until: 3000, Members: []manifest.Member{{Repo: repo, Checkpoint: next, Previous: &c.ID}}}
	_, err1 := Group("a").Swap(t.Context(), s, State[manifest.Group]{}, group)
	staged, err2 := Staged("a").Swap(t.Context(), s, State[manifest.Staged]{}, manifest.Staged{At: 1500, Manifest: c.Manifest})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	roots := RootsOf{Store: s, Repo: repo, History: NewHistory(s, index), Now: 2500}
	if got, failed := s.roots(roots); failed > 0 || len(got) != 3 || got[manifest.KindGroup][0] != 2000 || got[manifest.KindIndex][0] != 1000 {
		t.Errorf("%v, %d errors", got, failed)
	}
	roots.Now = 3000
	if got, failed := s.roots(roots); failed > 0 || len(got) != 2 || got[manifest.KindGroup] != nil {
		t.Errorf("too old a group: %v, %d errors", got, failed)
	}
	roots.Now = 2500
	if _, err := s.Swap(t.Context(), manifest.StagedKey("a"), staged.Version, []byte("{}"), Attributes(manifest.KindStaged, "")); err != nil {
		t.Fatal(err)
	}
	if got, failed := s.roots(roots); failed != 1 || len(got) != 2 || got[manifest.KindGroup] == nil {
		t.Errorf("damaged: %v, %d errors", got, failed)
	}
}
