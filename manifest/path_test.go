package manifest

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCheckPath(t *testing.T) {
	seg := strings.Repeat("s", MaxSegment)
	deep := strings.Repeat(seg[:200]+"/", 3) // 603 bytes
	long := deep + strings.Repeat("s", MaxPath-len(deep))
	// A directory whose page has the longest path.
	dir := deep + strings.Repeat("d", MaxPath-len(deep)-len("/index.html")) + "/"
	good := []string{
		"a", "a/b", "PULP_MANIFEST", "dists/jammy/InRelease", "a b", " ", "a  b", "...", "..a", "a..", ".hidden/.x", "-", "--help", "~",
		"C:/x", "a:b", "%2e%2e/x", "a?b#c&d=e;f", "ä/ö", "日本語.txt", "a\u00a0b", "index.html", "x/index.html", "index.htmlx/a", "Index.html/a",
		"https:/x", "*", "'\"`$(x)", "<script>", seg, long, dir + "index.html", dir + "x",
	}
	for _, p := range good {
		if err := CheckPath(p); err != nil {
			t.Errorf("%.60q: %v", p, err)
		}
	}
	bad := []struct{ path, err string }{
		{"", `empty path`},
		{"/", `path "/" is absolute`},
		{"/etc/passwd", `path "/etc/passwd" is absolute`},
		{"//host/x", `path "//host/x" is absolute`},
		{".", `path "." holds the segment "."`},
		{"..", `path ".." holds the segment ".."`},
		{"./a", `path "./a" holds the segment "."`},
		{"../a", `path "../a" holds the segment ".."`},
		{"a/..", `path "a/.." holds the segment ".."`},
		{"a/../b", `path "a/../b" holds the segment ".."`},
		{"a/./b", `path "a/./b" holds the segment "."`},
		{"a/.", `path "a/." holds the segment "."`},
		{"a//b", `path "a//b" holds an empty segment`},
		{"a/", `path "a/" holds an empty segment`},
		{"a\\b", `path "a\\b" holds a backslash`},
		{"..\\a", `path "..\\a" holds a backslash`},
		{"C:\\x", `path "C:\\x" holds a backslash`},
		{"a\x00b", `path "a\x00b" holds a control character`},
		{"a\nb", `path "a\nb" holds a control character`},
		{"a\rb", `path "a\rb" holds a control character`},
		{"a\tb", `path "a\tb" holds a control character`},
		{"a\x1b[2Jb", `path "a\x1b[2Jb" holds a control character`},
		{"a\x7f", `path "a\x7f" holds a control character`},
		{"a\u0085", `path "a\u0085" holds a control character`},
		{"a\u009f", `path "a\u009f" holds a control character`},
		{"a\u2028", `path "a\u2028" holds a control character`},
		{"a\u2029", `path "a\u2029" holds a control character`},
		{"a\xff", `path "a\xff" is not valid UTF-8`},
		{"\xc0\xae\xc0\xae/a", `path "\xc0\xae\xc0\xae/a" is not valid UTF-8`}, // overlong ".."
		{"\xc0\xafa", `path "\xc0\xafa" is not valid UTF-8`},                   // overlong "/"
		{"a\xed\xa0\x80", `path "a\xed\xa0\x80" is not valid UTF-8`},           // a surrogate
		{"index.html/a", `path "index.html/a" has a directory where the page index.html stands`},
		{"a/index.html/b", `path "a/index.html/b" has a directory where the page index.html stands`},
		{"index.html/", `path "index.html/" has a directory where the page index.html stands`},
		{seg + "s", `path "` + seg + `s" holds a segment longer than 255 bytes`},
		{"a/" + seg + "s/b", `path "a/` + seg + `s/b" holds a segment longer than 255 bytes`},
		{long + "s", `path "` + seg[:40] + `"… or its directory's page is longer than 768 bytes`},
		{"d" + dir + "x", `path "d` + seg[:39] + `"… or its directory's page is longer than 768 bytes`},
	}
	for _, tt := range bad {
		checkError(t, tt.path, CheckPath(tt.path), tt.err)
	}
}

// The longest key of a tree fits S3, with a store prefix of 38 bytes.
func TestKeyLength(t *testing.T) {
	const want = 1024 - 38
	if got := len(TreeKey(strings.Repeat("b", MaxBase), MaxID, strings.Repeat("p", MaxPath))); got != want {
		t.Errorf("%d bytes, not %d", got, want)
	}
	if got := len(AttemptKey(strings.Repeat("b", MaxBase), MaxID)); got > want {
		t.Errorf("an attempt's key has %d bytes", got)
	}
}

