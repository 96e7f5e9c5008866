package apt

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
)

// packagesText is an index of n packages, as long as Debian's are.
func packagesText(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Package: package-%[1]d\nSource: source-%[1]d\nVersion: 1:%[1]d.2-3+deb12u1\nInstalled-Size: 1234\nMaintainer: Somebody <somebody@lists.example.org>\n"+
			"Architecture: amd64\nDepends: libc6 (>= 2.34), libgcc-s1 (>= 3.0), package-%[2]d | package-%[3]d (>= 1), default-dbus-session-bus | dbus-session-bus\n"+
			"Description: what it does, in one line\nMultiarch: same\nHomepage: https://www.example.org/packages/%[1]d\nDescription-md5: d8e8fca2dc0f896fd7cb4cb0031ba249\n"+
			"Tag: role::program, implemented-in::c, interface::commandline, scope::utility, works-with::text\nSection: utils\nPriority: optional\n"+
			"Filename: pool/main/p/package-%[1]d/package-%[1]d_%[1]d.2-3+deb12u1_amd64.deb\nSize: %[4]d\nMD5sum: d8e8fca2dc0f896fd7cb4cb0031ba249\nSHA256: %[5]x\n\n",
			i, (i+1)%n, (i+7)%n, 1000+i, sha256.Sum256(fmt.Append(nil, i)))
	}
	return b.String()
}

func BenchmarkPackages(b *testing.B) {
	text := packagesText(10_000)
	chosen, err := newFilter(Filter{Include: []string{"package-1*"}, FollowDependencies: new(true)})
	must(b, err)
	for name, f := range map[string]*filter{"whole": nil, "filtered": chosen} {
		b.Run(name, func(b *testing.B) {
			c := &capture{upstream: &upstream{filter: f}}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				var out parsed
				must(b, c.parsePackages(&obtained{suite: &suite{}}, strings.NewReader(text), &out))
				if f != nil {
					f.choose(out.pkgs)
				}
			}
			b.ReportMetric(float64(b.N)*10_000/b.Elapsed().Seconds(), "packages/s")
		})
	}
}
