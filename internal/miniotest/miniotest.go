// Package miniotest starts a real MinIO server for tests, on free loopback ports
// and with its data in a temporary folder. The server and its data go away with
// the test process.
//
// ASOF_TEST_MINIO names the server's binary; the default is the one that "make
// minio" built into the user's cache folder. Without a binary, tests are skipped;
// in CI (the variable CI is set) they fail. With -short they are always skipped.
package miniotest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Version is the version of MinIO that the tests are written for.
const Version = "v0.0.0-20260212201848-7aac2a2c5b7c"

const (
	startTries   = 3 // another process may take a port that was free just now
	readyTimeout = time.Minute
	stopTimeout  = 10 * time.Second
)

// Server is a running MinIO.
type Server struct {
	Endpoint  string // host:port
	AccessKey string
	SecretKey string

	client *minio.Client
	dir    string
	log    bytes.Buffer // complete once done is closed
	cmd    *exec.Cmd
	done   chan struct{}
	alive  io.Closer // closed when this process ends, if not before
}

// Start starts a server that stops when the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := start(Binary(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	return s
}

// Shared is one server for all tests of a package. The first test that needs it
// starts it:
//
//	var shared miniotest.Shared
//
//	func TestMain(m *testing.M) { os.Exit(shared.Run(m)) }
type Shared struct {
	once   sync.Once
	server *Server
	err    error
}

// Run runs the tests and stops the server. It returns the exit code.
func (s *Shared) Run(m *testing.M) int {
	code := m.Run()
	if s.server != nil {
		s.server.stop()
	}
	return code
}

// Server returns the running server. Without a binary it skips the test.
func (s *Shared) Server(t testing.TB) *Server {
	t.Helper()
	path := Binary(t)
	s.once.Do(func() { s.server, s.err = start(path) })
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.server
}

// NewBucket makes an empty bucket and returns its name.
func (s *Server) NewBucket(t testing.TB) string {
	t.Helper()
	return s.newBucket(t, minio.MakeBucketOptions{})
}

// NewLockedBucket makes an empty bucket with Object Lock, and so with versions,
// and returns its name.
func (s *Server) NewLockedBucket(t testing.TB) string {
	t.Helper()
	return s.newBucket(t, minio.MakeBucketOptions{ObjectLocking: true})
}

func (s *Server) newBucket(t testing.TB, opts minio.MakeBucketOptions) string {
	t.Helper()
	name := "test-" + strings.ToLower(rand.Text())
	if err := s.client.MakeBucket(t.Context(), name, opts); err != nil {
		t.Fatal(err)
	}
	return name
}

// Client returns a client of the server. With it, a test can look and prepare
// things without the code under test.
func (s *Server) Client() *minio.Client { return s.client }

// Setenv puts the server's credentials into the environment for the drivers, and
// hides the machine's own.
func (s *Server) Setenv(t testing.TB) {
	t.Helper()
	for name, value := range map[string]string{
		"MINIO_ROOT_USER": "", "MINIO_ROOT_PASSWORD": "", "MINIO_ACCESS_KEY": "", "MINIO_SECRET_KEY": "",
		"AWS_ACCESS_KEY_ID": s.AccessKey, "AWS_SECRET_ACCESS_KEY": s.SecretKey, "AWS_SESSION_TOKEN": "",
		"AWS_REGION": "us-east-1", "AWS_PROFILE": "", "AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_S3": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
}

// Binary returns the path of a MinIO server. Without one it skips the test with a
// message; in CI the test fails.
func Binary(t testing.TB) string {
	t.Helper()
	return find(t, "a MinIO server", "ASOF_TEST_MINIO", "minio-"+Version)
}

// find returns the path of a program: named by the environment, or built by "make
// minio".
func find(t testing.TB, what, env, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs " + what)
	}
	if path := os.Getenv(env); path != "" {
		return path
	}
	cache, err := os.UserCacheDir()
	if err == nil {
		path := filepath.Join(cache, "asof", name)
		if _, err = os.Stat(path); err == nil {
			return path
		}
	}
	text := "this test needs " + what + ": run \"make minio\", or name one in " + env
	if os.Getenv("CI") != "" {
		t.Fatalf("%s (%v)", text, err)
	}
	t.Skip(text)
	return ""
}

func start(path string) (*Server, error) {
	var err error
	for range startTries {
		var s *Server
		if s, err = try(path); err == nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("start minio: %w", err)
}

func try(path string) (s *Server, err error) {
	s = &Server{AccessKey: strings.ToLower(rand.Text()), SecretKey: rand.Text(), done: make(chan struct{})}
	var console string
	if s.Endpoint, err = freePort(); err == nil {
		console, err = freePort()
	}
	if err == nil {
		s.dir, err = os.MkdirTemp("", "asof-minio-")
	}
	if err == nil {
		s.alive, err = removeAfterDeath(s.dir)
	}
	if err != nil {
		return nil, err
	}
	s.cmd = exec.Command(path, "server", "--quiet", "--address", s.Endpoint, "--console-address", console, filepath.Join(s.dir, "data"))
	s.cmd.Env = append(os.Environ(), "MINIO_ROOT_USER="+s.AccessKey, "MINIO_ROOT_PASSWORD="+s.SecretKey,
		"MINIO_BROWSER=off", "MINIO_UPDATE=off", "MINIO_CI_CD=on", "HOME="+s.dir, "GOMAXPROCS="+fmt.Sprint(runtime.NumCPU()))
	s.cmd.Dir = s.dir
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	s.cmd.SysProcAttr = dieWithParent()

	started := make(chan error)
	go func() {
		// The kernel sends the signal when the thread that started the child
		// ends. So that thread must live as long as the child.
		runtime.LockOSThread()
		err := s.cmd.Start()
		started <- err
		if err == nil {
			s.cmd.Wait()
		}
		close(s.done)
	}()
	if err := <-started; err != nil {
		s.remove()
		return nil, err
	}
	if err := s.ready(); err != nil {
		s.stop()
		return nil, fmt.Errorf("%w\n%s", err, s.log.Bytes())
	}
	s.client, err = minio.New(s.Endpoint, &minio.Options{Creds: credentials.NewStaticV4(s.AccessKey, s.SecretKey, ""), Region: "us-east-1"})
	return s, err
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// ready waits until the server answers requests.
func (s *Server) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Endpoint+"/minio/health/ready", nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-s.done:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return errors.New("it is not ready after " + readyTimeout.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the server and removes its data.
func (s *Server) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(stopTimeout):
		s.cmd.Process.Kill()
		<-s.done
	}
	s.remove()
}

func (s *Server) remove() {
	os.RemoveAll(s.dir)
	s.alive.Close()
}

// removeAfterDeath removes a folder even if the test process is killed or panics.
// A shell does it, when its input ends.
func removeAfterDeath(dir string) (alive io.Closer, err error) {
	cmd := exec.Command("sh", "-c", `trap "" HUP INT TERM; read _; sleep 1; rm -rf -- "$0"`, dir)
	alive, err = cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("watch over %s: %w", dir, err)
	}
	go cmd.Wait()
	return alive, nil
}