func TestPathChecker(t *testing.T) {
	tests := []struct {
		paths string
		err   string
	}{
		{"a b c", ""},
		{"a a+ a.b b/c b/d", ""},
		{"a- a/b", ""},
		{"a/b a0 b", ""},
		{"a/b/c a/b/d a/c b", ""},
		{"a ab abc abcd b", ""},
		{"a a", `path "a" is listed twice`},
		{"b a", `path "a" is out of order`},
		{"a/b a", `path "a" is out of order`},
		{"a a/b", `path "a/b" stands below "a", which is a file`},
		{"a a+ a- a.b a/b", `path "a/b" stands below "a", which is a file`},
		{"a a- a-/x", `path "a-/x" stands below "a-", which is a file`},
		{"a a/b/c/d", `path "a/b/c/d" stands below "a", which is a file`},
		{"x/a x/a! x/a!! x/a/b", `path "x/a/b" stands below "x/a", which is a file`},
		{"a a/../b", `path "a/../b" holds the segment ".."`},
	}
	for _, tt := range tests {
		var c PathChecker
		var err error
		for _, p := range strings.Fields(tt.paths) {
			if err = c.Next(p); err != nil {
				break
			}
		}
		checkError(t, tt.paths, err, tt.err)
	}
}

// A refused path leaves no trace: later paths are judged as before.
func TestPathCheckerAfterError(t *testing.T) {
	var c PathChecker
	for _, step := range []struct {
		path string
		ok   bool
	}{{"a", true}, {"a/b", false}, {"", false}, {"a", false}, {"a/b", false}, {"b", true}, {"a/b", false}} {
		if err := c.Next(step.path); (err == nil) != step.ok {
			t.Errorf("%q: %v", step.path, err)
		}
	}
}

// The checker against a naive model, on random sets of paths from an alphabet
// with characters on both sides of the slash.
func TestPathCheckerModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	accepted := 0
	for range 100_000 {
		paths := make([]string, 1+rng.IntN(8))
		for i := range paths {
			p := make([]byte, 1+rng.IntN(6))
			for j := range p {
				p[j] = "ab/-0"[rng.IntN(5)]
			}
			paths[i] = string(p)
		}
		slices.Sort(paths)
		var c PathChecker
		ok := true
		for i, p := range paths {
			want := CheckPath(p) == nil && !slices.ContainsFunc(paths[:i], func(q string) bool { return q == p || strings.HasPrefix(p, q+"/") })
			if err := c.Next(p); (err == nil) != want {
				t.Fatalf("%q: %q: %v", paths, p, err)
			}
			if ok = ok && want; !ok {
				break
			}
		}
		if ok && len(paths) > 2 {
			accepted++
		}
	}
	if accepted < 1000 {
		t.Errorf("only %d sets were good: the test tests little", accepted)
	}
}

// The stack holds a chain of prefixes, so it never grows beyond a path's length.
func TestPathCheckerMemory(t *testing.T) {
	var c PathChecker
	most := 0
	for i := range 200_000 {
		if err := c.Next(samplePath(i)); err != nil {
			t.Fatal(err)
		}
		most = max(most, len(c.files))
	}
	if most > 4 {
		t.Errorf("the stack grew to %d", most)
	}
}

