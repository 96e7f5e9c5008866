package manifest

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	exampleDir = "testdata/example"
	exampleDoc = "../docs/formats.md"
)

// example makes the store that docs/formats.md shows, object by object.
type example struct {
	t       *testing.T
	objects map[string][]byte
}

// manifest stores the manifest of some files and returns its root.
func (ex *example) manifest(modified ID, files map[string]string) Root {
	b := NewBuilder()
	var entries []Entry
	for _, name := range sortedKeys(files) {
		at := modified
		if name == "PULP_MANIFEST" || name == IndexPage {
			at = 0
		}
		entries = append(entries, Entry{Path: name, Size: int64(len(files[name])), SHA256: Sum([]byte(files[name])), Modified: at})
		if err := b.Add(entries[len(entries)-1]); err != nil {
			ex.t.Fatal(err)
		}
	}
	root, err := b.Finish()
	if err != nil {
		ex.t.Fatal(err)
	}
	ex.objects[ManifestKey(root.Name)] = objectOf(ex.t, root, entries)
	return root
}

// checkpoint stores a tree with its manifests and its receipt, after a checkpoint
// without files.
func (ex *example) checkpoint(base, id string, before Checkpoint, files map[string]string, page string) Checkpoint {
	at, root := ex.id(id), ex.manifest(ex.id("20250318T140000Z"), files)
	receipt := Receipt{
		Repo: path.Base(base), Base: base, ID: at, Layout: Full,
		Manifest: root.Name, Content: root.Content, Files: root.Files, Bytes: root.Bytes,
		Previous: &Previous{before.ID, before.Manifest, before.Pages, before.Layout},
		Changes:  Changes{Added: root.Files}, Growth: root.Bytes, Complete: true,
	}
	for _, name := range sortedKeys(files) {
		now := FileDigest{int64(len(files[name])), Sum([]byte(files[name]))}
		receipt.List = append(receipt.List, NewChange(name, nil, &now))
	}
	changes, err := receipt.Encode()
	if err != nil {
		ex.t.Fatal(err)
	}
	pages := map[string]string{IndexPage: page, ChangesPath: string(changes)}
	pageRoot := ex.manifest(0, pages)
	for _, m := range []map[string]string{files, pages} {
		for name, content := range m {
			ex.objects[TreeKey(base, at, name)] = []byte(content)
		}
	}
	return receipt.Checkpoint(pageRoot.Name, false)
}

func (ex *example) id(s string) ID {
	id, err := ParseID(s)
	if err != nil {
		ex.t.Fatal(err)
	}
	return id
}

func newExample(t *testing.T) *example {
	ex := &example{t, map[string][]byte{}}
	const base = "checkpoints/myfile"
	files := map[string]string{}
	var list string
	for _, n := range []string{"1", "2", "3"} {
		files[n+".iso"] = strings.Repeat(n+"\n", 512)
		list += n + ".iso," + Sum([]byte(files[n+".iso"])).String() + ",1024\n"
	}
	files["PULP_MANIFEST"] = list

	ix := NewIndex("myfile")
	do := func(next Index, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		ix = next
	}
	first := Checkpoint{ID: ex.id("20250318T140300Z"), Layout: Full} // pruned below
	do(ix.Append(first))
	second := ex.checkpoint(base, "20250318T140330Z", first, nil, "<!doctype html>\n<p>no files</p>\n")
	do(ix.Append(second))
	do(ix.Append(ex.checkpoint(base, "20250318T140338Z", second, files, "<!doctype html>\n<p>four files</p>\n")))
	do(ix.SetChannel("stable", ex.id("20250318T140338Z"), ex.id("20250318T140400Z")))
	do(ix.MoveHorizon(ex.id("20250318T150000Z")))
	do(ix.Prune(ex.id("20250318T140300Z"), ex.id("20250318T150130Z"), "published from the wrong remote"))
	b, err := ix.Encode()
	if err != nil {
		t.Fatal(err)
	}
	ex.objects[IndexKey(base)] = b

	reg, err := Registry{}.Add(Repo{Name: "myfile", Base: base})
	if err != nil {
		t.Fatal(err)
	}
	if b, err = reg.Encode(); err != nil {
		t.Fatal(err)
	}
	ex.objects[RegistryKey] = b
	return ex
}

