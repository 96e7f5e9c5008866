package miniostore_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/internal/s3core"
	"github.com/asof/asof/internal/objstore/miniostore"
)

type recorder struct{ requests []*http.Request }

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.requests = append(r.requests, req)
	io.Copy(io.Discard, req.Body)
	return &http.Response{StatusCode: 200, Header: http.Header{"Etag": {`"etag"`}}, Request: req, Body: http.NoBody}, nil
}

// TestTLS: the body's hash is signed over TLS, too, and nothing is added to the
// body.
func TestTLS(t *testing.T) {
	t.Setenv("MINIO_ROOT_USER", "user")
	t.Setenv("MINIO_ROOT_PASSWORD", "password")
	var rec recorder
	s, err := miniostore.New(miniostore.Options{
		Options: s3core.Options{
			Bucket: "bucket", WrapTransport: func(http.RoundTripper) http.RoundTripper { return &rec },
		},
		Endpoint: "store.example.org", TLS: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	body := objstore.Bytes([]byte("hello"))
	if err := s.Create(t.Context(), "k", body, objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	req := rec.requests[0]
	if len(rec.requests) != 1 || req.URL.String() != "https://store.example.org/bucket/k" || req.ContentLength != body.Size {
		t.Errorf("%d requests, the first a %s of %s with %d bytes", len(rec.requests), req.Method, req.URL, req.ContentLength)
	}
	if got := req.Header.Get("X-Amz-Content-Sha256"); got != body.Hex() {
		t.Errorf("the signed hash is %q", got)
	}
}
