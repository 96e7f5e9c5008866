package apt

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/remotetest"
)

func TestParseIndexName(t *testing.T) {
	for name, want := range map[string]indexName{
		"main/binary-amd64/Packages.xz":                           {stem: "main/binary-amd64/Packages", ext: ".xz", kind: packages, component: "main", arch: "amd64"},
		"updates/main/binary-all/Packages":                        {stem: "updates/main/binary-all/Packages", kind: packages, component: "updates/main", arch: "all"},
		"main/debian-installer/binary-i386/Packages.gz":           {stem: "main/debian-installer/binary-i386/Packages", ext: ".gz", kind: packages, component: "main", arch: "i386", udeb: true},
		"main/binary-amd64/Release":                               {stem: "main/binary-amd64/Release", kind: stub, component: "main", arch: "amd64"},
		"main/source/Sources.bz2":                                 {stem: "main/source/Sources", ext: ".bz2", kind: sources, component: "main"},
		"main/source/Release":                                     {stem: "main/source/Release", kind: stub, component: "main"},
		"main/Contents-amd64.gz":                                  {stem: "main/Contents-amd64", ext: ".gz", kind: contents, component: "main", arch: "amd64"},
		"Contents-udeb-amd64.gz":                                  {stem: "Contents-udeb-amd64", ext: ".gz", kind: contents, arch: "amd64", udeb: true},
		"main/i18n/Translation-pt_BR.bz2":                         {stem: "main/i18n/Translation-pt_BR", ext: ".bz2", kind: translation, component: "main", arch: "pt_BR"},
		"main/dep11/Components-amd64.yml.xz":                      {stem: "main/dep11/Components-amd64.yml", ext: ".xz", kind: dep11, component: "main", arch: "amd64"},
		"main/dep11/icons-64x64@2.tar.gz":                         {stem: "main/dep11/icons-64x64@2.tar", ext: ".gz", kind: dep11, component: "main"},
		"main/dep11/CID-Index-arm64.json.gz":                      {stem: "main/dep11/CID-Index-arm64.json", ext: ".gz", kind: dep11, component: "main", arch: "arm64"},
		"universe/cnf/Commands-amd64.xz":                          {stem: "universe/cnf/Commands-amd64", ext: ".xz", kind: commands, component: "universe", arch: "amd64"},
		"main/installer-amd64/20230607/images/SHA256SUMS":         {stem: "main/installer-amd64/20230607/images/SHA256SUMS", kind: installer, component: "main", arch: "amd64"},
		"main/binary-amd64/Packages.diff/Index":                   {stem: "main/binary-amd64/Packages.diff/Index", kind: pdiff, of: packages, component: "main", arch: "amd64"},
		"Packages.gz":                                             {stem: "Packages", ext: ".gz", kind: packages},
		"Sources":                                                 {stem: "Sources", kind: sources},
		"Release":                                                 {stem: "Release"},
		"main/uefi/grub2-amd64/current/signed.tar.gz":             {stem: "main/uefi/grub2-amd64/current/signed.tar", ext: ".gz", component: "main/uefi/grub2-amd64"},
		"main/dist-upgrader-all/current/DevelReleaseAnnouncement": {stem: "main/dist-upgrader-all/current/DevelReleaseAnnouncement", component: "main/dist-upgrader-all"},
	} {
		want.name = name
		if got := parseIndexName(name); got != want {
			t.Errorf("%s\n got %+v\nwant %+v", name, got, want)
		}
	}
}

