package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

const (
	where  = "https://host/PULP_MANIFEST"
	name   = "PULP_MANIFEST"
	sha    = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" // of "test"
	upper  = "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08"
	zeros  = "0000000000000000000000000000000000000000000000000000000000000000"
	listed = "a," + sha + ",4\n"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string // paths and sizes, without the manifest
	}{
		{"", nil},
		{"\n\n", nil},
		{"# a,b,c\n  # d\n", nil},
		{listed, []string{"a 4"}},
		{"a," + sha + ",4", []string{"a 4"}},
		{"a," + upper + ",4", []string{"a 4"}},
		{" \t a," + sha + ",4 \t\r\n\r\n", []string{"a 4"}},
		{"a,b,, c," + sha + ",4\n", []string{"a,b,, c 4"}},
		{"b," + sha + ",0\n#x\na b/c," + sha + ",4\nZ," + sha + ",5\n", []string{"Z 5", "a b/c 4", "b 0"}},
		{"a/b#c?d%41+," + sha + ",5497558138880\n", []string{"a/b#c?d%41+ 5497558138880"}},
		{"ü," + sha + ",4\n", []string{"ü 4"}},
		{"a," + sha + ",4\na+," + sha + ",4\nab/c," + sha + ",4\n", []string{"a 4", "a+ 4", "ab/c 4"}},
	} {
		doc, err := parse(iotest.OneByteReader(strings.NewReader(tt.text)), where, name)
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		var got []string
		for i, f := range doc.files {
			if i == doc.root() {
				if f.Path != name || f.Phase != remote.Root || f.SHA256 != manifest.Sum([]byte(tt.text)) || f.Size != int64(len(tt.text)) {
					t.Errorf("%q: root %+v", tt.text, f)
				}
				continue
			}
			if f.SHA256.String() != sha || f.Phase != remote.Payload {
				t.Errorf("%q: %+v", tt.text, f)
			}
			got = append(got, fmt.Sprint(f.Path, " ", f.Size))
		}
		if string(doc.text) != tt.text || fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	const notDigest = ` is not a SHA-256 digest (64 hexadecimal digits)`
	for _, tt := range []struct{ text, err string }{
		{"a\n", `:1: "a" is not of the form path,sha256,size`},
		{"a,4\n", `:1: "a,4" is not of the form path,sha256,size`},
		{"<!doctype html>\n", `:1: "<!doctype html>" is not of the form path,sha256,size`},
		{listed + "\n#\nb,4\n", `:4: "b,4" is not of the form path,sha256,size`},
		{"," + sha + ",4\n", ":1: empty path"},
		{"/a," + sha + ",4\n", `:1: path "/a" is absolute`},
		{"a//b," + sha + ",4\n", `:1: path "a//b" holds an empty segment`},
		{"a/," + sha + ",4\n", `:1: path "a/" holds an empty segment`},
		{"../a," + sha + ",4\n", `:1: path "../a" holds the segment ".."`},
		{"a/./b," + sha + ",4\n", `:1: path "a/./b" holds the segment "."`},
		{"a\\b," + sha + ",4\n", `:1: path "a\\b" holds a backslash`},
		{"a\rb," + sha + ",4\n", `:1: path "a\rb" holds a control character`},
		{"a\x00," + sha + ",4\n", `:1: path "a\x00" holds a control character`},
		{"a\xff," + sha + ",4\n", `:1: path "a\xff" is not valid UTF-8`},
		{strings.Repeat("a", 256) + "," + sha + ",4\n",
			`:1: path "` + strings.Repeat("a", 256) + `" holds a segment longer than 255 bytes`},
		{strings.Repeat("a/", 400) + "," + sha + ",4\n",
			":1: " + manifest.CheckPath(strings.Repeat("a/", 400)).Error()},
		{"a,,4\n", `:1: ""` + notDigest},
		{"a," + sha[1:] + ",4\n", `:1: "` + sha[1:] + `"` + notDigest},
		{"a," + sha + "0,4\n", `:1: "` + sha + `0"` + notDigest},
		{"a,g" + sha[1:] + ",4\n", `:1: "g` + sha[1:] + `"` + notDigest},
		{"a, " + sha + ",4\n", `:1: " ` + sha + `"` + notDigest},
		{"a," + sha + ",\n", `:1: "" is not a size in bytes`},
		{"a," + sha + ",-1\n", `:1: "-1" is not a size in bytes`},
		{"a," + sha + ",+4\n", `:1: "+4" is not a size in bytes`},
		{"a," + sha + ",04\n", `:1: "04" is not a size in bytes`},
		{"a," + sha + ", 4\n", `:1: " 4" is not a size in bytes`},
		{"a," + sha + ",0x4\n", `:1: "0x4" is not a size in bytes`},
		{"a," + sha + ",1_0\n", `:1: "1_0" is not a size in bytes`},
		{"a," + sha + ",1e3\n", `:1: "1e3" is not a size in bytes`},
		{"a," + sha + ",9223372036854775808\n", `:1: "9223372036854775808" is not a size in bytes`},
		{"a," + sha + ",5497558138881\n", ":1: size 5497558138881 is more than 5497558138880 bytes"},
		{name + "," + sha + ",4\n", `:1: path "PULP_MANIFEST" is the manifest's own`},
		{name + "/a," + sha + ",4\n", `:1: path "PULP_MANIFEST/a" stands below "PULP_MANIFEST", which is a file`},
		{listed + "b," + sha + ",4\n" + listed, `:3: path "a" is listed twice`},
		{listed + "a," + zeros + ",5\n", `:2: path "a" is listed twice`},
		{"a/b," + sha + ",4\n" + "a+," + sha + ",4\n" + listed, `:1: path "a/b" stands below "a", which is a file`},
		{"\ufeff" + listed, ":1: begins with a byte order mark"},
		{"#" + strings.Repeat("x", MaxLine) + "\n", ":1: line is longer than 8192 bytes"},
		{listed + strings.Repeat("x", MaxLine+1), ":2: line is longer than 8192 bytes"},
	} {
		_, err := parse(strings.NewReader(tt.text), where, name)
		e, ok := errors.AsType[*remote.InputError](err)
		if !ok || e.Error() != where+tt.err {
			t.Errorf("%.90q\n got %v\nwant %s", tt.text, err, where+tt.err)
		}
	}
}

