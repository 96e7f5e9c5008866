// Package s3test is the tests, beyond the conformance suite, that both S3 drivers
// pass against a real MinIO: they check what goes over the wire.
package s3test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/asof/asof/internal/miniotest"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/internal/s3core"
	"github.com/asof/asof/internal/objstore/storetest"
)

// Config is the part of a driver's options that the tests vary.
type Config struct {
	Server                        *miniotest.Server
	Endpoint                      string // host:port; the test server's unless a test says otherwise
	Bucket                        string
	Secret                        string // a wrong secret for the credentials; empty: the right one
	Anonymous                     bool   // without credentials
	MaxAttempts                   int
	Wrap                          func(http.RoundTripper) http.RoundTripper
	PutLimit, PartSize, CopyLimit int64
	Locked                        bool // the bucket has Object Lock
	Retention                     objstore.Retention
	Now                           func() time.Time
}

// Options returns a driver's options for c.
func (c Config) Options() s3core.Options {
	return s3core.Options{
		Bucket: c.Bucket, UserAgent: "asof/test", MaxAttempts: c.MaxAttempts, WrapTransport: c.Wrap,
		PutLimit: c.PutLimit, PartSize: c.PartSize, CopyLimit: c.CopyLimit, Retention: c.Retention, Now: c.Now,
	}
}

// Open opens a store with the driver under test.
type Open func(t *testing.T, c Config) objstore.Store

// Run runs the tests of a driver.
func Run(t *testing.T, shared *miniotest.Shared, open Open) {
	fresh := func(t *testing.T, c Config) (objstore.Store, Config) {
		c.Server = shared.Server(t)
		c.Server.Setenv(t)
		if c.Secret != "" {
			t.Setenv("AWS_SECRET_ACCESS_KEY", c.Secret)
		}
		if c.Anonymous {
			t.Setenv("AWS_ACCESS_KEY_ID", "")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "")
		}
		if c.Endpoint == "" {
			c.Endpoint = c.Server.Endpoint
		}
		switch {
		case c.Bucket != "":
		case c.Locked:
			c.Bucket = c.Server.NewLockedBucket(t)
		default:
			c.Bucket = c.Server.NewBucket(t)
		}
		return withAttributes{open(t, c), c}, c
	}
	t.Run("conformance", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) objstore.Store {
			s, _ := fresh(t, Config{})
			return s
		})
	})
	t.Run("versioned", func(t *testing.T) {
		if testing.Short() {
			t.Skip("the same once more, in a bucket that keeps versions")
		}
		storetest.Run(t, func(t *testing.T) objstore.Store {
			s, _ := fresh(t, Config{Locked: true})
			return s
		})
	})
	t.Run("prefix", func(t *testing.T) {
		if testing.Short() {
			t.Skip("the same once more, in a part of a bucket")
		}
		inner, _ := fresh(t, Config{})
		storetest.Run(t, func(t *testing.T) objstore.Store {
			s, err := objstore.WithPrefix(inner, strings.ReplaceAll(t.Name(), " ", "+"))
			if err != nil {
				t.Fatal(err)
			}
			return s
		})
	})
	t.Run("missing", func(t *testing.T) {
		s, _ := fresh(t, Config{Bucket: "no-such-bucket"})
		storetest.RunMissing(t, s)
	})
	for name, run := range map[string]func(*testing.T, func(*testing.T, Config) (objstore.Store, Config)){
		"big/single":       testBigSingle,
		"big/parts":        testBigParts,
		"big/streamed":     testStreamedParts,
		"big/abort":        testAbort,
		"big/finish":       testFinishRace,
		"copy/parts":       testCopyParts,
		"wire/requests":    testRequests,
		"wire/parts":       testWireParts,
		"wire/expect":      testExpect,
		"wire/lost answer": testLostAnswer,
		"wire/conflict":    testConflict,
		"wire/errors":      testErrors,
		"wire/unavailable": testUnavailable,
		"lock/retained":    testRetained,
		"lock/wire":        testWireLock,
		"lock/delete":      testDeleteVersions,
		"lock/created new": testDeleteRace,
		"lock/none":        testNoLock,
		"lock/refusals":    testLockRefusals,
		"mend/wire":        testMendWire,
		"mend/retained":    testMendRetained,
		"denied":           testDenied,
		"sign":             testSign,
		"probe":            testProbe,
		"clock":            testClock,
	} {
		t.Run(name, func(t *testing.T) { run(t, fresh) })
	}
}

