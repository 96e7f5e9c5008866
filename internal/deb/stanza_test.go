package deb

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

var testFields = []string{"Package", "version", "Depends", "Description"}

// read is a document as lines of "field=value", a blank line behind each stanza.
func read(r io.Reader) (string, error) {
	var b strings.Builder
	for s, err := range Stanzas(r, testFields...) {
		if err != nil {
			return b.String(), err
		}
		fmt.Fprintf(&b, "@%d\n", s.Line)
		for i, name := range testFields {
			if s.Has(i) {
				fmt.Fprintf(&b, "%s=%q\n", name, s.Value(i))
			}
		}
		if s.Stray > 0 {
			fmt.Fprintf(&b, "!%d\n", s.Stray)
		}
	}
	return b.String(), nil
}

func TestStanzas(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"\n\n\r\n", ""},
		{"Package: a", "@1\nPackage=\"a\"\n"},
		{"Package: a\n", "@1\nPackage=\"a\"\n"},
		{"\n\nPackage: a\nVersion:1\n\n\n\nPackage:\t b  \n", "@3\nPackage=\"a\"\nversion=\"1\"\n@8\nPackage=\"b\"\n"},
		{"PACKAGE: a\r\nvErSiOn: 2\r\n\r\npackage: b\r\n", "@1\nPackage=\"a\"\nversion=\"2\"\n@4\nPackage=\"b\"\n"},
		{"Depends: a,\n  b  ,\n\tc\n .\nTag: x,\n y\nVersion: 1\n", "@1\nversion=\"1\"\nDepends=\"a,\\n b  ,\\nc\\n.\"\n"},
		{"Description:\n one\n \n two\n", "@1\nDescription=\"\\none\\n\\ntwo\"\n"},
		{"Package:\nOther: x\n", "@1\nPackage=\"\"\n"},
		{"Other: x\n", "@1\n"},
		{"Other: x\nOther: y\n", "@1\n"},
		{"Depends: a: b\n", "@1\nDepends=\"a: b\"\n"},
		{"Package: a\nPACKAGE: b\n", "@1\nPackage=\"b\"\n"},
		{"\ufeffPackage: a\n", "@1\nPackage=\"a\"\n"},
		{"# by hand\nPackage: a\n# and\nVersion: 1\n\n# nothing else\n\nPackage: b\n", "@2\nPackage=\"a\"\nversion=\"1\"\n@8\nPackage=\"b\"\n"},
		{"Depends: a,\n# not c\n b\n", "@1\nDepends=\"a,\\n\\nb\"\n"},
		{"Package: a\nstray\n 1\n 2\nVersion: 1\n", "@1\nPackage=\"a\"\nversion=\"1\"\n!2\n"},
		{"Depends: a\nno colon\n b\nalso none\n", "@1\nDepends=\"a\"\n!2\n"},
		{" x\nPackage: a\n\n y\n", "@1\nPackage=\"a\"\n!1\n@4\n!4\n"},
		{": b\n", "@1\n!1\n"},
		{"-----BEGIN: a\n", "@1\n!1\n"},
		{"Pack age: a\n", "@1\n!1\n"},
		{"X: " + strings.Repeat("x", 3*MaxLine) + "\n " + strings.Repeat("y", MaxLine) + "\nPackage: a\n", "@1\nPackage=\"a\"\n"},
	} {
		got, err := read(strings.NewReader(tt.text))
		if err != nil || got != tt.want {
			t.Errorf("%q\n got %s, %v\nwant %s", tt.text, got, err, tt.want)
		}
		if slow, err := read(iotest.OneByteReader(strings.NewReader(tt.text))); err != nil || slow != tt.want {
			t.Errorf("%q, byte by byte: %s, %v", tt.text, slow, err)
		}
	}
}

func TestStanzasRefused(t *testing.T) {
	for _, tt := range []struct{ text, err string }{
		{"Package: a\nDepends: " + strings.Repeat("x", MaxLine), "line 2: line is longer than 1048576 bytes"},
		{"Depends:" + strings.Repeat("\n "+strings.Repeat("x", MaxLine/2), 80), "line 65: stanza is longer than 33554432 bytes"},
	} {
		_, err := read(strings.NewReader(tt.text))
		if _, ok := errors.AsType[*SyntaxError](err); !ok || err.Error() != tt.err {
			t.Errorf("%.80q\n got %v\nwant %s", tt.text, err, tt.err)
		}
	}
	broken := errors.New("broken")
	got, err := read(io.MultiReader(strings.NewReader("Package: a\n\nPackage"), iotest.ErrReader(broken)))
	if err != broken || got != "@1\nPackage=\"a\"\n" {
		t.Errorf("of a broken connection: %q, %v", got, err)
	}
}

func TestStanzasStop(t *testing.T) {
	for range Stanzas(strings.NewReader("A: 1\n\nA: 2\n\nbad\n"), "A") {
		return // nothing is read on
	}
}

