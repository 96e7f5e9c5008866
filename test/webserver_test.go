package test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/asof/asof/resolver/resolvertest"
)

// A plain web server is enough for exact timestamps. nginx and Caddy, configured as in
// the examples, answer every row of the table that needs no index; what they can't is
// named, with the reason.
func TestWebServers(t *testing.T) {
	whole := resolvertest.Load(t)
	fixture, unfit := whole.Static()
	if most := len(whole.Rows) - len(unfit); most < 120 {
		t.Fatalf("%d rows are for a plain server, want at least 120", most)
	}
	but := func(more map[string]string) resolvertest.Options {
		skip := maps.Clone(unfit)
		maps.Copy(skip, more)
		return resolvertest.Options{Skip: skip}
	}
	folder := filepath.Join(t.TempDir(), "data")
	fill(t, fixture, folder, nil)
	t.Run("nginx, folder", func(t *testing.T) {
		url := exampleNginx(t, "folder.conf", "/srv/snapshots", folder)
		fixture.Run(t, url, but(notByNginx))
		checkPrivate(t, url)
	})
	t.Run("caddy, folder", func(t *testing.T) {
		url := exampleCaddy(t, "Caddyfile", "/srv/snapshots", folder)
		fixture.Run(t, url, but(notByCaddy))
		checkPrivate(t, url)
	})
	t.Run("nginx, bucket", func(t *testing.T) {
		server := minio.Server(t)
		name := server.NewBucket(t)
		public := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::%s/*"]}]}`, name)
		if err := server.Client().SetBucketPolicy(t.Context(), name, public); err != nil {
			t.Fatal(err)
		}
		fill(t, fixture, "minio://"+server.Endpoint+"/"+name, credentials(server))
		url := exampleNginx(t, "bucket.conf", "127.0.0.1:9000/snapshots", server.Endpoint+"/"+name, "Host 127.0.0.1:9000", "Host "+server.Endpoint)
		fixture.Run(t, url, but(notByBucket))
		checkPrivate(t, url)
	})
}

var (
	notByNginx = map[string]string{
		"directory with an odd name":        "nginx leaves a plus in a Location as it is",
		"range with HEAD is ignored":        "nginx answers it as it would GET",
		"refused: dot segments at the root": "nginx says 400",
		"refused: NUL":                      "nginx says 400",
	}
	notByCaddy = map[string]string{
		"directory with an odd name":           "Caddy can't escape a path: 404, the page has its slash",
		"directory without slash, HEAD, query": "Caddy sends no Content-Length there",
		"file of no bytes, range":              "Go's file server says 416",
	}
	notByBucket = map[string]string{
		"base without slash":                                  noFolders,
		"base without slash keeps the query":                  noFolders,
		"directory without slash":                             noFolders,
		"directory without slash, HEAD, query":                noFolders,
		"directory with an odd name":                          noFolders,
		"directory without slash below an exact id, for good": noFolders,
		"file of no bytes, range":                             "the bucket says 416",
		"range with HEAD is ignored":                          "nginx answers it as it would GET",
		"refused: dot segments at the root":                   "nginx says 400",
		"refused: NUL":                                        "nginx says 400",
	}
)

const noFolders = "a bucket knows no directories: 404, the page has its slash"

// checkPrivate checks that nothing but files and the pool can be read.
func checkPrivate(t *testing.T, url string) {
	t.Helper()
	for _, path := range []string{"/asof.json", "/.dirstore/lock", "/.dirstore/", "/.asof/", "/.asof/repos/checkpoints/full/staged.json", "/%2easof/repos/checkpoints/full/staged.json", "//.asof/repos/checkpoints/full/staged.json", "/./.dirstore/lock", "/checkpoints/%2e%2e/asof.json", "/x/../asof.json", "/.env"} {
		if a := rawGet(t, url, path, ""); a.status != 404 || strings.Contains(a.body, "private") || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %+v", path, a)
		}
	}
}

// nginx and Caddy in front of asof serve change no answer. They say who has asked, and
// keep the metrics to themselves.
func TestWebServersInFront(t *testing.T) {
	fixture := resolvertest.Load(t)
	w := newWorkspace(t, "serve: {trusted_proxies: [127.0.0.1], access_log: access.log}\n")
	fill(t, fixture, filepath.Join(w.dir, "data"), nil)
	behind := w.serve("--store", "./data")
	replace := []string{"127.0.0.1:8081", strings.TrimPrefix(behind, "http://")}
	for name, c := range map[string]struct {
		url  string
		skip map[string]string
	}{
		"nginx": {exampleNginx(t, "resolver.conf", replace...), notThroughNginx},
		"caddy": {exampleCaddy(t, "resolver.Caddyfile", replace...), notThroughCaddy},
	} {
		t.Run(name, func(t *testing.T) {
			fixture.Run(t, c.url, resolvertest.Options{Skip: c.skip})
			for _, path := range []string{"/-/metrics", "//-/metrics", "/%2d/metrics", "/-/./metrics", "/-/metrics?x", "/-/%6detrics"} {
				if a := rawGet(t, c.url, path, ""); a.status == 200 || strings.Contains(a.body, "asof_") {
					t.Errorf("%s: %+v", path, a)
				}
			}
			if a := rawGet(t, c.url, "/-/readyz?"+name, "127.0.0.2", "X-Forwarded-For: 198.51.100.1"); a.status != 200 {
				t.Errorf("%+v", a)
			}
			if a := rawGet(t, c.url, served+"?"+name, "127.0.0.3", "X-Forwarded-For: 198.51.100.1", "User-Agent: through-"+name); a.status != 200 {
				t.Errorf("%+v", a)
			}
			log, err := os.ReadFile(filepath.Join(w.dir, "access.log"))
			if line := regexp.MustCompile(`.*agent=through-` + name).Find(log); err != nil || !bytes.Contains(line, []byte("client=127.0.0.3 ")) {
				t.Errorf("%q: %v", line, err)
			}
		})
	}
}

var (
	notThroughNginx = map[string]string{
		"refused: dot segments at the root": "nginx says 400",
		"refused: NUL":                      "nginx says 400",
	}
	notThroughCaddy = map[string]string{}
)

// rawGet asks for a path as it stands, from an address of this machine (empty: any).
func rawGet(t *testing.T, url, path, from string, headers ...string) answer {
	t.Helper()
	dialer := net.Dialer{}
	if from != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	host := strings.TrimPrefix(url, "http://")
	conn, err := dialer.DialContext(t.Context(), "tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	lines := append([]string{"GET " + path + " HTTP/1.1", "Host: " + host, "Connection: close"}, headers...)
	if _, err := io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

// example copies a configuration from examples, with other addresses.
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

func exampleCaddy(t *testing.T, name string, replace ...string) string {
	t.Helper()
	file, address := example(t, "caddy/"+name, replace...)
	startServer(t, address, "caddy", "run", "--config", file, "--adapter", "caddyfile")
	return "http://" + address
}

// runNginx runs nginx with this content of its http block.
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
	path := "/usr/sbin/" + program // Debian's place
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
