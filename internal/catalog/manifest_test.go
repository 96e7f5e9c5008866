package catalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/manifest"
)

var none manifest.Root

// store is a store of manifests that notes what was read: "<name>
// <offset>+<length>".
type store struct {
	*memstore.Store
	t    *testing.T
	mu   sync.Mutex
	read []string
}

func newStore(t *testing.T) *store {
	return &store{Store: memstore.New(memstore.Options{}), t: t}
}

func (s *store) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	s.mu.Lock()
	s.read = append(s.read, fmt.Sprintf("%s %d+%d", key[len(manifest.ManifestPrefix)+3:], offset, length))
	s.mu.Unlock()
	return s.Store.Open(ctx, key, offset, length)
}

// take returns the reads since the last call: objects in the order of their first
// read, and each object's reads by offset.
func (s *store) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	read := s.read
	s.read = nil
	return read
}

// build stores a manifest of files with these contents.
func (s *store) build(files map[string]string, prev manifest.Root) manifest.Root {
	s.t.Helper()
	b := manifest.NewBuilder()
	var entries []manifest.Entry
	for _, path := range slices.Sorted(maps.Keys(files)) {
		e := manifest.Entry{Path: path, Size: int64(len(files[path])), SHA256: manifest.Sum([]byte(files[path]))}
		entries = append(entries, e)
		if err := b.Add(e); err != nil {
			s.t.Fatal(err)
		}
	}
	root, err := b.Finish()
	if err != nil {
		s.t.Fatal(err)
	}
	root = root.Sharing(prev)
	data, err := io.ReadAll(root.Object(entries))
	if err == nil {
		_, err = objstore.Put(s.t.Context(), s, manifest.ManifestKey(root.Name), objstore.Bytes(data), objstore.Attributes{})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.take()
	return root
}

func (s *store) open(name manifest.Digest) *Manifest {
	s.t.Helper()
	m, err := Open(s.t.Context(), From(s), name)
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

// replace changes the bytes of a manifest's object.
func (s *store) replace(name manifest.Digest, change func([]byte) []byte) (restore func()) {
	s.t.Helper()
	key := manifest.ManifestKey(name)
	r, err := s.Store.Open(s.t.Context(), key, 0, objstore.Whole)
	if err != nil {
		s.t.Fatal(err)
	}
	good, err := io.ReadAll(r)
	if err != nil {
		s.t.Fatal(err)
	}
	put := func(data []byte) {
		err := s.Delete(s.t.Context(), key)
		if err == nil {
			err = s.Create(s.t.Context(), key, objstore.Bytes(data), objstore.Attributes{})
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	put(change(bytes.Clone(good)))
	return func() { put(good) }
}

func numbered(n int) map[string]string {
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("some/directory/%08d", i)] = "x"
	}
	return files
}

func TestEntries(t *testing.T) {
	for n, requests := range map[int]int{0: 1, 1: 1, 30_000: 1, 60_000: 2, 150_000: 4} {
		s := newStore(t)
		m := s.open(s.build(numbered(n), none).Name)
		i := 0
		for e, err := range m.Entries(t.Context()) {
			if err != nil || e.Path != fmt.Sprintf("some/directory/%08d", i) {
				t.Fatalf("entry %d is %q, %v", i, e.Path, err)
			}
			i++
		}
		if got := s.take(); i != n || len(got) != requests {
			t.Errorf("%d entries, want %d, by %q, want %d requests", i, n, got, requests)
		}
	}
	for range new(Manifest).Entries(t.Context()) {
		t.Error("an entry of no manifest")
	}
}

// A manifest with leaves in many objects takes few requests.
func TestEntriesOfSources(t *testing.T) {
	s := newStore(t)
	files := numbered(20_000)
	root := s.build(files, none)
	for v := range manifest.MaxSources {
		for i := range 20 {
			files[fmt.Sprintf("some/directory/%08d", v*100+i*997)] = fmt.Sprint("version ", v)
		}
		root = s.build(files, root)
	}
	if len(root.Sources) != manifest.MaxSources {
		t.Fatalf("%d sources", len(root.Sources))
	}
	m := s.open(root.Name)
	got := map[string]string{}
	for e, err := range m.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got[e.Path] = e.SHA256.String()
	}
	for path, text := range files {
		if got[path] != manifest.Sum([]byte(text)).String() {
			t.Fatalf("%s has other content", path)
		}
	}
	if read := s.take(); len(got) != len(files) || len(read) != 1+manifest.MaxSources {
		t.Errorf("%d files, %d requests:\n%s", len(got), len(read), strings.Join(read, "\n"))
	}
}

// A slow reader, or one that stops, leaves nothing running and holds little.
func TestEntriesEnd(t *testing.T) {
	s := newStore(t)
	root := s.build(numbered(200_000), none)
	m := s.open(root.Name)
	for range m.Entries(t.Context()) {
		break // nothing is left running
	}
	if got := s.take(); len(got) > 1+1+ahead {
		t.Errorf("%d requests for one entry", len(got))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	n := 0
	for _, err := range m.Entries(ctx) {
		cancel()
		last = err
		n++
	}
	if !errors.Is(last, context.Canceled) || n > 1000 {
		t.Errorf("cancelled: %v after %d", last, n)
	}
}

// Damage to some leaves does not hide the others.
func TestReadLeavesDamage(t *testing.T) {
	s := newStore(t)
	root := s.build(numbered(60_000), none)
	key := manifest.ManifestKey(root.Name)
	some, late := root.Leaves[5], root.Leaves[len(root.Leaves)-3]
	read := func() map[manifest.Digest]string {
		bad := map[manifest.Digest]string{}
		good := 0
		for leaf := range s.open(root.Name).ReadLeaves(t.Context()) {
			if leaf.Err == nil {
				good++
				continue
			}
			bad[leaf.Digest] = leaf.Err.Error()
			if c, ok := errors.AsType[*CorruptError](leaf.Err); ok && c.Key != key {
				t.Errorf("%s is said to be damaged", c.Key)
			}
		}
		if good+len(bad) != len(root.Leaves) {
			t.Errorf("%d leaves of %d", good+len(bad), len(root.Leaves))
		}
		return bad
	}
	check := func(name string, want map[manifest.Digest]string) {
		if got := read(); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	check("nothing", map[manifest.Digest]string{})
	restore := s.replace(root.Name, func(data []byte) []byte { data[some.Offset] ^= 1; data[late.Offset] ^= 1; return data })
	check("two flipped", map[manifest.Digest]string{
		some.Digest: fmt.Sprintf("read %s: at %d: leaf %s: its content has another digest", key, some.Offset, some.Digest),
		late.Digest: fmt.Sprintf("read %s: at %d: leaf %s: its content has another digest", key, late.Offset, late.Digest),
	})
	restore()
	s.replace(root.Name, func(data []byte) []byte { return data[:late.Offset+10] })
	want := map[manifest.Digest]string{}
	for _, l := range root.Leaves[len(root.Leaves)-3:] {
		want[l.Digest] = fmt.Sprintf("read %s: it is cut short", key)
	}
	check("cut short", want)
}

func TestOpenDamage(t *testing.T) {
	s := newStore(t)
	root := s.build(numbered(1000), none)
	key := manifest.ManifestKey(root.Name)
	for name, tt := range map[string]struct {
		change func([]byte) []byte
		want   string
	}{
		"a byte of the root": {func(data []byte) []byte { data[100] ^= 1; return data }, "its root does not match its name"},
		"another manifest":   {func([]byte) []byte { return manifest.Root{Content: manifest.Sum(nil)}.Encode() }, "its root does not match its name"},
		"cut in the root":    {func(data []byte) []byte { return data[:200] }, "its root does not match its name"},
		"a huge size": {func(data []byte) []byte { return bytes.Replace(data, []byte("root "), []byte("root 9999999"), 1) },
			`manifest root: size: "9999999198" is not a number from 0 to 268435456`},
		"something else": {func([]byte) []byte { return []byte("something else") },
			`manifest root: it begins with "something else", want asof.manifest/1 and its size`},
		"nothing": {func([]byte) []byte { return nil }, `manifest root: it begins with "", want asof.manifest/1 and its size`},
	} {
		restore := s.replace(root.Name, tt.change)
		_, err := Open(t.Context(), From(s), root.Name)
		c, ok := errors.AsType[*CorruptError](err)
		if !ok || c.Key != key || c.What != tt.want {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
		restore()
	}
	if err := s.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), From(s), root.Name); !errors.Is(err, objstore.ErrNotFound) {
		t.Error(err)
	}
}
