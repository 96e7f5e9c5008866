package resolvertest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
)

var update = flag.Bool("update", false, "rewrite resolver/testdata/store.json")

// TestStore holds that the checked-in store is what manifest's builders and
// the pages make of the content below.
func TestStore(t *testing.T) {
	got := generate(t)
	dir, err := testdata()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "store.json")
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date: run go test ./resolver/resolvertest -update", name)
	}
}

// content is a file of upstream's.
type content struct {
	text     string
	modified string // an id, or empty: unknown
}

// The files of the three checkpoints that have any.
var (
	files1 = map[string]content{
		"1.iso":       {"first edition\n", "20250309T080000Z"},
		"removed.txt": {"not in later checkpoints\n", ""},
	}
	files2 = map[string]content{
		"1.iso":                    {"second edition\n", "20250317T093000Z"},
		"big.bin":                  {numbers(2500), "20250101T000000Z"},
		"dists/stable/InRelease":   {"Origin: fixture\n", ""},
		"dists/stable/Packages.gz": {"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00", "20250317T093000Z"},
		"docs+":                    {"sorts between the directory's name and its files\n", ""},
		"docs/deep/er/file.txt":    {"deep\n", ""},
		"docs/index.html":          {"<!doctype html><title>upstream's own</title>\n", "20250102T030405Z"},
		"docs/style.css":           {"p{}\n", ""},
		"empty.txt":                {"", "20250317T093000Z"},
		"epoch.txt":                {"modified at the Unix epoch\n", "19700101T000000Z"},
		"files/x/x-1!2.0+local.1-py3-none-any.whl": {"a local version of an epoch\n", ""},
		"files/x/x-1.0.tar.gz":                     {"an archive\n", "20250317T093000Z"},
		"files/x/x-1.0.tar.gz.metadata":            {"Name: x\n", ""},
		"future.txt":                               {"modified after the checkpoint\n", "20990101T000000Z"},
		"odd/ lead and trail .txt":                 {"spaces\n", ""},
		"odd/\"quoted\".txt":                       {"quotes\n", ""},
		"odd/#hash.txt":                            {"hash\n", ""},
		"odd/%2e%2e":                               {"percent and hexadecimal digits\n", ""},
		"odd/100%.txt":                             {"percent\n", ""},
		"odd/1:2-3_all.deb":                        {"colon\n", ""},
		"odd/<tag>.txt":                            {"angle brackets\n", ""},
		"odd/=27.txt":                              {"equals sign; its path ends a leaf of the manifest\n", ""},
		"odd/a&b;c=d,e.txt":                        {"separators\n", ""},
		"odd/c++ dir/libc++_1~2.deb":               {"plus and tilde\n", ""},
		"odd/it's.txt":                             {"apostrophe\n", ""},
		"odd/what?.txt":                            {"question mark\n", ""},
		"odd/é日本.txt":                              {"not ascii\n", ""},
		"simple/x/index.html":                      {"<!doctype html><a href=\"../../files/x/x-1.0.tar.gz\">x-1.0.tar.gz</a>\n", "20250317T093000Z"},
		"simple/x/index.v1_json":                   {"{\"files\":[{\"url\":\"../../files/x/x-1.0.tar.gz\"}]}\n", "20250316T093000Z"},
		"simple/y/index.v1_json":                   {"{\"files\":[]}\n", ""},
	}
)

func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%07d\n", i)
	}
	return b.String()
}

func files3() map[string]content {
	files := maps.Clone(files2)
	files["1.iso"] = content{"third edition\n", "20250320T070000Z"}
	return files
}

// generator collects objects by their keys.
type generator struct {
	t       *testing.T
	objects map[string]Object
}

func (g *generator) put(key string, kind manifest.Kind, name string, data []byte) {
	o := Object{Key: key, Register: kind.Mutable(), ContentType: kind.ContentType(name), CacheControl: kind.CacheControl(name)}
	if utf8.Valid(data) {
		o.Text = string(data)
	} else {
		o.Base64 = data
	}
	g.objects[key] = o
}

