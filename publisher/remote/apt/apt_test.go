package apt

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/remotetest"
)

const fields = "Acquire-By-Hash: yes\nArchitectures: all amd64 arm64\nComponents: main contrib\n"

// stable is a suite with something of everything.
func stable(a *archive, by ...*openpgp.Entity) suiteFiles {
	a.Set("pool/main/h/hello/hello_1.dsc", "dsc")
	return suiteFiles{fields: fields, by: by, indexes: map[string]string{
		"main/binary-amd64/Packages":    a.deb("hello", "1", "") + a.deb("world", "2", ""),
		"main/binary-amd64/Release":     "Archive: stable\n",
		"main/binary-all/Packages":      a.deb("data", "1", ""),
		"main/binary-arm64/Packages":    a.deb("hello-arm", "1", ""),
		"contrib/binary-amd64/Packages": a.deb("extra", "1", ""),
		"main/source/Sources": fmt.Sprintf("Package: hello\nDirectory: pool/main/h/hello\nChecksums-Sha256:\n %x 3 hello_1.dsc\nFiles:\n d8e8fca2dc0f896fd7cb4cb0031ba249 3 hello_1.dsc\n",
			sha256.Sum256([]byte("dsc"))),
		"main/Contents-amd64":                            "bin/hello hello\n",
		"main/i18n/Translation-en":                       "Package: hello\n",
		"main/i18n/Translation-de":                       "Package: hello\n",
		"main/dep11/Components-amd64.yml":                "---\n",
		"main/dep11/Components-arm64.yml":                "---\n",
		"main/cnf/Commands-amd64":                        "suite: stable\n",
		"main/debian-installer/binary-amd64/Packages":    a.deb("udeb", "1", ""),
		"main/installer-amd64/current/images/SHA256SUMS": fmt.Sprintf("%x  ./net/mini.iso\n", sha256.Sum256([]byte("mini"))),
		"main/uefi/unknown":                              "what is not known is left alone\n",
	}}
}

// withoutHashes leaves out the names by hash.
func withoutHashes(list []string) (out []string) {
	for _, p := range list {
		if !strings.Contains(p, "/by-hash/") {
			out = append(out, strings.TrimPrefix(p, "dists/stable/"))
		}
	}
	return out
}

