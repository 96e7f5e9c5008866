package objstore_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/asof/asof/internal/objstore"
)

// source is a body's source that counts how often it was opened and closed.
type source struct {
	data   []byte
	err    error // instead of the end
	wrap   func(io.Reader) io.Reader
	opened int
	open   int
}

func (s *source) body(size int64, digestOf []byte) objstore.Body {
	return objstore.Body{Size: size, SHA256: sha256.Sum256(digestOf), Open: func(context.Context) (io.ReadCloser, error) {
		s.opened++
		s.open++
		r := io.Reader(bytes.NewReader(s.data))
		if s.err != nil {
			r = io.MultiReader(r, iotest.ErrReader(s.err))
		}
		if s.wrap != nil {
			r = s.wrap(r)
		}
		return sourceReader{r, s}, nil
	}}
}

type sourceReader struct {
	io.Reader
	s *source
}

func (r sourceReader) Close() error {
	r.s.open--
	return nil
}

func TestBodyReader(t *testing.T) {
	for _, content := range []string{"", "x", "xy", "hello, world"} {
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"plain": nil, "one byte": iotest.OneByteReader, "half": iotest.HalfReader, "data with end": iotest.DataErrReader,
		} {
			src := &source{data: []byte(content), wrap: wrap}
			r := src.body(int64(len(content)), []byte(content)).Reader(t.Context())
			if src.opened != 0 {
				t.Error("opened before the first read")
			}
			if err := iotest.TestReader(io.MultiReader(r), []byte(content)); err != nil {
				t.Errorf("%q, %s: %v", content, name, err)
			}
			if err := r.Err(); err != nil {
				t.Errorf("%q, %s: Err is %v", content, name, err)
			}
			if r.Close(); src.open != 0 {
				t.Errorf("%q, %s: %d sources are still open", content, name, src.open)
			}
			if _, err := r.Read(make([]byte, 1)); err == nil || err == io.EOF {
				t.Errorf("read after Close gives %v", err)
			}
			if err := r.Err(); err != nil {
				t.Errorf("Err after Close is %v", err)
			}
		}
	}
}

// TestLoad: a body in memory has passed the same checks; they are not repeated.
func TestLoad(t *testing.T) {
	buf := make([]byte, 0, 8)
	for _, content := range []string{"", "x", "hello", "hello, world", "short"} {
		src := &source{data: []byte(content), wrap: iotest.HalfReader}
		body, used, err := src.body(int64(len(content)), []byte(content)).Load(t.Context(), buf)
		if err != nil || src.opened != 1 || src.open != 0 {
			t.Fatalf("%q: %v; opened %d times, %d are open", content, err, src.opened, src.open)
		}
		buf = used
		for range 2 {
			r := body.Reader(t.Context())
			if err := iotest.TestReader(io.MultiReader(r), []byte(content)); err != nil || r.Err() != nil {
				t.Errorf("%q: %v, %v", content, err, r.Err())
			}
			if _, err := r.Seek(0, io.SeekStart); err != nil {
				t.Errorf("%q: %v", content, err)
			}
			r.Close()
		}
		if src.opened != 1 {
			t.Errorf("%q: the source was opened again", content)
		}
	}
	if cap(buf) != len("hello, world")+1 {
		t.Errorf("the buffer has %d bytes", cap(buf))
	}
	src := &source{data: []byte("jello")}
	if _, _, err := src.body(5, []byte("hello")).Load(t.Context(), buf); !errors.Is(err, objstore.ErrMismatch) {
		t.Errorf("wrong bytes: %v", err)
	}
}

// TestPart: a part of a body is read like a body, and again from its start.
func TestPart(t *testing.T) {
	const content = "hello, world"
	body := objstore.Bytes([]byte(content))
	for from := range len(content) + 1 {
		for to := from; to <= len(content); to++ {
			part := body.Part(int64(from), int64(to-from))
			r := part.Reader(t.Context())
			for range 2 {
				got, err := io.ReadAll(r)
				if err != nil || string(got) != content[from:to] {
					t.Errorf("%d to %d: %q, %v", from, to, got, err)
				}
				if _, err := r.Seek(0, io.SeekStart); err != nil {
					t.Error(err)
				}
			}
			r.Close()
		}
	}
	if _, err := io.ReadAll(body.Part(10, 5).Reader(t.Context())); !errors.Is(err, objstore.ErrMismatch) {
		t.Errorf("more than there is: %v", err)
	}
	errSource := errors.New("source failed")
	body.OpenAt = func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader([]byte(content[offset:8])), iotest.ErrReader(errSource))), nil
	}
	if got, err := io.ReadAll(body.Part(5, 3).Reader(t.Context())); string(got) != ", w" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := io.ReadAll(body.Part(5, 4).Reader(t.Context())); string(got) != ", w" || err != errSource {
		t.Errorf("%q, %v", got, err)
	}
}

