package rpm

import (
	"errors"
	"strings"
	"testing"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// Where signatures are not checked, the signature of an earlier repomd.xml is not kept with a
// later one: upstream is about to replace it, or it is left out. One that comes later is found.
func TestSignatureLagsUnchecked(t *testing.T) {
	s := newSite(t)
	f := some(s, "")
	f.by = newKey(t)
	s.publish("", f)
	prev := remotetest.Publish(t, s.capture(s.open(Options{}), nil))
	old := s.Content(signatureName)
	f.packages += s.add("", pkg{name: "new", version: "1"})
	s.publish("", f)
	fresh := s.Content(signatureName)
	s.Set(signatureName, old)
	s.Age()
	r := s.open(Options{})
	if text, err := s.fail(r, prev); !errors.Is(err, remote.ErrMoved) || !strings.Contains(text, "it is still the signature of an earlier repomd.xml") {
		t.Errorf("%s, %v", text, err)
	}
	without := remotetest.Publish(t, s.capture(r, prev))
	if _, there := without.Files[signatureName]; there {
		t.Error("the old signature is kept")
	}
	s.Set(signatureName, fresh)
	healed := remotetest.Publish(t, s.capture(s.open(Options{}), without))
	if healed.Data[signatureName] != fresh {
		t.Error("the signature that came later is not found")
	}
}

// An unchanged repomd.xml that is signed by another key now is captured with the new signature.
func TestSignedByAnotherKey(t *testing.T) {
	s := newSite(t)
	before, now := newKey(t), newKey(t)
	f := some(s, "")
	f.by = before
	s.publish("", f)
	prev := listedCheckpoint{remotetest.Publish(t, s.capture(s.open(Options{SignedBy: []string{remotetest.KeyFile(t, false, before)}}), nil)), false}
	repomd := s.Content(repomdName)
	f.by = now
	s.publish("", f)
	if s.Content(repomdName) != repomd {
		t.Fatal("repomd.xml changed, too")
	}
	c := s.capture(s.open(Options{SignedBy: []string{remotetest.KeyFile(t, false, now)}}), prev)
	if again := remotetest.Publish(t, c); again.Data[signatureName] != s.Content(signatureName) {
		t.Error("the new signature is not captured")
	}
}

// A package can't stand where a root document does.
func TestPackageAsRootDocument(t *testing.T) {
	for _, path := range []string{repomdName, signatureName, keyName} {
		s := newSite(t)
		s.publish("", files{packages: s.add("", pkg{name: "hello", version: "1", href: path, at: "elsewhere"})})
		if text, _ := s.failLasting(s.open(Options{}), nil); !strings.Contains(text, path+" is the place of a root document") {
			t.Errorf("%s: %s", path, text)
		}
	}
}

// What would lead dnf away from a package's place is refused.
func TestLeadAway(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*files)
		err    string
	}{
		"a document type": {func(f *files) {
			f.primary = func(text string) string {
				return strings.Replace(text, "<metadata", `<!DOCTYPE metadata [<!ATTLIST location xml:base CDATA "http://evil/">]><metadata`, 1)
			}
		}, "has a document type"},
		"packages within another element": {func(f *files) {
			f.primary = func(text string) string {
				return strings.Replace(strings.Replace(text, "<package", "<rpmmd><package", 1), "</package>", "</package></rpmmd>", 1)
			}
		}, `has the element "rpmmd" beside its packages`},
		"a location among file names": {func(f *files) {
			f.data = []data{{"filelists", "filelists.xml.gz", pack(".gz", `<filelists><package><location xml:base="http://evil/" href="x"/></package></filelists>`)}}
		}, `has the element "location", which does not belong here`},
	} {
		s := newSite(t)
		f := some(s, "")
		tt.change(&f)
		s.publish("", f)
		if text, _ := s.failLasting(s.open(Options{}), nil); !strings.Contains(text, tt.err) {
			t.Errorf("%s: %s", name, text)
		}
	}
}
