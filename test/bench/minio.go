package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/asof/asof/internal/miniotest"
)

// minioServer is the store that all tools write to.
type minioServer struct {
	endpoint  string // host:port
	accessKey string
	secretKey string
	client    *minio.Client
	process   *process
	keeps     bool // its files are on a disk
}

// defaultMinIO is where "make minio" puts the server.
func defaultMinIO() string {
	if path := os.Getenv("ASOF_TEST_MINIO"); path != "" {
		return path
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "minio"
	}
	return filepath.Join(cache, "asof", "minio-"+miniotest.Version)
}

func startMinIO(ctx context.Context, binary, dir string) (*minioServer, error) {
	s := &minioServer{accessKey: strings.ToLower(rand.Text()), secretKey: rand.Text(), keeps: !inMemory(dir)}
	var console string
	var err error
	if s.endpoint, err = freePort(); err == nil {
		console, err = freePort()
	}
	if err == nil {
		s.process, err = program{
			dir: dir,
			env: []string{
				"MINIO_ROOT_USER=" + s.accessKey, "MINIO_ROOT_PASSWORD=" + s.secretKey, "MINIO_BROWSER=off",
				"MINIO_UPDATE=off", "MINIO_CI_CD=on", "MINIO_SCANNER_SPEED=slowest", fmt.Sprintf("GOMAXPROCS=%d", runtime.NumCPU()),
			},
			args: []string{binary, "server", "--quiet", "--address", s.endpoint, "--console-address", console, filepath.Join(dir, "data")},
		}.start(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("start MinIO: %w (make minio builds it)", err)
	}
	err = answers(ctx, s.process, "http://"+s.endpoint+"/minio/health/ready", http.StatusOK, time.Minute)
	if err == nil {
		s.client, err = minio.New(s.endpoint, &minio.Options{Creds: credentials.NewStaticV4(s.accessKey, s.secretKey, ""), Region: "us-east-1"})
	}
	if err != nil {
		s.process.stop()
		return nil, fmt.Errorf("start MinIO: %w", err)
	}
	return s, nil
}

// bucket makes a fresh bucket. drop removes it and all its content, so that the
// next run finds the same server. On a disk, small files stay until the end
// instead: after many removals, ext4 takes two or three times as long to create
// files, which would slow the next run, whichever tool's it is.
func (s *minioServer) bucket(ctx context.Context) (name string, drop func(), err error) {
	name = "bench-" + strings.ToLower(rand.Text())
	if err := s.client.MakeBucket(ctx, name, minio.MakeBucketOptions{}); err != nil {
		return "", nil, err
	}
	return name, func() {
		if !s.keeps {
			s.remove(ctx, name)
		}
	}, nil
}

// remove removes a bucket and all its content.
func (s *minioServer) remove(ctx context.Context, bucket string) {
	_ = s.client.RemoveBucketWithOptions(ctx, bucket, minio.RemoveBucketOptions{ForceDelete: true})
	time.Sleep(time.Second) // the server deletes the files after its answer
}

// asofEnv gives asof the credentials.
func (s *minioServer) asofEnv() []string {
	return []string{"MINIO_ROOT_USER=" + s.accessKey, "MINIO_ROOT_PASSWORD=" + s.secretKey}
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// direct asks once and follows no redirect.
var direct = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// answers waits until a server gives the expected answer.
func answers(ctx context.Context, p *process, url string, status int, patience time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("no right answer after "+patience.String()))
	defer cancel()
	for {
		got, err := statusOf(ctx, url)
		if err == nil && got == status {
			return nil
		}
		if err == nil && got != http.StatusServiceUnavailable {
			return fmt.Errorf("%s is answered with %d, not %d", url, got, status)
		}
		select {
		case <-p.done:
			return p.complaint()
		case <-ctx.Done():
			return fmt.Errorf("%w (%s: %d, %v)", context.Cause(ctx), url, got, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func statusOf(ctx context.Context, url string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	res, err := direct.Do(req)
	if err != nil {
		return 0, err
	}
	res.Body.Close()
	return res.StatusCode, nil
}