func TestCheckBase(t *testing.T) {
	good := []string{"myfile", "checkpoints/myfile", "ubuntu/jammy", "a", "A-1._+~", "~x", "+x", "_", "1", "2025", "2025-03", "20250230", "2025-stable",
		"x/Latest", "latests", "mrs", "my.index.html", "a..b", strings.Repeat("b", MaxBase)}
	for _, base := range good {
		if err := CheckBase(base); err != nil {
			t.Errorf("%q: %v", base, err)
		}
	}
	long := strings.Repeat("b", MaxBase+1)
	bad := []struct{ base, err string }{
		{"", `empty base path`},
		{long, `base path "` + long[:40] + `"… is longer than 200 bytes`},
		{"/", `base path "/": empty segment`},
		{"/a", `base path "/a": empty segment`},
		{"a/", `base path "a/": empty segment`},
		{"a//b", `base path "a//b": empty segment`},
		{".", `base path ".": segment "." starts with "."`},
		{"..", `base path "..": segment ".." starts with "."`},
		{"a/../b", `base path "a/../b": segment ".." starts with "."`},
		{".asof", `base path ".asof": segment ".asof" starts with "."`},
		{"a/.asof", `base path "a/.asof": segment ".asof" starts with "."`},
		{"-", `base path "-": segment "-" starts with "-"`},
		{"a/-/b", `base path "a/-/b": segment "-" starts with "-"`},
		{"-x", `base path "-x": segment "-x" starts with "-"`},
		{"latest", `base path "latest": segment "latest" is reserved`},
		{"a/latest", `base path "a/latest": segment "latest" is reserved`},
		{"mr", `base path "mr": segment "mr" is reserved`},
		{"index.html", `base path "index.html": segment "index.html" is reserved`},
		{"a/checkpoints.json", `base path "a/checkpoints.json": segment "checkpoints.json" is reserved`},
		{"asof.json", `base path "asof.json": segment "asof.json" is reserved`},
		{"20250318T140338Z", `base path "20250318T140338Z": segment "20250318T140338Z" reads as a time`},
		{"a/20250318", `base path "a/20250318": segment "20250318" reads as a time`},
		{"2025-03-18/a", `base path "2025-03-18/a": segment "2025-03-18" reads as a time`},
		{"a b", `base path "a b": segment "a b" holds ' '; letters, digits and ._-+~ are allowed`},
		{"a:b", `base path "a:b": segment "a:b" holds ':'; letters, digits and ._-+~ are allowed`},
		{"a\\b", `base path "a\\b": segment "a\\b" holds '\\'; letters, digits and ._-+~ are allowed`},
		{"ä", `base path "ä": segment "ä" holds 'ä'; letters, digits and ._-+~ are allowed`},
		{"a\xff", `base path "a\xff": segment "a\xff" holds '�'; letters, digits and ._-+~ are allowed`},
		{"a\n", `base path "a\n": segment "a\n" holds '\n'; letters, digits and ._-+~ are allowed`},
		{"a%2f", `base path "a%2f": segment "a%2f" holds '%'; letters, digits and ._-+~ are allowed`},
	}
	for _, tt := range bad {
		checkError(t, tt.base, CheckBase(tt.base), tt.err)
	}
}

func TestCheckChannel(t *testing.T) {
	long := strings.Repeat("c", MaxBase+1)
	tests := []struct{ name, err string }{
		{"stable", ""},
		{"canary-2.x", ""},
		{"2025", ""},
		{"", `channel "": empty segment`},
		{"a/b", `channel "a/b": segment "a/b" holds '/'; letters, digits and ._-+~ are allowed`},
		{"latest", `channel "latest": segment "latest" is reserved`},
		{"mr", `channel "mr": segment "mr" is reserved`},
		{"index.html", `channel "index.html": segment "index.html" is reserved`},
		{"20250318", `channel "20250318": segment "20250318" reads as a time`},
		{"20250230", `channel "20250230" begins like a date`},
		{"2025-stable", `channel "2025-stable" begins like a date`},
		{"-x", `channel "-x": segment "-x" starts with "-"`},
		{long, `channel "` + long[:40] + `"… is longer than 200 bytes`},
	}
	for _, tt := range tests {
		checkError(t, tt.name, CheckChannel(tt.name), tt.err)
		checkWhen(t, tt.name)
	}
}

func TestOverlap(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{"a", "a", true}, {"a", "a/b", true}, {"a/b", "a/b/c/d", true},
		{"a", "b", false}, {"a", "ab", false}, {"a", "a-b", false}, {"a/b", "a/c", false}, {"a/b", "a/bc", false},
	}
	for _, tt := range tests {
		if Overlap(tt.a, tt.b) != tt.want || Overlap(tt.b, tt.a) != tt.want {
			t.Errorf("%s, %s: not %v", tt.a, tt.b, tt.want)
		}
	}
}

func FuzzCheckPath(f *testing.F) {
	for _, s := range []string{"a", "a/b", "../a", "a/./b", "a//b", "/a", "a/", "a\\b", "a\x00", "a\xff", "a\u2028", "index.html/x", "x  y", strings.Repeat("a/", 384), strings.Repeat("é", 128)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if CheckPath(p) != nil {
			return
		}
		// An accepted path stays inside the tree, and fits one line.
		if !utf8.ValidString(p) || len(p) > MaxPath || strings.ContainsAny(p, "\\\n\r\x00") {
			t.Errorf("%q", p)
		}
		segs := strings.Split(p, "/")
		for _, bad := range []string{"", ".", ".."} {
			if slices.Contains(segs, bad) {
				t.Errorf("%q", p)
			}
		}
		// Every directory's page has a path too.
		for i := range segs {
			if page := strings.Join(append(slices.Clone(segs[:i]), IndexPage), "/"); CheckPath(page) != nil {
				t.Errorf("%q: the page %v", p, CheckPath(page))
			}
		}
		line := appendEntry(nil, Entry{Path: p})
		if e, err := parseEntry(string(line[:len(line)-1])); err != nil || e.Path != p {
			t.Errorf("%q: %+v, %v", line, e, err)
		}
	})
}
