package test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// curious is what packages besides apt make apt ask for: appstream, apt-file and
// command-not-found. The client's languages are German and English.
const curious = `
Acquire::Languages { "de"; "en"; };
Acquire::IndexTargets {
  deb::Contents-deb { MetaKey "$(COMPONENT)/Contents-$(ARCHITECTURE)"; flatMetaKey "Contents-$(ARCHITECTURE)"; ShortDescription "Contents"; Description "$(RELEASE) Contents"; Identifier "Contents-deb"; };
  deb::Contents-deb-legacy { MetaKey "Contents-$(ARCHITECTURE)"; ShortDescription "Contents"; Description "$(RELEASE) Contents"; Fallback-Of "Contents-deb"; Identifier "Contents-deb"; };
  deb::DEP-11 { MetaKey "$(COMPONENT)/dep11/Components-$(NATIVE_ARCHITECTURE).yml"; ShortDescription "Components"; Description "$(RELEASE) DEP-11"; };
  deb::DEP-11-icons { MetaKey "$(COMPONENT)/dep11/icons-64x64.tar"; ShortDescription "icons"; Description "$(RELEASE) icons"; };
  deb::CNF { MetaKey "$(COMPONENT)/cnf/Commands-$(NATIVE_ARCHITECTURE)"; ShortDescription "Commands"; Description "$(RELEASE) Commands"; };
};
`

// rich adds what Debian's own suites have to one of the archive's.
func (a *aptArchive) rich(suite string) {
	a.Helper()
	dist := "dists/" + suite + "/main/"
	for _, language := range []string{"en", "de"} {
		a.index(dist+"i18n/Translation-"+language, fmt.Sprintf("Package: hello\nDescription-md5: 7a7b7d7f0c4f6f1ef2a6b1d3c5e4f3a2\nDescription-%s: hello\n\n", language))
	}
	a.index(dist+"dep11/Components-"+a.arch+".yml", "---\nFile: DEP-11\n")
	a.index(dist+"dep11/icons-64x64.tar", "icons")
	a.index(dist+"cnf/Commands-"+a.arch, "suite: "+suite+"\n")
	a.write(dist+"binary-"+a.arch+"/Packages.diff/Index", "SHA256-Current: "+strings.Repeat("0", 64)+" 1\n")
	a.release(suite)
}

var keyringPath = regexp.MustCompile(`/etc/apt/keyrings/[a-z]+\.gpg`)

// shownSource is the source for apt that show prints, for a server at a URL.
func (a *aptArchive) shownSource(w *workspace, repo, url string) string {
	a.Helper()
	var shown struct {
		Usage []struct{ File, Text string }
	}
	a.check(json.Unmarshal([]byte(w.run("show", repo, "-o", "json")), &shown))
	for _, snippet := range shown.Usage {
		if strings.HasSuffix(snippet.File, ".sources") {
			text := strings.ReplaceAll(snippet.Text, "https://YOUR-SERVER", url)
			return keyringPath.ReplaceAllString(text, a.key)
		}
	}
	a.Fatal("show prints no source")
	return ""
}

