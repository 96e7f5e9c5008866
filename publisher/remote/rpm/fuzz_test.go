package rpm

import (
	"strings"
	"testing"

	"github.com/asof/asof/internal/rpm"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote/mirror"
)

// FuzzPackages: whatever primary.xml says, no file of it leads out of the tree, and each
// has a digest that is to be trusted.
func FuzzPackages(f *testing.F) {
	const entry = `<package><name>x</name><arch>y</arch><version ver="1" rel="2"/><checksum type="T">D</checksum><time file="9"/><size package="4"/><format><provides><entry name="x" flags="EQ" ver="1"/></provides><requires><entry name="x" flags="GE" epoch="1" ver="1"/><entry name="(a &gt;= 1 if b)"/></requires><file>/x</file></format><location href="H"/></package>`
	for _, r := range [][]string{
		{"T", "sha256", "D", strings.Repeat("ab", 32), "H", "Packages/x.rpm"}, {"T", "md5", "D", strings.Repeat("ab", 16), "H", "../x.rpm"},
		{"T", "sha", "D", strings.Repeat("ab", 20), "H", "./a//b"}, {"T", "sha512", "D", "x", "H", "/"},
	} {
		one := strings.NewReplacer(r...).Replace(entry)
		f.Add("<metadata>"+one+one+"</metadata>", false)
		f.Add("<metadata>"+one+"</metadata>", true)
	}
	f.Fuzz(func(t *testing.T, text string, weak bool) {
		filter, err := newFilter(Filter{Include: []string{"x"}, Newest: 1, FollowRecommends: true})
		must(t, err)
		var pkgs []wantedPkg
		c := &capture{upstream: &upstream{options: Options{AllowWeak: weak}}, faults: mirror.NewFaults(new(mirror.Memory), "", "", "", func() bool { return true })}
		m := &metadata{repo: &repository{dir: "a/b/"}}
		var files []file
		for p, err := range rpm.Packages(strings.NewReader(text), true) {
			if err != nil {
				break
			}
			pkgs = append(pkgs, filter.add(p))
			if f, err := c.packageFile(m, p); err == nil {
				files = append(files, f)
			}
		}
		filter.choose(pkgs)
		last := ""
		for _, file := range c.merge(files, func(int32) bool { return true }) {
			sums := file.Sums()
			if err := manifest.CheckPath(file.Path); err != nil || file.Size > manifest.MaxSize || sums.Check(weak) != nil || file.Path <= last {
				t.Fatalf("%+v, %v", file, err)
			}
			if at := file.time(now()); at.After(now()) {
				t.Fatalf("%+v is of the future", file)
			}
			last = file.Path
		}
	})
}
