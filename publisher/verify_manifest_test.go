package publisher

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/manifest"
)

// many returns enough files for a manifest of several leaves.
func many(n int) map[string]string {
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("d%d/%05d", i%3, i)] = "x"
	}
	return files
}

// A damaged leaf hides its entries. The rest is verified, and the hidden files do
// not count as strays.
func TestVerifyDamagedLeaf(t *testing.T) {
	for _, layout := range layouts {
		f := newFixture(t, layout, many(12000))
		c := f.publish(PublishOptions{}).Checkpoint
		root := f.root(c)
		if len(root.Leaves) < 3 {
			t.Fatal(len(root.Leaves))
		}
		key := manifest.ManifestKey(c.Manifest)
		data := []byte(f.read(key))
		data[root.Leaves[1].Offset] ^= 1
		f.replace(key, string(data))
		want := []string{key}
		if layout == manifest.Full {
			first, last := manifest.TreeKey(f.repo.Base, c.ID, "d0/00000"), manifest.TreeKey(f.repo.Base, c.ID, root.Leaves[len(root.Leaves)-1].Last)
			f.replace(first, "y")
			f.remove(last)
			want = append(want, first, last)
		}
		slices.Sort(want)
		var got []string
		r := f.verify(false)
		for _, p := range r.Problems {
			got = append(got, p.Key)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: problems of %q, want %q", layout, got, want)
		}
		if want := c.Files - root.Leaves[1].Files; r.Files != want {
			t.Errorf("%s: %d files, want %d", layout, r.Files, want)
		}
	}
}

// root returns the root of a checkpoint's manifest.
func (f *fixture) root(c manifest.Checkpoint) manifest.Root {
	f.Helper()
	return f.manifest(c.Manifest).Root
}

