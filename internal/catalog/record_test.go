package catalog

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// record stores a record of a generation: of an index, or what text says instead.
func (s *store) record(repo string, generation int64, text string) {
	s.t.Helper()
	data := []byte(text)
	if text == "" {
		index := manifest.NewIndex(repo)
		index.Generation, index.Horizon = generation, manifest.ID(generation)
		var err error
		if data, err = index.Encode(); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := s.Create(s.t.Context(), manifest.RecordKey("a", generation), objstore.Bytes(data), objstore.Attributes{}); err != nil {
		s.t.Fatal(err)
	}
}

// vanishing is a store of which an object goes while it is read.
type vanishing struct {
	objstore.Reader
	key string
	err error
}

func (v vanishing) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if key == v.key {
		return nil, v.err
	}
	return v.Reader.Open(ctx, key, offset, length)
}

func TestLatestRecord(t *testing.T) {
	repo := manifest.Repo{Name: "a", Base: "a"}
	failed := errors.New("failed")
	key := manifest.RecordKey("a", 10)
	for _, tt := range []struct {
		name  string
		fill  func(s *store)
		repo  manifest.Repo
		gone  error // of generation 10
		want  int64
		error error
	}{
		{"none", func(*store) {}, repo, nil, 0, nil},
		{"by number, not by text", func(s *store) { s.record("a", 9, ""); s.record("a", 10, ""); s.record("a", 2, "") }, repo, nil, 10, nil},
		{"far apart, as after a rebuild", func(s *store) { s.record("a", 9, ""); s.record("a", 63877903418, "") }, repo, nil, 63877903418, nil},
		{"damaged", func(s *store) { s.record("a", 9, ""); s.record("a", 10, "{}") }, repo, nil, 9, nil},
		{"empty", func(s *store) { s.record("a", 9, ""); s.record("a", 10, "\n") }, repo, nil, 9, nil},
		{"another repo's", func(s *store) { s.record("a", 9, ""); s.record("b", 10, "") }, repo, nil, 9, nil},
		{"of whatever repo", func(s *store) { s.record("a", 9, ""); s.record("b", 10, "") }, manifest.Repo{Base: "a"}, nil, 10, nil},
		{"all damaged", func(s *store) { s.record("a", 9, "x"); s.record("a", 10, "x") }, repo, nil, 0, nil},
		{"gone meanwhile", func(s *store) { s.record("a", 9, ""); s.record("a", 10, "") }, repo, objstore.ErrNotFound, 9, nil},
		{"a store that fails", func(s *store) { s.record("a", 9, ""); s.record("a", 10, "") }, repo, failed, 0, failed},
	} {
		s := newStore(t)
		tt.fill(s)
		var from objstore.Reader = s.Store
		if tt.gone != nil {
			from = vanishing{s.Store, key, tt.gone}
		}
		got, err := LatestRecord(t.Context(), from, tt.repo)
		if got.Generation != tt.want || !errors.Is(err, tt.error) {
			t.Errorf("%s: generation %d, %v, want %d", tt.name, got.Generation, err, tt.want)
		}
	}
}

// A record or a list says that an index was there.
func TestLeftOfIndex(t *testing.T) {
	s := newStore(t)
	left := func() string {
		key, err := LeftOfIndex(t.Context(), s.Store, "a")
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	if key := left(); key != "" {
		t.Error(key)
	}
	if _, err := objstore.Update(t.Context(), s, manifest.ListKey("a"), "", []byte("x"), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	if key := left(); key != "a/index.html" {
		t.Error(key)
	}
	s.record("a", 3, "")
	if key := left(); !strings.HasPrefix(key, ".asof/repos/a/records/") {
		t.Error(key)
	}
}

// Whoever has private objects must be registered. Prefixes sort unlike base paths.
func TestCheckRegistered(t *testing.T) {
	bases := []string{"a", "a-b", "b/c", "b0"}
	s := newStore(t)
	var all manifest.Registry
	for _, base := range bases {
		s.put(manifest.RecordKey(base, 1), "")
		s.put(manifest.RecordKey(base, 2), "")
		var err error
		if all, err = all.Add(manifest.Repo{Name: strings.ReplaceAll(base, "/", "-"), Base: base}); err != nil {
			t.Fatal(err)
		}
	}
	if err := CheckRegistered(t.Context(), s.Store, all); err != nil {
		t.Error(err)
	}
	for i, base := range bases {
		less := all
		less.Repos = slices.Delete(slices.Clone(all.Repos), i, i+1)
		if stray, err := unregistered(t.Context(), s.Store, less); !strings.HasPrefix(stray, manifest.RepoPrefix(base)) || err != nil {
			t.Errorf("without %s: %q, %v", base, stray, err)
		}
	}
	if err := CheckRegistered(t.Context(), s.Store, manifest.Registry{}); !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), "a-b") {
		t.Error(err)
	}
}

// A registry that names a base path around a repo's does not hide the repo, and
// neither does one that leaves out what only the janitor knows.
func TestCheckRegisteredAround(t *testing.T) {
	around := func(base string) manifest.Registry {
		all, err := manifest.Registry{}.Add(manifest.Repo{Name: "around", Base: base})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	for base, inside := range map[string]string{"a": "a/b/c", "b": "b/records", "c": "c/attempts", "d": "d/journals"} {
		s := newStore(t)
		for _, key := range []string{
			manifest.AttemptKey(base, 1000), manifest.JournalKey(base, "all"), manifest.RecordKey(base, 1), manifest.RecordKey(base, 2),
			manifest.StagedKey(base), manifest.GroupKey(base), manifest.ValidatorsKey(base), manifest.AttemptPrefix(base) + "x",
		} {
			s.put(key, "")
		}
		if err := CheckRegistered(t.Context(), s.Store, around(base)); err != nil {
			t.Errorf("%s alone: %v", base, err)
		}
		s.put(manifest.RecordKey(inside, 1), "")
		if stray, err := unregistered(t.Context(), s.Store, around(base)); err != nil || stray != manifest.RecordKey(inside, 1) {
			t.Errorf("%s inside %s: %q, %v", inside, base, stray, err)
		}
	}
	s := newStore(t)
	s.put(manifest.NoteKey("a/b"), "")
	if stray, err := unregistered(t.Context(), s.Store, around("a")); err != nil || stray != ".asof/janitor/a/b/note.json" {
		t.Error(stray, err)
	}
	if err := CheckRegistered(t.Context(), s.Store, around("a/b")); err != nil {
		t.Error(err)
	}
}