// withAttributes looks up attributes with another client.
type withAttributes struct {
	objstore.Store
	c Config
}

func (s withAttributes) Unwrap() objstore.Reader { return s.Store }

func (s withAttributes) Attributes(ctx context.Context, key string) (objstore.Attributes, error) {
	info, err := s.c.Server.Client().StatObject(ctx, s.c.Bucket, key, minio.StatObjectOptions{})
	return objstore.Attributes{ContentType: info.ContentType, CacheControl: info.Metadata.Get("Cache-Control")}, err
}

// Recorder is an http.RoundTripper that notes every request.
type Recorder struct {
	// Before, if not nil, may answer instead of the server.
	Before func(req *http.Request) (*http.Response, error)
	// After, if not nil, may change the answer.
	After func(req *http.Request, res *http.Response) (*http.Response, error)

	next     http.RoundTripper
	mu       sync.Mutex
	requests []Request
}

// Request is a request that was made.
type Request struct {
	Line   string // method, path without the bucket, query without values
	Header http.Header
	Sent   *int64 // bytes of the body that were read
}

// Wrap is for Config.Wrap.
func (r *Recorder) Wrap(next http.RoundTripper) http.RoundTripper {
	r.next = next
	return r
}

// RoundTrip implements http.RoundTripper.
func (r *Recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	_, key, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	line := req.Method + " " + key
	for _, name := range []string{"list-type", "uploads", "uploadId", "partNumber"} {
		if req.URL.Query().Has(name) {
			line += "?" + name
		}
	}
	sent := new(int64)
	r.mu.Lock()
	r.requests = append(r.requests, Request{Line: line, Header: req.Header.Clone(), Sent: sent})
	r.mu.Unlock()
	if req.Body != nil {
		req = req.WithContext(req.Context())
		req.Body = &countingBody{req.Body, r, sent}
	}
	if r.Before != nil {
		if res, err := r.Before(req); res != nil || err != nil {
			return res, err
		}
	}
	res, err := r.next.RoundTrip(req)
	if err == nil && r.After != nil {
		return r.After(req, res)
	}
	return res, err
}

type countingBody struct {
	io.ReadCloser
	r    *Recorder
	sent *int64
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.r.mu.Lock()
	*b.sent += int64(n)
	b.r.mu.Unlock()
	return n, err
}

// Take returns the requests since the last call.
func (r *Recorder) Take() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.requests
	r.requests = nil
	return taken
}

func lines(requests []Request) string {
	var b strings.Builder
	for i, r := range requests {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(r.Line)
	}
	return b.String()
}

// answer is an S3 error answer.
func answer(req *http.Request, status int, code string) *http.Response {
	return answerText(req, status, code, "message of "+code)
}

func answerText(req *http.Request, status int, code, message string) *http.Response {
	body := `<?xml version="1.0" encoding="UTF-8"?><Error><Code>` + code + `</Code><Message>` + message + `</Message></Error>`
	if req.Method == http.MethodHead {
		body = ""
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/xml"}}, Request: req,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// drain reads a request's body like a server that refuses it afterwards.
func drain(req *http.Request) {
	if req.Body != nil {
		io.Copy(io.Discard, req.Body)
	}
}

func bytesBody(n int) objstore.Body { return objstore.Bytes(bytes.Repeat([]byte{'x'}, n)) }

func testProbe(t *testing.T, open fresh) {
	rec := &Recorder{}
	s, _ := open(t, Config{Wrap: rec.Wrap})
	report, err := objstore.Probe(t.Context(), s, objstore.ProbeOptions{})
	if err != nil || report.Verdict != objstore.Safe || len(report.Notes) > 0 {
		t.Errorf("%s, notes %q, error %v", report.Verdict, report.Notes, err)
	}
	for _, c := range report.Checks {
		if c.Outcome != objstore.OK {
			t.Errorf("%+v", c)
		}
	}
	rec.Take()
	if err := objstore.QuickCheck(t.Context(), s); err != nil {
		t.Error(err)
	}
	if n := len(rec.Take()); n != 7 {
		t.Errorf("QuickCheck made %d requests, want 7", n)
	}
	for info, err := range s.List(t.Context(), "", "") {
		t.Errorf("left behind: %v %v", info.Key, err)
	}
}

var errLost = errors.New("connection reset by peer")
