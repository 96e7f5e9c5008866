package file_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/retry"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/file"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// environment has no proxies, and its pauses take no time.
func environment(clock *remotetest.Clock) fetch.Env {
	return fetch.Env{LookupEnv: func(string) (string, bool) { return "", false }, Gates: clock.Gates(nil)}
}

func newRemote(t *testing.T, url string, env fetch.Env) remote.Remote {
	t.Helper()
	r, err := file.New(file.Options{URL: url}, env)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func capture(t *testing.T, url string) remote.Capture {
	t.Helper()
	c, err := newRemote(t, url, environment(&remotetest.Clock{})).Capture(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func text(files []remote.File) string {
	var b strings.Builder
	for _, f := range files {
		when := "-"
		if !f.Modified.IsZero() {
			when = f.Modified.Format(time.RFC3339)
		}
		fmt.Fprintf(&b, "%s %d %.4s %s %d\n", f.Path, f.Size, f.SHA256, when, f.Phase)
	}
	return b.String()
}

func readAll(t *testing.T, c remote.Capture, f remote.File) (string, time.Time, error) {
	t.Helper()
	content, err := c.Open(t.Context(), f)
	if err != nil {
		return "", time.Time{}, err
	}
	defer content.Body.Close()
	data, err := io.ReadAll(content.Body)
	return string(data), content.Modified, err
}

func TestCapture(t *testing.T) {
	up := remotetest.New(t)
	files := map[string]string{"b c.iso": "bee", "a/x#1?.iso": "ex", "c++,d": "", "Z": "zed"}
	for path, content := range files {
		up.Set(path, content)
	}
	c := capture(t, up.URL()+"?token=secret")
	files["PULP_MANIFEST"] = up.Manifest()
	want := `PULP_MANIFEST 295 MMMM 2025-03-18T14:03:40Z 3
Z 3 ae8f - 0
a/x#1?.iso 2 5312 - 0
b c.iso 3 62cb - 0
c++,d 0 e3b0 - 0
`
	root := manifest.Sum([]byte(up.Manifest())).String()
	if got := strings.Replace(text(c.Files()), root[:4], "MMMM", 1); got != want {
		t.Errorf("got\n%s", got)
	}
	up.SetManifest("another\n") // the captured one stays
	for _, f := range c.Files() {
		body, modified, err := readAll(t, c, f)
		if err != nil || body != files[f.Path] || !modified.Equal(remotetest.Modified()) {
			t.Errorf("%s: %q, %v, %v", f.Path, body, modified, err)
		}
		if manifest.Sum([]byte(body)) != f.SHA256 || int64(len(body)) != f.Size {
			t.Errorf("%s: another digest or size", f.Path)
		}
		if modified, err := c.Modified(t.Context(), f); err != nil || !modified.Equal(remotetest.Modified()) {
			t.Errorf("%s: %v, %v", f.Path, modified, err)
		}
	}
	wantLog := []string{
		"GET /PULP_MANIFEST?token=secret",
		"GET /Z", "HEAD /Z",
		"GET /a/x%231%3F.iso", "HEAD /a/x%231%3F.iso",
		"GET /b%20c.iso", "HEAD /b%20c.iso",
		"GET /c%2B%2B%2Cd", "HEAD /c%2B%2B%2Cd",
	}
	if got := up.Requests(); fmt.Sprint(got) != fmt.Sprint(wantLog) {
		t.Errorf("requests\n got %q\nwant %q", got, wantLog)
	}
}

func TestCaptureEmpty(t *testing.T) {
	c := capture(t, remotetest.New(t).URL())
	if got, want := text(c.Files()), "PULP_MANIFEST 0 e3b0 2025-03-18T14:03:40Z 3\n"; got != want {
		t.Errorf("got %s", got)
	}
}

func TestCaptureFaults(t *testing.T) {
	busy := remotetest.Status(503)
	for _, tt := range []struct {
		name     string
		faults   []remotetest.Fault
		err      string        // as HOST/PULP_MANIFEST in place of the URL
		requests int           // -1: as many as there are
		waited   time.Duration // at least
	}{
		{"truncated", []remotetest.Fault{remotetest.Truncate(10)}, "", 2, fetch.FirstPause / 2},
		{"hung up", []remotetest.Fault{remotetest.HangUp(), busy}, "", 3, fetch.FirstPause},
		{"asked to wait", []remotetest.Fault{remotetest.Busy(429, "30"), remotetest.Busy(503, "40")}, "", 3, 70 * time.Second},
		{"asked to wait for years", []remotetest.Fault{remotetest.Busy(503, "2000000000")}, "", 2, retry.DefaultPatience},
		{"asked to wait until a year", []remotetest.Fault{remotetest.Busy(503, "Tue, 18 Mar 2999 14:03:00 GMT")}, "", 2, retry.DefaultPatience},
		{"asked to wait for years, twice", []remotetest.Fault{remotetest.Busy(503, "2000000000"), remotetest.Busy(503, "2000000000")},
			"get HOST: 503 Service Unavailable (gave up after 5m0s without an answer)", 2, retry.DefaultPatience},
		{"asked for nothing", []remotetest.Fault{remotetest.Busy(503, "-1"), remotetest.Busy(503, "soon")}, "", 3, 0},
		{"four times", []remotetest.Fault{busy, busy, busy, busy}, "", 5, 0},
		{"for good", slices.Repeat([]remotetest.Fault{busy}, 100), "get HOST: 503 Service Unavailable (gave up after 5m0s without an answer)", -1, retry.DefaultPatience},
		{"always truncated", []remotetest.Fault{remotetest.Truncate(10), remotetest.Truncate(10), remotetest.Truncate(10),
			remotetest.Truncate(10), remotetest.Truncate(10)}, "get HOST: broke off after 10 bytes (5 tries)", 5, 0},
		{"missing", []remotetest.Fault{remotetest.Status(404)}, "get HOST: 404 Not Found", 1, 0},
		{"forbidden", []remotetest.Fault{busy, remotetest.Status(403)}, "get HOST: 403 Forbidden", 2, 0},
		{"a page", []remotetest.Fault{remotetest.Bytes("\n<html>\n")}, `HOST:2: "<html>" is not of the form path,sha256,size`, 1, 0},
		{"unannounced", []remotetest.Fault{remotetest.Unannounced(remotetest.Line("a", "aye"))}, "", 1, 0},
		{"redirected", []remotetest.Fault{remotetest.Redirect(302, "/PULP_MANIFEST?x")}, "", 2, 0},
		{"too long", []remotetest.Fault{func(w http.ResponseWriter, _ *http.Request, _ string) {
			w.Header().Set("Content-Length", "268435457")
			w.WriteHeader(http.StatusOK)
		}}, "HOST: has 268435457 bytes, more than 268435456", 1, 0},
		{"endless", []remotetest.Fault{remotetest.Endless()}, `HOST:2: line is longer than 8192 bytes`, 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			up := remotetest.New(t)
			up.Set("a", "aye")
			up.Fail(remotetest.Name, tt.faults...)
			var clock remotetest.Clock
			c, err := newRemote(t, up.URL()+"?token=secret", environment(&clock)).Capture(t.Context(), nil)
			got := ""
			if err != nil {
				got = strings.ReplaceAll(err.Error(), up.URL(), "HOST")
			} else if len(c.Files()) != 2 {
				t.Errorf("files %v", c.Files())
			}
			if got != tt.err {
				t.Errorf("got %s, want %s", got, tt.err)
			}
			if n := len(up.Requests()); n != tt.requests && tt.requests >= 0 {
				t.Errorf("%d requests, want %d", n, tt.requests)
			}
			if waited := clock.Slept(); waited < tt.waited || waited > retry.DefaultPatience {
				t.Errorf("waited %v, not %v", waited, tt.waited)
			}
		})
	}
}

func TestOpenFaults(t *testing.T) {
	up := remotetest.New(t)
	up.Set("a", "0123456789")
	r, err := file.New(file.Options{URL: up.URL(), Options: fetch.Options{Concurrency: 1}}, environment(&remotetest.Clock{}))
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Capture(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	f := c.Files()[1]
	for _, tt := range []struct {
		name      string
		fault     remotetest.Fault
		body, err string
		temporary bool
	}{
		{"longer", remotetest.Bytes("0123456789x"), "", "get HOST/a: has 11 bytes, expected 10", false},
		{"longer, unannounced", remotetest.Unannounced("0123456789xyz"), "0123456789x", "", false},
		{"shorter, unannounced", remotetest.Unannounced("012345678"), "012345678", "get HOST/a: broke off after 9 of 10 bytes", true},
		{"wrong", remotetest.Unannounced("9876543210"), "9876543210", "", false},
		{"endless", remotetest.Endless(), "0123456789\x00", "", false},
		{"truncated", remotetest.Truncate(3), "012", "get HOST/a: broke off after 3 of 10 bytes", true},
		{"gone", remotetest.Status(410), "", "the upstream has changed meanwhile: get HOST/a: 410 Gone", false},
		{"busy", remotetest.Busy(429, "2"), "0123456789", "", false},
		{"away", remotetest.Redirect(302, "/b"), "", "the upstream has changed meanwhile: get HOST/a: redirected to HOST/b: 404 Not Found", false},
		{"well", remotetest.OK(), "0123456789", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			up.Fail("a", tt.fault)
			body, _, err := readAll(t, c, f)
			got := ""
			if err != nil {
				got = strings.ReplaceAll(err.Error(), strings.TrimSuffix(up.URL(), "/PULP_MANIFEST"), "HOST")
			}
			if body != tt.body || got != tt.err {
				t.Errorf("got %q, %s", body, got)
			}
			if _, ok := errors.AsType[*remote.TemporaryError](err); ok != tt.temporary {
				t.Errorf("temporary is %v", ok)
			}
		})
	}

	up.Fail("a", remotetest.Stall(3))
	ctx, cancel := context.WithCancel(t.Context())
	content, err := c.Open(ctx, f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(content.Body, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := content.Body.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("stalled: %v", err)
	}

	up.FailAlways("a", remotetest.Status(405)) // HEAD is refused
	if when, err := c.Modified(t.Context(), f); err != nil || !when.IsZero() {
		t.Errorf("modified %v, %v", when, err)
	}
}

func TestLocal(t *testing.T) {
	dir := t.TempDir()
	modified := time.Date(2025, 3, 18, 14, 3, 40, 0, time.UTC)
	write := func(name, content string) {
		t.Helper()
		p := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(content), 0o600), os.Chtimes(p, modified, modified)); err != nil {
			t.Fatal(err)
		}
	}
	write("up/MY LIST", remotetest.Line("a/b#c", "bee")+remotetest.Line("out", "secret"))
	write("up/a/b#c", "bee")
	write("out", "secret")
	if err := os.Symlink("../out", filepath.Join(dir, "up", "out")); err != nil {
		t.Fatal(err)
	}
	base := (&url.URL{Scheme: "file", Path: dir + "/up/"}).String()
	c := capture(t, base+"MY%20LIST")
	files := c.Files()
	if len(files) != 3 || files[0].Path != "MY LIST" || !files[0].Modified.Equal(modified) {
		t.Fatalf("files %v", files)
	}
	if body, when, err := readAll(t, c, files[1]); body != "bee" || !when.Equal(modified) || err != nil {
		t.Errorf("%q, %v, %v", body, when, err)
	}
	if when, err := c.Modified(t.Context(), files[1]); !when.Equal(modified) || err != nil {
		t.Errorf("%v, %v", when, err)
	}
	_, _, err := readAll(t, c, files[2])
	if want := "get " + base + "out: a symbolic link leads out of the folder"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestNewErrors(t *testing.T) {
	for _, tt := range []struct{ url, err string }{
		{"", "url: missing"},
		{"https://ann:secret@host/PULP_MANIFEST", "url: holds credentials; use username_env and password_env"},
		{"https://host", "url: names a folder, not the manifest in it (…/PULP_MANIFEST)"},
		{"https://host/a/", "url: names a folder, not the manifest in it (…/PULP_MANIFEST)"},
		{"https://host/a%2Fb", "url: its last segment can't be a file's name"},
		{"https://host/a/..", `url: path ".." holds the segment ".."`},
		{"https://host/a%0Ab", `url: path "a\nb" holds a control character`},
	} {
		_, err := file.New(file.Options{URL: tt.url}, fetch.Env{})
		if err == nil || err.Error() != tt.err {
			t.Errorf("%s: got %v, want %s", tt.url, err, tt.err)
		}
	}
	_, err := file.New(file.Options{URL: "https://host/M", Options: fetch.Options{Concurrency: -1}}, fetch.Env{})
	if err == nil || err.Error() != "concurrency: is -1; allowed: 1 to 1000" {
		t.Errorf("got %v", err)
	}
}

// A name that moves redirects the manifest to one state, and all files are that
// state's, whatever the name stands for by now.
func TestMovingName(t *testing.T) {
	state := "1"
	var requests []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests = append(requests, r.Method+" "+r.RequestURI)
		of, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		switch {
		case of == "latest":
			http.Redirect(w, r, "/"+state+"/"+name, http.StatusFound)
		case of == "blobs":
			io.WriteString(w, remotetest.Line("a b", "state "+name))
		case name == "PULP_MANIFEST":
			http.Redirect(w, r, "/blobs/"+of, http.StatusFound)
		default:
			io.WriteString(w, "state "+of)
		}
	}))
	defer s.Close()
	c := capture(t, s.URL+"/latest/PULP_MANIFEST")
	state = "2"
	f := c.Files()[1]
	if body, _, err := readAll(t, c, f); body != "state 1" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
	if _, err := c.Modified(t.Context(), f); err != nil {
		t.Error(err)
	}
	want := "[GET /latest/PULP_MANIFEST GET /1/PULP_MANIFEST GET /blobs/1 GET /1/a%20b HEAD /1/a%20b]"
	if got := fmt.Sprint(requests); got != want {
		t.Errorf("requests %s", got)
	}
}

