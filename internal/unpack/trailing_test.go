package unpack

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// Bytes behind the end are passed over, and said, whether the size is known or not.
// Streams one behind the other are one.
func TestTrailing(t *testing.T) {
	for _, ext := range Extensions() {
		if ext == "" {
			continue
		}
		data := packedText(t)[ext]
		for _, tail := range []string{"", "\x00", strings.Repeat("\x00", 17), "j", "behind the end", "\x00\x00\x00behind"} {
			for _, exact := range []bool{true, false} {
				if !exact && len(tail) == 1 && ext != ".gz" && ext != ".lzma" && !(ext == ".xz" && tail == "\x00") {
					continue // a file that was cut looks the same
				}
				if !exact && ext == ".xz" && strings.HasPrefix(tail, "\x00\x00\x00b") {
					continue // padding of a wrong length
				}
				s, err := Reader(bytes.NewReader(append(bytes.Clone(data), tail...)), ext, int64(len(text)), exact)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(s)
				if err != nil || string(got) != text || s.Trailing() != (tail != "") {
					t.Errorf("%s with %q behind it, exact %v: %q, %v, trailing %v", ext, tail, exact, got, err, s.Trailing())
				}
			}
		}
		if ext == ".lzma" {
			continue
		}
		s, err := Reader(bytes.NewReader(append(bytes.Clone(data), data...)), ext, 100, false)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(s); string(got) != text+text || err != nil || s.Trailing() {
			t.Errorf("%s twice: %q, %v", ext, got, err)
		}
	}
}

// No bytes are no content, in every compression.
func TestEmpty(t *testing.T) {
	for _, ext := range Extensions() {
		s, err := Reader(strings.NewReader(""), ext, 0, true)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(s); len(got) > 0 || err != nil || s.Trailing() {
			t.Errorf("%s: %q, %v", ext, got, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A header that asks for too much memory is refused before it is taken.
func TestWindow(t *testing.T) {
	lzma := bytes.Clone(packedText(t)[".lzma"])
	copy(lzma[1:], "\xff\xff\xff\x7f")
	if _, err := Reader(bytes.NewReader(lzma), ".lzma", 100, false); err == nil || !strings.HasPrefix(err.Error(), "unpack: needs a dictionary of 2147483647 bytes, more than ") {
		t.Error(err)
	}
	// xz --lzma2=dict=192MiB, and 1 GiB.
	for header, ok := range map[string]bool{xz192: true, xz1G: false} {
		s, err := Reader(bytes.NewReader(decode(t, header)), ".xz", 100, false)
		if err == nil {
			_, err = io.ReadAll(s)
		}
		if (err == nil) != ok {
			t.Errorf("%.20s: %v", header, err)
		}
	}
}

const (
	xz192 = "/Td6WFoAAATm1rRGAgAhAR8AAAD+YO3eAQAKUGFja2FnZTogYQoAAH27YeIOsM7uAAEjC8Ib/QkftvN9AQAAAAAEWVo="
	xz1G  = "/Td6WFoAAATm1rRGAgAhASQAAABeH8f5AQAKUGFja2FnZTogYQoAAH27YeIOsM7uAAEjC8Ib/QkftvN9AQAAAAAEWVo="
)
