package storeurl_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/storeurl"
)

// wire answers every request with 403 and notes where it went.
type wire struct{ urls []string }

func (w *wire) wrap(http.RoundTripper) http.RoundTripper { return w }

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	w.urls = append(w.urls, req.URL.String())
	return &http.Response{StatusCode: 403, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
}

func hideMachine(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_PROFILE": "", "AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_S3": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "s3cr3t",
	} {
		t.Setenv(name, value)
	}
}

func TestOpenRemote(t *testing.T) {
	hideMachine(t)
	for _, tt := range []struct{ url, want string }{
		{"s3://bucket?region=eu-west-1", "https://bucket.s3.eu-west-1.amazonaws.com/k"},
		{"s3://bucket/snapshots?region=eu-west-1", "https://bucket.s3.eu-west-1.amazonaws.com/snapshots/k"},
		{"s3://bucket/a/b/?region=eu-west-1&path_style=true", "https://s3.eu-west-1.amazonaws.com/bucket/a/b/k"},
		{"s3://bucket/a?endpoint=http://127.0.0.1:9000&path_style=true", "http://127.0.0.1:9000/bucket/a/k"},
		{"s3://bucket?endpoint=https%3A%2F%2Fs3.example.org", "https://bucket.s3.example.org/k"},
		{"minio://127.0.0.1:9000/bucket", "http://127.0.0.1:9000/bucket/k"},
		{"minio://localhost:9000/bucket/a/b/", "http://localhost:9000/bucket/a/b/k"},
		{"minio://[::1]:9000/bucket", "http://[::1]:9000/bucket/k"},
		{"minio://localhost/bucket?tls=true", "https://localhost/bucket/k"},
		{"minio://store.example.org/bucket/a%20b", "https://store.example.org/bucket/a%20b/k"},
		{"minio://store.example.org:9000/bucket?tls=false&region=here", "http://store.example.org:9000/bucket/k"},
	} {
		w := &wire{}
		s, err := storeurl.Open(t.Context(), tt.url, storeurl.Options{WrapTransport: w.wrap})
		if err != nil {
			t.Errorf("%s: %v", tt.url, err)
			continue
		}
		if len(w.urls) != 0 {
			t.Errorf("%s: opening it asked for %q", tt.url, w.urls)
		}
		if err := s.Delete(t.Context(), "k"); !errors.Is(err, objstore.ErrDenied) {
			t.Errorf("%s: %v", tt.url, err)
		}
		if len(w.urls) != 1 || strings.TrimSuffix(w.urls[0], "?x-id=DeleteObject") != tt.want {
			t.Errorf("%s: asked for %q, want %q", tt.url, w.urls, tt.want)
		}
	}
}

func TestOpenFolder(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, u := range []string{"./one", "two", "thr ee/x?y#z", filepath.Join(dir, "four"), "file://" + dir + "/fi%20ve", "file://localhost" + dir + "/six"} {
		if _, err := storeurl.Open(t.Context(), u, storeurl.Options{}); !errors.Is(err, objstore.ErrNoStore) {
			t.Errorf("%s is missing: %v, want ErrNoStore", u, err)
		}
		if _, err := storeurl.Open(t.Context(), u, storeurl.Options{Create: true}); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
	for _, name := range []string{"one", "two", "thr ee/x?y#z", "four", "fi ve", "six"} {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
	if _, err := storeurl.Open(t.Context(), "mem://", storeurl.Options{}); err != nil {
		t.Error(err)
	}
}

// Only a store with Object Lock takes a retention, and only a valid one.
func TestRetention(t *testing.T) {
	hideMachine(t)
	good := objstore.Retention{Mode: objstore.Compliance, For: 24 * time.Hour}
	for _, u := range []string{"data", "file://" + t.TempDir(), "mem://"} {
		_, err := storeurl.Open(t.Context(), u, storeurl.Options{Retention: good})
		if !errors.Is(err, objstore.ErrNoLock) || !strings.Contains(err.Error(), "retention") {
			t.Errorf("%s: %v, want ErrNoLock", u, err)
		}
	}
	for _, u := range []string{"s3://bucket?region=x", "minio://host/bucket"} {
		if _, err := storeurl.Open(t.Context(), u, storeurl.Options{Retention: good}); err != nil {
			t.Errorf("%s: %v", u, err)
		}
		for _, bad := range []objstore.Retention{{Mode: "forever", For: 1}, {For: 1}, {Mode: objstore.Governance}, {Mode: objstore.Governance, For: -1}, {Mode: objstore.Governance, For: 36501 * 24 * time.Hour}} {
			if _, err := storeurl.Open(t.Context(), u, storeurl.Options{Retention: bad}); err == nil || !strings.HasPrefix(err.Error(), "retention: ") {
				t.Errorf("%s: %+v: %v", u, bad, err)
			}
		}
	}
}

func TestOpenErrors(t *testing.T) {
	hideMachine(t)
	for url, want := range map[string]string{
		"":                                           "minio://",
		"gs://bucket":                                "want a folder, file://, s3://, minio:// or mem://",
		"s3://":                                      "no bucket",
		"s3://bucket":                                "no region",
		"s3://bucket?regoin=x":                       "region, endpoint, path_style",
		"s3://bucket?path_style=ok":                  "true or false",
		"s3://bucket?region=a&region=b":              "2 times",
		"s3://bucket/a/../b?region=x":                "prefix",
		"s3://bucket/a#b?region=x":                   "%23",
		"s3://bucket?endpoint=host":                  "https://host:port",
		"minio://host:9000":                          "needs a host and a bucket",
		"minio://host:9000/":                         "needs a host and a bucket",
		"minio:///bucket":                            "needs a host and a bucket",
		"minio://host/bucket?ssl=on":                 "tls, region",
		"file://srv/x":                               "three slashes",
		"file://":                                    "no folder",
		"file:///srv/x?region=y":                     "takes none",
		"mem://x":                                    "nothing behind it",
		"s3://AKIAX:s3cr3t@bucket/p":                 "credentials",
		"minio://user:s3cr3t@host/b":                 "credentials",
		"minio://u:s3cr3t%zz@host/b":                 "credentials",
		"minio://s3cr3t@host/b":                      "credentials",
		"s3://bucket?secret=s3cr3t":                  "credentials",
		"s3://bucket?secret_access_key=s3cr3t":       "credentials",
		"minio://host/b?password=s3cr3t":             "credentials",
		"minio://host/b?aws_session_token=s3cr3t":    "credentials",
		"s3://bucket?endpoint=https://u:s3cr3t@host": "credentials",
		"s3://bucket?region=x&other=s3cr3t":          "unknown parameter",
		"s3://bucket?secret=s3cr3t%zz":               "malformed",
		"minio://host:s3cr3t/bucket":                 "port",
	} {
		s, err := storeurl.Open(t.Context(), url, storeurl.Options{})
		if err == nil {
			t.Errorf("%s opened as %T", url, s)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %q does not say %q", url, err, want)
		}
		if strings.Contains(err.Error(), "s3cr3t") && !strings.Contains(url, "host:s3cr3t") {
			t.Errorf("%s: error %q repeats the secret", url, err)
		}
	}
}