func (g *generator) id(s string) manifest.ID {
	g.t.Helper()
	if s == "" {
		return 0
	}
	id, err := manifest.ParseID(s)
	g.must(err)
	return id
}

func (g *generator) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// tree puts a checkpoint's files, pages and manifests, in one layout.
// Leaves that a manifest of prev has too stay in that one's object. before are
// the files of the checkpoint before.
func (g *generator) tree(base, id string, files, before map[string]content, layout manifest.Layout, prev manifest.Root) (manifest.Checkpoint, manifest.Root) {
	g.t.Helper()
	upstream := map[string][]byte{}
	for p, c := range files {
		upstream[p] = []byte(c.text)
	}
	pages := g.pages(files)
	c := manifest.Checkpoint{ID: g.id(id), Layout: layout}
	root := g.manifest(upstream, func(p string) manifest.ID { return g.id(files[p].modified) }, prev)
	c.Manifest, c.Files, c.Bytes = root.Name, root.Files, root.Bytes
	c.Changes = changes(before, files)
	c.Pages = g.manifest(pages, func(string) manifest.ID { return 0 }, manifest.Root{}).Name
	g.bodies(base, c, upstream, manifest.KindFile)
	g.bodies(base, c, pages, manifest.KindPage)
	return c, root
}

// changes counts the files that differ from those before.
func changes(before, files map[string]content) (n manifest.Changes) {
	for p, c := range files {
		if old, ok := before[p]; !ok {
			n.Added++
		} else if old.text != c.text {
			n.Changed++
		}
	}
	for p := range before {
		if _, ok := files[p]; !ok {
			n.Removed++
		}
	}
	return n
}

func (g *generator) bodies(base string, c manifest.Checkpoint, tree map[string][]byte, kind manifest.Kind) {
	for p, data := range tree {
		key := c.Place(base).Key(p, manifest.Sum(data))
		if c.Layout.Pools(p) {
			g.put(key, manifest.KindBlob, "", data)
		} else {
			g.put(key, kind, p, data)
		}
	}
}

// onPages is the repo that all pages name: so both layouts have the same ones, and the
// table can name one object for both.
var onPages = manifest.Repo{Name: "full", Base: "checkpoints/full"}

// pages renders a page for each directory that has none of upstream's.
func (g *generator) pages(files map[string]content) map[string][]byte {
	dirs := map[string]map[string]page.Entry{"": {}}
	for p, c := range files {
		e := page.Entry{Name: path.Base(p), Size: int64(len(c.text)), Modified: g.id(c.modified)}
		for dir := path.Dir(p); ; dir = path.Dir(dir) {
			name := strings.TrimPrefix(dir+"/", "./")
			if dirs[name] == nil {
				dirs[name] = map[string]page.Entry{}
			}
			dirs[name][e.Name] = e
			if name == "" {
				break
			}
			e = page.Entry{Name: path.Base(dir), Dir: true}
		}
	}
	pages := map[string][]byte{}
	for dir, entries := range dirs {
		if _, ok := files[dir+manifest.IndexPage]; ok {
			continue
		}
		sorted := slices.SortedFunc(maps.Values(entries), func(a, b page.Entry) int {
			if a.Dir != b.Dir {
				if a.Dir {
					return -1
				}
				return 1
			}
			return cmp.Compare(a.Name, b.Name)
		})
		var b bytes.Buffer
		g.must(page.WriteDirectory(&b, onPages, dir, slices.Values(sorted)))
		pages[dir+manifest.IndexPage] = b.Bytes()
	}
	return pages
}

