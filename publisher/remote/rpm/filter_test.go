package rpm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// distribution has packages to choose from.
func distribution(s *site) files {
	format := func(source, provides, requires, recommends string, more ...string) string {
		list := func(element, text string) string {
			if text == "" {
				return ""
			}
			out := "<rpm:" + element + ">"
			for one := range strings.SplitSeq(text, ",") {
				name, rest, _ := strings.Cut(one, " ")
				if strings.HasPrefix(one, "(") {
					name, rest = one, ""
				}
				flags, version, _ := strings.Cut(rest, " ")
				out += fmt.Sprintf(`<rpm:entry name="%s" flags="%s" ver="%s"/>`, strings.ReplaceAll(strings.ReplaceAll(name, "<", "&lt;"), ">", "&gt;"), flags, version)
			}
			return out + "</rpm:" + element + ">"
		}
		return "<rpm:sourcerpm>" + source + "</rpm:sourcerpm>" + list("provides", provides) + list("requires", requires) + list("recommends", recommends) + strings.Join(more, "")
	}
	var b strings.Builder
	add := func(p pkg) { b.WriteString(s.add("", p)) }
	for _, v := range []string{"1.9", "1.10", "1.2~rc1"} {
		add(pkg{name: "nginx", version: v, arch: "x86_64", more: format("nginx-"+v+"-1.src.rpm", "nginx EQ "+v, "libssl GE 3,/bin/sh,rpmlib(X) LE 4", "nginx-doc")})
		add(pkg{name: "nginx", version: v, arch: "src"})
	}
	add(pkg{name: "nginx-doc", version: "1.10", more: format("nginx-1.10-1.src.rpm", "nginx-doc EQ 1.10", "", "")})
	add(pkg{name: "openssl", version: "3", arch: "x86_64", more: format("openssl-3-1.src.rpm", "openssl EQ 3,libssl EQ 3.1", "(glibc >= 2 if kernel)", "")})
	add(pkg{name: "openssl", version: "1", arch: "x86_64", more: format("openssl-1-1.src.rpm", "openssl EQ 1,libssl EQ 1.1", "", "")})
	add(pkg{name: "openssl", version: "3", arch: "i686", more: format("openssl-3-1.src.rpm", "libssl EQ 3.1", "", "")})
	add(pkg{name: "openssl", version: "3", arch: "src"})
	add(pkg{name: "bash", version: "5", arch: "x86_64", more: format("bash-5-1.src.rpm", "bash EQ 5", "glibc", "", "<file>/bin/sh</file>")})
	add(pkg{name: "glibc", version: "2", arch: "x86_64", more: format("glibc-2-1.src.rpm", "glibc EQ 2", "bash", "")}) // a circle
	add(pkg{name: "kernel", version: "6", arch: "x86_64", more: format("kernel-6-1.src.rpm", "kernel EQ 6", "", "")})
	return files{packages: b.String()}
}

// A filter chooses by name, architecture and version, and follows dependencies. What it
// holds back is counted, and the metadata stay whole.
func TestFilter(t *testing.T) {
	s := newSite(t)
	s.publish("", distribution(s))
	const total = 14
	off := new(bool)
	for _, tt := range []struct {
		name   string
		filter Filter
		want   string // NAME-VERSION.ARCH
	}{
		{"names", Filter{Include: []string{"nginx", "ba*"}, Sources: off}, "bash-5.x86_64 nginx-1.10.x86_64 nginx-1.2~rc1.x86_64 nginx-1.9.x86_64"},
		{"names and sources", Filter{Include: []string{"nginx-doc"}}, "nginx-1.10.src nginx-doc-1.10.noarch"},
		{"without", Filter{Exclude: []string{"nginx*", "openssl"}}, "bash-5.x86_64 glibc-2.x86_64 kernel-6.x86_64"},
		{"an architecture, with noarch and all sources", Filter{Architectures: []string{"i686"}}, "nginx-1.10.src nginx-1.2~rc1.src nginx-1.9.src nginx-doc-1.10.noarch openssl-3.i686 openssl-3.src"},
		{"noarch alone", Filter{Architectures: []string{"noarch"}, Sources: off}, "nginx-doc-1.10.noarch"},
		{"an architecture without sources", Filter{Architectures: []string{"i686"}, Sources: off}, "nginx-doc-1.10.noarch openssl-3.i686"},
		{"the newest", Filter{Include: []string{"nginx", "openssl"}, Newest: 1, Sources: off}, "nginx-1.10.x86_64 openssl-3.i686 openssl-3.x86_64"},
		{"the newest two", Filter{Include: []string{"nginx"}, Newest: 2}, "nginx-1.10.src nginx-1.10.x86_64 nginx-1.9.src nginx-1.9.x86_64"},
		{"dependencies", Filter{Include: []string{"nginx"}, Newest: 1, Sources: off, Architectures: []string{"x86_64", "noarch"}, FollowDependencies: new(true)}, "bash-5.x86_64 glibc-2.x86_64 kernel-6.x86_64 nginx-1.10.x86_64 openssl-3.x86_64"},
		{"what it recommends", Filter{Include: []string{"nginx"}, Newest: 1, Sources: off, Architectures: []string{"x86_64", "noarch"}, FollowRecommends: true}, "bash-5.x86_64 glibc-2.x86_64 kernel-6.x86_64 nginx-1.10.x86_64 nginx-doc-1.10.noarch openssl-3.x86_64"},
		{"a file", Filter{Include: []string{"bash"}, FollowDependencies: new(true)}, "bash-5.x86_64 glibc-2.x86_64"},
		{"a dependency that is excluded", Filter{Include: []string{"bash"}, Exclude: []string{"glibc"}, FollowDependencies: new(true)}, "bash-5.x86_64"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := s.capture(s.open(Options{Verify: "off", Packages: tt.filter}), nil)
			var got []string
			for _, path := range remotetest.Paths(c) {
				if name, ok := strings.CutPrefix(path, "Packages/"); ok {
					release := strings.LastIndex(name, "-1.")
					got = append(got, name[:release]+strings.TrimSuffix(name[release+2:], ".rpm"))
				}
			}
			slices.Sort(got)
			want := strings.Fields(tt.want)
			if files, bytes := c.HeldBack(); !slices.Equal(got, want) || files != total-len(want) || bytes == 0 {
				t.Errorf("%q, %d held back\nwant %q", got, files, want)
			}
			if !slices.Contains(remotetest.Paths(c), repomdName) {
				t.Error("the metadata are not whole")
			}
		})
	}
	if c := s.capture(s.open(Options{Verify: "off"}), nil); len(remotetest.Paths(c)) != total+2 {
		t.Errorf("without a filter: %q", remotetest.Paths(c))
	}
}

