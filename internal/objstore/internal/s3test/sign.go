package s3test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/asof/asof/internal/objstore"
)

// testSign reads an object with an odd name by a signed URL, without credentials.
// The URL stops working when its time is over, or when it is changed.
func testSign(t *testing.T, fresh func(*testing.T, Config) (objstore.Store, Config)) {
	s, _ := fresh(t, Config{})
	store, err := objstore.WithPrefix(s, "a/prefix")
	if err != nil {
		t.Fatal(err)
	}
	const key = "c++ dir/é %2e?#.txt"
	if _, err := objstore.Put(t.Context(), store, key, objstore.Bytes([]byte("signed for\n")), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	signer, ok := objstore.As[objstore.Signer](store)
	if !ok {
		t.Fatal("the store does not sign")
	}
	url, err := signer.SignedURL(t.Context(), key, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		url, byteRange string
		status         int
		body           string
	}{
		{url, "", http.StatusOK, "signed for\n"},
		{url, "bytes=0-5", http.StatusPartialContent, "signed"},
		{url + "0", "", http.StatusForbidden, ""},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tt.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.byteRange != "" {
			req.Header.Set("Range", tt.byteRange)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != tt.status || tt.body != "" && string(body) != tt.body {
			t.Errorf("%s %s: %d %q, %v, want %d %q", tt.url, tt.byteRange, res.StatusCode, body, err, tt.status, tt.body)
		}
	}
	for _, ttl := range []time.Duration{0, objstore.MaxSigned + 1} {
		if _, err := signer.SignedURL(t.Context(), key, ttl); err == nil {
			t.Errorf("signed for %s", ttl)
		}
	}
	if _, err := signer.SignedURL(t.Context(), "../x", time.Minute); err == nil {
		t.Error("signed a key outside of the prefix")
	}
}
