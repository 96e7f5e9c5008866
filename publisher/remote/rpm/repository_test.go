package rpm

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"html"
	"log/slog"
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

// now is when the tests' repositories are looked at.
func now() time.Time { return time.Date(2025, time.March, 18, 14, 3, 40, 0, time.UTC) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// site is an upstream: a web server with repositories.
type site struct {
	*testing.T
	*remotetest.Site
}

func newSite(t *testing.T) *site { return &site{t, remotetest.NewSite(t)} }

// fileTime is the time of packages that primary.xml gives.
const fileTime = 1742220000 // 2025-03-17T14:00:00Z

// pkg is a package in the making.
type pkg struct {
	epoch         string // 0 unless set
	name, version string
	href          string // Packages/NAME-VERSION-1.noarch.rpm unless set
	at            string // where its file is; relative to the repository. href unless set
	content       string
	sum           string // type of digest; sha256 unless set
	base          string // xml:base
	more          string // elements of its format
	arch          string // noarch unless set
	release       string // 1 unless set
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func digestOf(sum string, data string) string {
	switch strings.ToLower(sum) {
	case "md5":
		return fmt.Sprintf("%x", md5.Sum([]byte(data)))
	case "sha", "sha1":
		return fmt.Sprintf("%x", sha1.Sum([]byte(data)))
	case "sha224":
		return fmt.Sprintf("%x", sha256.Sum224([]byte(data)))
	case "sha384":
		return fmt.Sprintf("%x", sha512.Sum384([]byte(data)))
	case "sha512":
		return fmt.Sprintf("%x", sha512.Sum512([]byte(data)))
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(data)))
}

// add puts a package's file into a repository and returns its entry of primary.xml.
func (s *site) add(dir string, p pkg) string {
	p.arch, p.release = or(p.arch, "noarch"), or(p.release, "1")
	p.href = or(p.href, fmt.Sprintf("Packages/%s-%s-%s.%s.rpm", p.name, p.version, p.release, p.arch))
	p.content = or(p.content, "the package "+p.name+" "+p.version)
	p.sum = or(p.sum, "sha256")
	s.Set(dir+or(p.at, p.href), p.content)
	base := ""
	if p.base != "" {
		base = ` xml:base="` + html.EscapeString(p.base) + `"`
	}
	return fmt.Sprintf(`<package type="rpm">
  <name>%s</name>
  <arch>%s</arch>
  <version epoch="%s" ver="%s" rel="%s"/>
  <checksum type="%s" pkgid="YES">%s</checksum>
  <summary/>
  <time file="%d" build="%d"/>
  <size package="%d" installed="1" archive="1"/>
  <location%s href="%s"/>
  <format>%s</format>
</package>
`, html.EscapeString(p.name), p.arch, or(p.epoch, "0"), p.version, p.release, p.sum, digestOf(p.sum, p.content), fileTime, fileTime-60, len(p.content), base, html.EscapeString(p.href), p.more)
}

// files are the metadata of a repository in the making.
type files struct {
	packages string // entries of primary.xml
	data     []data // besides primary
	sum      string // type of digests; sha256 unless set
	ext      string // of primary.xml; ".gz" unless set, "plain": none
	packed   string // how it is compressed, if its name says something else
	simple   bool   // names of metadata do not hold their digest
	revision int    // 1742306610 unless set
	by       *openpgp.Entity
	primary  func(string) string // changes primary.xml
	repomd   func(string) string // changes repomd.xml, before it is signed
}

// data is a file of metadata.
type data struct{ typ, name, content string }

func pack(ext, text string) string {
	var b bytes.Buffer
	switch ext {
	case ".gz":
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(text))
		_ = w.Close()
	case ".zst":
		w, _ := zstd.NewWriter(nil)
		return string(w.EncodeAll([]byte(text), nil))
	default:
		return text
	}
	return b.String()
}

func xmlName(typ, ext string) string {
	if ext == "plain" {
		ext = ""
	}
	return typ + ".xml" + ext
}

