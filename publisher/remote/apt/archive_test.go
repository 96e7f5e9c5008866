package apt

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/klauspost/compress/zstd"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
)

// now is when the tests' archives are looked at.
func now() time.Time { return time.Date(2025, time.March, 18, 14, 3, 40, 0, time.UTC) }

// archive is an upstream: a web server with the files of an archive.
type archive struct {
	*testing.T
	server *httptest.Server

	mu       sync.Mutex
	files    map[string][]byte
	modified time.Time
	requests []string
	before   func(path string) // called ahead of each answer
}

func newArchive(t *testing.T) *archive {
	a := &archive{T: t, files: map[string][]byte{}, modified: now().Add(-time.Hour)}
	a.server = httptest.NewServer(a)
	t.Cleanup(a.server.Close)
	return a
}

func (a *archive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	a.mu.Lock()
	before := a.before
	request := r.Method + " " + name
	if r.Header.Get("If-Modified-Since") != "" {
		request += " since"
	}
	a.requests = append(a.requests, request)
	a.mu.Unlock()
	if before != nil {
		before(name)
	}
	a.mu.Lock()
	data, ok := a.files[name]
	modified := a.modified
	a.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	http.ServeContent(w, r, "", modified, bytes.NewReader(data))
}

// take returns the requests since the last call, sorted.
func (a *archive) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := a.requests
	a.requests = nil
	slices.Sort(list)
	return list
}

// onRequest calls f ahead of each answer from now on.
func (a *archive) onRequest(f func(path string)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.before = f
}

func (a *archive) set(name, content string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.files[name] = []byte(content)
}

func (a *archive) remove(names ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, name := range names {
		delete(a.files, name)
	}
}

func (a *archive) content(name string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return string(a.files[name])
}

// age makes what is served from now on newer.
func (a *archive) age() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.modified = a.modified.Add(time.Minute)
}

// deb puts a package into the pool and returns its stanza.
func (a *archive) deb(name, version, fields string) string {
	file := fmt.Sprintf("pool/main/%s/%s/%s_%s_amd64.deb", name[:1], name, name, version)
	content := "the package " + name + " " + version
	a.set(file, content)
	return fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: amd64\n%sFilename: %s\nSize: %d\nSHA256: %x\n\n",
		name, version, fields, file, len(content), sha256.Sum256([]byte(content)))
}

// suiteFiles is a suite in the making: indexes by their names, without compression.
type suiteFiles struct {
	fields  string // more of Release
	indexes map[string]string
	hashes  string // of Release: "SHA256" unless set
	date    time.Time
	by      []*openpgp.Entity // who signs; none: not signed
	plain   bool              // Release and Release.gpg instead of InRelease
}

// publish writes a suite's files.
func (a *archive) publish(dir string, s suiteFiles) {
	a.Helper()
	if s.date.IsZero() {
		s.date = now().Add(-time.Hour)
	}
	all := map[string][]byte{}
	for name, text := range s.indexes {
		all[name] = []byte(text)
		if !strings.HasSuffix(name, "SUMS") && !strings.HasSuffix(name, "/Index") && path.Base(name) != "Release" {
			all[name+".gz"] = gzipped([]byte(text))
			all[name+".zst"] = zstded([]byte(text))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Origin: test\nDate: %s\n%s", s.date.Format("Mon, 02 Jan 2006 15:04:05 UTC"), s.fields)
	for _, hash := range strings.Fields(cmpOr(s.hashes, "SHA256")) {
		fmt.Fprintf(&b, "%s:\n", hash)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			fmt.Fprintf(&b, " %s %d %s\n", digestOf(hash, all[name]), len(all[name]), name)
		}
	}
	for name, data := range all {
		if plain := slices.ContainsFunc([]string{".gz", ".zst"}, func(ext string) bool { return path.Ext(name) == ext }); plain || path.Base(name) != "Packages" {
			a.set(dir+name, string(data)) // as is usual, Packages is listed without being there
		}
		if strings.Contains(s.fields, "Acquire-By-Hash: yes") {
			for _, hash := range strings.Fields(cmpOr(s.hashes, "SHA256")) {
				if path.Base(name) != "Packages" {
					a.set(path.Join(dir, path.Dir(name), "by-hash", hash, digestOf(hash, data)), string(data))
				}
			}
		}
	}
	a.sign(dir, b.String(), s.by, s.plain)
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func digestOf(hash string, data []byte) string {
	switch hash {
	case "SHA512":
		return fmt.Sprintf("%x", sha512.Sum512(data))
	case "MD5Sum":
		return fmt.Sprintf("%x", md5.Sum(data))
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))
}

// sign writes a suite's root documents.
func (a *archive) sign(dir, text string, by []*openpgp.Entity, plain bool) {
	a.Helper()
	if len(by) == 0 || plain {
		a.set(dir+"Release", text)
		if len(by) > 0 {
			a.set(dir+"Release.gpg", detached(a.T, text, by[0]))
		}
		return
	}
	a.set(dir+"InRelease", clearsigned(a.T, text, by...))
}

func clearsigned(t testing.TB, text string, by ...*openpgp.Entity) string {
	t.Helper()
	var keys []*packet.PrivateKey
	for _, e := range by {
		keys = append(keys, e.PrivateKey)
	}
	var b bytes.Buffer
	w, err := clearsign.EncodeMulti(&b, keys, signing())
	must(t, err)
	_, err = io.WriteString(w, text)
	must(t, err)
	must(t, w.Close())
	return b.String() + "\n"
}

func detached(t testing.TB, text string, by *openpgp.Entity) string {
	t.Helper()
	var b bytes.Buffer
	must(t, openpgp.ArmoredDetachSign(&b, by, strings.NewReader(text), signing()))
	return b.String()
}

func signing() *packet.Config {
	return &packet.Config{Time: func() time.Time { return now().Add(-2 * time.Hour) }}
}

// newKey makes a key, at a time, that lasts for so long; 0: for ever.
func newKey(t testing.TB, at time.Time, lifetime time.Duration) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity("test", "", "test@example.org", &packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return at }, KeyLifetimeSecs: uint32(lifetime.Seconds()),
	})
	must(t, err)
	return e
}

