package main

import (
	"archive/zip"
	"bytes"
	"debug/elf"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/asof/asof/internal/miniotest"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/dirstore"
	"github.com/asof/asof/internal/objstore/storeurl"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
	"github.com/asof/asof/publisher/remote/dir"
	"github.com/asof/asof/resolver/resolvertest"
)

var shared miniotest.Shared

// noQuestionMark lists everything that a function URL hides from the function.
var noQuestionMark = map[string]string{
	"empty query is kept": "an event does not tell an empty query from none",
}

func fixtureStore(t *testing.T) (resolvertest.Fixture, string) {
	t.Helper()
	folder := t.TempDir()
	store, err := dirstore.New(folder, dirstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := resolvertest.Load(t)
	if err := f.Fill(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	return f, folder
}

// run sends the table to a function, whose URLs are HTTPS.
func run(t *testing.T, f resolvertest.Fixture, url string) {
	t.Helper()
	f.Run(t, url, resolvertest.Options{Skip: noQuestionMark, Origin: "https" + strings.TrimPrefix(url, "http")})
}

// The function answers the table, over the runtime API, in both invoke modes.
func TestTable(t *testing.T) {
	f, folder := fixtureStore(t)
	for name, stream := range map[string]bool{"buffered": false, "streamed": true} {
		t.Run(name, func(t *testing.T) {
			env := []string{asFunction, "ASOF_STORE=" + folder}
			if stream {
				env = append(env, "ASOF_LAMBDA_STREAM=true")
			}
			run(t, f, start(t, program(), env...).url(stream))
		})
	}
}

// make lambda makes a zip file for each architecture. The program in this
// machine's file answers the table.
func TestZip(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the function for both architectures")
	}
	folder := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "make", "-s", "-C", "../..", "lambda", "BIN="+folder).CombinedOutput()
	if err != nil {
		t.Fatalf("make lambda: %v\n%s", err, out)
	}
	for _, tt := range []struct {
		zip     string
		machine elf.Machine
		arch    string
	}{{"asof-lambda-arm64.zip", elf.EM_AARCH64, "arm64"}, {"asof-lambda-x86_64.zip", elf.EM_X86_64, "amd64"}} {
		t.Run(tt.zip, func(t *testing.T) {
			bootstrap := unpack(t, filepath.Join(folder, tt.zip))
			file, err := elf.Open(bootstrap)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if file.Machine != tt.machine {
				t.Errorf("for %s, want %s", file.Machine, tt.machine)
			}
			for _, p := range file.Progs {
				if p.Type == elf.PT_INTERP {
					t.Error("needs a dynamic linker")
				}
			}
			if runtime.GOARCH == tt.arch {
				f, store := fixtureStore(t)
				run(t, f, start(t, bootstrap, "ASOF_STORE="+store).url(false))
			}
		})
	}
}

