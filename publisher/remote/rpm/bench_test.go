package rpm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/asof/asof/internal/rpm"
	"github.com/asof/asof/publisher/remote/mirror"
)

// primaryText is a primary.xml of n packages, as long as Fedora's are.
func primaryText(n int) string {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xmlns=\"http://linux.duke.edu/metadata/common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"1\">\n")
	for i := range n {
		fmt.Fprintf(&b, "<package type=\"rpm\">\n  <name>package-%[1]d</name>\n  <arch>x86_64</arch>\n  <version epoch=\"0\" ver=\"1.%[1]d\" rel=\"2.fc42\"/>\n  <checksum type=\"sha256\" pkgid=\"YES\">%[2]s</checksum>\n"+
			"  <summary>What package %[1]d does, in one line</summary>\n  <description>%[3]s</description>\n  <time file=\"1742220000\" build=\"1742220000\"/>\n  <size package=\"%[4]d\" installed=\"123456\" archive=\"123456\"/>\n"+
			"  <location href=\"Packages/p/package-%[1]d-1.%[1]d-2.fc42.x86_64.rpm\"/>\n  <format>\n    <rpm:sourcerpm>source-%[1]d-1-2.fc42.src.rpm</rpm:sourcerpm>\n"+
			"    <rpm:provides>\n      <rpm:entry name=\"package-%[1]d\" flags=\"EQ\" epoch=\"0\" ver=\"1.%[1]d\" rel=\"2.fc42\"/>\n    </rpm:provides>\n    <rpm:requires>\n",
			i, digestOf("sha256", fmt.Sprint(i)), strings.Repeat("A description is long. ", 20), 1000+i)
		for d := range 14 {
			fmt.Fprintf(&b, "      <rpm:entry name=\"package-%d\" flags=\"GE\" epoch=\"0\" ver=\"1\"/>\n", (i+d)%n)
		}
		b.WriteString("    </rpm:requires>\n    <file>/usr/bin/x</file>\n  </format>\n</package>\n")
	}
	b.WriteString("</metadata>\n")
	return b.String()
}

func BenchmarkPackages(b *testing.B) {
	const n = 10_000
	text := primaryText(n)
	for name, chosen := range map[string]Filter{"whole": {}, "filtered": {Include: []string{"package-1*"}, FollowDependencies: new(true)}, "newest": {Newest: 1}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				f, err := newFilter(chosen)
				must(b, err)
				c := &capture{upstream: &upstream{}, faults: mirror.NewFaults(new(mirror.Memory), "", "", "", func() bool { return true })}
				m := &metadata{repo: &repository{}}
				var pkgs []wantedPkg
				var files []file
				for p, err := range rpm.Packages(strings.NewReader(text), f.follows()) {
					must(b, err)
					if f != nil {
						pkgs = append(pkgs, f.add(p))
					}
					one, err := c.packageFile(m, p)
					must(b, err)
					files = append(files, one)
				}
				if f != nil {
					f.choose(pkgs)
				}
				if got := len(c.merge(files, func(int32) bool { return true })); got != n {
					b.Fatal(got)
				}
			}
			b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "packages/s")
		})
	}
}
