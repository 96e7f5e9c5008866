package apt

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/klauspost/compress/zstd"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// now is when the tests' archives are looked at.
func now() time.Time { return time.Date(2025, time.March, 18, 14, 3, 40, 0, time.UTC) }

// archive is an upstream: a web server with the files of an archive.
type archive struct {
	*testing.T
	*remotetest.Site
}

func newArchive(t *testing.T) *archive { return &archive{t, remotetest.NewSite(t)} }

// deb puts a package into the pool and returns its stanza.
func (a *archive) deb(name, version, fields string) string {
	file := fmt.Sprintf("pool/main/%s/%s/%s_%s_amd64.deb", name[:1], name, name, version)
	content := "the package " + name + " " + version
	a.Set(file, content)
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

// all returns the indexes, compressed and not.
func (s suiteFiles) all() map[string][]byte {
	all := map[string][]byte{}
	for name, text := range s.indexes {
		all[name] = []byte(text)
		if !strings.HasSuffix(name, "SUMS") && !strings.HasSuffix(name, "/Index") && path.Base(name) != "Release" {
			all[name+".gz"] = gzipped([]byte(text))
			all[name+".zst"] = zstded([]byte(text))
		}
	}
	return all
}

// release returns the suite's Release file.
func (s suiteFiles) release() string {
	if s.date.IsZero() {
		s.date = now().Add(-time.Hour)
	}
	all := s.all()
	var b strings.Builder
	fmt.Fprintf(&b, "Origin: test\nDate: %s\n%s", s.date.Format("Mon, 02 Jan 2006 15:04:05 UTC"), s.fields)
	for _, hash := range strings.Fields(cmpOr(s.hashes, "SHA256")) {
		fmt.Fprintf(&b, "%s:\n", hash)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			fmt.Fprintf(&b, " %s %d %s\n", digestOf(hash, all[name]), len(all[name]), name)
		}
	}
	return b.String()
}

// publish writes a suite's files.
func (a *archive) publish(dir string, s suiteFiles) {
	a.Helper()
	all := s.all()
	for name, data := range all {
		if plain := slices.ContainsFunc([]string{".gz", ".zst"}, func(ext string) bool { return path.Ext(name) == ext }); plain || path.Base(name) != "Packages" {
			a.Set(dir+name, string(data)) // as is usual, Packages is listed without being there
		}
		if strings.Contains(s.fields, "Acquire-By-Hash: yes") {
			for _, hash := range strings.Fields(cmpOr(s.hashes, "SHA256")) {
				if path.Base(name) != "Packages" {
					a.Set(path.Join(dir, path.Dir(name), "by-hash", hash, digestOf(hash, data)), string(data))
				}
			}
		}
	}
	a.sign(dir, s.release(), s.by, s.plain)
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
		a.Set(dir+"Release", text)
		if len(by) > 0 {
			a.Set(dir+"Release.gpg", remotetest.Detach(a.T, text, signing(), by[0]))
		}
		return
	}
	a.Set(dir+"InRelease", remotetest.Clearsign(a.T, text, signing(), by...))
}

// signing is when the archives were signed.
func signing() time.Time { return now().Add(-2 * time.Hour) }

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
		opts.URL = a.Server.URL
	}
	if opts.Suites == nil {
		opts.Suites = []string{"stable"}
	}
	r, err := newUpstream(opts, fetch.Env{
		Log:       slog.New(slog.NewTextHandler(a.Output(), nil)),
		LookupEnv: func(string) (string, bool) { return "", false },
		Gates:     new(remotetest.Clock).Gates(nil),
	})
	must(a, err)
	r.now = now
	return r
}

// capture captures the archive, which must succeed. One that was in the middle of a
// change is captured again, as the publisher does.
func (a *archive) capture(r *upstream, prev remote.Previous) *captured {
	a.Helper()
	c, err := r.Capture(a.Context(), prev)
	if errors.Is(err, remote.ErrMoved) {
		return a.once(r, prev)
	}
	return a.captured(c, err)
}

// once captures the archive, which must succeed at the first try.
func (a *archive) once(r *upstream, prev remote.Previous) *captured {
	a.Helper()
	return a.captured(r.Capture(a.Context(), prev))
}

func (a *archive) captured(c remote.Capture, err error) *captured {
	a.Helper()
	must(a, err)
	a.Cleanup(func() { c.Close() })
	return c.(*captured)
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
	return strings.ReplaceAll(err.Error(), a.Server.URL, "HOST"), err
}