// unpack checks the zip file's form and returns the path of its program.
func unpack(t *testing.T, name string) string {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if limit := int64(12 << 20); info.Size() > limit {
		t.Errorf("%d bytes, want at most %d", info.Size(), limit)
	}
	z, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if len(z.File) != 1 || z.File[0].Name != "bootstrap" || z.File[0].Mode() != 0o755 {
		t.Fatalf("%d files, the first %s %s, want bootstrap -rwxr-xr-x", len(z.File), z.File[0].Name, z.File[0].Mode())
	}
	r, err := z.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(bootstrap, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return bootstrap
}

// recorded is an event and its expected answer.
type recorded struct {
	Event json.RawMessage
	Want  struct {
		Error   string // of the function
		Status  int
		Headers map[string]string
		Body    *string
	}
}

// The events of testdata, in the form of payload 2.0, get their answers.
func TestEvents(t *testing.T) {
	_, folder := fixtureStore(t)
	api := start(t, program(), asFunction, "ASOF_STORE="+folder)
	names, err := filepath.Glob("testdata/*.json")
	if err != nil || len(names) == 0 {
		t.Fatal("no events", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".json"), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var r recorded
			if err := json.Unmarshal(data, &r); err != nil {
				t.Fatal(err)
			}
			got, err := api.invoke(r.Event)
			if err != nil {
				t.Fatal(err)
			}
			if r.Want.Error != "" {
				if !got.failed || !strings.Contains(string(got.payload), r.Want.Error) {
					t.Fatalf("failed: %t, %s, want %q", got.failed, got.payload, r.Want.Error)
				}
				return
			}
			a, body, err := got.answer(false)
			if err != nil {
				t.Fatal(err)
			}
			if a.StatusCode != r.Want.Status || r.Want.Body != nil && string(body) != *r.Want.Body {
				t.Errorf("%d %q, want %d", a.StatusCode, body, r.Want.Status)
			}
			for name, want := range r.Want.Headers {
				if got := a.Headers[http.CanonicalHeaderKey(name)]; got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

// A file too large for an answer is read from the bucket by a signed URL. A part
// of it that fits is answered directly.
func TestLargeFile(t *testing.T) {
	server := shared.Server(t)
	server.Setenv(t)
	url := "s3://" + server.NewBucket(t) + "/some/prefix?path_style=true&endpoint=http://" + server.Endpoint
	store, err := storeurl.Open(t.Context(), url, storeurl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte("0123456789abcdef"), 5<<20/16)
	publish(t, store, map[string][]byte{"large file.bin": large, "fits.bin": large[:maxBuffered]})
	env := []string{asFunction, "ASOF_STORE=" + url, "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=" + server.AccessKey, "AWS_SECRET_ACCESS_KEY=" + server.SecretKey}
	function := start(t, program(), env...).url(false)
	tree := function + newestTree(t, function)

	if status, _, body := get(t, tree+"fits.bin", ""); status != http.StatusOK || !bytes.Equal(body, large[:maxBuffered]) {
		t.Errorf("%d and %d bytes, want all", status, len(body))
	}
	if status, _, body := get(t, tree+"large%20file.bin", "bytes=16-31"); status != http.StatusPartialContent || string(body) != "0123456789abcdef" {
		t.Errorf("range: %d %.100q", status, body)
	}
	status, header, _ := get(t, tree+"large%20file.bin", "")
	signed := header.Get("Location")
	if status != http.StatusTemporaryRedirect || !strings.Contains(signed, "X-Amz-Signature=") || header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", status, header)
	}
	if status, _, body := get(t, signed, ""); status != http.StatusOK || !bytes.Equal(body, large) {
		t.Errorf("from the bucket: %d and %d bytes, want all", status, len(body))
	}

	stream := start(t, program(), append(env, "ASOF_LAMBDA_STREAM=true")...).url(true)
	if status, _, body := get(t, stream+strings.TrimPrefix(tree, function)+"large%20file.bin", ""); status != http.StatusOK || !bytes.Equal(body, large) {
		t.Errorf("streamed: %d and %d bytes, want all", status, len(body))
	}
}

func publish(t *testing.T, store objstore.Store, files map[string][]byte) {
	t.Helper()
	src := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(src, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	remote, err := dir.New(dir.Options{Path: src})
	if err != nil {
		t.Fatal(err)
	}
	repo := publisher.Repo{Repo: manifest.Repo{Name: "big", Base: "big"}, Remote: remote}
	if _, err := publisher.New(publisher.Options{Store: store}).Publish(t.Context(), repo, publisher.PublishOptions{}); err != nil {
		t.Fatal(err)
	}
}

// newestTree returns the path of the tree that latest leads to.
func newestTree(t *testing.T, url string) string {
	t.Helper()
	status, header, _ := get(t, url+"/big/latest/", "")
	if status != http.StatusTemporaryRedirect {
		t.Fatalf("latest: %d", status)
	}
	return header.Get("Location")
}

func get(t *testing.T, url, byteRange string) (int, http.Header, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if byteRange != "" {
		req.Header.Set("Range", byteRange)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, body
}
