package rpm

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/asof/asof/publisher/remote"
)

// packageFrom is one of the real packages that package rpm keeps for its tests.
func packageFrom(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../../internal/rpm/testdata", name))
	must(t, err)
	return string(data)
}

// capturePackages captures the site when the real packages were built.
func (s *site) capturePackages() *captured {
	s.Helper()
	keys := "../../../internal/rpm/testdata/"
	r := s.open(Options{SignedBy: []string{keys + "rsa.asc", keys + "whole.asc"}, Verify: "off", VerifyPackages: true})
	r.now = func() time.Time { return time.Date(2026, time.December, 1, 0, 0, 0, 0, time.UTC) }
	return s.capture(r, nil)
}

// With verify_packages each package must be signed by a configured key, down to its payload.
// Other files are taken as they are.
func TestVerifyPackages(t *testing.T) {
	good, whole := packageFrom(t, "rsa.rpm"), packageFrom(t, "whole.rpm")
	flip := func(content string, at int) string {
		b := []byte(content)
		b[at] ^= 1
		return string(b)
	}
	for name, tt := range map[string]struct{ content, err string }{
		"signed":             {good, ""},
		"by another key":     {packageFrom(t, "ed25519.rpm"), "is not in signed_by"},
		"another package":    {good, "it is the package libhello++-2:1.0^git1-1.noarch, and primary.xml lists libhello++-1:1.0^git1-1.noarch there"},
		"unsigned":           {packageFrom(t, "unsigned.rpm"), "no signature"},
		"another payload":    {flip(good, len(good)-1), "its payload has the"},
		"another header":     {flip(good, len(good)-1200), "verification failed"},
		"by an old rpm":      {whole, ""},
		"old, other payload": {flip(whole, len(whole)-1), "is bad"},
		"bytes behind":       {good + "x", "its payload has the"},
		"no package":         {"<!doctype html>", "its lead is cut short"},
		"cut in its header":  {good[:500], "cut short"},
		"cut in its payload": {good[:len(good)-10], "its payload has the"},
	} {
		s := newSite(t)
		listed := pkg{name: "libhello++", epoch: "2", version: "1.0^git1", content: tt.content}
		if name == "another package" {
			listed.epoch = "1"
		}
		s.publish("", files{packages: s.add("", listed)})
		c := s.capturePackages()
		inspected := 0
		for _, file := range c.Files() {
			if !c.Inspects(file) {
				continue
			}
			inspected++
			for _, read := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.DataErrReader} {
				content, err := c.Open(t.Context(), file)
				must(t, err)
				body := c.Inspect(file, content.Body)
				data, err := io.ReadAll(read(body))
				body.Close()
				switch {
				case tt.err == "" && (err != nil || string(data) != tt.content):
					t.Errorf("%s: %d bytes, %v", name, len(data), err)
				case tt.err != "" && (!errors.Is(err, remote.ErrUnverified) || !strings.Contains(err.Error(), tt.err) && !strings.Contains(err.Error(), "verification failed")):
					t.Errorf("%s: %v, want %s", name, err, tt.err)
				case tt.err != "" && len(data) == len(tt.content):
					t.Errorf("%s: all of it was passed on", name)
				}
				if tt.err != "" && hint(err) == "" {
					t.Errorf("%s: %v has no hint", name, err)
				}
			}
		}
		if inspected != 1 {
			t.Errorf("%s: %d files are inspected", name, inspected)
		}
	}
}

// An error of the content is not one of the package.
func TestVerifyPackagesBroken(t *testing.T) {
	good := packageFrom(t, "rsa.rpm")
	s := newSite(t)
	s.publish("", files{packages: s.add("", pkg{name: "libhello++", epoch: "2", version: "1.0^git1", content: good})})
	c := s.capturePackages()
	for _, n := range []int{0, 50, 300, 3000, len(good) - 1} {
		broken := io.MultiReader(strings.NewReader(good[:n]), iotest.ErrReader(&remote.TemporaryError{Err: errors.New("lost")}))
		_, err := io.ReadAll(c.Inspect(remote.File{Path: "Packages/libhello++-1.0^git1-1.noarch.rpm", Size: int64(len(good))}, io.NopCloser(broken)))
		if _, temporary := errors.AsType[*remote.TemporaryError](err); !temporary {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

// A path that another document lists, too, is still a package.
func TestVerifyPackagesListedElsewhere(t *testing.T) {
	s := newSite(t)
	entry := s.add("", pkg{name: "hello", version: "1.0"})
	s.publish("", files{packages: entry})
	s.Set("extra_files.json", `{"header":{},"data":[{"file":"Packages/hello-1.0-1.noarch.rpm","size":21,"checksums":{"sha256":"`+digestOf("", "the package hello 1.0")+`"}}]}`)
	c := s.capturePackages()
	var seen bytes.Buffer
	for _, f := range c.Files() {
		if c.Inspects(f) {
			seen.WriteString(f.Path)
		}
	}
	if seen.String() != "Packages/hello-1.0-1.noarch.rpm" {
		t.Error(seen.String())
	}
}

func TestVerifyPackagesOptions(t *testing.T) {
	keys := []string{"../../../internal/rpm/testdata/rsa.asc"}
	for _, tt := range []struct {
		opts Options
		want string
	}{
		{Options{VerifyPackages: true}, "verify_packages: needs keys in signed_by"},
		{Options{SignedBy: keys, Verify: "off"}, "verify: off contradicts signed_by"},
		{Options{SignedBy: keys, VerifyPackages: true}, ""},
		{Options{SignedBy: keys, VerifyPackages: true, Verify: "off"}, ""},
	} {
		tt.opts.URL = "https://example.org/os/"
		_, _, err := tt.opts.check()
		if got := ""; err != nil {
			got = err.Error()
			if got != tt.want {
				t.Errorf("%+v: %s", tt.opts, got)
			}
		} else if tt.want != "" {
			t.Errorf("%+v is taken", tt.opts)
		}
	}
}