// A checkpoint with leaves in an earlier manifest depends on that manifest's
// object: damage in it is found, wherever it is cut.
func TestVerifyDamagedSource(t *testing.T) {
	f := newFixture(t, manifest.Thin, many(12000))
	source := f.publish(PublishOptions{}).Checkpoint
	f.up.set("d1/00001", "y")
	c := f.publish(PublishOptions{}).Checkpoint
	root := f.root(c)
	if own, _ := root.Own(); own != 1 || !slices.Equal(root.Sources, []manifest.Digest{source.Manifest}) {
		t.Fatalf("%d leaves of its own, sources %v", own, root.Sources)
	}
	f.swapIndex(func(ix manifest.Index) (manifest.Index, error) {
		return ix.Prune(source.ID, manifest.IDOf(f.clock.Now()), "")
	})
	key := manifest.ManifestKey(source.Manifest)
	good := f.read(key)
	size, err := manifest.RootSize([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	leaf := root.Leaves[20]
	flipped := []byte(good)
	flipped[leaf.Offset] ^= 1
	for _, tt := range []struct{ name, data, want string }{
		{"flipped", string(flipped), fmt.Sprintf("at %d: leaf %s: its content has another digest", leaf.Offset, leaf.Digest)},
		{"cut in a leaf", good[:leaf.Offset+1], "it is cut short"},
		{"cut in the root", good[:size/2], "it is cut short"},
		{"gone", "", "missing"},
	} {
		f.replace(key, tt.data)
		if tt.data == "" {
			f.remove(key)
		}
		r := f.verify(true)
		if len(r.Problems) != 1 || r.Problems[0].What != tt.want {
			t.Errorf("%s: %d problems, want %q", tt.name, len(r.Problems), tt.want)
		}
		for _, p := range r.Problems {
			if p.Key != key || *p.Checkpoint != c.ID {
				t.Errorf("%s: %+v", tt.name, p)
			}
		}
		f.replace(key, good)
	}
	if r := f.verify(false); len(r.Problems) > 0 {
		t.Errorf("%+v", r.Problems)
	}
}

// The listing goes on after a tree of any size.
func TestVerifyJumpsLargeTrees(t *testing.T) {
	f := newFixture(t, manifest.Full, many(5*1000))
	c := f.publish(PublishOptions{}).Checkpoint
	stray := f.repo.Base + "/" + c.ID.String() + "0"
	f.replace(stray, "stray")
	f.store.take()
	r := f.verify(true)
	if len(r.Problems) != 1 || r.Problems[0].Key != stray {
		t.Errorf("%+v", r.Problems)
	}
	var lists []string
	for _, op := range f.store.take() {
		if strings.HasPrefix(op, "list ") {
			lists = append(lists, op)
		}
	}
	if len(lists) != 5 { // the records, those of the rings, the tree, the base path, after the tree
		t.Errorf("%q", lists)
	}
}

// putManifest stores a manifest, however wrong its root, and returns its name.
func (f *fixture) putManifest(root manifest.Root, entries []manifest.Entry) manifest.Digest {
	f.Helper()
	root.Name = manifest.Sum(root.Encode())
	data, err := io.ReadAll(root.Object(entries))
	if err != nil {
		f.Fatal(err)
	}
	f.replace(manifest.ManifestKey(root.Name), string(data))
	return root.Name
}

// Not damage, but a publisher's mistake: documents with correct digests that
// contradict each other.
func TestVerifyFindsContradictions(t *testing.T) {
	const text = "content"
	entry := func(path string) manifest.Entry {
		return manifest.Entry{Path: path, Size: int64(len(text)), SHA256: manifest.Sum([]byte(text)), Modified: 0}
	}
	tests := []struct {
		name         string
		files, pages []string
		change       func(files, pages *manifest.Root, c *manifest.Checkpoint)
		want         string // part of the only problem; empty: none
		key          func(f *fixture, c manifest.Checkpoint) string
	}{
		{name: "as it should be", files: []string{"a", "d/e/f"}, pages: []string{"d/e/index.html", "d/index.html", "index.html"}},
		{name: "upstream's own pages", files: []string{"d/index.html", "index.html"}},
		{name: "no page", files: []string{"a", "d/e/f"}, pages: []string{"d/e/index.html", "index.html"},
			want: `it lists no page for the directory "d/"`, key: pagesKey},
		{name: "no front page", files: []string{"a"}, want: `it lists no page for the directory ""`, key: pagesKey},
		{name: "a page too many", files: []string{"a"}, pages: []string{"d/index.html", "index.html"},
			want: `it lists a page for the directory "d/", which does not exist`, key: pagesKey},
		{name: "two pages", files: []string{"a", "index.html"}, pages: []string{"index.html"},
			want: `it lists a page "index.html" where upstream has its own`, key: pagesKey},
		{name: "no page at all", files: []string{"a"}, pages: []string{"b", "index.html"},
			want: `it lists "b", which is no page`, key: pagesKey},
		{name: "another content in the index", files: []string{"a"}, pages: []string{"index.html"},
			change: func(_, _ *manifest.Root, c *manifest.Checkpoint) { c.Content = manifest.Digest{1} },
			want:   "it lists checkpoint", key: indexKey},
		{name: "another size in the index", files: []string{"a"}, pages: []string{"index.html"},
			change: func(_, _ *manifest.Root, c *manifest.Checkpoint) { c.Bytes++ },
			want:   "with 1 files, 8 bytes", key: indexKey},
		{name: "a root's wrong sum", files: []string{"a"}, pages: []string{"index.html"},
			change: func(files, _ *manifest.Root, c *manifest.Checkpoint) { files.Bytes++; c.Bytes++ },
			want:   "its leaves make another root", key: filesKey},
		{name: "a root's wrong content", files: []string{"a"}, pages: []string{"index.html"},
			change: func(_, pages *manifest.Root, _ *manifest.Checkpoint) { pages.Content = manifest.Digest{1} },
			want:   "its leaves make another root", key: pagesKey},
	}
	for _, tt := range tests {
		for _, layout := range layouts {
			f := newFixture(t, layout, nil)
			f.publish(PublishOptions{NoSync: true, Empty: true})
			c := manifest.Checkpoint{ID: manifest.IDOf(f.clock.Now()), Layout: layout}
			entries := map[bool][]manifest.Entry{}
			for page, paths := range map[bool][]string{false: tt.files, true: tt.pages} {
				for _, path := range paths {
					entries[page] = append(entries[page], entry(path))
					if layout == manifest.Full || path == "index.html" {
						f.replace(manifest.TreeKey(f.repo.Base, c.ID, path), text)
					}
				}
			}
			f.replace(manifest.BlobKey(manifest.Sum([]byte(text))), text)
			files, err := rootOf(entries[false])
			pages, err2 := rootOf(entries[true])
			if err := errors.Join(err, err2); err != nil {
				t.Fatal(err)
			}
			c.Files, c.Bytes, c.Content = files.Files, files.Bytes, files.Content
			if tt.change != nil {
				tt.change(&files, &pages, &c)
			}
			c.Manifest, c.Pages = f.putManifest(files, entries[false]), f.putManifest(pages, entries[true])
			f.swapIndex(func(ix manifest.Index) (manifest.Index, error) { return ix.Append(c) })
			r := f.verify(false)
			if tt.want == "" {
				if len(r.Problems) > 0 {
					t.Errorf("%s, %s: %+v", tt.name, layout, r.Problems)
				}
				continue
			}
			if len(r.Problems) != 1 || !strings.Contains(r.Problems[0].What, tt.want) || r.Problems[0].Key != tt.key(f, c) || *r.Problems[0].Checkpoint != c.ID {
				t.Errorf("%s, %s: %+v, want %q", tt.name, layout, r.Problems, tt.want)
			}
		}
	}
}

func pagesKey(_ *fixture, c manifest.Checkpoint) string { return manifest.ManifestKey(c.Pages) }
func filesKey(_ *fixture, c manifest.Checkpoint) string { return manifest.ManifestKey(c.Manifest) }
func indexKey(f *fixture, _ manifest.Checkpoint) string { return manifest.IndexKey(f.repo.Base) }

// rootOf returns the root of a manifest of these entries.
func rootOf(entries []manifest.Entry) (manifest.Root, error) {
	b := manifest.NewBuilder()
	for _, e := range entries {
		if err := b.Add(e); err != nil {
			return manifest.Root{}, err
		}
	}
	return b.Finish()
}
