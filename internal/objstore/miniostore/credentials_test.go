package miniostore_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/internal/s3core"
	"github.com/asof/asof/internal/objstore/miniostore"
)

// The key that is meant for clients comes before the root user's, that before MinIO's old
// names, and the file last.
func TestCredentialsInOrder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte("[default]\naws_access_key_id = from-file\naws_secret_access_key = secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(t.TempDir(), "none")
	for _, name := range []string{"AWS_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	first := []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"}
	for _, name := range first {
		t.Setenv(name, "from-"+name)
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	for _, tt := range []struct {
		without map[string]string // changes that stay
		want    string            // empty: not signed
	}{
		{nil, "from-AWS_ACCESS_KEY_ID"},
		{map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "from-MINIO_ROOT_USER"},
		{map[string]string{"MINIO_ROOT_USER": "", "MINIO_ROOT_PASSWORD": ""}, "from-MINIO_ACCESS_KEY"},
		{map[string]string{"MINIO_ACCESS_KEY": "", "MINIO_SECRET_KEY": ""}, "from-file"},
		{map[string]string{"AWS_SHARED_CREDENTIALS_FILE": none}, ""},
	} {
		for name, value := range tt.without {
			t.Setenv(name, value)
		}
		var rec recorder
		s, err := miniostore.New(miniostore.Options{
			Options:  s3core.Options{Bucket: "bucket", WrapTransport: func(http.RoundTripper) http.RoundTripper { return &rec }},
			Endpoint: "127.0.0.1:9000",
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Create(t.Context(), "k", objstore.Bytes([]byte("x")), objstore.Attributes{}); err != nil {
			t.Fatal(err)
		}
		signed := rec.requests[0].Header.Get("Authorization")
		if tt.want == "" && signed != "" || tt.want != "" && !strings.Contains(signed, "Credential="+tt.want+"/") {
			t.Errorf("signed as %q, want %q", signed, tt.want)
		}
	}
}
