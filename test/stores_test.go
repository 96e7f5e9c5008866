package test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/asof/asof/internal/miniotest"
)

// onEveryStore runs a test on a folder and on a real MinIO, through both S3
// drivers. The test gets the store's URL and the environment it needs.
func onEveryStore(t *testing.T, test func(t *testing.T, store string, env []string)) {
	t.Run("dir", func(t *testing.T) { test(t, "./data", nil) })
	t.Run("minio", func(t *testing.T) {
		server := minio.Server(t)
		test(t, "minio://"+server.Endpoint+"/"+server.NewBucket(t)+"/a/prefix", credentials(server))
	})
	t.Run("s3", func(t *testing.T) {
		server := minio.Server(t)
		url := "s3://" + server.NewBucket(t) + "?endpoint=http://" + server.Endpoint + "&path_style=true&region=us-east-1"
		test(t, url, credentials(server))
	})
}

func credentials(s *miniotest.Server) []string {
	return []string{"AWS_ACCESS_KEY_ID=" + s.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s.SecretKey}
}

// serve starts `asof serve` and returns its URL. At the end of the test it must
// stop when asked, with exit code 0.
func (w *workspace) serve(args ...string) string {
	w.Helper()
	cmd := w.command(context.WithoutCancel(w.Context()), append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		w.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	lines := bufio.NewReader(stderr)
	first, err := lines.ReadString('\n')
	var url string
	if m := regexp.MustCompile(` on (http://[0-9.:]+)/(?:"})?\n$`).FindStringSubmatch(first); m != nil {
		url = m[1]
	}
	if err != nil || url == "" {
		_ = cmd.Process.Kill()
		rest, _ := io.ReadAll(lines)
		w.Fatalf("asof serve said %q %s", first, rest)
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(os.Stderr, lines)
	}()
	w.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-drained
		if err := cmd.Wait(); err != nil {
			w.Errorf("asof serve: %v", err)
		}
	})
	return url
}

// answer is an HTTP answer, fully read.
type answer struct {
	status int
	header http.Header
	body   string
}

// get makes a request without following redirects.
func get(t testing.TB, url string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}
