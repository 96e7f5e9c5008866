package apt

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/publisher/remote/remotetest"
)

func TestChoose(t *testing.T) {
	pkgs := []pkg{
		{name: "nginx", version: "1.22.1-9", section: "httpd", priority: "optional", source: "nginx", sourceVersion: "1.22.1-9", depends: "libc6 (>= 2.28), libssl3 | libssl1.1, mail-transport-agent, missing"},
		{name: "nginx", version: "1.26.3-1", section: "httpd", priority: "optional", source: "nginx", sourceVersion: "1.26.3-1", depends: "libc6 (>= 2.38)", recommends: "default-mta | postfix (>= 3.8), nginx-doc"},
		{name: "libc6", version: "2.36-9", section: "libs", priority: "required", source: "glibc", sourceVersion: "2.36-9"},
		{name: "libc6", version: "2.41-1", section: "libs", priority: "required", source: "glibc", sourceVersion: "2.41-1", depends: "libgcc-s1"},
		{name: "libgcc-s1", version: "14", section: "libs", priority: "required", source: "gcc", sourceVersion: "14", depends: "libc6"}, // a circle
		{name: "libssl3", version: "3.0", section: "libs", priority: "optional", source: "openssl", sourceVersion: "3.0"},
		{name: "postfix", version: "3.7", section: "mail", priority: "optional", source: "postfix", sourceVersion: "3.7", provides: "mail-transport-agent"},
		{name: "exim4", version: "4.96", section: "contrib/mail", priority: "standard", source: "exim4", sourceVersion: "4.96", provides: "mail-transport-agent (= 1), default-mta"},
		{name: "nginx", version: "1.22.1-9", isSource: true},
		{name: "nginx", version: "1.26.3-1", isSource: true},
		{name: "glibc", version: "2.36-9", isSource: true},
		{name: "glibc", version: "2.41-1", isSource: true},
	}
	for _, tt := range []struct {
		filter Filter
		want   string
	}{
		{Filter{Include: []string{"nginx"}}, "nginx=1.22.1-9 nginx=1.26.3-1 src:nginx=1.22.1-9 src:nginx=1.26.3-1"},
		{Filter{Include: []string{"nginx (<< 1.26)"}}, "nginx=1.22.1-9 src:nginx=1.22.1-9"},
		{Filter{Include: []string{"ng* (>= 1.22) (<< 1.26)"}}, "nginx=1.22.1-9 src:nginx=1.22.1-9"},
		{Filter{Include: []string{"nginx (<< 1.26)"}, FollowDependencies: new(true)},
			"nginx=1.22.1-9 libc6=2.36-9 libc6=2.41-1 libgcc-s1=14 libssl3=3.0 postfix=3.7 exim4=4.96 src:nginx=1.22.1-9 src:glibc=2.36-9 src:glibc=2.41-1"},
		{Filter{Include: []string{"nginx (>> 1.26)"}, FollowDependencies: new(true)},
			"nginx=1.26.3-1 libc6=2.36-9 libc6=2.41-1 libgcc-s1=14 src:nginx=1.26.3-1 src:glibc=2.36-9 src:glibc=2.41-1"},
		{Filter{Include: []string{"nginx (<< 1.26)"}, Exclude: []string{"exim*", "libc6 (>= 2.40)"}, FollowDependencies: new(true)},
			"nginx=1.22.1-9 libc6=2.36-9 libssl3=3.0 postfix=3.7 src:nginx=1.22.1-9 src:glibc=2.36-9"},
		{Filter{Include: []string{"nginx (>> 1.26)"}, FollowRecommends: true},
			"nginx=1.26.3-1 libc6=2.36-9 libc6=2.41-1 libgcc-s1=14 exim4=4.96 src:nginx=1.26.3-1 src:glibc=2.36-9 src:glibc=2.41-1"},
		{Filter{Exclude: []string{"nginx", "lib*"}}, "postfix=3.7 exim4=4.96"},
		{Filter{Sections: []string{"libs"}, Priorities: []string{"required"}}, "libc6=2.36-9 libc6=2.41-1 libgcc-s1=14 src:glibc=2.36-9 src:glibc=2.41-1"},
		{Filter{Sections: []string{"contrib/*"}}, "exim4=4.96"},
		{Filter{Include: []string{"glibc"}}, "src:glibc=2.36-9 src:glibc=2.41-1"},
	} {
		f, err := newFilter(tt.filter)
		must(t, err)
		var got []string
		for i, ok := range f.choose(pkgs) {
			if ok {
				prefix := ""
				if pkgs[i].isSource {
					prefix = "src:"
				}
				got = append(got, fmt.Sprintf("%s%s=%s", prefix, pkgs[i].name, pkgs[i].version))
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%+v\n got %s\nwant %s", tt.filter, strings.Join(got, " "), tt.want)
		}
	}
}

// A filter leaves the indexes as they are, and holds back files of the pool.
func TestFilter(t *testing.T) {
	a := newArchive(t)
	s := stable(a)
	s.indexes["main/binary-amd64/Packages"] = a.deb("hello", "1", "Source: hello-src (0.9)\nDepends: world (>= 2)\n") + a.deb("world", "2", "") + a.deb("other", "1", "")
	a.publish("dists/stable/", s)
	opts := Options{Architectures: []string{"amd64"}, Components: []string{"main"}, Verify: "off"}
	whole := remotetest.Paths(a.capture(a.open(opts), nil))
	opts.Packages = Filter{Include: []string{"hello"}, FollowDependencies: new(true)}
	c := a.capture(a.open(opts), nil)
	some := remotetest.Paths(c)
	want := slices.DeleteFunc(slices.Clone(whole), func(p string) bool { return strings.Contains(p, "/other/") || strings.Contains(p, "/data/") })
	if !slices.Equal(some, want) {
		t.Errorf("\n got %q\nwant %q", some, want)
	}
	if files, bytes := c.HeldBack(); files != 2 || bytes != int64(len("the package other 1the package data 1")) {
		t.Errorf("%d files, %d bytes are held back", files, bytes)
	}
	remotetest.Publish(t, c)
}
