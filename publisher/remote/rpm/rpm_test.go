package rpm

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// Everything that repomd.xml lists is in the tree, byte for byte, and is written in an
// order in which no client meets what is not there.
func TestCapture(t *testing.T) {
	s := newSite(t)
	key := newKey(t)
	f := some(s, "")
	f.by = key
	s.publish("", f)
	s.Set(keyName, keyText(t, key))
	r := s.open(Options{SignedBy: []string{remotetest.KeyFile(t, true, key)}})
	c := s.capture(r, nil)
	want := []string{
		"Packages/hello-1.0-1.noarch.rpm", "Packages/world-2.0~rc1^git+3-1.noarch.rpm",
		"repodata/HASH-comps.xml", "repodata/HASH-filelists.xml.gz", "repodata/HASH-other.xml.gz", "repodata/HASH-primary.sqlite.bz2",
		"repodata/HASH-primary.xml.gz", "repodata/HASH-primary.xml.zck", "repodata/HASH-weird.bin",
		"repodata/repomd.xml", "repodata/repomd.xml.asc", "repodata/repomd.xml.key",
	}
	if got := bases(remotetest.Paths(c)); !slices.Equal(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	p := remotetest.Publish(t, c)
	for _, f := range c.Files() {
		if p.Data[f.Path] != s.Content(f.Path) {
			t.Errorf("%s: not byte for byte", f.Path)
		}
		phase := remote.Index
		switch {
		case f.Path == repomdName:
			phase = remote.Root
		case f.Path == signatureName, f.Path == keyName:
			phase = remote.Signature
		case strings.HasSuffix(f.Path, ".rpm"):
			phase = remote.Payload
			if f.Modified.Unix() != fileTime {
				t.Errorf("%s: of %v", f.Path, f.Modified)
			}
		}
		if f.Phase != phase {
			t.Errorf("%s: in phase %d, want %d", f.Path, f.Phase, phase)
		}
	}
	if _, partial := any(c).(remote.Partial); partial && len(c.Missing()) > 0 {
		t.Error("files are left out")
	}
}

func keyText(t testing.TB, key *openpgp.Entity) string {
	t.Helper()
	data, err := os.ReadFile(remotetest.KeyFile(t, true, key))
	must(t, err)
	return string(data)
}

// A file's time that makes no sense is not taken.
func TestModified(t *testing.T) {
	for text, want := range map[string]time.Time{
		`file="1742220000"`: time.Unix(fileTime, 0).UTC(), `file="1742220000.9"`: time.Unix(fileTime, 0).UTC(), `file="0"`: {}, `file=""`: {}, `file="-5"`: {}, `file="99999999999"`: {}, `file="99999999999999999999"`: {},
	} {
		s := newSite(t)
		s.publish("", files{packages: strings.Replace(s.add("", pkg{name: "x", version: "1"}), `file="1742220000"`, text, 1)})
		if got := s.capture(s.open(Options{Verify: "off"}), nil).Files()[0].Modified; !got.Equal(want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

// What an unchanged, and a changed, repository costs.
func TestRequests(t *testing.T) {
	s := newSite(t)
	key := newKey(t)
	f := some(s, "")
	f.by = key
	s.publish("", f)
	r := s.open(Options{SignedBy: []string{remotetest.KeyFile(t, true, key)}})
	var caches []string
	s.OnRequest(func(path string) { caches = append(caches, path+" "+s.Header().Get("Cache-Control")) })
	prev := remotetest.Publish(t, s.capture(r, nil))
	s.OnRequest(nil)
	for _, line := range caches {
		root := strings.HasPrefix(line, repomdName) || slices.Contains(besideNames(), strings.Fields(line)[0])
		if strings.HasSuffix(line, " no-cache") != root {
			t.Errorf("%s", line)
		}
	}
	want := []string{
		"GET Packages/hello-1.0-1.noarch.rpm", "GET Packages/world-2.0~rc1^git+3-1.noarch.rpm",
		"GET repodata/HASH-comps.xml", "GET repodata/HASH-filelists.xml.gz", "GET repodata/HASH-other.xml.gz", "GET repodata/HASH-primary.sqlite.bz2",
		"GET repodata/HASH-primary.xml.gz", "GET repodata/HASH-primary.xml.zck", "GET repodata/HASH-weird.bin",
		"GET repodata/repomd.xml", "GET repodata/repomd.xml.asc", "GET repodata/repomd.xml.key",
	}
	if got, asked := requests(s); !slices.Equal(got, want) || !slices.Equal(asked, besideNames()) {
		t.Errorf("the first capture:\n got %q, %q\nwant %q", got, asked, want)
	}
	c := s.capture(r, prev)
	if got := s.Take(); !slices.Equal(got, []string{"GET repodata/repomd.xml since", "GET repodata/repomd.xml.asc"}) {
		t.Errorf("an unchanged repository: %q", got)
	}
	if got := remotetest.Paths(c); len(got) != len(prev.Files) {
		t.Errorf("has %d files, want %d", len(got), len(prev.Files))
	}

	f.packages += s.add("", pkg{name: "new", version: "1"})
	f.revision = 1742306611
	s.publish("", f)
	s.Age()
	c = s.capture(r, prev)
	if got, _ := requests(s); !slices.Equal(got, []string{"GET repodata/HASH-primary.xml.gz", "GET repodata/repomd.xml since", "GET repodata/repomd.xml.asc", "GET repodata/repomd.xml.key"}) {
		t.Errorf("a changed repository: %q", got)
	}
	if !slices.Contains(remotetest.Paths(c), "Packages/new-1-1.noarch.rpm") {
		t.Error("the new package is missing")
	}
}

// besideNames are the documents that every repository is asked for.
func besideNames() []string {
	return []string{".composeinfo", ".discinfo", ".treeinfo", "extra_files.json", "media.1/media", "media.1/products", "treeinfo"}
}

// requests are those since the last call, without the digests in names. asked are the
// documents beside repodata that were asked for in vain.
func requests(s *site) (out, asked []string) {
	for _, request := range s.Take() {
		method, path, _ := strings.Cut(request, " ")
		if slices.Contains(besideNames(), path) && s.Content(path) == "" {
			asked = append(asked, path)
			continue
		}
		out = append(out, method+" "+bases([]string{path})[0])
	}
	slices.Sort(out)
	return out, asked
}

// What createrepo_c writes, in every form; and the same from a local folder.
func TestCreaterepo(t *testing.T) {
	const data = "../../../internal/rpm/testdata/createrepo_c/"
	for dir, n := range map[string]int{"gz-db": 6, "xz": 3, "bz2": 3, "zck": 6, "sha1": 3, "sha512": 3, "md5": 3, "simple": 3} {
		t.Run(dir, func(t *testing.T) {
			root := t.TempDir()
			must(t, os.CopyFS(root, os.DirFS(data+dir)))
			must(t, os.CopyFS(root, os.DirFS(data+"rpms")))
			s := newSite(t)
			must(t, filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				content, err := os.ReadFile(name)
				rel, _ := filepath.Rel(root, name)
				s.Set(rel, string(content))
				return err
			}))
			packages := 3
			if dir == "gz-db" {
				packages = 4
			}
			opts := Options{Verify: "off", AllowWeak: dir == "sha1" || dir == "md5"}
			for _, url := range []string{s.Server.URL, "file://" + root} {
				opts.URL = url
				c := s.capture(s.open(opts), nil)
				if got := len(c.Files()); got != packages+n+1 {
					t.Errorf("%d files, want %d: %q", got, packages+n+1, remotetest.Paths(c))
				}
				p := remotetest.Publish(t, c)
				p2 := remotetest.Publish(t, s.capture(s.open(opts), p))
				if len(p2.Files) != len(p.Files) {
					t.Error("the second capture has other files")
				}
			}
		})
	}
}

// All compressions of primary.xml are read, and what stands behind them is not.
func TestCompressions(t *testing.T) {
	for _, ext := range []string{".gz", ".zst", "plain"} {
		s := newSite(t)
		f := some(s, "")
		f.ext = ext
		s.publish("", f)
		if c := s.capture(s.open(Options{Verify: "off"}), nil); !slices.Contains(remotetest.Paths(c), "Packages/hello-1.0-1.noarch.rpm") {
			t.Errorf("%s: %q", ext, remotetest.Paths(c))
		}
	}
	// Clients read text that is not compressed at all, whatever its name is.
	for _, ext := range []string{".gz", ".zst", ".xz", ".bz2", ".br"} {
		s := newSite(t)
		f := some(s, "")
		f.ext, f.packed = ext, "plain"
		f.data[0].content = "<filelists/>"
		s.publish("", f)
		if c := s.capture(s.open(Options{Verify: "off"}), nil); !slices.Contains(remotetest.Paths(c), "Packages/hello-1.0-1.noarch.rpm") {
			t.Errorf("%s: %q", ext, remotetest.Paths(c))
		}
	}
	s := newSite(t)
	f := some(s, "")
	f.ext, f.packed = ".br", ".gz"
	s.publish("", f)
	if text, _ := s.fail(s.open(Options{Verify: "off"}), nil); !strings.HasSuffix(text, `-primary.xml.br: unpack: compressed in a way that is not known, ".br"`) {
		t.Error(text)
	}
	f.ext, f.packages = "", f.packages+"</metadata><metadata>"
	s.publish("", f)
	if text, err := s.fail(s.open(Options{Verify: "off"}), nil); !strings.HasSuffix(text, "has a second root element") || errors.Is(err, remote.ErrMoved) {
		t.Error(text)
	}
}

// A capture that is interrupted says so, wherever it was.
func TestInterrupted(t *testing.T) {
	s := newSite(t)
	s.publish("", some(s, ""))
	r := s.open(Options{Verify: "off"})
	for n := range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		var requests atomic.Int64
		s.OnRequest(func(string) {
			if requests.Add(1) > int64(n) {
				cancel()
			}
		})
		c, err := r.Capture(ctx, nil)
		cancel()
		if err == nil {
			c.Close()
			continue
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after %d requests: %v", n, err)
		}
	}
}

// No temporary file is left behind.
func TestCloses(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	left := func() int {
		entries, err := os.ReadDir(os.TempDir())
		must(t, err)
		return len(entries)
	}
	s := newSite(t)
	s.publish("", some(s, ""))
	c, err := s.open(Options{Verify: "off"}).Capture(t.Context(), nil)
	must(t, err)
	if left() == 0 {
		t.Error("the capture has no folder")
	}
	must(t, c.Close())
	s.publish("", files{packages: "<package/>"})
	s.fail(s.open(Options{Verify: "off"}), nil)
	if left() != 0 {
		t.Error("a folder is left")
	}
}
