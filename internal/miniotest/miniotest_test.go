package miniotest_test

import (
	"net"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/asof/asof/internal/miniotest"
)

func TestStart(t *testing.T) {
	var endpoint string
	t.Run("running", func(t *testing.T) {
		s := miniotest.Start(t)
		endpoint = s.Endpoint
		if a, b := s.NewBucket(t), s.NewBucket(t); a == b {
			t.Errorf("two buckets are both called %s", a)
		}
		bucket := s.NewBucket(t)
		if _, err := s.Client().PutObject(t.Context(), bucket, "k", strings.NewReader("x"), 1, minio.PutObjectOptions{}); err != nil {
			t.Error(err)
		}
	})
	if t.Failed() || endpoint == "" {
		return
	}
	if conn, err := net.Dial("tcp", endpoint); err == nil {
		conn.Close()
		t.Error("the server still listens after its test")
	}
}