func TestCapture(t *testing.T) {
	a := newArchive(t)
	key := remotetest.Key(t, now().AddDate(-1, 0, 0), 0)
	a.publish("dists/stable/", stable(a, key))
	a.Set("dists/stable/main/installer-amd64/current/images/net/mini.iso", "mini")
	opts := Options{Components: []string{"main"}, Architectures: []string{"amd64"}, SignedBy: []string{remotetest.KeyFile(t, false, key)}}
	amd64 := []string{
		"InRelease", "main/binary-all/Packages.gz", "main/binary-all/Packages.zst",
		"main/binary-amd64/Packages.gz", "main/binary-amd64/Packages.zst", "main/binary-amd64/Release",
		"main/cnf/Commands-amd64", "main/cnf/Commands-amd64.gz", "main/cnf/Commands-amd64.zst",
		"main/dep11/Components-amd64.yml", "main/dep11/Components-amd64.yml.gz", "main/dep11/Components-amd64.yml.zst",
	}
	en := []string{"main/i18n/Translation-en", "main/i18n/Translation-en.gz", "main/i18n/Translation-en.zst"}
	de := []string{"main/i18n/Translation-de", "main/i18n/Translation-de.gz", "main/i18n/Translation-de.zst"}
	pool := []string{"pool/main/d/data/data_1_amd64.deb", "pool/main/h/hello/hello_1_amd64.deb", "pool/main/w/world/world_2_amd64.deb"}
	off := false
	for _, tt := range []struct {
		name   string
		change func(*Options)
		want   []string
	}{
		{"the defaults", func(*Options) {}, slices.Concat(amd64, de, en, pool)},
		{"one language", func(o *Options) { o.Translations = []string{"en"} }, slices.Concat(amd64, en, pool)},
		{"no language", func(o *Options) { o.Translations = []string{"none"} }, slices.Concat(amd64, pool)},
		{"little", func(o *Options) { o.Translations, o.DEP11, o.Commands = []string{"none"}, &off, &off }, slices.Concat(amd64[:6], pool)},
		{"sources", func(o *Options) { o.Sources, o.Translations = true, []string{"none"} },
			slices.Concat(amd64, []string{"main/source/Sources", "main/source/Sources.gz", "main/source/Sources.zst"}, pool, []string{"pool/main/h/hello/hello_1.dsc"})},
		{"udebs", func(o *Options) { o.Udebs, o.Translations = true, []string{"none"} },
			slices.Concat(amd64, []string{"main/debian-installer/binary-amd64/Packages.gz", "main/debian-installer/binary-amd64/Packages.zst"}, pool, []string{"pool/main/u/udeb/udeb_1_amd64.deb"})},
		{"contents", func(o *Options) { o.Contents, o.Translations = true, []string{"none"} },
			slices.Concat(amd64, []string{"main/Contents-amd64", "main/Contents-amd64.gz", "main/Contents-amd64.zst"}, pool)},
		{"installer", func(o *Options) { o.Installer, o.Translations = true, []string{"none"} },
			slices.Concat(amd64, []string{"main/installer-amd64/current/images/SHA256SUMS", "main/installer-amd64/current/images/net/mini.iso"}, pool)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := opts
			tt.change(&o)
			c := a.capture(a.open(o), nil)
			got, want := withoutHashes(remotetest.Paths(c)), slices.Sorted(slices.Values(tt.want))
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("\n got %q\nwant %q", got, want)
			}
			remotetest.Publish(t, c)
		})
	}

	c := a.capture(a.open(opts), nil)
	p := remotetest.Publish(t, c)
	for _, f := range c.Files() {
		data := p.Data[f.Path]
		if !strings.HasPrefix(f.Path, "pool/") && a.Content(f.Path) != data {
			t.Errorf("%s: not byte for byte", f.Path)
		}
		phase := remote.Index
		switch {
		case f.Path == "dists/stable/InRelease":
			phase = remote.Root
		case strings.HasPrefix(f.Path, "pool/"), strings.HasSuffix(f.Path, ".iso"):
			phase = remote.Payload
		}
		if f.Phase != phase {
			t.Errorf("%s: in phase %d, want %d", f.Path, f.Phase, phase)
		}
		if byHash := "dists/stable/main/binary-amd64/by-hash/SHA256/" + f.SHA256.String(); strings.HasPrefix(f.Path, "dists/stable/main/binary-amd64/Packages") && p.Data[byHash] != data {
			t.Errorf("%s: its name by hash is missing", f.Path)
		}
	}
	if files, bytes := c.HeldBack(); files != 0 || bytes != 0 {
		t.Errorf("%d files, %d bytes are held back", files, bytes)
	}
}

