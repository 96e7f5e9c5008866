package test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
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

// The service follows its settings in asof.yaml.
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
	if a := get(t, url+"/-/metrics", as("198.51.100.3"), "Authorization: Bearer a-token"); !strings.Contains(a.body, `asof_requests_total{status="429"} 1`) {
		t.Errorf("metrics: %d\n%s", a.status, a.body)
	}
	log, err := os.ReadFile(filepath.Join(w.dir, "access.log"))
	if err != nil || bytes.Count(log, []byte("\n")) < 7 || !bytes.Contains(log, []byte(`"client":"198.51.100.1","user":"","method":"GET"`)) || !bytes.Contains(log, []byte(`"client":"198.51.100.1","user":"token 1f6076e3","method":"GET"`)) || bytes.Contains(log, []byte("a-token")) {
		t.Errorf("access log: %v\n%s", err, log)
	}
}

// Browsers run nothing of upstream's as the service's own while a repo is protected,
// unless the settings say so.
func TestServeActiveContent(t *testing.T) {
	const auth = "repos: [{name: thin, path: checkpoints/thin, auth: [{user: a, bcrypt: $2a$04$XnYq3i3lJ6yVfVh6GFwRkeTGqJtWcNqF2Yd3YxRKv0lVZ4cM0m0Bi}]}]\n"
	for config, want := range map[string]string{"": "", auth: "sandbox", auth + "serve: {active_content: true}\n": ""} {
		w := newWorkspace(t, config)
		fill(t, resolvertest.Load(t), filepath.Join(w.dir, "data"), nil)
		url := w.serve("--store", "./data")
		for path, want := range map[string]string{"docs/": want, "docs/style.css": "", "docs/deep/": ""} {
			if a := get(t, url+"/checkpoints/full/20250318T140338Z/"+path); a.status != 200 || a.header.Get("Content-Security-Policy") != want {
				t.Errorf("%q: %s: %d %v", config, path, a.status, a.header)
			}
		}
	}
}

// A store that is away at the start is waited for: 503 until it is there, a folder that is
// still to be mounted as well as a server.
func TestServeStoreAwayAtTheStart(t *testing.T) {
	for _, store := range []string{"./later/data", "minio://" + freeAddress(t) + "/bucket"} {
		w := newWorkspace(t, "serve: {refresh: 1s}\nlog_format: json\n", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=a-secret")
		url := w.serve("--store", store)
		for path, want := range map[string]int{"/-/healthz": 200, "/-/readyz": 503, "/": 503, served: 503} {
			if a := get(t, url+path); a.status != want || want == 503 && path != "/-/readyz" && a.header.Get("Retry-After") == "" {
				t.Errorf("%s: %s: %+v", store, path, a)
			}
		}
		if strings.HasPrefix(store, "minio:") {
			continue
		}
		fill(t, resolvertest.Load(t), filepath.Join(w.dir, store), nil)
		eventually(t, "the service is ready", func() bool { return get(t, url+"/-/readyz").status == 200 })
		if a := get(t, url+served); a.status != 200 {
			t.Errorf("%+v", a)
		}
	}
}

// With log_format json each line on standard error is one object, whatever it tells: what
// commands say, errors with their hints, also of a command line that is wrong.
func TestJSONLogs(t *testing.T) {
	w := newWorkspace(t, "store: ./data\nrepos: [{name: a, remote: {type: dir, path: src}}]\n")
	w.write("src/file", "content")
	type record struct{ Time, Level, Msg, Hint string }
	for _, c := range []struct {
		args, env string
		code      int
		want      record
	}{
		{"publish --log-format json", "", 0, record{Level: "INFO", Msg: "done in "}},
		{"publish --log-format=json --log-level debug", "", 0, record{Level: "INFO", Msg: "done in "}},
		{"prune a --keep-last 1", "json", 0, record{Level: "INFO", Msg: "nothing to prune"}},
		{"nonsense --log-format json", "", 2, record{Level: "ERROR", Msg: `unknown command "nonsense"`, Hint: "asof --help lists the commands"}},
		{"list --nonsense --log-format json", "", 2, record{Level: "ERROR", Msg: "unknown flag: --nonsense", Hint: "asof list --help lists the flags"}},
		{"list --nonsense", "json", 2, record{Level: "ERROR", Msg: "unknown flag: --nonsense", Hint: "asof list --help lists the flags"}},
		{"list b", "json", 4, record{Level: "ERROR", Msg: "", Hint: ""}},
		{"list --store nowhere://", "json", 2, record{Level: "ERROR", Msg: "--store: unknown scheme ", Hint: "asof init explains the forms of a store's URL"}},
		{"serve --listen 256.0.0.1:1 --log-format json", "", 2, record{Level: "ERROR", Msg: "listen tcp", Hint: "choose another address with --listen"}},
		{"list -c none.yaml --log-format json", "", 2, record{Level: "ERROR", Msg: "read none.yaml: ", Hint: "the configuration is looked for at " + filepath.Join(w.dir, "none.yaml") + "; asof init writes one to start from"}},
	} {
		w.env = append(w.env, "ASOF_LOG_FORMAT="+c.env)
		r := w.try(strings.Fields(c.args)...)
		found := false
		for line := range strings.Lines(r.stderr) {
			var got record
			if err := json.Unmarshal([]byte(line), &got); err != nil || got.Time == "" || got.Msg == "" {
				t.Errorf("%s: %q: %v", c.args, line, err)
			}
			found = found || got.Level == c.want.Level && strings.HasPrefix(got.Msg, c.want.Msg) && (got.Hint == c.want.Hint || c.want.Hint == "")
		}
		if r.code != c.code || !found {
			t.Errorf("%s: exit code %d, want %d and %+v:\n%s", c.args, r.code, c.code, c.want, r.stderr)
		}
	}
	w.env = append(w.env, "ASOF_LOG_FORMAT=")
	w.write("asof.yaml", "log_format: json\n")
	if r := w.try("list", "--nonsense"); r.code != 2 || !strings.HasPrefix(r.stderr, `{"time":`) || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("as the file says: %d %s", r.code, r.stderr)
	}
}

