package catalog

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// put stores an object, unless it is there.
func (s *store) put(key, content string) {
	s.t.Helper()
	if _, err := objstore.Put(s.t.Context(), s, key, objstore.Bytes([]byte(content)), objstore.Attributes{}); err != nil {
		s.t.Fatal(err)
	}
}

// checkpoint stores one of files and pages, and says what it is and by which keys.
func (s *store) checkpoint(id manifest.ID, layout manifest.Layout, files map[string]string, prev manifest.Root) (manifest.Checkpoint, manifest.Root, []string) {
	s.t.Helper()
	pages := map[string]string{"index.html": fmt.Sprint("page ", id), ".asof/changes.json": fmt.Sprint("receipt ", id), "sub/index.html": "page"}
	root, pagesRoot := s.build(files, prev), s.build(pages, none)
	c := manifest.Checkpoint{ID: id, Manifest: root.Name, Content: root.Content, Pages: pagesRoot.Name, Layout: layout}
	keys := []string{manifest.ManifestKey(c.Manifest), manifest.ManifestKey(c.Pages)}
	for path, content := range allOf(files, pages) {
		key := c.Place("a").Key(path, manifest.Sum([]byte(content)))
		keys = append(keys, key)
		s.put(key, content)
	}
	s.take()
	return c, root, keys
}

func allOf(maps_ ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range maps_ {
		maps.Copy(all, m)
	}
	return all
}

// Whatever single object of a checkpoint is gone, it is noticed.
func TestMissing(t *testing.T) {
	files := map[string]string{"1": "one", "2": "two", "sub/3": "three"}
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		s := newStore(t)
		earlier, _, _ := s.checkpoint(1000, layout, map[string]string{"1": "one"}, none)
		c, _, keys := s.checkpoint(2000, layout, files, none)
		for _, previous := range []manifest.Checkpoint{{}, earlier} {
			if key, err := Missing(t.Context(), s.Store, 4, "a", c, previous); key != "" || err != nil {
				t.Errorf("%s: %s, %v, and nothing is missing", layout, key, err)
			}
			for _, key := range keys {
				content := s.content(key)
				if err := s.Delete(t.Context(), key); err != nil {
					t.Fatal(err)
				}
				got, err := Missing(t.Context(), s.Store, 4, "a", c, previous)
				// What the checkpoint before has in the pool as well is not looked for.
				shared := layout == manifest.Thin && previous.ID != 0 && slices.Contains([]string{manifest.BlobKey(manifest.Sum([]byte("one"))), manifest.BlobKey(manifest.Sum([]byte("page")))}, key)
				if err != nil || got != key && !shared {
					t.Errorf("%s: without %s: %q, %v", layout, key, got, err)
				}
				s.put(key, content)
			}
		}
	}
}

func (s *store) content(key string) string {
	s.t.Helper()
	data, err := readAll(s, key)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}

func readAll(s *store, key string) ([]byte, error) {
	r, err := s.Store.Open(s.t.Context(), key, 0, objstore.Whole)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return ReadUpTo(r, 1<<20)
}

// A manifest whose leaves stand in that of an earlier checkpoint is not whole without
// that one.
func TestMissingSource(t *testing.T) {
	s := newStore(t)
	files := map[string]string{}
	for i := range 5000 {
		files[fmt.Sprintf("d%d/%05d", i%7, i)] = "x"
	}
	_, root, _ := s.checkpoint(1000, manifest.Thin, files, none)
	files["d1/00001"] = "changed"
	c, changed, _ := s.checkpoint(2000, manifest.Thin, files, root)
	if !slices.Equal(changed.Sources, []manifest.Digest{root.Name}) {
		t.Fatal(changed.Sources)
	}
	if key, err := Missing(t.Context(), s.Store, 4, "a", c, manifest.Checkpoint{}); key != "" || err != nil {
		t.Errorf("%s, %v", key, err)
	}
	source := manifest.ManifestKey(root.Name)
	if err := s.Delete(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	if key, err := Missing(t.Context(), s.Store, 4, "a", c, manifest.Checkpoint{}); key == "" || err != nil {
		t.Errorf("without %s: %q, %v", source, key, err)
	}
}