// The source that show prints works as it is, whatever the mirror leaves out: apt asks
// for nothing that the tree lacks.
func TestAptSource(t *testing.T) {
	a := newAptArchive(t)
	a.addPackage("hello", "1.0", a.arch, "")
	a.addPackage("hello", "2.0", a.arch, "")
	a.publish("stable", "hello=1.0")
	a.rich("stable")
	a.publish("stable-updates")
	a.check(os.RemoveAll(filepath.Join(a.dir, "dists/stable-updates/main/source")))
	a.release("stable-updates")
	a.publish("old", "hello=1.0")
	a.check(os.Rename(filepath.Join(a.dir, "dists/old/main/Contents-"+a.arch), filepath.Join(a.dir, "dists/old/Contents-"+a.arch)))
	for _, ext := range []string{".gz", ".xz"} {
		a.check(os.Rename(filepath.Join(a.dir, "dists/old/main/Contents-"+a.arch+ext), filepath.Join(a.dir, "dists/old/Contents-"+a.arch+ext)))
	}
	a.release("old")
	for _, dir := range []string{"flat/", ""} { // the first one for apt-ftparchive
		a.index(dir+"Packages", a.run("apt-ftparchive", "packages", "pool"))
		a.index(dir+"en", "Package: hello\nDescription-en: hello\n")
	}
	a.write("Release", a.run("apt-ftparchive", "-o", "APT::FTPArchive::Release::Patterns::=en*", "release", "flat"))
	a.gpg("--output", filepath.Join(a.dir, "InRelease"), "--clearsign", filepath.Join(a.dir, "Release"))

	for name, tt := range map[string]struct {
		options string
		lines   []string // of the source
		lacks   []string // fields that the source does not have
	}{
		"everything":       {"suites: [stable], contents: true, sources: true, pdiffs: true", []string{"Types: deb deb-src", "Components: main"}, []string{"Languages", "Targets-Remove", "PDiffs", "Architectures"}},
		"defaults":         {"suites: [stable]", []string{"Types: deb", "Targets-Remove: Contents-deb", "PDiffs: no"}, []string{"Languages"}},
		"no translations":  {"suites: [stable], translations: [none]", []string{"Languages: none"}, nil},
		"one language":     {"suites: [stable], translations: [en]", []string{"Languages: en"}, nil},
		"another":          {"suites: [stable], translations: [de]", []string{"Languages: de"}, nil},
		"both":             {"suites: [stable], translations: [en, de]", nil, []string{"Languages"}},
		"no metadata":      {"suites: [stable], dep11: false, commands: false, contents: true", []string{"Targets-Remove: CNF DEP-11 DEP-11-icons DEP-11-icons-hidpi DEP-11-icons-large DEP-11-icons-large-hidpi DEP-11-icons-small"}, nil},
		"an architecture":  {"suites: [stable], architectures: [ARCH], sources: true, translations: [none]", []string{"Types: deb deb-src", "Architectures: ARCH", "Languages: none"}, nil},
		"all alone":        {"suites: [stable], architectures: [all], translations: [none]", []string{"Architectures: all"}, nil},
		"two suites":       {"suites: [stable, stable-updates], architectures: [ARCH, all], sources: true, translations: [en]", []string{"Types: deb deb-src\n", "Types: deb\n", "Suites: stable\n", "Suites: stable-updates\n"}, nil},
		"contents outside": {"suites: [old]", []string{"Targets-Remove: Contents-deb Contents-deb-legacy"}, nil},
		"flat":             {"suites: [./]", []string{"Suites: ./", "Languages: none"}, []string{"Components"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkspace(t, fmt.Sprintf("store: ./data\nrepos:\n  - name: debian\n    layout: thin\n    remote: {type: apt, url: %s, signed_by: %s, %s}\n",
				a.url, a.key, strings.ReplaceAll(tt.options, "ARCH", a.arch)))
			a.publish("stable", "hello=1.0")
			a.rich("stable")
			w.run("publish")
			server := w.serve()
			source := a.shownSource(w, "debian", server)
			for _, line := range tt.lines {
				if line = strings.ReplaceAll(line, "ARCH", a.arch); !strings.HasSuffix(line, "\n") {
					line += "\n"
				}
				if !strings.Contains("\n"+source, "\n"+line) {
					t.Errorf("the source lacks %s:\n%s", line, source)
				}
			}
			for _, field := range tt.lacks {
				if strings.Contains("\n"+source, "\n"+field+":") {
					t.Errorf("the source has %s:\n%s", field, source)
				}
			}
			id := strings.TrimSpace(w.run("resolve", "debian", "latest"))
			apt := newApt(t, strings.ReplaceAll(source, id, "latest"))
			config, err := os.OpenFile(filepath.Join(apt.root, "apt.conf"), os.O_APPEND|os.O_WRONLY, 0)
			a.check(err)
			_, err = config.WriteString(curious)
			a.check(err)
			a.check(config.Close())
			update := func() {
				t.Helper()
				out := apt.run("update")
				for _, bad := range []string{"W:", "E:", "Err:", "Ign:"} {
					if strings.Contains("\n"+out, "\n"+bad) {
						t.Fatalf("apt-get update:\n%s\nwith\n%s", out, source)
					}
				}
			}
			update()
			if name != "all alone" {
				apt.run("install", "--download-only", "hello")
			}
			if strings.Contains(source, "deb-src") {
				apt.run("source", "--download-only", "hello")
			}
			// The second time apt would try differences between the indexes.
			a.publish("stable", "hello=2.0")
			a.rich("stable")
			w.run("publish")
			update()
			if got := apt.found("var/cache/apt/archives/hello_*.deb"); name != "all alone" && !slices.Contains(got, "hello_1.0_"+a.arch+".deb") && !slices.Contains(got, "hello_2.0_"+a.arch+".deb") {
				t.Errorf("%q", got)
			}
		})
	}
}

// The page names the keys, and its command takes none over plain HTTP, from whoever
// answers.
func TestAptKeys(t *testing.T) {
	a := newAptArchive(t)
	a.addPackage("hello", "1.0", a.arch, "")
	a.publish("stable", "hello=1.0")
	w := newWorkspace(t, fmt.Sprintf("store: ./data\nrepos:\n  - name: debian\n    remote: {type: apt, url: %s, suites: [stable], signed_by: %s}\n", a.url, a.key))
	w.run("publish")
	url := w.serve()
	id := strings.TrimSpace(w.run("resolve", "debian", "latest"))
	fingerprint := ""
	for line := range strings.Lines(a.run("gpg", "--show-keys", "--with-colons", a.key)) {
		if fields := strings.Split(line, ":"); fields[0] == "fpr" && fingerprint == "" {
			fingerprint = fields[9]
		}
	}
	want := "# " + fingerprint + "  does not expire  Archive &lt;archive@example.org&gt;\n"
	if page := get(t, url+"/debian/"+id+"/").body; !strings.Contains(page, want) {
		t.Errorf("the page lacks %s:\n%s", want, page)
	}
	target := filepath.Join(t.TempDir(), "archive.gpg")
	for line := range strings.Lines(w.run("show", "debian")) {
		if !strings.HasPrefix(line, "curl ") {
			continue
		}
		command := keyringPath.ReplaceAllString(strings.ReplaceAll(line, "https://YOUR-SERVER", url), target)
		out, err := exec.Command("sh", "-c", command).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "http") {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
		if _, err := os.Stat(target); !os.IsNotExist(err) {
			t.Errorf("%s left a keyring", command)
		}
		return
	}
	t.Error("show prints no command")
}
