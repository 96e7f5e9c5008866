package test

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/asof/asof/resolver/resolvertest"
)

// unit is a systemd unit: what each key says, in order.
type unit map[string][]string

func readUnit(t *testing.T, name string) unit {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "examples", "systemd", name))
	if err != nil {
		t.Fatal(err)
	}
	u := unit{}
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && line[0] != '#' {
			u[key] = append(u[key], value)
		}
	}
	return u
}

func (u unit) one(t *testing.T, key string) string {
	t.Helper()
	if len(u[key]) != 1 {
		t.Fatalf("%s: %q, want one value", key, u[key])
	}
	return u[key][0]
}

// systemd takes the units as they are, and asof the configuration beside them.
func TestSystemdUnits(t *testing.T) {
	needsDebian(t, "systemd-analyze")
	sample, err := filepath.Abs("../examples/systemd/asof.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if out := newWorkspace(t, "").run("config", "check", "-c", sample); !strings.Contains(out, "/var/lib/asof/store") || !strings.Contains(out, "/var/log/asof/access.log") {
		t.Errorf("the sample configuration means:\n%s", out)
	}
	dir := t.TempDir()
	args := []string{"verify", "--man=no"}
	for _, pattern := range []string{"*.service", "*.socket", "*.timer"} {
		names, err := filepath.Glob(filepath.Join("..", "examples", "systemd", pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			data = []byte(strings.ReplaceAll(string(data), "/usr/bin/asof", binary))
			name = filepath.Join(dir, filepath.Base(name))
			if err := os.WriteFile(name, data, 0o644); err != nil {
				t.Fatal(err)
			}
			args = append(args, name)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "systemd-analyze", args...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// The services run as a user without rights, with the settings that the documents show:
// certificate, logs and the store's credentials are where the units say.
func TestSystemdServices(t *testing.T) {
	needsDebian(t, "setpriv", "openssl")
	server := minio.Server(t)
	store := "minio://" + server.Endpoint + "/" + server.NewBucket(t)
	fill(t, resolvertest.Load(t), store, credentials(server))

	s := newService(t)
	address, metrics := freeAddress(t), freeAddress(t)
	s.write("etc/cert.pem", 0o644, "")
	s.write("etc/key.pem", 0o640, "")
	if out, err := exec.CommandContext(t.Context(), "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
		"-subj", "/CN=localhost", "-keyout", s.path("etc/key.pem"), "-out", s.path("etc/cert.pem")).CombinedOutput(); err != nil {
		t.Fatalf("openssl: %v\n%s", err, out)
	}
	config := strings.NewReplacer(":443", address, "127.0.0.1:9090", metrics, "/etc/asof", s.path("etc"), "/var/log/asof", s.path("log")).Replace(documentedServe(t))
	if !strings.Contains(config, address) || !strings.Contains(config, metrics) {
		t.Fatalf("the documents show no listen :443 and no metrics_listen:\n%s", config)
	}
	s.write("etc/asof.yaml", 0o640, "store: "+store+"\nrepos: [{name: mine, remote: {type: dir, path: "+s.path("src")+"}}]\n"+config)
	s.write("src/file", 0o644, "content\n")
	for _, name := range []string{"etc/serve.env", "etc/publish.env"} {
		s.write(name, 0o600, strings.Join(credentials(server), "\n")+"\n") // systemd reads it as root
		if s.root {
			if err := os.Chown(s.path(name), 0, 0); err != nil {
				t.Fatal(err)
			}
		}
	}

	publish := readUnit(t, "asof-publish.service")
	if out, err := s.command(publish).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	serve := readUnit(t, "asof.service")
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path("notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notify.Close()
	if err := os.Chmod(s.path("notify"), 0o777); err != nil {
		t.Fatal(err)
	}
	cmd := s.command(serve)
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+s.path("notify"))
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v\n%s", err, log.String())
		}
	}()
	ready := make([]byte, 100)
	_ = notify.SetReadDeadline(time.Now().Add(30 * time.Second))
	if n, err := notify.Read(ready); err != nil || string(ready[:n]) != "READY=1" || serve.one(t, "Type") != "notify" {
		t.Fatalf("systemd is told %q: %v\n%s", ready[:n], err, log.String())
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	ask := func(url string) (int, string) {
		t.Helper()
		res, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
	for url, want := range map[string]string{"https://" + address + served: "second edition\n", "https://" + address + "/mine/latest/file": "content\n", "http://" + metrics + "/-/metrics": ""} {
		if status, body := ask(url); status != 200 || want != "" && body != want {
			t.Errorf("%s: %d %.100q", url, status, body)
		}
	}

	// Rotated, as ExecReload has it.
	access := s.path("log/access.log")
	if err := os.Rename(access, access+".1"); err != nil {
		t.Fatal(err)
	}
	if reload := serve.one(t, "ExecReload"); reload != "/bin/kill -HUP $MAINPID" {
		t.Errorf("ExecReload=%s", reload)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the access log is opened again", func() bool { _, err := os.Stat(access); return err == nil })
	if log, err := os.ReadFile(access + ".1"); err != nil || !strings.Contains(string(log), "path="+served) {
		t.Errorf("access log: %v %s", err, log)
	}
	if !slices.Contains(serve["AmbientCapabilities"], "CAP_NET_BIND_SERVICE") {
		t.Error("the service may not listen on port 443")
	}
}

// documentedServe is the first serve: block of serving.md.
func documentedServe(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../docs/operations/serving.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`(?m)^    serve:\n(?:    .*\n)+`).Find(data)
	return regexp.MustCompile(`(?m)^    `).ReplaceAllString(string(block), "")
}

// confined is a machine's folders below one, and the user that services run as: one
// without rights if the test has some.
type confined struct {
	*testing.T
	dir  string
	root bool
	user []string // what runs a program as that user
}

const nobody = 65534

func newService(t *testing.T) *confined {
	t.Helper()
	s := &confined{T: t, dir: t.TempDir(), root: os.Getuid() == 0}
	for _, dir := range []string{"etc", "src", "log", "lib"} {
		if err := os.MkdirAll(s.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if !s.root {
		return s
	}
	s.user = []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"}
	// As StateDirectory and LogsDirectory make them.
	for _, dir := range []string{"log", "lib"} {
		if err := os.Chown(s.path(dir), nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	// The test's own folders are for root alone.
	for _, leaf := range []string{s.dir, filepath.Dir(binary)} {
		for dir := leaf; dir != "/"; dir = filepath.Dir(dir) {
			info, err := os.Stat(dir)
			if err != nil {
				t.Fatal(err)
			}
			if mode := info.Mode().Perm(); mode&0o1 == 0 {
				if err := os.Chmod(dir, mode|0o1); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = os.Chmod(dir, mode) })
			}
		}
	}
	return s
}

func (s *confined) path(name string) string { return filepath.Join(s.dir, name) }

// write writes a file that root owns and the user's group may read as the mode says.
func (s *confined) write(name string, mode os.FileMode, content string) {
	s.Helper()
	err := os.WriteFile(s.path(name), []byte(content), mode)
	if err == nil && s.root {
		err = os.Chown(s.path(name), 0, nobody)
	}
	if err != nil {
		s.Fatal(err)
	}
}

// command is the ExecStart of a unit with its environment, in this machine's folders.
func (s *confined) command(u unit) *exec.Cmd {
	s.Helper()
	for key, want := range map[string]string{"User": "asof", "Group": "asof", "StateDirectory": "asof", "WorkingDirectory": "/var/lib/asof", "ProtectSystem": "strict"} {
		if got := u.one(s.T, key); got != want {
			s.Errorf("%s=%s, want %s", key, got, want)
		}
	}
	start := strings.NewReplacer("/usr/bin/asof", binary, "/etc/asof", s.path("etc")).Replace(u.one(s.T, "ExecStart"))
	args := append(slices.Clone(s.user), strings.Fields(start)...)
	cmd := exec.CommandContext(s.Context(), args[0], args[1:]...)
	cmd.Cancel = func() error { return nil } // it is told to end
	cmd.Dir = s.path("lib")
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + s.path("lib"), "GORACE=atexit_sleep_ms=20"}
	file := strings.TrimPrefix(u.one(s.T, "EnvironmentFile"), "-/etc/asof/")
	env, err := os.ReadFile(s.path("etc/" + file))
	if err != nil {
		s.Fatal(err)
	}
	cmd.Env = append(cmd.Env, strings.Fields(string(env))...)
	return cmd
}
