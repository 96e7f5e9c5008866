package page

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"maps"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/asof/asof/manifest"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

func id(t testing.TB, s string) manifest.ID {
	t.Helper()
	id, err := manifest.ParseID(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

var myfile = manifest.Repo{Name: "myfile", Base: "checkpoints/myfile"}

// hostile holds names that break careless pages.
var hostile = []string{
	"#hash", "100%.txt", "?query", `a"quote`, "a'quote", "a b", "a&amp;b", "a&b", "a+b", "a:b", "<script>alert(1)<br>",
	"%2e%2e", "%2F", "..%2f..", "...", "~", "=1", "javascript:alert(1)", "http:", "é", "日本語", "\u202egnp.exe",
	"{{.}}", "`", "|", "[x]", "^", ";a", ",", "$x", "@x", "!", "(x)", "*", "-rf", "a\u00a0b", "C:", "data:text,x", "\u200b",
}

func index(t testing.TB) manifest.Index {
	ix := manifest.NewIndex("myfile")
	var err error
	for i, s := range []string{"20250301T000000Z", "20250310T120000Z", "20250318T140338Z"} {
		if ix, err = ix.Append(manifest.Checkpoint{ID: id(t, s), Files: int64(i * 3), Bytes: int64(i * 2000), Layout: manifest.Full, Changes: manifest.Changes{Added: int64(i), Removed: int64(2 * i), Changed: int64(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"stable", "canary"} {
		if ix, err = ix.SetChannel(name, id(t, "20250318T140338Z"), ix.Horizon); err != nil {
			t.Fatal(err)
		}
	}
	if ix, err = ix.Prune(id(t, "20250310T120000Z"), id(t, "20250401T000000Z"), "<b>withdrawn</b>"); err != nil {
		t.Fatal(err)
	}
	if ix, err = ix.MoveHorizon(id(t, "20250402T000000Z")); err != nil {
		t.Fatal(err)
	}
	return ix
}

func hostileEntries(t testing.TB) []Entry {
	entries := []Entry{{Name: "sub dir", Dir: true}, {Name: "d:1", Dir: true, Modified: id(t, "20250318T140338Z")}}
	for i, name := range hostile {
		entries = append(entries, Entry{Name: name, Size: int64(i) * 1000, Modified: id(t, "20250318T140338Z") + manifest.ID(i)})
	}
	return append(entries, Entry{Name: "old", Size: 5 << 40})
}

// front returns the front of a checkpoint with three changes.
func front(t testing.TB, usage manifest.Usage) Front {
	some := &manifest.FileDigest{}
	return Front{manifest.Receipt{
		Repo: "debian", Base: "debian", ID: id(t, "20250318T140338Z"), Layout: manifest.Thin, Files: 2,
		Previous: &manifest.Previous{ID: id(t, "20250317T140338Z")}, Changes: manifest.Changes{Added: 1, Removed: 1, Changed: 1},
		List: []manifest.Change{
			manifest.NewChange("dists/<new>", nil, some), manifest.NewChange("dists/old", some, nil), manifest.NewChange("dists/x", some, some),
		},
	}, usage}
}

// A partial checkpoint's front page says what it leaves out.
func TestFrontPartial(t *testing.T) {
	for want, change := range map[string]func(*manifest.Receipt){
		"": func(*manifest.Receipt) {},
		"<div><dt>Partial</dt><dd>filters hold back 61022 files, 1.5 KiB, that upstream lists</dd></div>": func(r *manifest.Receipt) {
			r.HeldBack = manifest.HeldBack{Files: 61022, Bytes: 1536}
		},
		"<div><dt>Partial</dt><dd>upstream lists 2 that it does not have</dd></div>": func(r *manifest.Receipt) { r.Missing = []string{"a", "b"} },
		"<div><dt>Partial</dt><dd>filters hold back 1 file, 2 B, that upstream lists; upstream lists 1000 or more that it does not have</dd></div>": func(r *manifest.Receipt) {
			r.HeldBack, r.Missing = manifest.HeldBack{Files: 1, Bytes: 2}, make([]string, manifest.MaxListedMissing)
		},
	} {
		f := front(t, manifest.Usage{})
		change(&f.Receipt)
		var b strings.Builder
		if err := WriteFront(&b, slices.Values([]Entry(nil)), f); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); !strings.Contains(got, want) || (want == "") == strings.Contains(got, "Partial") {
			t.Errorf("want %s in %s", want, got)
		}
	}
}

// board has a ring in each state.
func board(t *testing.T) manifest.Board {
	at := func(s string) manifest.ID { return id(t, "2025"+s+"Z") }
	return manifest.Board{
		Rings: []manifest.BoardRing{
			{
				Name: "canary", Time: at("0321T000000"), Since: at("0321T060000"), Due: at("0322T000000"), Why: "nothing later is final in tools",
				Repos: []manifest.Standing{{Repo: "debian", Checkpoint: at("0320T101500")}, {Repo: "tools", Checkpoint: at("0318T140338")}},
			},
			{
				Name: "early", After: 24 * 3600, Time: at("0320T120000"), Since: at("0320T180000"), Next: at("0322T060000"), Why: "canary has stood for 20250321T000000Z since 20250321T060000Z only",
				Repos: []manifest.Standing{{Repo: "debian", Checkpoint: at("0320T101500")}, {Repo: "tools", Checkpoint: at("0317T000000"), Behind: 136998}},
			},
			{
				Name: "prod", After: 72 * 3600, Time: at("0301T000000"), Since: at("0310T000000"), Due: at("0320T120000"), Held: &manifest.Hold{Stamp: manifest.Stamp{At: at("0319T080000"), Reason: "does <not> boot"}},
				Repos: []manifest.Standing{{Repo: "debian", Note: "the first is 20250302T000000Z"}, {Repo: "tools", Note: "20250228T000000Z is pruned"}},
			},
			{Name: "bank", After: 90, Why: "prod stands for nothing later"},
		},
		Absent: []string{"new", "old"},
		Blocks: []manifest.Block{{Repos: []string{"debian", "tools"}, After: at("0301T000000"), Through: at("0319T000000"), Stamp: manifest.Stamp{At: at("0319T080000"), Reason: "does <not> boot"}}},
	}
}

func TestGolden(t *testing.T) {
	ix := index(t)
	pages := map[string]func(io.Writer) error{
		"directory.html": func(w io.Writer) error { return WriteDirectory(w, myfile, "a/b c/", slices.Values(hostileEntries(t))) },
		"empty.html":     func(w io.Writer) error { return WriteDirectory(w, myfile, "", slices.Values([]Entry(nil))) },
		"front.html": func(w io.Writer) error {
			return WriteFront(w, slices.Values([]Entry{{Name: "dists", Dir: true}}), front(t, manifest.Usage{Snippets: []manifest.Snippet{
				{Title: "A source", Note: "why & how", File: "/etc/apt/sources.list.d/x.sources", Text: "Types: deb\nURIs: https://h/r/<b>/\n"},
				{Title: "A setting", Text: "x {{.}}"},
			}}))
		},
		"list.html": func(w io.Writer) error { return WriteList(w, "checkpoints/myfile", ix) },
		"list-moved.html": func(w io.Writer) error {
			ix, err := ix.Retire(manifest.Retired{At: id(t, "20250501T120000Z"), To: "images/yours", Reason: "a better <name>"})
			if err != nil {
				return err
			}
			return WriteList(w, "checkpoints/myfile", ix)
		},
		"list-deleted.html": func(w io.Writer) error {
			ix, err := index(t).Retire(manifest.Retired{At: id(t, "20250501T120000Z")})
			if err == nil {
				ix, err = ix.Clear(id(t, "20250501T120000Z"), "held a secret")
			}
			if err != nil {
				return err
			}
			return WriteList(w, "checkpoints/myfile", ix)
		},
		"list-sealed.html": func(w io.Writer) error {
			index, _ := sealed(t)
			return WriteList(w, "checkpoints/myfile", index)
		},
		"segment.html": func(w io.Writer) error {
			_, segment := sealed(t)
			return WriteSegment(w, "checkpoints/myfile", segment)
		},
		"list-usage.html": func(w io.Writer) error {
			ix, err := manifest.NewIndex("debian").Append(manifest.Checkpoint{
				ID: id(t, "20250318T140338Z"), Layout: manifest.Thin, Usage: true, Partial: true,
				Files: 9, Bytes: 1 << 30, Changes: manifest.Changes{Added: 9},
			})
			if err != nil {
				return err
			}
			return WriteList(w, "d+e/debian", ix)
		},
		"list-long.html": func(w io.Writer) error {
			ix, err := manifest.NewIndex("long"), error(nil)
			for i := range 24 {
				at := id(t, "20250103T060000Z") + manifest.ID(i*20*24*3600)
				c := manifest.Checkpoint{ID: at, Layout: manifest.Thin, Files: 3, Bytes: 5000, Changes: manifest.Changes{Changed: 1}}
				if ix, err = ix.Append(c); err != nil {
					return err
				}
			}
			return WriteList(w, "long", ix)
		},
		"list-new.html": func(w io.Writer) error { return WriteList(w, "new+1", manifest.NewIndex("new")) },
		"repos.html": func(w io.Writer) error {
			return WriteRepos(w, "", []RepoSummary{
				{Name: "myfile", Base: "checkpoints/myfile", Checkpoints: 2, Newest: manifest.Checkpoint{ID: id(t, "20250318T140338Z"), Files: 6, Bytes: 4000}, Horizon: ix.Horizon},
				{Name: "new", Base: "new+1"},
				{Name: "some", Base: "some", Checkpoints: 1, Newest: manifest.Checkpoint{ID: id(t, "20250318T140338Z"), Files: 6, Bytes: 4000, Partial: true}, Horizon: ix.Horizon},
			}, nil)
		},
		"list-rings.html": func(w io.Writer) error {
			return WriteList(w, "checkpoints/myfile", ix, manifest.RingMark{Ring: "canary", Time: ix.Horizon, ID: id(t, "20250318T140338Z")},
				manifest.RingMark{Ring: "prod", Time: id(t, "20240101T000000Z")})
		},
		"repos-rings.html": func(w io.Writer) error {
			return WriteRepos(w, "team", []RepoSummary{{Name: "new", Base: "team/new+1"}}, []manifest.Ring{{Name: "canary"}, {Name: "prod", Held: &manifest.Hold{}}})
		},
		"board.html": func(w io.Writer) error {
			return WriteBoard(w, board(t), func(repo string) string { return "b+c/" + repo })
		},
		"board-empty.html": func(w io.Writer) error { return WriteBoard(w, manifest.Board{}, nil) },
		"front-of-store.html": func(w io.Writer) error {
			return WriteFolder(w, "", []manifest.Repo{{Name: "myfile", Base: "checkpoints/myfile"}, {Name: "new", Base: "new+1"}})
		},
		"folder.html": func(w io.Writer) error {
			return WriteFolder(w, "a/b+c", []manifest.Repo{{Name: "a/b+c/d", Base: "a/b+c/d"}, {Name: "<e>", Base: "a/b+c/e/f"}})
		},
		"error.html": func(w io.Writer) error {
			return WriteError(w, 404, "Not Found", `no file "<x>"`, "see /checkpoints/myfile/ for the checkpoints", myfile)
		},
	}
	for name, write := range pages {
		t.Run(name, func(t *testing.T) {
			var got, again bytes.Buffer
			if err := errors.Join(write(&got), write(&again)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), again.Bytes()) {
				t.Error("two runs give two pages")
			}
			if s := strings.Replace(got.String(), "<script>\n(async", "", 1); strings.Contains(s, "ZgotmplZ") || strings.Contains(s, "<script") || strings.Contains(s, "<b>") {
				t.Error("unescaped or unsafe content")
			}
			checkNesting(t, got.Bytes())
			golden := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("differs from %s (run with -update to accept):\n%s", golden, got.Bytes())
			}
		})
	}
}

// checkNesting checks that the doctype comes first and that elements are closed
// in order. A parser that repairs pages would hide such mistakes.
func checkNesting(t *testing.T, page []byte) {
	t.Helper()
	if !bytes.HasPrefix(page, []byte("<!doctype html>\n<html lang=\"en\">\n")) {
		t.Errorf("starts with %.40q", page)
	}
	void := []string{"meta", "link", "input", "wbr"}
	var open []string
	z := html.NewTokenizer(bytes.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if z.Err() != io.EOF || len(open) > 0 {
				t.Errorf("at the end: %v, open: %v", z.Err(), open)
			}
			return
		case html.StartTagToken:
			if name, _ := z.TagName(); !slices.Contains(void, string(name)) {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if len(open) == 0 || open[len(open)-1] != string(name) {
				t.Fatalf("</%s> closes %v", name, open)
			}
			open = open[:len(open)-1]
		}
	}
}

type link struct{ href, text string }

// links returns the page's anchors, as an HTML parser sees them.
func links(t *testing.T, page []byte) (out []link) {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "a" {
			continue
		}
		if len(n.Attr) != 1 || n.Attr[0].Key != "href" {
			t.Errorf("anchor with attributes %v, want a plain href", n.Attr)
		}
		if !strings.HasPrefix(n.Attr[0].Val, "#") { // skip links within the page
			out = append(out, link{n.Attr[0].Val, n.FirstChild.Data})
		}
	}
	return out
}

func TestDirectoryLinks(t *testing.T) {
	base, err := url.Parse("https://host.example/checkpoints/myfile/20250318T140338Z/a/")
	if err != nil {
		t.Fatal(err)
	}
	entries := hostileEntries(t)
	var page bytes.Buffer
	if err := WriteDirectory(&page, myfile, "a/", slices.Values(entries)); err != nil {
		t.Fatal(err)
	}
	got := links(t, page.Bytes())
	// The tree's root among the breadcrumbs, then the parent, then one link per
	// entry.
	if len(got) != len(entries)+2 || got[0] != (link{"../", "/"}) || got[1] != (link{"../", "../"}) {
		t.Fatalf("%d links, the first %v; want %d", len(got), got[:2], len(entries)+2)
	}
	for i, e := range entries {
		l := got[i+2]
		ref, err := base.Parse(l.href)
		if err != nil {
			t.Errorf("%q: %v", e.Name, err)
			continue
		}
		want := e.Name
		if e.Dir {
			want += "/"
		}
		if l.text != want {
			t.Errorf("%q shows as %q", want, l.text)
		}
		if ref.Scheme != "https" || ref.Host != base.Host || ref.Path != base.Path+want || ref.RawQuery != "" || ref.Fragment != "" {
			t.Errorf("%q: href %q leads to %s", want, l.href, ref)
		}
	}
}

// sealed returns an index with all but the newest checkpoint in a segment, and
// the segment. A channel names a checkpoint in it.
func sealed(t testing.TB) (manifest.Index, manifest.Segment) {
	ix, err := index(t).SetChannel("old", id(t, "20250301T000000Z"), id(t, "20250401T000000Z"))
	if err != nil {
		t.Fatal(err)
	}
	ix, segments, err := ix.Seal(1, manifest.SegmentEntries, manifest.Segment{})
	if err != nil {
		t.Fatal(err)
	}
	segment, err := manifest.ParseSegment(segments[0].Data, ix.Repo, segments[0].Ref)
	if err != nil {
		t.Fatal(err)
	}
	return ix, segment
}

func TestSegmentLinks(t *testing.T) {
	ix, segment := sealed(t)
	var list, page bytes.Buffer
	if err := errors.Join(WriteList(&list, "checkpoints/myfile", ix), WriteSegment(&page, "checkpoints/myfile", segment)); err != nil {
		t.Fatal(err)
	}
	want := []link{{"../../", "Repositories"}, {"../../checkpoints/", "checkpoints"}, {"20250318T140338Z/", "2025-03-18 14:03"},
		{"20250318T140338Z/", "canary"}, {"20250301T000000Z/", "old"}, {"20250318T140338Z/", "stable"},
		{"index-20250301T000000Z.html", "2025-03-01 to 2025-03-10"}, {"20250318T140338Z/", "20250318T140338Z/"}}
	if got := links(t, list.Bytes()); !slices.Equal(got, want) {
		t.Errorf("links %v, want %v", got, want)
	}
	want = []link{{"../../", "Repositories"}, {"../../checkpoints/", "checkpoints"}, {"../../checkpoints/myfile/", "myfile"}, {"20250301T000000Z/", "20250301T000000Z/"}}
	if got := links(t, page.Bytes()); !slices.Equal(got, want) {
		t.Errorf("links %v, want %v", got, want)
	}
}

// A list is another one if the index is, but for what manifest.Index.Lists leaves out.
// By that the next command on a repo knows whether all has followed from its index.
func TestListShowsTheIndex(t *testing.T) {
	show := func(ix manifest.Index) string {
		var list bytes.Buffer
		if err := WriteList(&list, "checkpoints/myfile", ix); err != nil {
			t.Fatal(err)
		}
		return list.String()
	}
	ix, segment := sealed(t)
	was := show(ix)
	for name, change := range map[string]func(ix *manifest.Index){
		"nothing, later":                    func(ix *manifest.Index) { ix.Generation++; ix.Horizon++ },
		"another segment":                   func(ix *manifest.Index) { ix.Segments[0].Digest[0]++ },
		"a channel in a segment that moved": func(ix *manifest.Index) { ix.Channels["old"] = segment.Checkpoints[0].ID + 1 },
		"a channel less":                    func(ix *manifest.Index) { delete(ix.Channels, "old") },
		"a checkpoint less":                 func(ix *manifest.Index) { ix.Checkpoints = nil },
		"a tombstone": func(ix *manifest.Index) {
			ix.Pruned = []manifest.Tombstone{{ID: ix.Checkpoints[0].ID - 1, At: ix.Horizon}}
		},
	} {
		next := ix
		next.Segments, next.Channels = slices.Clone(ix.Segments), maps.Clone(ix.Channels)
		change(&next)
		if same := show(next) == was; same != next.Lists(ix) {
			t.Errorf("%s: the list is the same: %t", name, same)
		}
	}
}

func TestListLinks(t *testing.T) {
	var page bytes.Buffer
	if err := WriteList(&page, "checkpoints/myfile", index(t)); err != nil {
		t.Fatal(err)
	}
	want := []link{{"../../", "Repositories"}, {"../../checkpoints/", "checkpoints"}, {"20250318T140338Z/", "2025-03-18 14:03"},
		{"20250318T140338Z/", "canary"}, {"20250318T140338Z/", "stable"},
		{"20250318T140338Z/", "20250318T140338Z/"}, {"20250301T000000Z/", "20250301T000000Z/"}}
	if got := links(t, page.Bytes()); !slices.Equal(got, want) {
		t.Errorf("links %v, want %v", got, want)
	}
}

// An error has no fixed place, so its links are absolute.
func TestErrorLinks(t *testing.T) {
	for want, repo := range map[string]manifest.Repo{
		`[{/ Repositories}]`:                                     {},
		`[{/ Repositories} {/debian/ debian}]`:                   {Name: "debian", Base: "debian"},
		`[{/ Repositories} {/a%2B/ a+} {/a%2B/b/ b}]`:            {Name: "a+/b", Base: "a+/b"},
		`[{/ Repositories} {/a/ a} {/a/b/ b} {/a/b/c/ another}]`: {Name: "another", Base: "a/b/c"},
	} {
		var page bytes.Buffer
		if err := WriteError(&page, 410, "Gone", "pruned", "", repo); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(links(t, page.Bytes())); got != want {
			t.Errorf("%v: links %v, want %v", repo, got, want)
		}
	}
}

// The page of a folder links to the repos below it, and up.
func TestFolderLinks(t *testing.T) {
	var page bytes.Buffer
	if err := WriteRepos(&page, "a/b", []RepoSummary{{Name: "c", Base: "a/b/c"}, {Name: "e", Base: "a/b/d/e+"}}, nil); err != nil {
		t.Fatal(err)
	}
	want := []link{{"../../", "Repositories"}, {"../../a/", "a"}, {"c/", "c/"}, {"d/e%2B/", "d/e+/"}}
	if got := links(t, page.Bytes()); !slices.Equal(got, want) {
		t.Errorf("links %v, want %v", got, want)
	}
}

func TestRefusedNames(t *testing.T) {
	for _, name := range []string{"", ".", "..", "a/b", "/", "a\\b", "a\nb", "\x00", "\xff"} {
		err := WriteDirectory(io.Discard, myfile, "", slices.Values([]Entry{{Name: "ok"}, {Name: name}, {Name: "late"}}))
		if err == nil {
			t.Errorf("name %q is taken", name)
		}
	}
	for _, dir := range []string{"/", "a", "/a/"} {
		if err := WriteDirectory(io.Discard, myfile, dir, slices.Values([]Entry(nil))); err == nil {
			t.Errorf("directory %q is taken", dir)
		}
	}
}

type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestWriteFailure(t *testing.T) {
	for _, left := range []int{0, 100_000} {
		if err := WriteDirectory(&failing{left}, myfile, "", many(10_000)); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("after %d bytes: %v", left, err)
		}
	}
}

func many(n int) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for i := range n {
			if !yield(Entry{Name: fmt.Sprintf("package-%08d.deb", i), Size: int64(i)}) {
				return
			}
		}
	}
}

