package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/asof/asof/internal/objstore"
)

var errSource = errors.New("the upstream server burnt down")

func testBodyFaults(t *testing.T, s objstore.Store) {
	for _, size := range []int{1, 100, 300_000} {
		data := bytes.Repeat([]byte{'x'}, size)
		long := append(bytes.Clone(data), 'y')
		wrong := bytes.Clone(data)
		wrong[size-1] = 'z'
		lie := failing(int64(size), wrong, nil)
		lie.SHA256 = sha256.Sum256(data)
		noOpen := failing(int64(size), data, nil)
		noOpen.Open = func(context.Context) (io.ReadCloser, error) { return nil, errSource }
		noOpenAt := objstore.Bytes(data)
		noOpenAt.OpenAt = func(context.Context, int64) (io.ReadCloser, error) { return nil, errSource }

		for _, tt := range []struct {
			name string
			body objstore.Body
			want error
		}{
			{"fails to open", noOpen, errSource},
			{"fails to open anywhere", noOpenAt, errSource},
			{"fails at once", failing(int64(size), nil, errSource), errSource},
			{"fails midway", failing(int64(size), data[:size/2], errSource), errSource},
			{"fails at its last byte", failing(int64(size), data[:size-1], errSource), errSource},
			{"too short", failing(int64(size), data[:size-1], nil), objstore.ErrMismatch},
			{"too long", failing(int64(size), long, nil), objstore.ErrMismatch},
			{"wrong digest", lie, objstore.ErrMismatch},
		} {
			t.Run(fmt.Sprintf("%d/%s", size, tt.name), func(t *testing.T) {
				if err := s.Create(t.Context(), "k", tt.body, objstore.Attributes{}); !errors.Is(err, tt.want) {
					t.Errorf("error %v, want %v", err, tt.want)
				}
				absent(t, s, "k")
			})
		}
	}
	t.Run("empty", func(t *testing.T) {
		noDigest := failing(0, nil, nil)
		noDigest.SHA256 = [sha256.Size]byte{}
		for _, tt := range []struct {
			body objstore.Body
			want error
		}{
			{failing(0, nil, errSource), errSource},
			{failing(0, []byte("x"), nil), objstore.ErrMismatch},
			{noDigest, objstore.ErrMismatch},
		} {
			if err := s.Create(t.Context(), "k", tt.body, objstore.Attributes{}); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			absent(t, s, "k")
		}
	})
	if left := keys(t, s, "", ""); len(left) != 0 {
		t.Errorf("left over: %q", left)
	}
	create(t, s, "k", "after all")
}

func testBodySizes(t *testing.T, s objstore.Store) {
	for _, size := range []int64{0, 1, 2, 4095, 16 << 10, 16<<10 + 1, 1 << 20, 5<<20 + 3} {
		key := fmt.Sprintf("size/%d", size)
		body := Generated(size, uint64(size))
		if err := s.Create(t.Context(), key, body, objstore.Attributes{}); err != nil {
			t.Fatal(err)
		}
		if ok, err := objstore.Holds(t.Context(), s, key, body); err != nil || !ok {
			t.Errorf("%s: held %v, error %v", key, ok, err)
		}
	}
}

// Generated returns a body of pseudo-random bytes, which are made only while they
// are read.
func Generated(size int64, seed uint64) objstore.Body {
	h := sha256.New()
	io.Copy(h, generate(size, seed))
	body := objstore.Body{Size: size, Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(generate(size, seed)), nil
	}}
	h.Sum(body.SHA256[:0])
	return body
}

func generate(size int64, seed uint64) io.Reader {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	return io.LimitReader(rand.NewChaCha8(key), size)
}

// RunBig stores a body of size bytes, reads it back, and fails if that took more
// than maxAlloc bytes of memory: a body must stream. If a body's last byte is
// wrong, or its source fails there, nothing may be left.
func RunBig(t *testing.T, s objstore.Store, size int64, maxAlloc uint64) {
	body := Generated(size, 1)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := s.Create(t.Context(), "big/a", body, objstore.Attributes{ContentType: "application/x-big"}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > maxAlloc {
		t.Errorf("storing %d bytes allocated %d, want at most %d", size, used, maxAlloc)
	}
	if ok, err := objstore.Holds(t.Context(), s, "big/a", body); err != nil || !ok {
		t.Errorf("held %v, error %v", ok, err)
	}
	if a, ok := objstore.As[AttributeReader](s); ok {
		if got, err := a.Attributes(t.Context(), "big/a"); err != nil || got.ContentType != "application/x-big" {
			t.Errorf("attributes %+v, error %v", got, err)
		}
	}

	opened := false
	again := body
	again.Open = func(ctx context.Context) (io.ReadCloser, error) {
		opened = true
		return body.Open(ctx)
	}
	if err := s.Create(t.Context(), "big/a", again, objstore.Attributes{}); !errors.Is(err, objstore.ErrExists) {
		t.Errorf("created again: %v, want ErrExists", err)
	}
	if opened {
		t.Error("the body of an object that exists was opened")
	}

	lie := body
	lie.SHA256[0]++
	if err := s.Create(t.Context(), "big/b", lie, objstore.Attributes{}); !errors.Is(err, objstore.ErrMismatch) {
		t.Errorf("wrong digest: %v, want ErrMismatch", err)
	}
	fail := body
	fail.Open = func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(generate(size-1, 1), errReader{errSource})), nil
	}
	if err := s.Create(t.Context(), "big/b", fail, objstore.Attributes{}); !errors.Is(err, errSource) {
		t.Errorf("failing source: %v, want its error", err)
	}
	absent(t, s, "big/b")
	if err := s.Copy(t.Context(), "big/a", "big/c", objstore.Attributes{}, false); err != nil {
		t.Fatal(err)
	}
	if ok, err := objstore.Holds(t.Context(), s, "big/c", body); err != nil || !ok {
		t.Errorf("copy held %v, error %v", ok, err)
	}
}
