package s3test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/minio/minio-go/v7"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/storetest"
)

const mib = 1 << 20

type fresh = func(*testing.T, Config) (objstore.Store, Config)

func testBigSingle(t *testing.T, open fresh) {
	s, c := open(t, Config{})
	body := storetest.Generated(40*mib, 3)
	if err := s.Create(t.Context(), "k", body, objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	if ok, err := objstore.Holds(t.Context(), s, "k", body); !ok || err != nil {
		t.Errorf("held %v, %v", ok, err)
	}
	noUploads(t, c)
}

// testBigParts: an upload takes three buffers of a part, and what the libraries
// need.
func testBigParts(t *testing.T, open fresh) {
	s, c := open(t, Config{PutLimit: 8 * mib, PartSize: 5 * mib})
	storetest.RunBig(t, s, 100*mib+12345, 32*mib)
	noUploads(t, c)
}

// testStreamedParts: if a body can be read from any offset, its parts are read
// while they are sent, and read again if sent again. The caller gets a source's
// error.
func testStreamedParts(t *testing.T, open fresh) {
	rec := &Recorder{}
	s, c := open(t, Config{PutLimit: mib, PartSize: 5 * mib, Wrap: rec.Wrap})
	data, err := io.ReadAll(storetest.Generated(23*mib+1, 9).Reader(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	body := objstore.Bytes(data)
	var mu sync.Mutex
	reads := map[int64]int{} // by their start
	inner := body.OpenAt
	body.OpenAt = func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		mu.Lock()
		defer mu.Unlock()
		reads[offset]++
		return inner(ctx, offset)
	}
	var failed atomic.Bool
	rec.Before = func(req *http.Request) (*http.Response, error) {
		if req.URL.Query().Get("partNumber") != "2" || failed.Swap(true) {
			return nil, nil
		}
		_, err := io.CopyN(io.Discard, req.Body, 3*mib)
		return answer(req, 503, "SlowDown"), err
	}
	if err := s.Create(t.Context(), "k", body, objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	if want := map[int64]int{0: 1, 5 * mib: 2, 10 * mib: 1, 15 * mib: 1, 20 * mib: 1}; !maps.Equal(reads, want) {
		t.Errorf("reads by their start: %v, want %v", reads, want)
	}
	if ok, err := objstore.Holds(t.Context(), s, "k", body); !ok || err != nil {
		t.Errorf("held %v, %v", ok, err)
	}

	rec.Before = nil
	errSource := errors.New("source failed")
	body.OpenAt = func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		r, err := inner(ctx, offset)
		if offset == 10*mib {
			r = io.NopCloser(io.MultiReader(io.LimitReader(r, mib), iotest.ErrReader(errSource)))
		}
		return r, err
	}
	if err := s.Create(t.Context(), "failed", body, objstore.Attributes{}); err == nil || err.Error() != "create failed: source failed" {
		t.Errorf("a source's error comes as %v", err)
	}
	if _, err := s.Stat(t.Context(), "failed"); !errors.Is(err, objstore.ErrNotFound) {
		t.Errorf("stat: %v", err)
	}
	noUploads(t, c)
}

// noUploads checks that no multipart upload was left open.
func noUploads(t *testing.T, c Config) {
	t.Helper()
	for up := range c.Server.Client().ListIncompleteUploads(t.Context(), c.Bucket, "", true) {
		t.Errorf("upload of %s was left open (%v)", up.Key, up.Err)
	}
}

func testAbort(t *testing.T, open fresh) {
	for _, tt := range []struct {
		name string
		hit  func(req *http.Request) bool
	}{
		{"part", func(req *http.Request) bool { return req.URL.Query().Get("partNumber") == "2" }},
		{"finish", func(req *http.Request) bool { return req.Method == "POST" && req.URL.Query().Has("uploadId") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := &Recorder{}
			s, c := open(t, Config{PutLimit: mib, PartSize: 5 * mib, Wrap: rec.Wrap})
			rec.Before = func(req *http.Request) (*http.Response, error) {
				if tt.hit(req) {
					drain(req)
					return answer(req, 403, "AccessDenied"), nil
				}
				return nil, nil
			}
			if err := s.Create(t.Context(), "k", bytesBody(12*mib), objstore.Attributes{}); !errors.Is(err, objstore.ErrDenied) {
				t.Errorf("error %v, want ErrDenied", err)
			}
			noUploads(t, c)
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		rec := &Recorder{}
		s, c := open(t, Config{PutLimit: mib, PartSize: 5 * mib, Wrap: rec.Wrap})
		ctx, cancel := context.WithCancel(t.Context())
		rec.Before = func(req *http.Request) (*http.Response, error) {
			if req.URL.Query().Get("partNumber") == "2" {
				cancel()
			}
			return nil, nil
		}
		if err := s.Create(ctx, "k", bytesBody(12*mib), objstore.Attributes{}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context.Canceled", err)
		}
		noUploads(t, c)
	})
}

// testFinishRace: someone creates the object while its parts are uploaded, or the
// answer to the completion is lost.
func testFinishRace(t *testing.T, open fresh) {
	rec := &Recorder{}
	s, c := open(t, Config{PutLimit: mib, PartSize: 5 * mib, Wrap: rec.Wrap})
	body := bytesBody(6 * mib)
	rec.Before = func(req *http.Request) (*http.Response, error) {
		if req.Method == "POST" && req.URL.Query().Has("uploadId") {
			other := objstore.Bytes([]byte("other"))
			r := other.Reader(req.Context())
			if _, err := c.Server.Client().PutObject(req.Context(), c.Bucket, "k", r, other.Size, minio.PutObjectOptions{}); err != nil {
				t.Error(err)
			}
		}
		return nil, nil
	}
	if err := s.Create(t.Context(), "k", body, objstore.Attributes{}); !errors.Is(err, objstore.ErrExists) {
		t.Errorf("error %v, want ErrExists", err)
	}
	if ok, err := objstore.Holds(t.Context(), s, "k", objstore.Bytes([]byte("other"))); !ok || err != nil {
		t.Errorf("the other's object is no longer what it was: %v", err)
	}
	noUploads(t, c)

	lost := false
	rec.Before = nil
	rec.After = func(req *http.Request, res *http.Response) (*http.Response, error) {
		if req.Method == "POST" && req.URL.Query().Has("uploadId") && !lost {
			lost = true
			drainResponse(res)
			return nil, errLost
		}
		return res, nil
	}
	if _, err := objstore.Put(t.Context(), s, "lost", body, objstore.Attributes{}); err != nil || !lost {
		t.Errorf("answer to the completion lost (%v): %v", lost, err)
	}
	noUploads(t, c)
}

// testCopyParts: MinIO copies sources of any size, so the test makes the refusal
// up.
func testCopyParts(t *testing.T, open fresh) {
	rec := &Recorder{}
	s, c := open(t, Config{CopyLimit: 5 * mib, Wrap: rec.Wrap})
	body := storetest.Generated(12*mib, 4)
	if err := s.Create(t.Context(), "src/ü +", body, objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), "small", bytesBody(10), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	rec.Before = func(req *http.Request) (*http.Response, error) {
		if req.Header.Get("X-Amz-Copy-Source") != "" && !req.URL.Query().Has("uploadId") {
			return answer(req, 400, "InvalidRequest"), nil
		}
		return nil, nil
	}
	rec.Take()
	attr := objstore.Attributes{ContentType: "text/x-copy", CacheControl: "no-store"}
	if err := s.Copy(t.Context(), "src/ü +", "dst", attr, false); err != nil {
		t.Fatal(err)
	}
	conditions := 0
	for _, r := range rec.Take() {
		if r.Header.Get("If-None-Match") != "" {
			conditions++
			if r.Line != "POST dst?uploadId" {
				t.Errorf("%s has a condition", r.Line)
			}
		}
	}
	if conditions != 1 {
		t.Errorf("%d requests had a condition, want the completion only", conditions)
	}
	if ok, err := objstore.Holds(t.Context(), s, "dst", body); !ok || err != nil {
		t.Errorf("held %v, %v", ok, err)
	}
	reader, ok := objstore.As[storetest.AttributeReader](s)
	if !ok {
		t.Fatal("the store can't tell attributes")
	}
	if got, err := reader.Attributes(t.Context(), "dst"); got != attr || err != nil {
		t.Errorf("attributes %+v, %v", got, err)
	}
	if err := s.Copy(t.Context(), "src/ü +", "small", attr, false); !errors.Is(err, objstore.ErrExists) {
		t.Errorf("copy onto an object: %v, want ErrExists", err)
	}
	if err := s.Copy(t.Context(), "small", "small2", attr, false); err == nil || errors.Is(err, objstore.ErrExists) {
		t.Errorf("a small source refused: %v, want what the store said", err)
	}
	noUploads(t, c)
}
