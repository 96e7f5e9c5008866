package rpm

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// metadataPath is the path of a file of the metadata.
func metadataPath(s *site, name string) string {
	for path := range s.Files {
		if strings.HasSuffix(path, name) {
			return path
		}
	}
	s.Fatal("there is no " + name)
	return ""
}

// A repository that is replaced after its repomd.xml was read is captured again; one that
// lists what it does not have says so, by name.
func TestMovedOrBroken(t *testing.T) {
	for _, simple := range []bool{false, true} {
		for _, lost := range []string{"primary.xml.gz", "comps.xml", "weird.bin"} {
			s := newSite(t)
			f := some(s, "")
			f.simple = simple
			s.publish("", f)
			moves := true
			s.OnRequest(func(path string) {
				if !strings.HasSuffix(path, lost) || !moves {
					return
				}
				moves = false
				if simple {
					s.Set(path, "other bytes")
				} else {
					s.Remove(path)
				}
				f.packages = s.add("", pkg{name: "new", version: "1"})
				f.data[4].content, f.data[5].content = "<new/>", "new"
				s.publish("", f)
				s.Age()
			})
			r := s.open(Options{Verify: "off"})
			text, err := s.fail(r, nil)
			if !errors.Is(err, remote.ErrMoved) {
				t.Errorf("%s: %s", lost, text)
			}
			if p := remotetest.Publish(t, s.capture(r, nil)); p.Data["Packages/new-1-1.noarch.rpm"] == "" {
				t.Errorf("%s: the new state was not captured", lost)
			}
		}
	}
	s := newSite(t)
	s.publish("", some(s, ""))
	s.Remove(metadataPath(s, "-comps.xml"), metadataPath(s, "-weird.bin"))
	s.Set(metadataPath(s, "-filelists.xml.gz"), "other bytes")
	r := s.open(Options{Verify: "off", Missing: "skip"})
	if text, err := s.fail(r, nil); !errors.Is(err, remote.ErrMoved) {
		t.Error(text)
	}
	text, err := s.fail(r, nil)
	if errors.Is(err, remote.ErrMoved) || !errors.Is(err, remote.ErrMissing) || !errors.Is(err, remote.ErrUnverified) || !strings.HasPrefix(text, "3 files are missing or wrong upstream:\n") ||
		strings.Count(text, ": upstream lists it and does not have it") != 2 || !strings.Contains(text, "-filelists.xml.gz: has 11 bytes, expected 36") {
		t.Error(text)
	}
	if hint(err) != "upstream has to mend these files or its metadata" {
		t.Error(hint(err))
	}
}

// Metadata that no client needs can be skipped, and are named.
func TestSkippedMetadata(t *testing.T) {
	s := newSite(t)
	s.publish("", some(s, ""))
	other, db := metadataPath(s, "-other.xml.gz"), metadataPath(s, "-primary.sqlite.bz2")
	s.Remove(other, db)
	r := s.open(Options{Verify: "off"})
	s.fail(r, nil)
	text, err := s.fail(r, nil)
	if !errors.Is(err, remote.ErrMissing) || hint(err) != "upstream has to mend these files or its metadata; missing: skip publishes without those that upstream does not have" {
		t.Errorf("%s, %s", text, hint(err))
	}
	r = s.open(Options{Verify: "off", Missing: "skip"})
	s.fail(r, nil)
	c := s.capture(r, nil)
	want := []string{other, db}
	slices.Sort(want)
	if got := c.Missing(); !slices.Equal(got, want) {
		t.Errorf("left out: %q, want %q", got, want)
	}
	prev := remotetest.Publish(t, c)
	// Another run, which remembers nothing, need not capture twice.
	c, err = newRun(s, r).capture(t.Context(), prev, source{client: r.client})
	must(t, err)
	defer c.Close()
	if got := c.Missing(); !slices.Equal(got, want) {
		t.Errorf("left out: %q, want %q", got, want)
	}
	// They are there again.
	s.Set(other, pack(".gz", "<otherdata/>"))
	if c := s.capture(r, prev); len(c.Missing()) != 1 || !slices.Contains(remotetest.Paths(c), other) {
		t.Errorf("left out: %q", c.Missing())
	}
}

// newRun makes the same remote again.
func newRun(s *site, r *upstream) *upstream {
	s.Helper()
	return s.open(r.options)
}

