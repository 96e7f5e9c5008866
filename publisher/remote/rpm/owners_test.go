package rpm

import (
	"slices"
	"testing"

	"github.com/asof/asof/publisher/remote/remotetest"
)

// A dependency on a file that only filelists.xml names is followed, from repository to
// repository and through rich dependencies, too. Files that nothing wanted needs add nothing.
func TestFollowFiles(t *testing.T) {
	s := newSite(t)
	requires := func(name string) string {
		return `<rpm:requires><rpm:entry name="` + name + `"/></rpm:requires>`
	}
	list := func(name, ver, file string) string {
		return `<package pkgid="x" name="` + name + `" arch="noarch"><version epoch="0" ver="` + ver + `" rel="1"/><file>` + file + `</file></package>`
	}
	s.publish("a/", files{packages: s.add("a/", pkg{name: "tool", version: "1", more: requires("/usr/lib/helper")}) +
		s.add("a/", pkg{name: "idle", version: "1", more: requires("/usr/lib/other")})})
	s.publish("b/", files{
		packages: s.add("b/", pkg{name: "helper", version: "1"}) + s.add("b/", pkg{name: "helper", version: "2", more: requires("(/usr/lib/deep if tool)")}) +
			s.add("b/", pkg{name: "deep", version: "1"}) + s.add("b/", pkg{name: "other", version: "1"}) + s.add("b/", pkg{name: "unrelated", version: "1"}),
		data: []data{{"filelists", "filelists.xml.gz", pack(".gz", "<filelists>"+list("helper", "2", "/usr/lib/helper")+list("deep", "1", "/usr/lib/deep")+
			list("other", "1", "/usr/lib/other")+list("unrelated", "1", "/usr/lib/unrelated")+"</filelists>")}},
	})
	c := s.capture(s.open(Options{Verify: "off", Paths: []string{"a/", "b/"}, Packages: Filter{Include: []string{"tool"}, FollowDependencies: new(true)}}), nil)
	got := remotetest.Paths(c)
	for name, want := range map[string]bool{
		"a/Packages/tool-1-1.noarch.rpm": true, "b/Packages/helper-2-1.noarch.rpm": true, "b/Packages/deep-1-1.noarch.rpm": true,
		"b/Packages/helper-1-1.noarch.rpm": false, "b/Packages/other-1-1.noarch.rpm": false, "b/Packages/unrelated-1-1.noarch.rpm": false,
	} {
		if slices.Contains(got, name) != want {
			t.Errorf("%s: want %t, have %q", name, want, got)
		}
	}
}
