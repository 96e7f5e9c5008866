package test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/asof/asof/resolver/resolvertest"
)

const served = "/checkpoints/full/20250318T140338Z/1.iso"

// What asof.yaml says of the service, the service does.
func TestServeAsConfigured(t *testing.T) {
	w := newWorkspace(t, fmt.Sprintf(`
serve:
  rate_limit: 0.001
  rate_burst: 5
  trusted_proxies: [127.0.0.1]
  access_log: access.log
log_format: json
repos:
  - name: thin
    path: checkpoints/thin
    auth: [{token_sha256: "%x"}]
`, sha256.Sum256([]byte("a-token"))))
	fill(t, resolvertest.Load(t), filepath.Join(w.dir, "data"), nil)
	url := w.serve("--store", "./data")
	as := func(client string) string { return "X-Forwarded-For: " + client }
	thin := url + strings.Replace(served, "full", "thin", 1)
	for i, want := range []int{401, 401, 200, 200, 200, 429} {
		auth := "Authorization: Bearer a-token"
		if i < 2 {
			auth = "Authorization: Bearer wrong"
		}
		a := get(t, thin, as("198.51.100.1"), auth)
		if a.status != want || want == 429 && a.header.Get("Retry-After") == "" || want == 200 && a.header.Get("Cache-Control") != "private, max-age=31536000, immutable" {
			t.Errorf("request %d: %d, want %d: %v", i, a.status, want, a.header)
		}
	}
	if a := get(t, url+served, as("198.51.100.2")); a.status != 200 || a.body != "second edition\n" {
		t.Errorf("another client: %+v", a)
	}
	if a := get(t, url+"/-/metrics", as("198.51.100.3")); !strings.Contains(a.body, `asof_requests_total{status="429"} 1`) {
		t.Errorf("metrics: %d\n%s", a.status, a.body)
	}
	log, err := os.ReadFile(filepath.Join(w.dir, "access.log"))
	if err != nil || bytes.Count(log, []byte("\n")) < 7 || !bytes.Contains(log, []byte(`"client":"198.51.100.1","method":"GET"`)) || bytes.Contains(log, []byte("a-token")) {
		t.Errorf("access log: %v\n%s", err, log)
	}
}

// Clients are sent to MinIO with a URL that opens one object; a folder can't do
// that, and says so.
func TestServePresigned(t *testing.T) {
	onEveryStore(t, func(t *testing.T, store string, env []string) {
		w := newWorkspace(t, "serve: {delivery: presign}\n", env...)
		if store == "./data" {
			fill(t, resolvertest.Load(t), filepath.Join(w.dir, "data"), env)
			if r := w.try("serve", "--store", store, "--listen", "127.0.0.1:0"); r.code != 2 || !strings.Contains(r.stderr, "this store signs no URLs") {
				t.Errorf("%+v", r)
			}
			return
		}
		fill(t, resolvertest.Load(t), store, env)
		a := get(t, w.serve("--store", store)+served)
		location := a.header.Get("Location")
		if a.status != http.StatusTemporaryRedirect || a.header.Get("Cache-Control") != "no-store" || !strings.Contains(location, "X-Amz-Signature=") {
			t.Fatalf("%+v", a)
		}
		if b := get(t, location); b.status != 200 || b.body != "second edition\n" {
			t.Errorf("%+v", b)
		}
	})
}

// systemd opens the socket, and asof takes it over. SIGHUP reopens the access
// log and ends nothing.
func TestServeSocketActivation(t *testing.T) {
	w := newWorkspace(t, "serve: {access_log: access.log}\n")
	fill(t, resolvertest.Load(t), filepath.Join(w.dir, "data"), nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	// The shell's process becomes asof's, so that the number is right.
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" serve --store ./data --listen 256.0.0.1:nonsense`, binary)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stderr, cmd.ExtraFiles = w.dir, w.env, &stderr, []*os.File{socket}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	defer func() {
		if !ended {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}()
	url := "http://" + l.Addr().String()
	if a := get(t, url+served); a.status != 200 { // waits in the socket's queue
		t.Errorf("%+v", a)
	}
	access := filepath.Join(w.dir, "access.log")
	if err := os.Rename(access, access+".1"); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(access); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the log was not reopened: %s", stderr.String())
		}
	}
	if a := get(t, url+served); a.status != 200 {
		t.Errorf("after SIGHUP: %+v", a)
	}
	for name, want := range map[string]int{access + ".1": 1, access: 1} {
		if log, err := os.ReadFile(name); err != nil || bytes.Count(log, []byte("status=200")) != want {
			t.Errorf("%s: %v %s", name, err, log)
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended = true
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, stderr.String())
	}
}

// A mistake in the settings is named, before anything is served.
func TestServeMistakes(t *testing.T) {
	for config, want := range map[string]string{
		"serve: {cache: much}":                         `serve.cache: "much" is no size`,
		"serve: {delivery: redirect}":                  "serve.delivery: redirect needs serve.pool_url",
		"serve: {delivery: mail}":                      `serve.delivery: "mail" is none of proxy, redirect, presign`,
		"serve: {tls_cert: a}":                         "serve.tls_cert and serve.tls_key: one of them is missing",
		"serve: {tls_cert: a, tls_key: b}":             "read certificate: open a: no such file",
		"serve: {trusted_proxies: [everybody]}":        `serve.trusted_proxies: "everybody" is neither an address nor a network`,
		"serve: {rate_limit: -1}":                      "can't be below 0",
		"serve: {presign_ttl: 200h}":                   "serve.presign_ttl: 200h0m0s is not between 0 and 168h0m0s",
		"serve: {auth: [{user: a, password: secret}]}": "serve.auth[0].password: unknown key",
		"serve: {auth: [{user: a, bcrypt: secret}]}":   "user a: the password's hash is not one of bcrypt's",
		"serve: {auth: [{token_sha256: secret}]}":      "the hash of a token is not 64 hexadecimal digits",
		"repos: [{name: a, delivery: redirect}]":       "repos[0].delivery: redirect needs serve.pool_url",
		"serve: {access_log: /none/such}":              "open access log",
		"serve: {metrics_listen: nonsense}":            "listen tcp",
	} {
		w := newWorkspace(t, "store: ./data\n"+config+"\n")
		if err := os.Mkdir(filepath.Join(w.dir, "data"), 0o755); err != nil {
			t.Fatal(err)
		}
		r := w.try("serve", "--listen", "127.0.0.1:0")
		if r.code != 2 || !strings.Contains(r.stderr, want) || strings.Contains(strings.ReplaceAll(r.stderr, "serving", ""), "secret") {
			t.Errorf("%s: %d %s", config, r.code, r.stderr)
		}
	}
}