// TestMemory checks that a listing of 100,000 entries keeps no more memory
// halfway and at the end than at the start (invariant 9).
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("collects garbage repeatedly")
	}
	const n = 100_000
	live := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	lo, hi, i := uint64(math.MaxUint64), uint64(0), 0
	entries := func(yield func(Entry) bool) {
		for e := range many(n) {
			if i++; i%(n/5) == 1 {
				now := live()
				lo, hi = min(lo, now), max(hi, now)
			}
			if !yield(e) {
				return
			}
		}
	}
	if err := WriteDirectory(io.Discard, myfile, "pool/", entries); err != nil {
		t.Fatal(err)
	}
	if i != n || hi-lo > 1<<20 {
		t.Errorf("%d entries, live memory from %d to %d bytes", i, lo, hi)
	}
}

func BenchmarkDirectory(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := WriteDirectory(io.Discard, myfile, "pool/", many(n)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Apart from its entries, every page is small.
func TestPagesAreSmall(t *testing.T) {
	ix := manifest.NewIndex("empty")
	one, err := ix.Append(manifest.Checkpoint{ID: id(t, "20250318T140338Z"), Layout: manifest.Thin, Usage: true})
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]func(io.Writer) error{
		"directory":       func(w io.Writer) error { return WriteDirectory(w, myfile, "a/b/", slices.Values([]Entry(nil))) },
		"checkpoint":      func(w io.Writer) error { return WriteFront(w, slices.Values([]Entry(nil)), Front{}) },
		"list":            func(w io.Writer) error { return WriteList(w, "a/b", one) },
		"repos":           func(w io.Writer) error { return WriteRepos(w, "", nil, nil) },
		"the store's own": func(w io.Writer) error { return WriteFolder(w, "", nil) },
		"an error":        func(w io.Writer) error { return WriteError(w, 404, "Not Found", "", "", manifest.Repo{}) },
	}
	for name, write := range pages {
		var page bytes.Buffer
		if err := write(&page); err != nil {
			t.Fatal(err)
		}
		if page.Len() > 10<<10 {
			t.Errorf("%s: %d bytes without entries", name, page.Len())
		}
		t.Logf("%s: %d bytes", name, page.Len())
	}
}
