package test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asof/asof/resolver/resolvertest"
)

// A plain web server is enough for exact timestamps: nginx and Caddy, as the
// examples set them up, answer the rows of the table that need no resolver.
func TestWebServers(t *testing.T) {
	fixture := resolvertest.Load(t)
	fixture.Rows = fixture.Exact()
	if least := 30; len(fixture.Rows) < least {
		t.Fatalf("%d rows are exact, want at least %d", len(fixture.Rows), least)
	}
	t.Run("nginx, folder", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "data")
		fill(t, fixture, folder, nil)
		fixture.Run(t, exampleNginx(t, "folder.conf", "/srv/snapshots", folder), resolvertest.Options{})
	})
	t.Run("nginx, bucket", func(t *testing.T) {
		server := minio.Server(t)
		name := server.NewBucket(t)
		public := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::%s/*"]}]}`, name)
		if err := server.Client().SetBucketPolicy(t.Context(), name, public); err != nil {
			t.Fatal(err)
		}
		fill(t, fixture, "minio://"+server.Endpoint+"/"+name, []string{"AWS_ACCESS_KEY_ID=" + server.AccessKey, "AWS_SECRET_ACCESS_KEY=" + server.SecretKey})
		fixture.Run(t, exampleNginx(t, "bucket.conf", "127.0.0.1:9000/snapshots", server.Endpoint+"/"+name, "Host 127.0.0.1:9000", "Host "+server.Endpoint), resolvertest.Options{})
	})
	t.Run("caddy, folder", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "data")
		fill(t, fixture, folder, nil)
		config, address := example(t, "caddy/Caddyfile", "/srv/snapshots", folder)
		startServer(t, address, "caddy", "run", "--config", config, "--adapter", "caddyfile")
		fixture.Run(t, "http://"+address, resolvertest.Options{})
	})
}

// example is a copy of a configuration in examples, with other addresses.
func example(t *testing.T, name string, replace ...string) (file, address string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	address = freeAddress(t)
	text := strings.NewReplacer(append(replace, "127.0.0.1:8080", address)...).Replace(string(data))
	file = filepath.Join(t.TempDir(), filepath.Base(name))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file, address
}

func exampleNginx(t *testing.T, name string, replace ...string) string {
	t.Helper()
	file, address := example(t, "nginx/"+name, replace...)
	runNginx(t, address, "include "+file+";")
	return "http://" + address
}

// runNginx runs nginx with what belongs into its http block.
func runNginx(t testing.TB, address, http string) {
	t.Helper()
	dir := t.TempDir()
	user := ""
	if os.Getuid() == 0 {
		user = "user root;"
	}
	config := fmt.Sprintf(`daemon off; %s pid %[2]s/pid; error_log stderr;
events {}
http {
	access_log off; server_tokens off;
	client_body_temp_path %[2]s/b; proxy_temp_path %[2]s/p; fastcgi_temp_path %[2]s/f; uwsgi_temp_path %[2]s/u; scgi_temp_path %[2]s/s;
	%[3]s
}
`, user, dir, http)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	startServer(t, address, "nginx", "-c", file)
}

// startServer runs a program that listens, until the test ends.
func startServer(t testing.TB, address, program string, args ...string) {
	t.Helper()
	path := "/usr/sbin/" + program // Debian's
	if _, err := os.Stat(path); err != nil {
		needsDebian(t, program)
		path = program
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait() // it was told to stop
		if t.Failed() {
			t.Logf("%s says:\n%s", program, log.String())
		}
	})
	eventually(t, program+" listens", func() bool {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
}