func (g *generator) manifest(tree map[string][]byte, modified func(string) manifest.ID, prev manifest.Root) manifest.Root {
	g.t.Helper()
	b := manifest.NewBuilder()
	var entries []manifest.Entry
	for _, p := range slices.Sorted(maps.Keys(tree)) {
		e := manifest.Entry{Path: p, Size: int64(len(tree[p])), SHA256: manifest.Sum(tree[p]), Modified: modified(p)}
		entries = append(entries, e)
		g.must(b.Add(e))
	}
	root, err := b.Finish()
	g.must(err)
	for i, l := range root.Leaves {
		// Sharing does so for larger manifests only.
		for _, old := range prev.Leaves {
			if l.Digest == old.Digest {
				root.Sources = []manifest.Digest{prev.Name}
				root.Leaves[i].Source, root.Leaves[i].Offset = 1, old.Offset
			}
		}
	}
	root.Name = manifest.Sum(root.Encode())
	data, err := io.ReadAll(root.Object(entries))
	g.must(err)
	g.put(manifest.ManifestKey(root.Name), manifest.KindManifest, "", data)
	return root
}

// repo puts a repo with four checkpoints, of which one is pruned.
func (g *generator) repo(name string, layout manifest.Layout) manifest.Repo {
	g.t.Helper()
	base := "checkpoints/" + name
	ix := manifest.NewIndex(name)
	var (
		root   manifest.Root
		before map[string]content
	)
	add := func(c manifest.Checkpoint) {
		next, err := ix.Append(c)
		g.must(err)
		ix = next
	}
	tree := func(id string, files map[string]content) manifest.Checkpoint {
		var c manifest.Checkpoint
		c, root = g.tree(base, id, files, before, layout, root)
		before = files
		return c
	}
	add(tree("20250301T000000Z", nil))
	add(tree("20250310T120000Z", files1))
	// The pruned one was like the one before it, so that nothing of it is left
	// over: its tree is deleted.
	pruned := ix.Checkpoints[1]
	pruned.ID, pruned.Changes = g.id("20250312T080000Z"), manifest.Changes{}
	add(pruned)
	add(tree("20250318T140338Z", files2))
	add(tree("20250320T101500Z", files3()))
	if len(root.Sources) != 1 {
		g.t.Fatal("the last manifest shares no leaf with the one before")
	}
	var err error
	ix, err = ix.SetChannel("stable", g.id("20250318T140338Z"), ix.Horizon)
	g.must(err)
	ix, err = ix.Prune(pruned.ID, g.id("20250325T000000Z"), "withdrawn by upstream")
	g.must(err)
	ix, err = ix.MoveHorizon(g.id("20250401T000000Z"))
	g.must(err)
	g.index(base, ix)
	g.put(manifest.StagedKey(base), manifest.KindStaged, "", []byte("private: must never be served\n"))
	return manifest.Repo{Name: name, Base: base}
}

// index puts an index and its list.
func (g *generator) index(base string, ix manifest.Index) {
	g.t.Helper()
	data, err := ix.Encode()
	g.must(err)
	g.put(manifest.IndexKey(base), manifest.KindIndex, "", data)
	var list bytes.Buffer
	g.must(page.WriteList(&list, base, ix))
	g.put(manifest.ListKey(base), manifest.KindList, "", list.Bytes())
}

