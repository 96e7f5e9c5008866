package pulp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

const (
	where  = "https://host/PULP_MANIFEST"
	name   = Name
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
		{"\ufeff" + listed, []string{"a 4"}},
		{"\ufeff# x\r\n" + listed, []string{"a 4"}},
		{" a , " + sha + " ,\t4\r\n", []string{"a 4"}},
		{"a," + sha + ",04\n", []string{"a 4"}},
		{"./a," + sha + ",4\n", []string{"a 4"}},
		{"././b/./././c," + sha + ",4\n", []string{"b/c 4"}},
		{listed + "./" + listed, []string{"a 4"}},
		{listed + "a," + upper + ",04\n", []string{"a 4"}},
		// Quotes, as CSV.
		{`"a,b",` + sha + ",4\n", []string{"a,b 4"}},
		{`"a ""b"", c" , "` + sha + `" , "4"` + "\n", []string{`a "b", c 4`}},
		{`" a ",` + sha + ",4\n", []string{" a  4"}},
		{`"#a",` + sha + ",4\n", []string{"#a 4"}},
		{`"""",` + sha + ",4\n", []string{`" 4`}},
		{`"./a/./b",` + sha + ",4\n", []string{"a/b 4"}},
		// Quotes, where the line is no CSV of three fields.
		{`a "b",` + sha + ",4\n", []string{`a "b" 4`}},
		{`"a,` + sha + ",4\n", []string{`"a 4`}},
		{`"a"b,` + sha + ",4\n", []string{`"a"b 4`}},
		{`"a",b,` + sha + ",4\n", []string{`"a",b 4`}},
		{"a," + sha + ",4\na+," + sha + ",4\nab/c," + sha + ",4\n", []string{"a 4", "a+ 4", "ab/c 4"}},
	} {
		doc, err := Parse(iotest.OneByteReader(strings.NewReader(tt.text)), where, name)
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		var got []string
		for i, f := range doc.Files {
			if &doc.Files[i] == doc.Root() {
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
		if string(doc.Text) != tt.text || fmt.Sprint(got) != fmt.Sprint(tt.want) {
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
		{"a," + sha + ",\n", `:1: "" is not a size in bytes`},
		{"a," + sha + ",-1\n", `:1: "-1" is not a size in bytes`},
		{"a," + sha + ",+4\n", `:1: "+4" is not a size in bytes`},
		{"a," + sha + ",0x4\n", `:1: "0x4" is not a size in bytes`},
		{"a," + sha + ",1_0\n", `:1: "1_0" is not a size in bytes`},
		{"a," + sha + ",1e3\n", `:1: "1e3" is not a size in bytes`},
		{"a," + sha + ",9223372036854775808\n", `:1: "9223372036854775808" is not a size in bytes`},
		{"a," + sha + ",5497558138881\n", ":1: size 5497558138881 is more than 5497558138880 bytes"},
		{name + "," + sha + ",4\n", `:1: path "PULP_MANIFEST" is the manifest's own`},
		{name + "/a," + sha + ",4\n", `:1: path "PULP_MANIFEST/a" stands below "PULP_MANIFEST", which is a file`},
		{listed + "b," + sha + ",4\n./a," + sha + ",5\n", `:3: path "a" is listed twice, in line 1 with another digest or size`},
		{listed + "a," + zeros + ",4\n", `:2: path "a" is listed twice, in line 1 with another digest or size`},
		{"\n" + listed + "\ufeff" + listed + "./..," + sha + ",4\n", `:4: path ".." holds the segment ".."`},
		{`"a/../b",` + sha + ",4\n", `:1: path "a/../b" holds the segment ".."`},
		{`"/a",` + sha + ",4\n", `:1: path "/a" is absolute`},
		{"./," + sha + ",4\n", ":1: empty path"},
		{"a/.," + sha + ",4\n", `:1: path "a/." holds the segment "."`},
		{"\"a\nb\"," + sha + ",4\n", `:1: "\"a" is not of the form path,sha256,size`},
		{`"a",` + sha + "\n", `:1: "\"a\",` + sha + `" is not of the form path,sha256,size`},
		{"a,\"" + sha + "\"\"\",4\n", `:1: "` + sha + `\"" is not a SHA-256 digest (64 hexadecimal digits)`},
		{"a,\"" + sha + ",4\n", `:1: "\"` + sha + `" is not a SHA-256 digest (64 hexadecimal digits)`},
		{"./" + name + "," + sha + ",4\n", `:1: path "PULP_MANIFEST" is the manifest's own`},
		{"a/b," + sha + ",4\n" + "a+," + sha + ",4\n" + listed, `:1: path "a/b" stands below "a", which is a file`},
		{"#" + strings.Repeat("x", MaxLine) + "\n", ":1: line is longer than 8192 bytes"},
		{listed + strings.Repeat("x", MaxLine+1), ":2: line is longer than 8192 bytes"},
	} {
		_, err := Parse(strings.NewReader(tt.text), where, name)
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

// Quoted says where CSV's quotes were read, and nothing else.
func TestQuoted(t *testing.T) {
	for text, want := range map[string]int{
		"":                                  0,
		listed:                              0,
		`a "b",` + sha + ",4\n":             0,
		`"a,` + sha + ",4\n":                0,
		listed + "\n" + `"b",` + sha + ",4": 3,
		`"b",` + sha + ",4\n" + `"c",` + sha + ",4": 1,
	} {
		doc, err := Parse(strings.NewReader(text), where, name)
		if err != nil || doc.Quoted != want {
			t.Errorf("%q: %+v, %v", text, doc, err)
		}
	}
}

func TestFormat(t *testing.T) {
	digest := manifest.Sum([]byte("test"))
	var files []remote.File
	for _, path := range []string{`"a"`, "#b", " c", "d ", "\ufeffe", "f,g", `h "i", j`, "ü/k"} {
		files = append(files, remote.File{Path: path, Size: 4, SHA256: digest})
	}
	want := strings.ReplaceAll(`"""a""",S,4
"#b",S,4
" c",S,4
"d ",S,4
"`+"\ufeff"+`e",S,4
f,g,S,4
h "i", j,S,4
ü/k,S,4
`, "S", sha)
	got := Format(files)
	if string(got) != want {
		t.Fatalf("got\n%s", got)
	}
	doc, err := Parse(bytes.NewReader(got), where, name)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !slices.Contains(doc.Files, f) {
			t.Errorf("%q is not read back", f.Path)
		}
	}
}

// TestParseBroken: what a broken connection leaves is not blamed on the document.
func TestParseBroken(t *testing.T) {
	broken := errors.New("broken")
	for n := range len(listed) {
		_, err := Parse(io.MultiReader(strings.NewReader(listed+listed[:n]), iotest.ErrReader(broken)), where, name)
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
		`"a,""b""","` + sha + `",4`, "\"a\nb\"," + sha + ",4\n", "./a/./b, " + sha + " , 4\n", `"#",` + sha + ",4", ",,\n", ",\n", "\ufeff" + listed, "a\x00," + sha + ",1\n", "#" + strings.Repeat("x", MaxLine),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := Parse(bytes.NewReader(text), where, name)
		if err != nil {
			e, ok := errors.AsType[*remote.InputError](err)
			if !ok || e.Where != where || e.Line < 1 || e.Line > bytes.Count(text, []byte("\n"))+1 {
				t.Fatalf("error %v", err)
			}
			return
		}
		if !bytes.Equal(doc.Text, text) {
			t.Fatal("the text is another one")
		}
		var paths manifest.PathChecker
		var listed []remote.File
		for i, f := range doc.Files {
			if err := paths.Next(f.Path); err != nil {
				t.Fatal(err)
			}
			if f.Size < 0 || f.Size > manifest.MaxSize {
				t.Fatalf("size %d", f.Size)
			}
			if (f.Path == name) != (f.Phase == remote.Root) || (&doc.Files[i] == doc.Root()) != (f.Path == name) {
				t.Fatalf("phase of %+v", f)
			}
			if f.Path != name {
				listed = append(listed, f)
			}
		}
		// What was read, written in order, reads the same.
		sorted, err := Parse(bytes.NewReader(Format(listed)), where, name)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range sorted.Files {
			if f != doc.Files[i] && f.Path != name {
				t.Fatalf("%+v became %+v", doc.Files[i], f)
			}
		}
	})
}