// FuzzStanzas: what is read, written again, reads the same.
func FuzzStanzas(f *testing.F) {
	for _, seed := range []string{
		"", "Package: a\nVersion: 1\n\nPackage: b\nDepends: x,\n y\n \n z\n", "package: a\r\n\r\nX: y\r\n z", " a", "A", ":", "Version:\n .\n", "#: x", "Package: a\nPackage: b",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var again bytes.Buffer
		last := 0
		for s, err := range Stanzas(bytes.NewReader(text), testFields...) {
			if err != nil {
				e, ok := errors.AsType[*SyntaxError](err)
				if !ok || e.Line <= last || e.Line > bytes.Count(text, []byte("\n"))+1 {
					t.Fatalf("error %v", err)
				}
				return
			}
			if s.Line <= last {
				t.Fatalf("line %d behind line %d", s.Line, last)
			}
			last = s.Line
			again.WriteString("Other: x\n")
			for i, name := range testFields {
				if s.Has(i) && s.LineOf(i) >= s.Line {
					fmt.Fprintf(&again, "%s:%s\n", name, bytes.ReplaceAll(s.Value(i), []byte("\n"), []byte("\n ")))
				}
			}
			again.WriteByte('\n')
		}
		first, err := read(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		second, err := read(&again)
		if err != nil || withoutLines(first) != withoutLines(second) {
			t.Fatalf("%v\n%s\n%s", err, first, second)
		}
	})
}

func withoutLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "@") || strings.HasPrefix(l, "!") {
			lines[i] = l[:1]
		}
	}
	// What was passed over is not written again.
	return strings.ReplaceAll(strings.Join(lines, "\n"), "!\n", "")
}

func TestSums(t *testing.T) {
	var got []string
	for s, err := range Sums([]byte("\n 00ff  12 a/b\n\n  ABCDEF 9223372036854775807\tc\r\n")) {
		got = append(got, fmt.Sprint(s, err))
	}
	if want := []string{"{00ff 12 a/b 1} <nil>", "{abcdef 9223372036854775807 c 3} <nil>"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for text, want := range map[string]string{
		"00 1":                     `"00 1": is no hash, size and name`,
		"00 1 a b":                 `"00 1 a b": is no hash, size and name`,
		"0g 1 a":                   `"0g 1 a": the hash is not hexadecimal`,
		"00 -1 a":                  `"00 -1 a": the size is no number`,
		"00 9223372036854775808 a": `"00 9223372036854775808 a": the size is no number`,
		"00 1 a\nbad\n00 1 behind": `"bad": is no hash, size and name`,
	} {
		var last error
		n := 0
		for _, err := range Sums([]byte(text)) {
			n++
			last = cmp.Or(err, last)
		}
		if last == nil || last.Error() != want {
			t.Errorf("%q: %v after %d", text, last, n)
		}
	}
}

// packages is an index of n packages, much like Debian's.
func packages(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `Package: package-%d
Source: source-%d (%d.2-1)
Version: 1.%d-2+b1
Installed-Size: 4242
Maintainer: Some Body <somebody@example.org>
Architecture: amd64
Replaces: package-%d-old (<< 1.2~)
Provides: virtual-package-%d (= 1.0)
Depends: libc6 (>= 2.34), libgcc-s1 (>= 3.0), libstdc++6 (>= 11), python3:any (>= 3.11), package-%d-data (= 1.%d-2)
Suggests: something-else, and-more | or-not
Description: does things that packages do
Multi-Arch: same
Homepage: https://www.example.org/package-%d
Description-md5: 01234567890123456789012345678901
Tag: devel::library, implemented-in::c++, role::shared-lib,
 special::auto-inst-parts, works-with::software:package
Section: libs
Priority: optional
Filename: pool/main/p/package-%d/package-%d_1.%d-2+b1_amd64.deb
Size: 123456
MD5sum: 01234567890123456789012345678901
SHA256: 0123456789012345678901234567890101234567890123456789012345678901

`, i, i, i, i, i, i, i, i, i, i, i, i)
	}
	return b.Bytes()
}

// An index of 64,000 packages takes no memory that grows with it.
func TestStanzasAllocateNothing(t *testing.T) {
	index := packages(2000)
	count := func(n int) float64 {
		text := index[:len(index)*n/2000]
		return testing.AllocsPerRun(5, func() {
			for _, err := range Stanzas(bytes.NewReader(text), "Package", "Version", "Filename", "Size", "SHA256") {
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	if few, many := count(20), count(2000); many > few+5 {
		t.Errorf("%v allocations for 20 stanzas, %v for 2000", few, many)
	}
}

func BenchmarkStanzas(b *testing.B) {
	index := packages(64_000)
	b.SetBytes(int64(len(index)))
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range Stanzas(bytes.NewReader(index), "Package", "Version", "Architecture", "Filename", "Size", "SHA256", "Section", "Priority") {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