// What matches nothing is a warning or, if filters are strict, an error with what was meant.
func TestStrictFilters(t *testing.T) {
	s := newSite(t)
	s.publish("", distribution(s))
	opts := Options{Verify: "off", Packages: Filter{Include: []string{"ngins", "bash"}, Architectures: []string{"x86_64", "src"}}}
	s.capture(s.open(opts), nil)
	opts.StrictFilters = true
	text, err := s.fail(s.open(opts), nil)
	if !strings.Contains(text, `packages.include: upstream has nothing for "ngins"; did you mean nginx`) || !strings.Contains(text, `packages.architectures: upstream has nothing for "src"; it has i686, noarch, x86_64`) || !errors.Is(err, remote.ErrOptions) {
		t.Error(text)
	}
	if hint(err) != "packages.sources: true takes source packages" {
		t.Error(hint(err))
	}
}

// noarch is implied, so it may be listed beside others where upstream has none.
func TestIdleNoarch(t *testing.T) {
	s := newSite(t)
	s.publish("", files{packages: s.add("", pkg{name: "x", version: "1", arch: "x86_64"})})
	opts := Options{Verify: "off", StrictFilters: true, Packages: Filter{Architectures: []string{"x86_64", "noarch"}}}
	s.capture(s.open(opts), nil)
	opts.Packages.Architectures = []string{"noarch"}
	if text, _ := s.fail(s.open(opts), nil); !strings.Contains(text, `packages.architectures: upstream has nothing for "noarch"; it has x86_64`) {
		t.Error(text)
	}
}

// What the filter holds back can't make a capture fail.
func TestFilterFirst(t *testing.T) {
	s := newSite(t)
	s.publish("", files{packages: s.add("", pkg{name: "good", version: "1"}) + s.add("", pkg{name: "bad", version: "1", href: "../../x"}) +
		s.add("", pkg{name: "twice", version: "1"}) + s.add("", pkg{name: "twice", version: "1", content: "another"})})
	s.fail(s.open(Options{Verify: "off"}), nil)
	c := s.capture(s.open(Options{Verify: "off", Packages: Filter{Include: []string{"good"}}}), nil)
	if files, _ := c.HeldBack(); files != 1 {
		t.Errorf("%d files are held back", files)
	}
}

func TestFilterOptions(t *testing.T) {
	off := new(bool)
	for _, tt := range []struct {
		filter Filter
		want   string
	}{
		{Filter{}, "<nil>"}, {Filter{Sources: off}, "<nil>"}, {Filter{Include: []string{"["}}, `packages.include[0]: "[" is not a pattern`},
		{Filter{Exclude: []string{"a", ""}}, `packages.exclude[1]: "" is not a pattern`}, {Filter{Newest: -1}, "packages.newest: is -1, less than 0"},
		{Filter{FollowDependencies: new(true)}, "packages.follow_dependencies: nothing is chosen that has dependencies to follow"},
		{Filter{FollowRecommends: true}, "packages.follow_recommends: nothing is chosen that recommends anything"},
	} {
		_, err := New(Options{URL: "https://example.org/os", Packages: tt.filter}, newSite(t).env())
		if got := fmt.Sprint(err); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.filter, got, tt.want)
		}
	}
}