// With no choice made, all that Release lists is taken.
func TestCaptureAll(t *testing.T) {
	a := newArchive(t)
	a.publish("dists/stable/", stable(a))
	c := a.capture(a.open(Options{}), nil)
	got := strings.Join(remotetest.Paths(c), "\n")
	for _, want := range []string{"dists/stable/Release", "contrib/binary-amd64/Packages.gz", "binary-arm64", "pool/main/e/extra/extra_1_amd64.deb"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(got, "unknown") || strings.Contains(got, "Sources") {
		t.Errorf("more than was asked for:\n%s", got)
	}
}

// An archive that did not change costs a conditional request a suite; one in which
// little changed costs little.
func TestUnchanged(t *testing.T) {
	a := newArchive(t)
	key := remotetest.Key(t, now().AddDate(-1, 0, 0), 0)
	a.publish("dists/stable/", stable(a, key))
	a.publish("dists/updates/", stable(a, key))
	opts := Options{Suites: []string{"stable", "updates"}, Components: []string{"main"}, Architectures: []string{"amd64"}, SignedBy: []string{remotetest.KeyFile(t, true, key)}}
	r := a.open(opts)
	first := a.capture(r, nil)
	prev := remotetest.Publish(t, first)
	a.Take()

	second := a.capture(r, prev)
	if got := a.Take(); fmt.Sprint(got) != "[GET dists/stable/InRelease since GET dists/updates/InRelease since]" {
		t.Errorf("an unchanged archive: %q", got)
	}
	if !slices.EqualFunc(first.Files(), second.Files(), func(a, b remote.File) bool { return a.Path == b.Path && a.SHA256 == b.SHA256 && a.Size == b.Size }) {
		t.Error("the second capture is not the first")
	}
	remotetest.Publish(t, second)

	// Another choice shows although nothing changed upstream.
	opts.Sources = true
	a.Take()
	third := a.capture(a.open(opts), prev)
	if !slices.Contains(remotetest.Paths(third), "pool/main/h/hello/hello_1.dsc") {
		t.Error("the sources are missing")
	}
	want := 0
	for _, request := range a.Take() {
		if strings.Contains(request, "binary-") {
			t.Errorf("what the store has was read from upstream: %s", request)
		}
		want++
	}
	if want == 0 {
		t.Error("nothing was read")
	}

	// A server that knows no conditions: the bytes tell.
	a.SetModified(time.Time{})
	a.Take()
	a.capture(r, prev)
	if got := a.Take(); len(got) != 2 {
		t.Errorf("an unchanged archive without times: %q", got)
	}
	a.SetModified(now())

	// A new package: one index, in what compressions there are.
	s := stable(a, key)
	s.indexes["main/binary-amd64/Packages"] += a.deb("new", "1", "")
	s.date = now()
	a.publish("dists/stable/", s)
	a.Take()
	c := a.capture(r, prev)
	if !slices.Contains(remotetest.Paths(c), "pool/main/n/new/new_1_amd64.deb") {
		t.Error("the new package is missing")
	}
	read := 0
	for _, request := range a.Take() {
		if strings.Contains(request, "by-hash") {
			read++
		}
	}
	if read != 4 { // .gz and .zst, and two plain ones that are not there
		t.Errorf("%d indexes were asked for, want 4", read)
	}
}

// A state of the same second as the one before, or with an older file time, is
// seen; and one that did not change costs a conditional request where that proves it.
func TestChangedWithinTheSecond(t *testing.T) {
	key := remotetest.Key(t, now().AddDate(-1, 0, 0), 0)
	for _, tt := range []struct {
		name         string
		fresh, etags bool
		step         time.Duration // of the files' time
		same         string        // what is asked of the unchanged archive
	}{
		{"the same second", true, false, 0, "GET dists/stable/InRelease"},
		{"the same second, with digests", true, true, 0, "GET dists/stable/InRelease unless"},
		{"an older file time", false, false, -time.Hour, "GET dists/stable/InRelease since"},
		{"an older file time, with digests", false, true, -time.Hour, "GET dists/stable/InRelease unless"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newArchive(t)
			a.Fresh, a.ETags = tt.fresh, tt.etags
			s := stable(a, key)
			a.publish("dists/stable/", s)
			r := a.open(Options{SignedBy: []string{remotetest.KeyFile(t, true, key)}})
			prev := remotetest.Publish(t, a.capture(r, nil))
			a.Take()
			a.capture(r, prev)
			if got := a.Take(); len(got) != 1 || got[0] != tt.same {
				t.Errorf("an unchanged archive: %q, want %s", got, tt.same)
			}
			s.indexes["main/binary-amd64/Packages"] = a.deb("hello", "2", "")
			a.publish("dists/stable/", s)
			a.SetModified(a.Modified.Add(tt.step))
			if c := a.capture(r, prev); !slices.Contains(remotetest.Paths(c), "pool/main/h/hello/hello_2_amd64.deb") {
				t.Error("the second state was not seen")
			}
		})
	}
}

// A root that changes while indexes are read is captured again, and so are the
// others: the tree is of one moment.
func TestChangesDuringCapture(t *testing.T) {
	a := newArchive(t)
	key := remotetest.Key(t, now().AddDate(-1, 0, 0), 0)
	for n := range 4 {
		byHash, fresh := n&1 == 0, n&2 != 0 // fresh: within one second
		a.Fresh = fresh
		old, next := stable(a, key), stable(a, key)
		old.date, next.date = now().Add(-2*time.Hour), now().Add(-time.Hour)
		next.indexes["main/binary-amd64/Packages"] = a.deb("hello", "2", "")
		if !byHash {
			old.fields, next.fields = strings.TrimPrefix(fields, "Acquire-By-Hash: yes\n"), strings.TrimPrefix(fields, "Acquire-By-Hash: yes\n")
		}
		a.publish("dists/stable/", old)
		a.publish("dists/updates/", old)
		var once sync.Once
		a.OnRequest(func(path string) {
			if strings.Contains(path, "binary-amd64") {
				once.Do(func() {
					if !fresh {
						a.Age()
					}
					a.publish("dists/stable/", next)
					a.publish("dists/updates/", next)
				})
			}
		})
		c := a.capture(a.open(Options{Suites: []string{"stable", "updates"}, Architectures: []string{"amd64"}, Components: []string{"main"}, Translations: []string{"none"}, SignedBy: []string{remotetest.KeyFile(t, true, key)}}), nil)
		a.OnRequest(nil)
		list := strings.Join(remotetest.Paths(c), "\n")
		if !strings.Contains(list, "hello_2") || strings.Contains(list, "hello_1") {
			t.Errorf("by hash %v, fresh %v: a mixed tree:\n%s", byHash, fresh, list)
		}
		p := remotetest.Publish(t, c)
		for _, dir := range []string{"dists/stable/", "dists/updates/"} {
			if p.Data[dir+"InRelease"] != a.Content(dir+"InRelease") {
				t.Errorf("%sInRelease is the old one", dir)
			}
		}
	}
}

