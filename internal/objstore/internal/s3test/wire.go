package s3test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/internal/s3core"
	"github.com/asof/asof/internal/objstore/storetest"
)

func drainResponse(res *http.Response) {
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
}

// testRequests: cost is behaviour. It checks the requests of every call, and
// their conditions.
func testRequests(t *testing.T, open fresh) {
	rec := &Recorder{}
	s, _ := open(t, Config{Wrap: rec.Wrap})
	ctx := t.Context()
	small, large := objstore.Bytes([]byte("hello")), bytesBody(300<<10)
	var v objstore.Version
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	read := func(offset, length int64) {
		r, err := s.Open(ctx, "k", offset, length)
		must(err)
		_, err = io.Copy(io.Discard, r)
		must(err)
		must(r.Close())
	}
	for _, tt := range []struct {
		name        string
		call        func()
		want        string
		match, none string // If-Match and If-None-Match of the last request; "v": the version
		hash        string // x-amz-content-sha256 of the last request
	}{
		{"create", func() { must(s.Create(ctx, "k", small, objstore.Attributes{})) }, "PUT k", "", "*", small.Hex()},
		{"create large", func() { must(s.Create(ctx, "l", large, objstore.Attributes{})) }, "PUT l", "", "*", large.Hex()},
		{"create empty", func() { must(s.Create(ctx, "e", objstore.Bytes(nil), objstore.Attributes{})) }, "PUT e", "", "*", objstore.Bytes(nil).Hex()},
		{"create again", func() { s.Create(ctx, "k", small, objstore.Attributes{}) }, "PUT k", "", "*", small.Hex()},
		{"open", func() { read(0, objstore.Whole) }, "GET k", "", "", ""},
		{"open range", func() { read(1, 3) }, "GET k", "", "", ""},
		{"open nothing", func() { read(5, 3) }, "GET k, HEAD k", "", "", ""},
		{"stat", func() { _, err := s.Stat(ctx, "k"); must(err) }, "HEAD k", "", "", ""},
		{"stat missing", func() { s.Stat(ctx, "m") }, "HEAD m", "", "", ""},
		{"copy", func() { must(s.Copy(ctx, "k", "c", objstore.Attributes{}, false)) }, "HEAD c, PUT c", "", "", ""},
		{"copy again", func() { s.Copy(ctx, "k", "c", objstore.Attributes{}, false) }, "HEAD c", "", "", ""},
		{"copy to a vacant place", func() { must(s.Copy(ctx, "k", "d", objstore.Attributes{}, true)) }, "PUT d", "", "", ""},
		{"swap absent", func() { var err error; v, err = s.Swap(ctx, "r", "", []byte("1"), objstore.Attributes{}); must(err) }, "PUT r", "", "*", sha("1")},
		{"load", func() { _, _, err := s.Load(ctx, "r", ""); must(err) }, "GET r", "", "", ""},
		{"load unchanged", func() { s.Load(ctx, "r", v) }, "GET r", "", "v", ""},
		{"swap", func() { _, err := s.Swap(ctx, "r", v, []byte("22"), objstore.Attributes{}); must(err) }, "PUT r", "v", "", sha("22")},
		{"list", func() {
			for _, err := range s.List(ctx, "", "") {
				must(err)
			}
		}, "GET ?list-type", "", "", ""},
		{"delete", func() { must(s.Delete(ctx, "k")) }, "DELETE k", "", "", ""},
	} {
		etag := func(want string) string {
			if want == "v" {
				return `"` + string(v) + `"`
			}
			return want
		}
		rec.Take()
		tt.call()
		got := rec.Take()
		if lines(got) != tt.want {
			t.Errorf("%s: made %s, want %s", tt.name, lines(got), tt.want)
			continue
		}
		header := got[len(got)-1].Header
		if m, n := header.Get("If-Match"), header.Get("If-None-Match"); m != etag(tt.match) || n != etag(tt.none) {
			t.Errorf("%s: If-Match %q, If-None-Match %q", tt.name, m, n)
		}
		if h := header.Get("X-Amz-Content-Sha256"); tt.hash != "" && h != tt.hash {
			t.Errorf("%s: the signed hash is %s, want %s", tt.name, h, tt.hash)
		}
		if header.Get("Authorization") == "" || !strings.Contains(header.Get("User-Agent"), "asof/test") {
			t.Errorf("%s: headers %v", tt.name, header)
		}
		if e := header.Get("Expect") != ""; e != (tt.name == "create large") {
			t.Errorf("%s: Expect is there: %v", tt.name, e)
		}
	}
}

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// testWireParts: only the completion of a multipart upload is conditional.
func testWireParts(t *testing.T, open fresh) {
	rec := &Recorder{}
	s, _ := open(t, Config{PutLimit: mib, PartSize: 5 * mib, Wrap: rec.Wrap})
	if err := s.Create(t.Context(), "k", bytesBody(6*mib), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	requests := rec.Take()
	count := map[string]int{}
	for _, r := range requests {
		count[r.Line]++
		if got, want := r.Header.Get("If-None-Match"), r.Line == "POST k?uploadId"; (got != "") != want || want && got != "*" {
			t.Errorf("%s: If-None-Match %q", r.Line, got)
		}
		// The server is on this machine.
		if h := r.Header.Get("X-Amz-Content-Sha256"); strings.HasPrefix(r.Line, "PUT") && h != s3core.Unsigned {
			t.Errorf("%s: its hash is %q", r.Line, h)
		}
	}
	for line, want := range map[string]int{"HEAD k": 1, "POST k?uploads": 1, "PUT k?uploadId?partNumber": 2, "POST k?uploadId": 1} {
		if count[line] != want {
			t.Errorf("%d times %s, want %d, in %s", count[line], line, want, lines(requests))
		}
	}
}

// testExpect: if the object exists, nothing is uploaded.
func testExpect(t *testing.T, open fresh) {
	rec := &Recorder{}
	s, _ := open(t, Config{Wrap: rec.Wrap})
	body := storetest.Generated(30*mib, 5)
	if err := s.Create(t.Context(), "k", body, objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	opened := false
	again := body
	again.Open = func(ctx context.Context) (io.ReadCloser, error) {
		opened = true
		return body.Open(ctx)
	}
	rec.Take()
	if err := s.Create(t.Context(), "k", again, objstore.Attributes{}); !errors.Is(err, objstore.ErrExists) {
		t.Fatalf("error %v, want ErrExists", err)
	}
	requests := rec.Take()
	if len(requests) != 1 {
		t.Fatalf("made %s", lines(requests))
	}
	t.Logf("the body was opened: %v; %d of %d bytes were read", opened, *requests[0].Sent, body.Size)
	if *requests[0].Sent > body.Size/2 {
		t.Errorf("%d of %d bytes were read", *requests[0].Sent, body.Size)
	}
}

// testLostAnswer: a write is applied but its answer lost, and the library's own
// retry finds the first try.
func testLostAnswer(t *testing.T, open fresh) {
	for _, how := range []string{"connection", "503"} {
		t.Run(how, func(t *testing.T) {
			rec := &Recorder{}
			s, _ := open(t, Config{Wrap: rec.Wrap})
			var lost atomic.Bool
			rec.After = func(req *http.Request, res *http.Response) (*http.Response, error) {
				if req.Method != http.MethodPut || lost.Swap(true) {
					return res, nil
				}
				drainResponse(res)
				if how == "503" {
					return answer(req, 503, "SlowDown"), nil
				}
				return nil, errLost
			}
			ctx := t.Context()
			for key, size := range map[string]int{"empty": 0, "small": 5, "large": 300 << 10} {
				lost.Store(false)
				rec.Take()
				if created, err := objstore.Put(ctx, s, key, bytesBody(size), objstore.Attributes{}); err != nil || created {
					t.Errorf("put of %d bytes: created %v, error %v", size, created, err)
				}
				if got, want := lines(rec.Take()), "PUT "+key+", PUT "+key+", HEAD "+key+", GET "+key; got != want {
					t.Errorf("made %s, want %s", got, want)
				}
			}
			lost.Store(false)
			v, err := objstore.Update(ctx, s, "r", "", []byte("one"), objstore.Attributes{})
			if err != nil {
				t.Fatalf("update: %v", err)
			}
			lost.Store(false)
			if _, err = objstore.Update(ctx, s, "r", v, []byte("two"), objstore.Attributes{}); err != nil {
				t.Fatalf("update: %v", err)
			}
			if data, _, err := s.Load(ctx, "r", ""); string(data) != "two" || err != nil {
				t.Errorf("the register is %q, %v", data, err)
			}
		})
	}
}

// testConflict: S3's 409 is tried again, and finally given up.
func testConflict(t *testing.T, open fresh) {
	rec := &Recorder{}
	s, _ := open(t, Config{PutLimit: 6 * mib, PartSize: 5 * mib, Wrap: rec.Wrap})
	var left atomic.Int32
	rec.Before = func(req *http.Request) (*http.Response, error) {
		conditional := req.Header.Get("If-None-Match") != "" && req.Method != http.MethodGet
		if conditional && left.Add(-1) >= 0 {
			drain(req)
			return answer(req, 409, "ConditionalRequestConflict"), nil
		}
		return nil, nil
	}
	for key, size := range map[string]int{"small": 10, "large": 300 << 10, "parts": 7 * mib} {
		left.Store(2)
		body := bytesBody(size)
		if err := s.Create(t.Context(), key, body, objstore.Attributes{}); err != nil {
			t.Errorf("create of %d bytes: %v", size, err)
		}
		if ok, err := objstore.Holds(t.Context(), s, key, body); !ok || err != nil {
			t.Errorf("held %v, %v", ok, err)
		}
	}
	left.Store(2)
	if _, err := s.Swap(t.Context(), "r", "", []byte("one"), objstore.Attributes{}); err != nil {
		t.Errorf("swap: %v", err)
	}
	left.Store(1000)
	if err := s.Create(t.Context(), "never", bytesBody(10), objstore.Attributes{}); !errors.Is(err, objstore.ErrUnavailable) {
		t.Errorf("conflict without end: %v, want ErrUnavailable", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	before := rec.Before
	rec.Before = func(req *http.Request) (*http.Response, error) {
		defer cancel()
		return before(req)
	}
	if err := s.Create(ctx, "never", bytesBody(10), objstore.Attributes{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled between tries: %v", err)
	}
}

// testErrors maps what servers say to what callers get.
func testErrors(t *testing.T, open fresh) {
	rec := &Recorder{}
	s, _ := open(t, Config{Wrap: rec.Wrap, MaxAttempts: 1})
	for _, tt := range []struct {
		status int
		code   string
		want   error
	}{
		{403, "AccessDenied", objstore.ErrDenied},
		{403, "InvalidAccessKeyId", objstore.ErrDenied},
		{403, "SignatureDoesNotMatch", objstore.ErrDenied},
		{403, "RequestTimeTooSkewed", objstore.ErrSkewed},
		{400, "ExpiredToken", objstore.ErrDenied},
		{404, "NoSuchBucket", objstore.ErrNoStore},
		{501, "NotImplemented", objstore.ErrUnsupported},
		{400, "XAmzContentSHA256Mismatch", objstore.ErrMismatch},
		{429, "TooManyRequests", objstore.ErrUnavailable},
		{500, "InternalError", objstore.ErrUnavailable},
		{503, "SlowDown", objstore.ErrUnavailable},
		{400, "EntityTooLarge", nil},
	} {
		rec.Before = func(req *http.Request) (*http.Response, error) {
			drain(req)
			return answer(req, tt.status, tt.code), nil
		}
		err := s.Create(t.Context(), "k", bytesBody(10), objstore.Attributes{})
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%d %s: %v, want %v", tt.status, tt.code, err, tt.want)
			continue
		}
		text := err.Error()
		if !strings.HasPrefix(text, "create k: ") || strings.Contains(text, "https response error") ||
			tt.want != objstore.ErrNoStore && !strings.Contains(text, tt.code+": message of "+tt.code) {
			t.Errorf("%d %s: text %q", tt.status, tt.code, text)
		}
	}

	// A source's own error reaches the caller unchanged, whatever the libraries
	// do.
	rec.Before = nil
	errSource := errors.New("source failed")
	body := objstore.Body{Size: 100, Open: func(context.Context) (io.ReadCloser, error) { return nil, errSource }}
	if err := s.Create(t.Context(), "k", body, objstore.Attributes{}); err == nil || err.Error() != "create k: source failed" {
		t.Errorf("a source's error comes as %v", err)
	}

	// A server that answers a range with the whole object would corrupt what is
	// read.
	if err := s.Create(t.Context(), "k", bytesBody(100), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	rec.Before = func(req *http.Request) (*http.Response, error) {
		res := answer(req, 200, "")
		res.Header.Set("Last-Modified", "Tue, 18 Mar 2025 14:03:38 GMT")
		return res, nil
	}
	if _, err := s.Open(t.Context(), "k", 5, 10); !errors.Is(err, objstore.ErrUnsupported) {
		t.Errorf("range ignored: %v", err)
	}
}

func testUnavailable(t *testing.T, open fresh) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	s, _ := open(t, Config{Endpoint: l.Addr().String(), MaxAttempts: 2})
	err = s.Create(t.Context(), "k", bytesBody(10), objstore.Attributes{})
	if !errors.Is(err, objstore.ErrUnavailable) || !strings.Contains(err.Error(), "refused") || strings.Contains(err.Error(), "attempts") {
		t.Errorf("connection refused: %v", err)
	}
	if _, err := s.Stat(t.Context(), "k"); !errors.Is(err, objstore.ErrUnavailable) {
		t.Errorf("stat: %v", err)
	}

	// A connection that breaks while an object is read.
	rec := &Recorder{}
	s, _ = open(t, Config{Wrap: rec.Wrap})
	if err := s.Create(t.Context(), "k", bytesBody(100), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	rec.After = func(_ *http.Request, res *http.Response) (*http.Response, error) {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(io.LimitReader(res.Body, 10), brokenReader{}), res.Body}
		return res, nil
	}
	r, err := s.Open(t.Context(), "k", 0, objstore.Whole)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n, err := io.Copy(io.Discard, r); n != 10 || !errors.Is(err, objstore.ErrUnavailable) {
		t.Errorf("read %d bytes, then %v", n, err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func testDenied(t *testing.T, open fresh) {
	s, _ := open(t, Config{Secret: "not-the-secret"})
	if err := s.Create(t.Context(), "k", bytesBody(10), objstore.Attributes{}); !errors.Is(err, objstore.ErrDenied) {
		t.Errorf("create: %v, want ErrDenied", err)
	}
	if _, err := s.Stat(t.Context(), "k"); !errors.Is(err, objstore.ErrDenied) {
		t.Errorf("stat: %v, want ErrDenied", err)
	}
	s, c := open(t, Config{Anonymous: true})
	err := s.Create(t.Context(), "k", bytesBody(10), objstore.Attributes{})
	if !errors.Is(err, objstore.ErrDenied) || !strings.Contains(err.Error(), "credentials") {
		t.Errorf("without credentials: %v, want ErrDenied that says so", err)
	}
	if strings.Contains(err.Error(), c.Server.SecretKey) {
		t.Error("the error gives the secret away")
	}
}
