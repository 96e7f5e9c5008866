package rpm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/publisher/remote/remotetest"
)

// relations writes a list of a primary.xml: "name FLAG version", or a rich dependency.
func relations(element string, list ...string) string {
	text := "<rpm:" + element + ">"
	for _, one := range list {
		name, flags, version := one, "", ""
		if words := strings.Fields(one); len(words) == 3 && one[0] != '(' {
			name, flags, version = words[0], words[1], words[2]
		}
		name = strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(name)
		text += fmt.Sprintf(`<rpm:entry name="%s" flags="%s" ver="%s"/>`, name, flags, version)
	}
	return text + "</rpm:" + element + ">"
}

// What dnf installs is in a mirror that follows dependencies, whatever form they have.
func TestFollow(t *testing.T) {
	self := func(name, version string, more ...string) pkg {
		return pkg{name: name, version: version, more: relations("provides", name+" EQ "+version) + strings.Join(more, "")}
	}
	for _, tt := range []struct {
		name   string
		pkgs   []pkg
		files  string // of filelists.xml: package and file
		filter Filter
		want   string
	}{
		{"a name with parentheses", []pkg{
			self("base", "1"), self("req", "1", relations("requires", "(pylib(foo) if base)")),
			{name: "python3-foo", version: "1", more: relations("provides", "pylib(foo)")}, self("other", "1"),
		}, "", Filter{Include: []string{"req"}}, "base-1 python3-foo-1 req-1"},
		{"versions of one package", []pkg{
			self("lib", "1"), self("lib", "2"), self("app", "1", relations("requires", "(lib >= 1 with lib < 2)")),
		}, "", Filter{Include: []string{"app"}, Newest: 1}, "app-1 lib-1"},
		{"the newest that fits", []pkg{
			self("lib", "1"), self("lib", "2"), self("app", "1", relations("requires", "(lib >= 1 with lib < 3)")),
		}, "", Filter{Include: []string{"app"}, Newest: 1}, "app-1 lib-2"},
		{"without", []pkg{
			self("lib", "1"), self("lib", "2"), self("app", "1", relations("requires", "(lib without lib = 2)")),
		}, "", Filter{Include: []string{"app"}}, "app-1 lib-1 lib-2"},
		{"all owners of a file", []pkg{
			self("e", "1", relations("requires", "/opt/c/f")), {name: "p", version: "1", more: relations("provides", "/opt/c/f")}, self("c", "1"), self("d", "1"),
		}, "c /opt/c/f", Filter{Include: []string{"e"}}, "c-1 e-1 p-1"},
		{"an owner, where the other one is excluded", []pkg{
			self("e", "1", relations("requires", "/opt/c/f")), {name: "p", version: "1", more: relations("provides", "/opt/c/f")}, self("c", "1"),
		}, "c /opt/c/f", Filter{Include: []string{"e"}, Exclude: []string{"p"}}, "c-1 e-1"},
		{"what supplements it", []pkg{
			self("hello", "1"), self("hellolang", "1", relations("supplements", "hello"), relations("requires", "lib")), self("lib", "1"),
			self("both", "1", relations("supplements", "(hello and langpacks-de)")), self("either", "1", relations("supplements", "(none or lib >= 1)")), self("no", "1", relations("supplements", "hello GT 1")),
		}, "", Filter{Include: []string{"hello"}, FollowRecommends: true}, "either-1 hello-1 hellolang-1 lib-1"},
		{"only where it is wanted", []pkg{self("hello", "1"), self("hellolang", "1", relations("supplements", "hello"))}, "", Filter{Include: []string{"hello"}}, "hello-1"},
		{"no rich dependency", []pkg{self("app", "1", relations("requires", "(lib or"))}, "", Filter{Include: []string{"app"}}, "app-1"},
	} {
		s := newSite(t)
		var text string
		for _, p := range tt.pkgs {
			text += s.add("", p)
		}
		lists := "<filelists>"
		if owner, file, ok := strings.Cut(tt.files, " "); ok {
			lists += `<package pkgid="x" name="` + owner + `" arch="noarch"><version epoch="0" ver="1" rel="1"/><file>` + file + `</file></package>`
		}
		s.publish("", files{packages: text, data: []data{{"filelists", "filelists.xml.gz", pack(".gz", lists+"</filelists>")}}})
		if !tt.filter.FollowRecommends && tt.name != "only where it is wanted" {
			tt.filter.FollowDependencies = new(true)
		}
		c := s.capture(s.open(Options{Verify: "off", Packages: tt.filter}), nil)
		var got []string
		for _, path := range remotetest.Paths(c) {
			if name, ok := strings.CutPrefix(path, "Packages/"); ok {
				got = append(got, strings.TrimSuffix(name, "-1.noarch.rpm"))
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %q, want %s", tt.name, got, tt.want)
		}
	}
}