// publish writes the metadata of a repository.
func (s *site) publish(dir string, f files) {
	s.Helper()
	primary := "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xmlns=\"http://linux.duke.edu/metadata/common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"1\">\n" + f.packages + "</metadata>\n"
	if f.primary != nil {
		primary = f.primary(primary)
	}
	ext := or(f.ext, ".gz")
	all := append([]data{{"primary", xmlName("primary", ext), pack(or(f.packed, ext), primary)}}, f.data...)
	sum := or(f.sum, "sha256")
	revision := 1742306610
	if f.revision != 0 {
		revision = f.revision
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\">\n  <revision>%d</revision>\n", revision)
	for _, d := range all {
		href := "repodata/" + d.name
		if !f.simple {
			href = "repodata/" + digestOf(sum, d.content) + "-" + d.name
		}
		s.Set(dir+href, d.content)
		fmt.Fprintf(&b, "  <data type=\"%s\">\n    <checksum type=\"%s\">%s</checksum>\n    <location href=\"%s\"/>\n    <timestamp>%d</timestamp>\n    <size>%d</size>\n  </data>\n",
			d.typ, sum, digestOf(sum, d.content), href, revision, len(d.content))
	}
	b.WriteString("</repomd>\n")
	text := b.String()
	if f.repomd != nil {
		text = f.repomd(text)
	}
	s.Set(dir+repomdName, text)
	if f.by != nil {
		s.Set(dir+signatureName, remotetest.Detach(s.T, text, signing(), f.by))
	}
}

// signing is when the repositories were signed.
func signing() time.Time { return now().Add(-2 * time.Hour) }

func newKey(t testing.TB) *openpgp.Entity { return remotetest.Key(t, now().AddDate(-1, 0, 0), 0) }

// some is a repository with something of everything.
func some(s *site, dir string) files {
	return files{
		packages: s.add(dir, pkg{name: "hello", version: "1.0"}) + s.add(dir, pkg{name: "world", version: "2.0~rc1^git+3"}),
		data: []data{
			{"filelists", "filelists.xml.gz", pack(".gz", "<filelists/>")}, {"other", "other.xml.gz", pack(".gz", "<otherdata/>")},
			{"primary_db", "primary.sqlite.bz2", "sqlite"}, {"primary_zck", "primary.xml.zck", "zchunk"},
			{"group", "comps.xml", "<comps/>"}, {"weird", "weird.bin", "weird"},
		},
	}
}

// open makes a remote of the site. Its pauses take no time.
func (s *site) open(opts Options) *upstream {
	s.Helper()
	if opts.URL == "" {
		opts.URL = s.Server.URL
	}
	r, err := newUpstream(opts, s.env())
	must(s, err)
	return r
}

func (s *site) env() fetch.Env {
	return fetch.Env{
		Log: slog.New(slog.NewTextHandler(s.Output(), nil)), LookupEnv: func(string) (string, bool) { return "", false },
		Gates: new(remotetest.Clock).Gates(nil), Now: now,
	}
}

// capture captures the site, which must succeed. One that was in the middle of a change is
// captured again, as the publisher does.
func (s *site) capture(r *upstream, prev remote.Previous) *captured {
	s.Helper()
	c, err := r.Capture(s.Context(), prev)
	if errors.Is(err, remote.ErrMoved) {
		c, err = r.Capture(s.Context(), prev)
	}
	must(s, err)
	s.Cleanup(func() { c.Close() })
	return c.(*captured)
}

// fail captures the site, which must fail, and returns the error's text with the server's
// address as HOST.
func (s *site) fail(r *upstream, prev remote.Previous) (string, error) {
	s.Helper()
	c, err := r.Capture(s.Context(), prev)
	if err == nil {
		c.Close()
		s.Fatal("it was captured")
	}
	return strings.ReplaceAll(err.Error(), s.Server.URL, "HOST"), err
}

// failLasting captures the site until the error is not that it moves.
func (s *site) failLasting(r *upstream, prev remote.Previous) (string, error) {
	s.Helper()
	text, err := s.fail(r, prev)
	if errors.Is(err, remote.ErrMoved) {
		text, err = s.fail(r, prev)
	}
	return text, err
}

// bases are the paths of a capture, with the digests in names of metadata as HASH.
func bases(list []string) (out []string) {
	for _, p := range list {
		dir, name := path.Split(p)
		if digest, rest, ok := strings.Cut(name, "-"); ok && len(digest) >= 32 && strings.HasSuffix(dir, repodata) {
			name = "HASH-" + rest
		}
		out = append(out, dir+name)
	}
	slices.Sort(out)
	return out
}

// hint returns the hint of an error; empty: none.
func hint(err error) string {
	var hinted interface {
		error
		Hint() string
	}
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	return ""
}