// As in Debian's own archive: whether clients read the index of "all" themselves
// decides whether it is mirrored without being named.
func TestArchitectureAll(t *testing.T) {
	o := Options{Architectures: []string{"amd64"}}
	all := parseIndexName("main/binary-all/Packages.xz")
	for _, tt := range []struct {
		rel  release
		want bool
	}{
		{release{architectures: []string{"amd64"}}, false},
		{release{architectures: []string{"all", "amd64"}}, true},
		{release{architectures: []string{"all", "amd64"}, noAll: true}, false},
	} {
		if got := o.wants(all, &tt.rel, false); got != tt.want {
			t.Errorf("%+v: %v", tt.rel, got)
		}
	}
	o = Options{Components: []string{"main"}}
	if !o.wants(parseIndexName("main/binary-amd64/Packages"), &release{}, false) || o.wants(parseIndexName("contrib/binary-amd64/Packages"), &release{}, false) {
		t.Error("components")
	}
	o = Options{Components: []string{"updates/main"}}
	if !o.wants(parseIndexName("main/binary-amd64/Packages"), &release{}, false) {
		t.Error("components with the suite's folder in front")
	}
}

func TestFlat(t *testing.T) {
	for _, dir := range []string{"", "flat/"} {
		a := newArchive(t)
		content := "a package"
		a.Set("pool/a_1.deb", content)
		a.publish(dir, suiteFiles{indexes: map[string]string{"Packages": fmt.Sprintf("Package: a\nFilename: ./pool/a_1.deb\nSize: %d\nSHA256: %x\n", len(content), sha256.Sum256([]byte(content)))}})
		c := a.capture(a.open(Options{Suites: []string{"./" + dir}, Verify: "off"}), nil)
		want := []string{dir + "Packages.gz", dir + "Packages.zst", dir + "Release", "pool/a_1.deb"}
		if got := remotetest.Paths(c); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("got %q, want %q", got, want)
		}
		remotetest.Publish(t, c)
	}
}

func TestPDiffs(t *testing.T) {
	a := newArchive(t)
	s := stable(a)
	s.indexes["main/binary-amd64/Packages.diff/Index"] = fmt.Sprintf("SHA256-Current: x\nSHA256-Download:\n %x 4 T-1.gz\n", sha256.Sum256([]byte("diff")))
	a.Set("dists/stable/main/binary-amd64/Packages.diff/T-1.gz", "diff")
	a.publish("dists/stable/", s)
	for _, pdiffs := range []bool{false, true} {
		c := a.capture(a.open(Options{PDiffs: pdiffs, Verify: "off"}), nil)
		list := strings.Join(remotetest.Paths(c), "\n")
		if strings.Contains(list, "Packages.diff/Index") != pdiffs || strings.Contains(list, "Packages.diff/T-1.gz") != pdiffs {
			t.Errorf("pdiffs %v:\n%s", pdiffs, list)
		}
		remotetest.Publish(t, c)
	}
}

// A file that goes by SHA-512 alone is read while it is captured, or in the newest
// checkpoint; one that goes by MD5, if that is allowed.
func TestOtherDigests(t *testing.T) {
	a := newArchive(t)
	content := "a package"
	a.Set("pool/strong.deb", content)
	a.Set("pool/weak.deb", content+"!")
	strong := fmt.Sprintf("Package: strong\nFilename: pool/strong.deb\nSize: %d\nSHA512: %x\n\n", len(content), sha512.Sum512([]byte(content)))
	weak := fmt.Sprintf("Package: weak\nFilename: pool/weak.deb\nSize: %d\nMD5sum: %x\n\n", len(content)+1, md5.Sum([]byte(content+"!")))
	a.publish("dists/stable/", suiteFiles{hashes: "SHA512", fields: fields, indexes: map[string]string{"main/binary-amd64/Packages": strong}})
	r := a.open(Options{Verify: "off"})
	first := a.capture(r, nil)
	list := strings.Join(remotetest.Paths(first), "\n")
	if !strings.Contains(list, "by-hash/SHA512/") || strings.Contains(list, "by-hash/SHA256/") {
		t.Errorf("names by hash:\n%s", list)
	}
	prev := remotetest.Publish(t, first)
	a.Take()
	a.capture(r, prev)
	if got := a.Take(); fmt.Sprint(got) != "[GET dists/stable/InRelease GET dists/stable/Release since]" {
		t.Errorf("an unchanged archive: %q", got)
	}

	a.Set("pool/strong.deb", "A package")
	if text, _ := a.fail(r, nil); !strings.HasPrefix(text, "pool/strong.deb: HOST/pool/strong.deb: its SHA512 is ") {
		t.Error(text)
	}
	a.Set("pool/strong.deb", content)
	a.publish("dists/stable/", suiteFiles{hashes: "MD5Sum", indexes: map[string]string{"main/binary-amd64/Packages": strong + weak}})
	if text, _ := a.fail(r, nil); !strings.Contains(text, "only its MD5 or SHA-1 is known") {
		t.Error(text)
	}
	remotetest.Publish(t, a.capture(a.open(Options{Verify: "off", AllowWeak: true}), nil))
}