// The service sends clients to MinIO with a URL for one object. A folder can't do
// that, and the command says so.
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

// systemd opens the socket, and asof takes it over. SIGHUP reopens the access log
// without a restart.
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
	// The shell's process becomes asof's, so the pid is right.
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" serve --store ./data --listen 256.0.0.1:1`, binary)
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
	if a := get(t, url+served); a.status != 200 { // it waits in the socket's queue
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

// A mistake in the settings is reported before anything is served.
func TestServeMistakes(t *testing.T) {
	for config, want := range map[string]string{
		"serve: {cache: much}":                         `serve.cache: is "much", no size; allowed: 0, 1KiB to 1TiB`,
		"serve: {delivery: redirect}":                  "serve.delivery: redirect needs serve.pool_url",
		"serve: {delivery: mail}":                      `serve.delivery: is "mail"; allowed: proxy, redirect, presign`,
		"serve: {tls_cert: a}":                         "serve.tls_key: missing; serve.tls_cert is set",
		"serve: {tls_cert: a, tls_key: b}":             "serve.tls_cert: open a: no such file",
		"serve: {trusted_proxies: [everybody]}":        `serve.trusted_proxies[0]: is "everybody", neither an address nor a network`,
		"serve: {rate_limit: -1}":                      "serve.rate_limit: is -1; allowed: 0, 0.001 to 1000000",
		"serve: {presign_ttl: 200h}":                   "serve.presign_ttl: is 200h; allowed: 1s to 168h",
		"serve: {auth: [{user: a, password: secret}]}": "serve.auth[0].password: unknown key",
		"serve: {auth: [{user: a, bcrypt: secret}]}":   "user a: the password's hash is not one of bcrypt's",
		"serve: {auth: [{token_sha256: secret}]}":      "the hash of a token is not 64 hexadecimal digits",
		"repos: [{name: a, delivery: redirect}]":       "repos[0].delivery: redirect needs serve.pool_url",
		"serve: {access_log: /none/such/log}":          "serve.access_log: stat /none: no such file or directory",
		"serve: {access_log: /none/log}":               "open access log: open /none/log: no such file or directory",
		"serve: {metrics_listen: nonsense}":            `serve.metrics_listen: is "nonsense", without a port`,
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

// An address that somebody else has is said at once, with what to do.
func TestTakenAddress(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	taken := strings.TrimPrefix(other.URL, "http://")
	w := newWorkspace(t, "store: ./data\n")
	w.write("data/some", "")
	for _, command := range []string{"serve", "demo"} {
		r := w.try(command, "--listen", taken)
		if r.code != 2 || !strings.HasPrefix(r.stderr, "error: listen tcp "+taken+": bind: address already in use\nhint: choose another address with --listen\n") {
			t.Errorf("%s: exit code %d, %s", command, r.code, r.stderr)
		}
	}
}