// A package that is gone may be an update in progress. If repomd.xml is the same at the
// next capture, it is not.
func TestPackageGone(t *testing.T) {
	s := newSite(t)
	s.publish("", some(s, ""))
	s.Remove("Packages/hello-1.0-1.noarch.rpm")
	r := s.open(Options{Verify: "off", Missing: "skip"})
	for _, lasting := range []bool{false, true} {
		c := s.capture(r, nil)
		_, _, err := remotetest.ReadFile(t, c, c.Files()[0])
		if !errors.Is(err, remote.ErrMoved) || !errors.Is(err, remote.ErrMissing) || c.Lasting() != lasting {
			t.Errorf("%v, lasting %v", err, c.Lasting())
		}
		if lasting && (!c.Skip([]string{c.Files()[0].Path}) || len(c.Missing()) > 0) {
			t.Error("the file is not skipped")
		}
	}
	c := s.capture(r, nil)
	if got := c.Missing(); !slices.Equal(got, []string{"Packages/hello-1.0-1.noarch.rpm"}) || len(c.Files()) != 9 {
		t.Errorf("left out: %q; %q", got, remotetest.Paths(c))
	}
	// Rebuilt in place: other bytes under the same name, metadata that lag behind.
	s.Set("Packages/hello-1.0-1.noarch.rpm", "the package hello 1.1")
	c = s.capture(s.open(Options{Verify: "off"}), nil)
	data, _, err := remotetest.ReadFile(t, c, c.Files()[0])
	if err != nil || data != "the package hello 1.1" { // the publisher checks the SHA-256
		t.Error(data, err)
	}
	s.Set("Packages/hello-1.0-1.noarch.rpm", "the package hello")
	if _, _, err := remotetest.ReadFile(t, c, c.Files()[0]); !errors.Is(err, remote.ErrMoved) || !strings.HasSuffix(err.Error(), "hello-1.0-1.noarch.rpm: has 17 bytes, expected 21") {
		t.Error(err)
	}
}

// A package that was signed anew is a changed file.
func TestSignedAnew(t *testing.T) {
	s := newSite(t)
	f := some(s, "")
	s.publish("", f)
	r := s.open(Options{Verify: "off"})
	prev := remotetest.Publish(t, s.capture(r, nil))
	f.packages = s.add("", pkg{name: "hello", version: "1.0", content: "the package hello 1.0, signed"})
	s.publish("", f)
	s.Age()
	next := remotetest.Publish(t, s.capture(r, prev))
	if next.Data["Packages/hello-1.0-1.noarch.rpm"] != "the package hello 1.0, signed" {
		t.Error("the old package was kept")
	}
}

// A repository that goes back in time is captured, as clients accept that, with a warning.
func TestOlder(t *testing.T) {
	for name, repomd := range map[string]func(string) string{
		"by the times": nil, "by the revision": func(text string) string { return strings.ReplaceAll(text, "timestamp", "x") },
	} {
		s := newSite(t)
		f := some(s, "")
		f.repomd = repomd
		s.publish("", f)
		var log bytes.Buffer
		env := s.env()
		env.Log = slog.New(slog.NewTextHandler(&log, nil))
		r, err := newUpstream(Options{URL: s.Server.URL, Verify: "off"}, env)
		must(t, err)
		prev := remotetest.Publish(t, s.capture(r, nil))
		f.revision = 1742306609
		s.publish("", f)
		s.Age()
		s.capture(r, prev)
		if !strings.Contains(log.String(), `it is of 2025-03-18T14:03:29Z, older than the newest checkpoint's of 2025-03-18T14:03:30Z`) {
			t.Errorf("%s: %s", name, log.String())
		}
	}
}

// A server that refuses the root says why; without a root there is no repository, unless
// it was there a moment ago.
func TestNoRoot(t *testing.T) {
	s := newSite(t)
	s.publish("", some(s, ""))
	r := s.open(Options{Verify: "off"})
	prev := remotetest.Publish(t, s.capture(r, nil))
	s.Remove(repomdName)
	text, err := s.fail(r, nil)
	if text != "get HOST/repodata/repomd.xml: 404 Not Found" || errors.Is(err, remote.ErrMoved) || hint(err) == "" {
		t.Errorf("%s, %s", text, hint(err))
	}
	if text, err := s.fail(r, prev); !errors.Is(err, remote.ErrMoved) {
		t.Error(text)
	}
	up := remotetest.New(t)
	up.FailAlways(repomdName, remotetest.Status(403))
	r, err = newUpstream(Options{URL: strings.TrimSuffix(up.URL(), remotetest.Name), Verify: "off"}, s.env())
	must(t, err)
	if text, err := s.fail(r, prev); !strings.HasSuffix(text, "repomd.xml: 403 Forbidden") || errors.Is(err, remote.ErrMoved) || hint(err) != "credentials are given by username_env and password_env, by headers, or by client_cert" {
		t.Errorf("%s, %s", text, hint(err))
	}
}