func TestParseBounds(t *testing.T) {
	max := bounds{document: 3 * len(listed), lines: 3}
	for _, tt := range []struct{ text, err string }{
		{strings.Repeat("#\n", 3), "nil"},
		{strings.Repeat("#\n", 2) + "#", "nil"},
		{strings.Repeat("#\n", 4), where + ":4: has more than 3 lines"},
		{strings.Repeat("#\n", 3) + "#", where + ":4: has more than 3 lines"},
		{strings.Repeat("#", max.document), "nil"},
		{strings.Repeat("#", max.document+1), where + fmt.Sprintf(": has more than %d bytes", max.document)},
	} {
		_, err := parseWithin(max, strings.NewReader(tt.text), where, name)
		if got := fmt.Sprint(err); got != tt.err && (err != nil || tt.err != "nil") {
			t.Errorf("%q: got %v, want %s", tt.text, err, tt.err)
		}
	}
	// No more is read than it takes to see that it is too much.
	endless := &counter{}
	if _, err := parseWithin(max, endless, where, name); err == nil {
		t.Error("an endless document passes")
	}
	if endless.n != max.document+1 {
		t.Errorf("%d bytes were read", endless.n)
	}
}

// counter sends "#" lines without end.
type counter struct{ n int }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '#'
	}
	c.n += len(p)
	return len(p), nil
}

// TestParseBroken: what a broken connection leaves is not blamed on the document.
func TestParseBroken(t *testing.T) {
	broken := errors.New("broken")
	for n := range len(listed) {
		_, err := parse(io.MultiReader(strings.NewReader(listed+listed[:n]), iotest.ErrReader(broken)), where, name)
		if err != broken {
			t.Fatalf("after %d bytes: %v", n, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "\n", "#\n", listed, listed[:len(listed)-1],
		"a," + upper + ",4\r\n", " b/c d,e," + sha + ",0 \n# x\n\n" + listed,
		"a," + sha + ",04\n", "../a," + sha + ",4\n", listed + listed, listed + "a/b," + sha + ",4\n",
		name + "," + sha + ",4\n", name + "/x," + sha + ",4\n", "ü," + sha + ",9223372036854775807",
		",,\n", ",\n", "\ufeff" + listed, "a\x00," + sha + ",1\n", "#" + strings.Repeat("x", MaxLine),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := parse(bytes.NewReader(text), where, name)
		if err != nil {
			e, ok := errors.AsType[*remote.InputError](err)
			if !ok || e.Where != where || e.Line < 1 || e.Line > bytes.Count(text, []byte("\n"))+1 {
				t.Fatalf("error %v", err)
			}
			return
		}
		if !bytes.Equal(doc.text, text) {
			t.Fatal("the text is another one")
		}
		var paths manifest.PathChecker
		var again strings.Builder
		again.WriteString("#\n") // a byte order mark is refused at the very beginning only
		for i, f := range doc.files {
			if err := paths.Next(f.Path); err != nil {
				t.Fatal(err)
			}
			if f.Size < 0 || f.Size > manifest.MaxSize {
				t.Fatalf("size %d", f.Size)
			}
			if (f.Path == name) != (f.Phase == remote.Root) || (i == doc.root()) != (f.Path == name) {
				t.Fatalf("phase of %+v", f)
			}
			if f.Path != name {
				fmt.Fprintf(&again, "%s,%v,%d\n", f.Path, f.SHA256, f.Size)
			}
		}
		// What was read, written in order, reads the same.
		sorted, err := parse(strings.NewReader(again.String()), where, name)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range sorted.files {
			if f != doc.files[i] && f.Path != name {
				t.Fatalf("%+v became %+v", doc.files[i], f)
			}
		}
	})
}