// sealed puts a repo whose history stands in two segments but for the newest
// checkpoint. Publishers seal later, and more at a time.
func (g *generator) sealed() manifest.Repo {
	g.t.Helper()
	const base = "checkpoints/sealed"
	ix := manifest.NewIndex("sealed")
	step := func(next manifest.Index, err error) {
		g.t.Helper()
		g.must(err)
		ix = next
	}
	var before map[string]content
	tree := func(id string, files map[string]content, layout manifest.Layout) manifest.Checkpoint {
		c, _ := g.tree(base, id, files, before, layout, manifest.Root{})
		before = files
		return c
	}
	gone := []string{"20240101T000000Z", "20240401T000000Z"}
	step(ix.Append(manifest.Checkpoint{ID: g.id(gone[0]), Layout: manifest.Thin}))
	step(ix.Append(tree("20240201T000000Z", files1, manifest.Thin)))
	step(ix.Append(tree("20240301T000000Z", nil, manifest.Full)))
	step(ix.Append(manifest.Checkpoint{ID: g.id(gone[1]), Layout: manifest.Full}))
	step(ix.Append(tree("20240501T000000Z", files1, manifest.Thin)))
	for _, id := range gone {
		step(ix.Prune(g.id(id), g.id("20240515T000000Z"), "expired"))
	}
	step(ix.SetChannel("frozen", g.id("20240201T000000Z"), ix.Horizon))
	step(ix.MoveHorizon(g.id("20240601T000000Z")))
	ix, segments, err := ix.Seal(1, 2, manifest.Segment{})
	g.must(err)
	for _, s := range segments {
		g.put(manifest.SegmentKey(s.Ref.Digest), manifest.KindSegment, "", s.Data)
		segment, err := manifest.ParseSegment(s.Data, ix.Repo, s.Ref)
		g.must(err)
		var list bytes.Buffer
		g.must(page.WriteSegment(&list, base, segment))
		g.put(manifest.SegmentListKey(base, s.Ref.First), manifest.KindList, "", list.Bytes())
	}
	g.index(base, ix)
	return manifest.Repo{Name: "sealed", Base: base}
}

// moving puts a repo whose names moved lately, whatever the clock says: its newest ids
// lie in a future that no clock reaches.
func (g *generator) moving() manifest.Repo {
	g.t.Helper()
	const base = "checkpoints/moving"
	ix := manifest.NewIndex("moving")
	step := func(next manifest.Index, err error) {
		g.t.Helper()
		g.must(err)
		ix = next
	}
	var before map[string]content
	tree := func(id string, names ...string) {
		files := map[string]content{"1.iso": {"in all\n", ""}}
		for _, name := range names {
			files[name] = content{"in " + id + "\n", ""}
		}
		c, _ := g.tree(base, id, files, before, manifest.Thin, manifest.Root{})
		before = files
		step(ix.Append(c))
	}
	tree("20250101T000000Z", "beyond.txt")
	tree("20250201T000000Z", "within.txt", "both.txt", "gone/file.txt", "gone/index.v1_json")
	tree("29000101T000000Z", "pruned.txt")
	tree("29000102T000000Z", "both.txt", "odd/InRelease", "odd/c++ 1:2.deb")
	tree("29000103T000000Z", "new.txt")
	step(ix.Prune(g.id("29000101T000000Z"), g.id("29000104T000000Z"), ""))
	channel := func(name, id, now string) {
		g.t.Helper()
		step(ix.SetChannel(name, g.id(id), g.id(now)))
	}
	channel("stable", "20250101T000000Z", "20250301T000000Z")
	channel("stable", "29000102T000000Z", "29000201T000000Z")
	channel("stable", "29000103T000000Z", "29000202T000000Z")
	channel("back", "29000103T000000Z", "29000201T000000Z")
	channel("back", "20250201T000000Z", "29000202T000000Z")
	channel("dropped", "29000102T000000Z", "29000201T000000Z")
	step(ix.DropChannel("dropped", g.id("29000202T000000Z")))
	channel("long", "29000102T000000Z", "20250201T000000Z")
	channel("long", "29000103T000000Z", "20250301T000000Z")
	g.index(base, ix)
	return manifest.Repo{Name: "moving", Base: base}
}

