package resolvertest

import (
	"fmt"
	"io"
	"testing"

	"github.com/asof/asof/manifest"
)

// History is a store with one repo, r, whose checkpoints are a minute apart, up to newest.
// Each has a single file, named after its position, 0.txt in the oldest. The bodies are
// not there, and there are no rows.
func History(t testing.TB, checkpoints int, newest manifest.ID) Fixture {
	t.Helper()
	var f Fixture
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	put := func(key string, kind manifest.Kind, data []byte) {
		f.Objects = append(f.Objects, Object{Key: key, Register: kind.Mutable(), Base64: data})
	}
	tree := func(path string) manifest.Root {
		t.Helper()
		entry := manifest.Entry{Path: path, SHA256: manifest.Sum(nil)}
		b := manifest.NewBuilder()
		must(b.Add(entry))
		root, err := b.Finish()
		must(err)
		object, err := io.ReadAll(root.Object([]manifest.Entry{entry}))
		must(err)
		put(manifest.ManifestKey(root.Name), manifest.KindManifest, object)
		return root
	}
	pages := tree(manifest.IndexPage)
	ix := manifest.NewIndex("r")
	for i := range checkpoints {
		root := tree(fmt.Sprintf("%d.txt", i))
		next, err := ix.Append(manifest.Checkpoint{
			ID: newest - manifest.ID(60*(checkpoints-1-i)), Layout: manifest.Thin,
			Manifest: root.Name, Content: root.Content, Pages: pages.Name, Files: 1,
		})
		must(err)
		ix = next
	}
	index, err := ix.Encode()
	must(err)
	put(manifest.IndexKey("r"), manifest.KindIndex, index)
	registry, err := manifest.Registry{}.Add(manifest.Repo{Name: "r", Base: "r"})
	must(err)
	names, err := registry.Encode()
	must(err)
	put(manifest.RegistryKey, manifest.KindRegistry, names)
	return f
}