// The code makes the files below testdata/example byte for byte. ASOF_UPDATE=1
// writes them again; a released format never needs that.
func TestExample(t *testing.T) {
	ex := newExample(t)
	if os.Getenv("ASOF_UPDATE") != "" {
		if err := os.RemoveAll(exampleDir); err != nil {
			t.Fatal(err)
		}
		for key, data := range ex.objects {
			name := filepath.Join(exampleDir, filepath.FromSlash(key))
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	seen := 0
	err := filepath.WalkDir(exampleDir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		seen++
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		key, err := filepath.Rel(exampleDir, name)
		if err != nil {
			return err
		}
		if want, ok := ex.objects[filepath.ToSlash(key)]; !ok || !bytes.Equal(want, data) {
			t.Errorf("%s: %q, want %q", name, data, want)
		}
		return nil
	})
	if err != nil || seen != len(ex.objects) {
		t.Errorf("%d of %d objects are there: %v", seen, len(ex.objects), err)
	}
}

// docs/formats.md shows the example's index, registry, root and leaf to the byte.
func TestExampleInDoc(t *testing.T) {
	doc, err := os.ReadFile(exampleDoc)
	if err != nil {
		t.Fatal(err)
	}
	ex := newExample(t)
	ix, err := ParseIndex(ex.objects["checkpoints/myfile/checkpoints.json"])
	if err != nil {
		t.Fatal(err)
	}
	newest, _ := ix.Newest()
	object := ex.objects[ManifestKey(newest.Manifest)]
	size, err := RootSize(object)
	if err != nil {
		t.Fatal(err)
	}
	root, leaf := object[:size], object[size:]
	parsed, err := ParseRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseLeaf(leaf, parsed.Leaves[0]); err != nil {
		t.Fatal(err)
	}
	sealed, segments, err := ix.Seal(1, SegmentEntries, Segment{})
	if err != nil {
		t.Fatal(err)
	}
	index, err := sealed.Encode()
	if err != nil {
		t.Fatal(err)
	}
	_, refs, _ := bytes.Cut(index, []byte("\n"))
	refs, _, _ = bytes.Cut(refs, []byte("\"checkpoints\":["))
	for name, data := range map[string][]byte{
		"segment":  segments[0].Data,
		"segments": refs,
		"index":    ex.objects["checkpoints/myfile/checkpoints.json"],
		"registry": ex.objects[RegistryKey],
		"receipt":  ex.objects[TreeKey("checkpoints/myfile", newest.ID, ChangesPath)],
		"root":     root,
		"leaf":     leaf,
	} {
		if !bytes.Contains(doc, slices.Concat([]byte("\n```\n"), data, []byte("```\n"))) {
			t.Errorf("%s does not show this %s:\n%s", exampleDoc, name, data)
		}
	}
	// The package's doc comment shows the same with shortened digests.
	source, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range [][]byte{
		ex.objects["checkpoints/myfile/checkpoints.json"], ex.objects[RegistryKey], root, segments[0].Data, refs,
		ex.objects[TreeKey("checkpoints/myfile", newest.ID, ChangesPath)],
	} {
		short := regexp.MustCompile(`([0-9a-f]{4})[0-9a-f]{60}`).ReplaceAllString(string(data), "$1…")
		comment := "//\t" + strings.ReplaceAll(strings.TrimSuffix(short, "\n"), "\n", "\n//\t") + "\n"
		if !strings.Contains(string(source), comment) {
			t.Errorf("doc.go does not show\n%s", comment)
		}
	}
}

// The commands in docs/formats.md print the output shown there.
func TestCommandsInDoc(t *testing.T) {
	for _, tool := range []string{"sh", "sha256sum", "jq", "cut", "awk"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	doc, err := os.ReadFile(exampleDoc)
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(doc), -1) {
		for _, step := range strings.Split("\n"+block[1], "\n$ ")[1:] {
			command, want, _ := strings.Cut(step+"\n", "\n")
			cmd := exec.Command("sh", "-c", command)
			cmd.Dir = exampleDir
			cmd.Env = append(os.Environ(), "LC_ALL=C")
			got, err := cmd.CombinedOutput()
			if ran++; err != nil || strings.TrimSpace(string(got)) != strings.TrimSpace(want) {
				t.Errorf("$ %s\n%v\n got: %s\nwant: %s", command, err, got, want)
			}
		}
	}
	if ran < 5 {
		t.Errorf("only %d commands were run", ran)
	}
}