// TestBodyReaderHoldsBack: if anything is wrong, the reader returns fewer bytes
// than promised.
func TestBodyReaderHoldsBack(t *testing.T) {
	errSource := errors.New("source failed")
	for _, tt := range []struct {
		name  string
		data  string
		err   error
		size  int64
		right string // what the digest is made from
		want  error
	}{
		{"too long", "hello!", nil, 5, "hello", objstore.ErrMismatch},
		{"too short", "hell", nil, 5, "hello", objstore.ErrMismatch},
		{"short by all", "", nil, 5, "hello", objstore.ErrMismatch},
		{"wrong first byte", "jello", nil, 5, "hello", objstore.ErrMismatch},
		{"wrong last byte", "hellx", nil, 5, "hello", objstore.ErrMismatch},
		{"wrong only byte", "y", nil, 1, "x", objstore.ErrMismatch},
		{"not empty", "x", nil, 0, "", objstore.ErrMismatch},
		{"empty, wrong digest", "", nil, 0, "x", objstore.ErrMismatch},
		{"negative size", "", nil, -1, "", objstore.ErrMismatch},
		{"fails", "he", errSource, 5, "hello", errSource},
		{"fails at its last byte", "hell", errSource, 5, "hello", errSource},
		{"fails behind its last byte", "hello", errSource, 5, "hello", errSource},
		{"fails empty", "", errSource, 0, "", errSource},
		{"cut off", "he", io.ErrUnexpectedEOF, 5, "hello", io.ErrUnexpectedEOF},
		{"cut off is a mismatch", "he", io.ErrUnexpectedEOF, 5, "hello", objstore.ErrMismatch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := &source{data: []byte(tt.data), err: tt.err}
			r := src.body(tt.size, []byte(tt.right)).Reader(t.Context())
			got, err := io.ReadAll(r)
			if !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if len(got) > 0 && int64(len(got)) >= tt.size {
				t.Errorf("gave out %d bytes of %d", len(got), tt.size)
			}
			if src.open != 0 {
				t.Error("the source is still open")
			}
			// It stays failed, so that no retry begins.
			if _, again := r.Seek(0, io.SeekStart); !errors.Is(again, tt.want) {
				t.Errorf("seek gives %v", again)
			}
			if _, again := r.Read(make([]byte, 8)); again != err {
				t.Errorf("read again gives %v, before it gave %v", again, err)
			}
			r.Close()
			if r.Err() != err {
				t.Errorf("Err is %v, want %v", r.Err(), err)
			}
		})
	}
}

func TestBodyReaderSeek(t *testing.T) {
	src := &source{data: []byte("hello")}
	r := src.body(5, []byte("hello")).Reader(t.Context())
	defer r.Close()
	seek := func(offset int64, whence int, want int64) {
		t.Helper()
		if n, err := r.Seek(offset, whence); n != want || err != nil {
			t.Errorf("seek(%d, %d) gives %d, %v, want %d", offset, whence, n, err, want)
		}
	}
	// How SDKs learn the length.
	seek(0, io.SeekCurrent, 0)
	seek(0, io.SeekEnd, 5)
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("read at the end gives %d, %v", n, err)
	}
	seek(0, io.SeekStart, 0)
	if src.opened != 0 {
		t.Error("seeking opened the source")
	}
	// A retry from any offset starts from the beginning.
	for n := range 6 {
		if _, err := io.ReadFull(r, make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		seek(0, io.SeekCurrent, int64(n))
		seek(0, io.SeekStart, 0)
		if src.open != 0 {
			t.Error("the source is still open after a rewind")
		}
	}
	if data, err := io.ReadAll(r); err != nil || string(data) != "hello" {
		t.Errorf("read %q, %v", data, err)
	}
	seek(0, io.SeekEnd, 5)
	for _, bad := range []struct {
		offset int64
		whence int
	}{{1, io.SeekStart}, {-1, io.SeekEnd}, {1, io.SeekCurrent}, {0, 9}} {
		if _, err := r.Seek(bad.offset, bad.whence); err == nil {
			t.Errorf("seek(%d, %d) succeeds", bad.offset, bad.whence)
		}
	}
}

func TestBodyReaderContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	src := &source{data: []byte("hello")}
	r := src.body(5, []byte("hello")).Reader(ctx)
	if _, err := r.Read(make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := r.Read(make([]byte, 2)); !errors.Is(err, context.Canceled) {
		t.Errorf("read after the context ended gives %v", err)
	}
	r.Close()
	if src.open != 0 {
		t.Error("the source is still open")
	}
}