// still puts a repo whose names moved as lately, and that has no grace. Its newest
// checkpoint is partial.
func (g *generator) still() manifest.Repo {
	g.t.Helper()
	const base = "checkpoints/still"
	ix := manifest.NewIndex("still")
	older, _ := g.tree(base, "29000101T000000Z", files1, nil, manifest.Thin, manifest.Root{})
	newest, _ := g.tree(base, "29000102T000000Z", nil, files1, manifest.Thin, manifest.Root{})
	newest.Partial = true
	for _, change := range []func() (manifest.Index, error){
		func() (manifest.Index, error) { return ix.Append(older) },
		func() (manifest.Index, error) { return ix.Append(newest) },
		func() (manifest.Index, error) { return ix.SetChannel("stable", older.ID, newest.ID) },
		func() (manifest.Index, error) { return ix.SetChannel("stable", newest.ID, newest.ID+1) },
		func() (manifest.Index, error) { return ix.SetGrace(new(time.Duration)) },
	} {
		next, err := change()
		g.must(err)
		ix = next
	}
	g.index(base, ix)
	return manifest.Repo{Name: "still", Base: base}
}

// rings are names for times of all repos: in the midst of them, before, behind, of a pruned
// checkpoint, of nothing yet; and one that has moved.
func (g *generator) rings() {
	g.t.Helper()
	var r manifest.Rollout
	at := func(id string) manifest.Stamp { return manifest.Stamp{At: g.id(id), By: "ci"} }
	r, err := r.Set(nil, []manifest.RingRule{{Name: "prod"}, {Name: "before"}, {Name: "pruned"}, {Name: "wave"}, {Name: "later"}, {Name: "stable"}}, at("20250301T000000Z"))
	g.must(err)
	for _, move := range [][3]string{
		{"prod", "20250310T120000Z", "20250311T000000Z"},
		{"prod", "20250319T000000Z", "20250320T000000Z"},
		{"before", "20230101T000000Z", "20250320T000000Z"},
		{"pruned", "20250313T000000Z", "20250320T000000Z"},
		{"later", "29000102T000000Z", "20250101T000000Z"},
		{"later", "29000103T000000Z", "29000201T000000Z"},
		{"stable", "20250310T120000Z", "20250320T000000Z"}, // where there is no channel of this name
	} {
		r, err = r.Move(move[0], g.id(move[1]), at(move[2]))
		g.must(err)
	}
	data, err := r.Encode()
	g.must(err)
	g.put(manifest.RolloutKey, manifest.KindRollout, "", data)
}

// retired puts two repos in a folder of their own: one was deleted, and the other moved to
// checkpoints/full.
func (g *generator) retired() (repos []manifest.Repo) {
	g.t.Helper()
	for name, what := range map[string]manifest.Retired{
		"deleted": {At: g.id("20250401T000000Z"), Reason: "held a secret"},
		"former":  {At: g.id("20250401T000000Z"), To: "checkpoints/full"},
	} {
		base := "left/" + name
		ix, err := manifest.NewIndex(name).Append(manifest.Checkpoint{ID: g.id("20250301T000000Z"), Layout: manifest.Thin})
		g.must(err)
		ix, err = ix.Retire(what)
		g.must(err)
		ix, err = ix.Clear(what.At, what.Reason)
		g.must(err)
		g.index(base, ix)
		repos = append(repos, manifest.Repo{Name: name, Base: base})
	}
	return repos
}

func generate(t *testing.T) []byte {
	g := &generator{t, map[string]Object{}}
	var registry manifest.Registry
	for _, repo := range append(g.retired(),
		g.repo("full", manifest.Full),
		g.repo("thin", manifest.Thin),
		g.sealed(),
		g.moving(),
		g.still(),
		manifest.Repo{Name: "empty", Base: "empty"}, // registered, never published to
	) {
		next, err := registry.Add(repo)
		g.must(err)
		registry = next
	}
	data, err := registry.Encode()
	g.must(err)
	g.put(manifest.RegistryKey, manifest.KindRegistry, "", data)
	g.rings()

	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"format\":%q,\"objects\":[", storeFormat)
	for i, key := range slices.Sorted(maps.Keys(g.objects)) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		line, err := json.Marshal(g.objects[key])
		g.must(err)
		b.Write(line)
	}
	b.WriteString("]}\n")
	return b.Bytes()
}