// A file of the pool that is gone, or another one, says that upstream moved on.
func TestPoolMovedOn(t *testing.T) {
	a := newArchive(t)
	s := suiteFiles{fields: fields, indexes: map[string]string{"main/binary-amd64/Packages": a.deb("gone", "1", "") + a.deb("longer", "1", "") + a.deb("other", "1", "") + a.deb("both", "1", "")}}
	both := s.indexes["main/binary-amd64/Packages"]
	s.indexes["main/binary-amd64/Packages"] = strings.TrimSuffix(both, "\n") + "SHA512: " + strings.Repeat("ab", 64) + "\n"
	a.publish("dists/stable/", s)
	c := a.capture(a.open(Options{Verify: "off"}), nil)
	a.Remove("pool/main/g/gone/gone_1_amd64.deb")
	a.Set("pool/main/l/longer/longer_1_amd64.deb", "longer than it was said to be")
	for _, f := range c.Files() {
		_, _, err := remotetest.ReadFile(t, c, f)
		switch moved := errors.Is(err, remote.ErrMoved); {
		case strings.Contains(f.Path, "/gone/"), strings.Contains(f.Path, "/longer/"), strings.Contains(f.Path, "/both/"):
			if !moved {
				t.Errorf("%s: %v", f.Path, err)
			}
		case err != nil:
			t.Errorf("%s: %v", f.Path, err)
		}
	}
	var _ remote.Moving = c
}

// The temporary files are gone, whatever happened.
func TestTemporaryFiles(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	left := func() int {
		entries, err := os.ReadDir(dir)
		must(t, err)
		return len(entries)
	}
	a := newArchive(t)
	a.publish("dists/stable/", stable(a))
	r := a.open(Options{Verify: "off"})
	c := a.capture(r, nil)
	if left() != 1 {
		t.Errorf("%d folders", left())
	}
	c.Close()
	if left() != 0 {
		t.Error("the capture's folder is there after Close")
	}
	a.Set("dists/stable/main/binary-amd64/Packages.gz", "wrong")
	a.Set("dists/stable/main/binary-amd64/Packages.zst", "wrong")
	a.Remove(func() (list []string) {
		for name := range a.Files {
			if strings.Contains(name, "by-hash") {
				list = append(list, name)
			}
		}
		return list
	}()...)
	a.fail(r, nil)
	if left() != 0 {
		t.Error("a failed capture left its folder")
	}
}

// An archive in a local folder.
func TestLocal(t *testing.T) {
	a := newArchive(t)
	a.publish("dists/stable/", stable(a))
	dir := t.TempDir()
	for name, data := range a.Files {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
	}
	r := a.open(Options{URL: "file://" + dir, Verify: "off"})
	prev := remotetest.Publish(t, a.capture(r, nil))
	remotetest.Publish(t, a.capture(r, prev))
}

// A capture that is interrupted says so, wherever it was.
func TestInterrupted(t *testing.T) {
	a := newArchive(t)
	a.publish("dists/stable/", stable(a))
	r := a.open(Options{Verify: "off"})
	for n := range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		var requests atomic.Int64
		a.OnRequest(func(string) {
			if requests.Add(1) > int64(2*n) {
				cancel()
			}
		})
		c, err := r.Capture(ctx, nil)
		cancel()
		if err == nil {
			c.Close()
		} else if !errors.Is(err, context.Canceled) {
			t.Errorf("after %d requests: %v", 2*n, err)
		}
	}
}