// A manifest behind a signed URL says nothing about where the files are.
func TestSignedManifest(t *testing.T) {
	up := remotetest.New(t)
	up.Set("a", "aye")
	up.Set("blobs/PULP_MANIFEST", up.Manifest())
	up.SetManifest(remotetest.Line("a", "aye"))
	up.Fail(remotetest.Name, remotetest.Redirect(302, "/blobs/PULP_MANIFEST?X-Amz-Signature=secret"))
	c := capture(t, up.URL())
	if body, _, err := readAll(t, c, c.Files()[1]); body != "aye" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
}

// A path in quotes has two readings. The log says which was taken.
func TestQuoted(t *testing.T) {
	up := remotetest.New(t)
	up.Set(`a,"b"`, "aye")
	up.SetManifest(strings.Replace(remotetest.Line("X", "aye"), "X", `"a,""b"""`, 1))
	var log bytes.Buffer
	env := environment(&remotetest.Clock{})
	env.Log = slog.New(slog.NewTextHandler(&log, nil))
	c, err := newRemote(t, up.URL(), env).Capture(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if body, _, err := readAll(t, c, c.Files()[1]); body != "aye" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
	want := `msg="paths in quotes are read as CSV; Pulp 3 takes the quotes for part of the name" url=` + up.URL() + " line=1\n"
	if !strings.HasSuffix(log.String(), want) {
		t.Errorf("said %s", log.String())
	}
}

// TestSecrets searches all that is said for what must not be.
func TestSecrets(t *testing.T) {
	up := remotetest.New(t)
	up.Fail(remotetest.Name, remotetest.Status(503), remotetest.Redirect(302, "/PULP_MANIFEST?sig=secret"), remotetest.Status(404))
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	env := fetch.Env{Log: logger, Gates: new(remotetest.Clock).Gates(logger), LookupEnv: func(name string) (string, bool) {
		if name == "S" {
			return "secret", true
		}
		return "", false
	}}
	r, err := file.New(file.Options{URL: up.URL() + "?token=secret", Options: fetch.Options{
		UsernameEnv: "S", PasswordEnv: "S", Headers: map[string]string{"X-Token": "${S}"},
	}}, env)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Capture(t.Context(), nil)
	if err == nil {
		t.Fatal("no error")
	}
	if said := log.String() + err.Error(); strings.Contains(said, "secret") || !strings.Contains(said, "trying again") {
		t.Errorf("said %s", said)
	}
}