// keyFile writes public keys to a file.
func keyFile(t testing.TB, armoured bool, keys ...*openpgp.Entity) string {
	t.Helper()
	var b bytes.Buffer
	for _, k := range keys {
		var w io.Writer = &b
		if armoured {
			aw, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
			must(t, err)
			must(t, k.Serialize(aw))
			must(t, aw.Close())
			b.WriteString("\n")
			continue
		}
		must(t, k.Serialize(w))
	}
	name := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(name, b.Bytes(), 0o644))
	return name
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

func zstded(data []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll(data, nil)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open makes a remote of the archive. Its pauses are counted, and take no time.
func (a *archive) open(opts Options) *upstream {
	a.Helper()
	if opts.URL == "" {
		opts.URL = a.server.URL
	}
	if opts.Suites == nil {
		opts.Suites = []string{"stable"}
	}
	r, err := newUpstream(opts, fetch.Env{
		Log:       slog.New(slog.NewTextHandler(a.Output(), nil)),
		LookupEnv: func(string) (string, bool) { return "", false },
		Wait:      func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	must(a, err)
	r.now = now
	return r
}

// capture captures the archive, which must succeed. One that was in the middle of a
// change is captured again, as the publisher does.
func (a *archive) capture(r *upstream, prev remote.Previous) *capture {
	a.Helper()
	c, err := r.Capture(a.Context(), prev)
	if errors.Is(err, remote.ErrMoved) {
		c, err = r.Capture(a.Context(), prev)
	}
	must(a, err)
	a.Cleanup(func() { c.Close() })
	return c.(*capture)
}

// fail captures the archive, which must fail, and returns the error's text with
// the server's address as HOST.
func (a *archive) fail(r *upstream, prev remote.Previous) (string, error) {
	a.Helper()
	c, err := r.Capture(a.Context(), prev)
	if err == nil {
		c.Close()
		a.Fatal("it was captured")
	}
	return strings.ReplaceAll(err.Error(), a.server.URL, "HOST"), err
}

func paths(c remote.Capture) []string {
	var list []string
	for _, f := range c.Files() {
		list = append(list, f.Path)
	}
	return list
}

// checkpoint is a capture that was published.
type checkpoint struct {
	files map[string]remote.File
	data  map[string]string
	mu    sync.Mutex
	opens []string
}

// published reads a whole capture, and verifies it as a publisher does.
func published(t testing.TB, c remote.Capture) *checkpoint {
	t.Helper()
	p := &checkpoint{files: map[string]remote.File{}, data: map[string]string{}}
	for _, f := range c.Files() {
		data, modified, err := readFile(t, c, f)
		if err != nil {
			t.Fatalf("%s: %v", f.Path, err)
		}
		if int64(len(data)) != f.Size || manifest.Sum([]byte(data)) != f.SHA256 {
			t.Fatalf("%s: has other bytes than the capture says", f.Path)
		}
		f.Modified = modified
		p.files[f.Path], p.data[f.Path] = f, data
	}
	return p
}

func readFile(t testing.TB, c remote.Capture, f remote.File) (string, time.Time, error) {
	t.Helper()
	content, err := c.Open(t.Context(), f)
	if err != nil {
		return "", time.Time{}, err
	}
	defer content.Body.Close()
	data, err := io.ReadAll(content.Body)
	return string(data), content.Modified, err
}

func (p *checkpoint) Find(_ context.Context, path string) (remote.File, bool, error) {
	f, ok := p.files[path]
	return f, ok, nil
}

func (p *checkpoint) Open(_ context.Context, f remote.File) (io.ReadCloser, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opens = append(p.opens, f.Path)
	return io.NopCloser(strings.NewReader(p.data[f.Path])), nil
}