func TestOptionErrors(t *testing.T) {
	ok := func(change func(*Options)) Options {
		o := Options{URL: "http://host/debian", Suites: []string{"stable"}}
		change(&o)
		return o
	}
	for want, opts := range map[string]Options{
		"url: missing\nsuites: missing": {},
		"url: holds a query":            ok(func(o *Options) { o.URL += "?x" }),
		"suites: missing":               ok(func(o *Options) { o.Suites = nil }),
		`suites[0]: path "dists/../x/InRelease" holds the segment ".."`:                                                ok(func(o *Options) { o.Suites = []string{"../x"} }),
		`suites[1]: "stable" is listed twice`:                                                                          ok(func(o *Options) { o.Suites = []string{"stable", "stable"} }),
		"components: flat repositories have none":                                                                      ok(func(o *Options) { o.Suites, o.Components = []string{"./"}, []string{"main"} }),
		`architectures[0]: path "a//b" holds an empty segment`:                                                         ok(func(o *Options) { o.Architectures = []string{"a//b"} }),
		`verify: is "yes"; allowed: required, off`:                                                                     ok(func(o *Options) { o.Verify = "yes" }),
		"verify: required needs keys in signed_by":                                                                     ok(func(o *Options) { o.Verify = "required" }),
		`missing: is "ignore"; allowed: fail, skip`:                                                                    ok(func(o *Options) { o.Missing = "ignore" }),
		"verify: off contradicts signed_by\nsigned_by: open x: no such file or directory":                              ok(func(o *Options) { o.Verify, o.SignedBy = "off", []string{"x"} }),
		"signed_by: open /no/such: no such file or directory":                                                          ok(func(o *Options) { o.SignedBy = []string{"/no/such"} }),
		"signed_by: bench_test.go: holds no OpenPGP public key: openpgp: invalid data: tag byte does not have MSB set": ok(func(o *Options) { o.SignedBy = []string{"bench_test.go"} }),
		"concurrency: is -1; allowed: 1 to 1000":                                                                       ok(func(o *Options) { o.Concurrency = -1 }),
		`packages.include[0]: "a b" is not of the form: name (>= version)`:                                             ok(func(o *Options) { o.Packages.Include = []string{"a b"} }),
		`packages.exclude[0]: "[a" is not a pattern`:                                                                   ok(func(o *Options) { o.Packages.Exclude = []string{"[a"} }),
		`packages.include[0]: "a (?? 1)" holds no version to compare with: (?? 1)`:                                     ok(func(o *Options) { o.Packages.Include = []string{"a (?? 1)"} }),
		`packages.follow_dependencies: is false; follow_recommends follows dependencies, too: leave out one of the two`: ok(func(o *Options) {
			o.Packages = Filter{Include: []string{"x"}, FollowDependencies: new(false), FollowRecommends: true}
		}),
		`packages.follow_dependencies: nothing is chosen that has dependencies to follow`: ok(func(o *Options) { o.Packages.FollowDependencies = new(true) }),
		`packages.follow_recommends: nothing is chosen that recommends anything`:          ok(func(o *Options) { o.Packages.FollowRecommends = true }),
	} {
		if _, err := New(opts, fetch.Env{}); err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}
