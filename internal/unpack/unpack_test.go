package unpack

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

const text = "Package: a\n"

// packedText is the text in every compression.
func packedText(t testing.TB) map[string][]byte {
	t.Helper()
	write := func(open func(io.Writer) io.WriteCloser) []byte {
		var b bytes.Buffer
		w := open(&b)
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	return map[string][]byte{
		"":     []byte(text),
		".gz":  write(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }),
		".lz4": write(func(w io.Writer) io.WriteCloser { return lz4.NewWriter(w) }),
		".zst": write(func(w io.Writer) io.WriteCloser {
			e, err := zstd.NewWriter(w)
			if err != nil {
				t.Fatal(err)
			}
			return e
		}),
		".xz":   decode(t, "/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAKUGFja2FnZTogYQoAAH27YeIOsM7uAAEjC8Ib/QkftvN9AQAAAAAEWVo="),
		".lzma": decode(t, "XQAAgAD//////////wAoGEhm29owhf4W3q8T/q2//+IwAAA="),
		".bz2":  decode(t, "QlpoOTFBWSZTWZd1ArwAAAHbAAAQQAAAEEAAKoggACIGE0IMmIIYKjmTxdyRThQkJd1ArwA="),
	}
}

// decode is a file that one of the tools made.
func decode(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Text that is not compressed is read as it is, if it begins as XML does.
func TestXML(t *testing.T) {
	const limit = 100
	for _, ext := range append(Extensions(), ".br") {
		for _, text := range []string{"<a/>", "\ufeff<?xml version='1.0'?><a/>", "\n <a/>"} {
			r, err := XML(strings.NewReader(text), ext, limit)
			if err != nil {
				if ext != ".lzma" { // may begin like that
					t.Errorf("%q: %v", ext, err)
				}
				continue
			}
			got, err := io.ReadAll(r)
			if (string(got) != text || err != nil || r.Trailing()) && ext != ".lzma" {
				t.Errorf("%q: %q, %v", ext, got, err)
			}
		}
		data, want := packedText(t)[ext], text
		if data == nil {
			continue
		}
		r, err := XML(bytes.NewReader(data), ext, limit)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); string(got) != want || err != nil {
			t.Errorf("%q: %q, %v", ext, got, err)
		}
	}
	if r, err := XML(strings.NewReader("<a>"+strings.Repeat(" ", limit)), ".gz", limit); err != nil {
		t.Error(err)
	} else if _, err := io.ReadAll(r); err == nil {
		t.Error("it may be of any length")
	}
	if _, err := XML(strings.NewReader("\x1f\x8b"), ".br", limit); err == nil || err.Error() != `unpack: compressed in a way that is not known, ".br"` {
		t.Error(err)
	}
}

func TestReader(t *testing.T) {
	for _, ext := range Extensions() {
		data := packedText(t)[ext]
		for _, tt := range []struct {
			size  int64
			exact bool
			err   string
		}{
			{int64(len(text)), true, ""},
			{100, false, ""},
			{100, true, "unpacks to 11 bytes, expected 100"},
			{10, false, "unpacks to more than 10 bytes"},
			{0, false, "unpacks to more than 0 bytes"},
		} {
			r, err := Reader(bytes.NewReader(data), ext, tt.size, tt.exact)
			if err != nil {
				t.Fatalf("%q: %v", ext, err)
			}
			got, err := io.ReadAll(r)
			if tt.err == "" && (err != nil || string(got) != text) || tt.err != "" && (err == nil || err.Error() != tt.err) {
				t.Errorf("%q, %d: %q, %v", ext, tt.size, got, err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		if ext == "" {
			continue
		}
		for _, cut := range [][]byte{data[:len(data)-5], []byte("garbage, and more of it"), nil} {
			r, err := Reader(bytes.NewReader(cut), ext, 100, false)
			if err == nil {
				_, err = io.ReadAll(r)
				r.Close()
			}
			if err == nil && len(cut) > 0 {
				t.Errorf("%q: %d bytes of garbage pass", ext, len(cut))
			}
		}
	}
	if _, err := Reader(strings.NewReader(text), ".rar", 100, false); err == nil {
		t.Error(".rar is known")
	}
}

// What unpacks without end costs no more than was said.
func TestBomb(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	for range 200 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	r, err := Reader(&b, ".gz", 1<<20, false)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, r)
	if err == nil || n > 1<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func FuzzReader(f *testing.F) {
	for i, ext := range Extensions() {
		f.Add(uint8(i), packedText(f)[ext])
	}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		r, err := Reader(bytes.NewReader(data), Extensions()[int(kind)%len(Extensions())], 1<<20, false)
		if err != nil {
			return
		}
		defer r.Close()
		if n, _ := io.Copy(io.Discard, r); n > 1<<20 {
			t.Errorf("%d bytes", n)
		}
	})
}
