package s3store_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/internal/s3core"
	"github.com/asof/asof/internal/objstore/s3store"
)

// aws is a fake Amazon S3: it answers every request with success.
type aws struct{ requests []*http.Request }

func (a *aws) RoundTrip(req *http.Request) (*http.Response, error) {
	a.requests = append(a.requests, req)
	if req.Body != nil {
		io.Copy(io.Discard, req.Body)
	}
	body := ""
	if req.Header.Get("X-Amz-Copy-Source") != "" {
		body = "<CopyObjectResult><ETag>\"x\"</ETag></CopyObjectResult>"
	}
	return &http.Response{
		StatusCode: 200, Header: http.Header{"Etag": {`"etag"`}}, Request: req,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

func openAWS(t *testing.T, opts s3store.Options) (objstore.Store, *aws) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_PROFILE": "", "AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_S3": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
	} {
		t.Setenv(name, value)
	}
	a := &aws{}
	opts.WrapTransport = func(http.RoundTripper) http.RoundTripper { return a }
	s, err := s3store.New(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return s, a
}

// TestAWS: what is sent to Amazon itself, over TLS.
func TestAWS(t *testing.T) {
	s, a := openAWS(t, s3store.Options{Options: s3core.Options{Bucket: "bucket"}, Region: "eu-west-1"})
	body := objstore.Bytes([]byte(strings.Repeat("x", 300<<10)))
	if err := s.Create(t.Context(), "dir/k +", body, objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Copy(t.Context(), "dir/k +", "dst", objstore.Attributes{ContentType: "text/plain"}, false); err != nil {
		t.Fatal(err)
	}
	if len(a.requests) != 2 {
		t.Fatalf("made %d requests, want 2", len(a.requests))
	}
	put, copied := a.requests[0], a.requests[1]
	digest, err := hex.DecodeString(body.Hex())
	if err != nil {
		t.Fatal(err)
	}
	if put.URL.Scheme != "https" || put.URL.Host != "bucket.s3.eu-west-1.amazonaws.com" || put.ContentLength != body.Size {
		t.Errorf("PUT to %s of %d bytes", put.URL, put.ContentLength)
	}
	for req, want := range map[*http.Request]map[string]string{
		put: {
			"If-None-Match": "*", "Expect": "100-continue", "X-Amz-Content-Sha256": body.Hex(),
			"X-Amz-Checksum-Sha256": base64.StdEncoding.EncodeToString(digest), "X-Amz-Trailer": "", "Content-Encoding": "",
		},
		copied: {
			"If-None-Match": "*", "X-Amz-Copy-Source": "bucket/dir/k%20%2B", "X-Amz-Metadata-Directive": "REPLACE", "Content-Type": "text/plain",
		},
	} {
		for name, value := range want {
			if got := req.Header.Get(name); got != value {
				t.Errorf("%s %s: %s is %q, want %q", req.Method, req.URL.Path, name, got, value)
			}
		}
	}
}

// TestAWSRetention: for a body that is to be retained, Amazon wants a digest in
// another header.
func TestAWSRetention(t *testing.T) {
	now := time.Date(2025, 3, 18, 14, 3, 38, 5, time.UTC)
	s, a := openAWS(t, s3store.Options{
		Options: s3core.Options{
			Bucket: "bucket", Now: func() time.Time { return now },
			Retention: objstore.Retention{Mode: objstore.Compliance, For: 48 * time.Hour},
		},
		Region: "eu-west-1",
	})
	body := objstore.Bytes([]byte("hello"))
	if err := s.Create(t.Context(), "k", body, objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Copy(t.Context(), "k", "dst", objstore.Attributes{}, false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Swap(t.Context(), "register", "", []byte("x"), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	for i, req := range a.requests {
		mode, until := "COMPLIANCE", "2025-03-20T14:03:38Z"
		if i == 2 {
			mode, until = "", ""
		}
		if m, u := req.Header.Get("X-Amz-Object-Lock-Mode"), req.Header.Get("X-Amz-Object-Lock-Retain-Until-Date"); m != mode || u != until {
			t.Errorf("%s %s: mode %q until %q, want %q until %q", req.Method, req.URL.Path, m, u, mode, until)
		}
	}
	if a.requests[0].Header.Get("X-Amz-Checksum-Sha256") == "" {
		t.Error("the body has no digest in a header")
	}
}

var b = s3core.Options{Bucket: "b"}

func TestNew(t *testing.T) {
	openAWS(t, s3store.Options{Options: b, Endpoint: "http://127.0.0.1:1"}) // needs no region
	for _, opts := range []s3store.Options{{Region: "eu-west-1"}, {Options: b}} {
		if _, err := s3store.New(t.Context(), opts); err == nil {
			t.Errorf("%+v opens", opts)
		}
	}
}

func TestNoCredentials(t *testing.T) {
	_, a := openAWS(t, s3store.Options{Options: b, Region: "eu-west-1"})
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	s, err := s3store.New(t.Context(), s3store.Options{
		Options: s3core.Options{Bucket: "b", WrapTransport: func(http.RoundTripper) http.RoundTripper { return a }},
		Region:  "eu-west-1",
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Stat(t.Context(), "k")
	if !errors.Is(err, objstore.ErrDenied) || !strings.Contains(err.Error(), "no aws credentials") || len(a.requests) != 0 {
		t.Errorf("%v after %d requests", err, len(a.requests))
	}
}
