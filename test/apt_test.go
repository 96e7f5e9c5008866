package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
)

// aptConfig is a repo that mirrors the archive.
func aptConfig(a *aptArchive, layout string) string {
	return fmt.Sprintf(`
store: ./data
serve: {refresh: 50ms}
repos:
  - name: debian
    path: archive/debian
    layout: %s
    remote:
      type: apt
      url: %s
      suites: [stable, stable-updates]
      architectures: [%s]
      sources: true
      contents: true
      signed_by: %s
      verify: required
`, layout, a.url, a.arch, a.key)
}

// twoCheckpoints publishes two states of the archive: hello is 1.0 in the first,
// 2.0 in the second.
func (a *aptArchive) twoCheckpoints(w *workspace) (first, second manifest.ID) {
	a.Helper()
	a.addPackage("hello", "1.0", a.arch, "greeting")
	a.addPackage("greeting", "1.0", "all", "")
	a.addPackage("fix", "1.0", a.arch, "")
	a.publish("stable", "hello=1.0", "greeting=1.0")
	a.publish("stable-updates", "fix=1.0")
	first = published(w, "publish", "debian")[0].Checkpoint.ID
	a.addPackage("hello", "2.0", a.arch, "greeting")
	a.publish("stable", "hello=2.0", "greeting=1.0")
	a.check(os.Remove(filepath.Join(a.dir, "pool/main/h/hello", "hello_1.0_"+a.arch+".deb"))) // as archives do after a while
	time.Sleep(time.Until((first + 1).Time()))
	r := published(w, "publish", "debian")[0]
	if r.Outcome != "published" || r.Files.Uploaded == 0 {
		a.Fatalf("the second publish: %+v", r)
	}
	if again := published(w, "publish", "debian")[0]; again.Outcome != "unchanged" || again.Checkpoint.ID != r.Checkpoint.ID {
		a.Errorf("nothing changed: %+v", again)
	}
	return first, r.Checkpoint.ID
}

// source is the deb822 source of an archive at a URL.
func (a *aptArchive) source(url string) string {
	return fmt.Sprintf("Types: deb deb-src\nURIs: %s\nSuites: stable stable-updates\nComponents: main\nArchitectures: %s\nSigned-By: %s\n", url, a.arch, a.key)
}

// The machine's apt updates and downloads packages and sources from two
// checkpoints, with all its checks on. Each gives its own version: through the
// service, in both layouts, and through a plain web server.
func TestApt(t *testing.T) {
	for _, layout := range []string{"full", "thin"} {
		t.Run(layout, func(t *testing.T) {
			a := newAptArchive(t)
			w := newWorkspace(t, aptConfig(a, layout))
			first, second := a.twoCheckpoints(w)
			if r := w.try("verify", "debian"); r.code != 0 {
				t.Errorf("verify: %d\n%s%s", r.code, r.stdout, r.stderr)
			}
			servers := []string{w.serve()}
			if layout == "full" {
				servers = append(servers, startNginx(t, filepath.Join(w.dir, "data")))
			}
			for _, server := range servers {
				for id, version := range map[manifest.ID]string{first: "1.0", second: "2.0"} {
					a.checkApt(fmt.Sprintf("%s/archive/debian/%s/", server, id), version)
				}
			}
			// Any moment in between resolves to the first.
			a.checkApt(fmt.Sprintf("%s/archive/debian/%s/", servers[0], second-1), "1.0")
			a.checkTampered(w, servers[0], first)
		})
	}
}

// checkApt lets apt read from a URL, and expects a version of hello.
func (a *aptArchive) checkApt(url, version string) {
	a.Helper()
	apt := newApt(a.TB, a.source(url))
	out := apt.run("update")
	for _, bad := range []string{"W:", "E:", "Err:", "Ign:"} {
		if strings.Contains("\n"+out, "\n"+bad) {
			a.Errorf("%s: apt-get update:\n%s", url, out)
		}
	}
	apt.run("install", "--download-only", "hello", "fix")
	want := []string{"fix_1.0_" + a.arch + ".deb", "greeting_1.0_all.deb", "hello_" + version + "_" + a.arch + ".deb"}
	if got := apt.found("var/cache/apt/archives/*.deb"); !slices.Equal(got, want) {
		a.Errorf("%s: apt-get install: %q, want %q", url, got, want)
	}
	apt.run("source", "--download-only", "hello")
	if got, want := apt.found("work/*"), []string{"hello_" + version + ".dsc", "hello_" + version + ".tar.xz"}; !slices.Equal(got, want) {
		a.Errorf("%s: apt-get source: %q, want %q", url, got, want)
	}
}

// checkTampered proves that apt did check: with another key it refuses the
// archive.
func (a *aptArchive) checkTampered(w *workspace, server string, id manifest.ID) {
	a.Helper()
	other := filepath.Join(a.TempDir(), "other.gpg")
	home := a.TempDir()
	a.check(os.Chmod(home, 0o700))
	gpg := func(args ...string) {
		a.run("gpg", append([]string{"--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback"}, args...)...)
	}
	gpg("--passphrase", "", "--quick-generate-key", "Other <other@example.org>", "ed25519", "sign", "never")
	gpg("--output", other, "--export")
	_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
	url := fmt.Sprintf("%s/archive/debian/%s/", server, id)
	apt := newApt(a.TB, strings.ReplaceAll(a.source(url), a.key, other))
	if out, err := apt.try("update"); err == nil || !strings.Contains(out, "NO_PUBKEY") {
		a.Errorf("apt does not look at signatures: %v\n%s", err, out)
	}
	// So does asof, with its own exit code, and it publishes nothing.
	w.write("other.yaml", strings.ReplaceAll(aptConfig(a, "thin"), a.key, other))
	if r := w.try("publish", "--config", "other.yaml"); r.code != 6 || !strings.Contains(r.stderr, "InRelease: verification failed: no good signature: the key ") {
		a.Errorf("publish with another key: %d\n%s", r.code, r.stderr)
	}
}

// startNginx serves a folder with nginx, which knows nothing of asof, and returns
// its URL.
func startNginx(t testing.TB, dir string) string {
	t.Helper()
	address := freeAddress(t)
	runNginx(t, address, fmt.Sprintf("server { listen %s; root %q; }", address, dir))
	return "http://" + address
}

// The archive changes during a sync: the checkpoint is the whole new state, not a
// mixture.
func TestAptChangesDuringSync(t *testing.T) {
	a := newAptArchive(t)
	a.addPackage("hello", "1.0", a.arch, "")
	a.addPackage("hello", "2.0", a.arch, "")
	a.publish("stable", "hello=1.0")
	a.publish("stable-updates")
	for name, trigger := range map[string]string{"an index": "/main/binary-", "a package": ".deb"} {
		t.Run(name, func(t *testing.T) {
			a.publish("stable", "hello=1.0")
			w := newWorkspace(t, aptConfig(a, "thin"))
			var once sync.Once
			a.onRequest(func(path string) {
				if strings.Contains(path, trigger) {
					once.Do(func() {
						old := filepath.Join(a.dir, "pool/main/h/hello", "hello_1.0_"+a.arch+".deb")
						a.check(os.Rename(old, old+".gone"))
						a.publish("stable", "hello=2.0")
					})
				}
			})
			id := published(w, "publish", "debian")[0].Checkpoint.ID
			a.onRequest(nil)
			old := filepath.Join(a.dir, "pool/main/h/hello", "hello_1.0_"+a.arch+".deb")
			a.check(os.Rename(old+".gone", old))
			show := w.run("show", "debian", id.String())
			if strings.Contains(show, "hello_1.0") || !strings.Contains(show, "hello_2.0_") {
				t.Errorf("the checkpoint is a mixture:\n%s", show)
			}
		})
	}
}

// A filtered mirror says that it is partial, wherever it is told of, and apt accepts its
// indexes.
func TestAptPartial(t *testing.T) {
	a := newAptArchive(t)
	w := newWorkspace(t, aptConfig(a, "thin")+"      packages: {include: [hello], follow_dependencies: true}\n")
	held := regexp.MustCompile(`its filters hold back 3 files, [0-9.]+ [kM]?B\n`)
	a.addPackage("hello", "1.0", a.arch, "greeting")
	a.addPackage("greeting", "1.0", "all", "")
	a.addPackage("other", "1.0", a.arch, "")
	a.publish("stable", "hello=1.0", "greeting=1.0", "other=1.0")
	a.publish("stable-updates")
	r := w.try("publish", "debian")
	if r.code != 0 || !strings.Contains(r.stderr, "debian: a partial mirror: its filters hold back 3 files, ") {
		t.Fatalf("publish: %d\n%s", r.code, r.stderr)
	}
	for command, want := range map[string]string{
		"list":                ` [0-9]{8}T[0-9]{6}Z \(partial\) `,
		"list debian":         `Z +[0-9]+ \(partial\) `,
		"list -o json":        `"partial": ?true`,
		"list debian -o json": `"usage":true,"partial":true}`,
		"show debian":         `(?m)^partial +` + held.String(),
		"show debian -o json": `"partial":true.*"held_back":{"files":3,"bytes":[0-9]+}`,
	} {
		if out := w.run(strings.Fields(command)...); !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("asof %s: %s", command, out)
		}
	}
	url := w.serve()
	tree := "/archive/debian/" + strings.TrimSpace(w.run("resolve", "debian", "latest")) + "/"
	for path, want := range map[string]string{
		"/":                                   `(?s)archive/debian/.* \(partial\)<`,
		"/-/repos":                            `"partial":true`,
		"/-/checkpoints?repo=debian":          `"partial":true`,
		"/archive/debian/":                    `[0-9] \(partial\)<`,
		"/archive/debian/checkpoints.json":    `"partial":true`,
		tree:                                  `<dt>Partial</dt><dd>filters hold back 3 files, [0-9.]+ [KM]iB, that upstream lists</dd>`,
		"/-/file?repo=debian&path=pool/x.deb": `has no such file; it is partial: it leaves out files that upstream lists`,
		tree + "pool/main/o/other/other_1.0_" + a.arch + ".deb": `has no such file; it is partial: it leaves out files that upstream lists`,
	} {
		if got := get(t, url+path).body; !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: %s", path, got)
		}
	}
	apt := newApt(t, a.source(url+"/archive/debian/latest/"))
	apt.run("update")
	apt.run("install", "--download-only", "hello")
	if out, err := apt.try("install", "--download-only", "other"); err == nil || !strings.Contains(out, "404") {
		t.Errorf("a package that is held back: %v\n%s", err, out)
	}
}

// apt installs what a package recommends, and finds it where the filter followed that.
func TestAptRecommends(t *testing.T) {
	a := newAptArchive(t)
	a.addPackage("hello", "1.0", a.arch, "greeting\nRecommends: politeness | manners")
	a.addPackage("greeting", "1.0", "all", "")
	a.addPackage("politeness", "1.0", "all", "")
	a.publish("stable", "hello=1.0", "greeting=1.0", "politeness=1.0")
	a.publish("stable-updates")
	for option, want := range map[string]bool{"follow_dependencies": false, "follow_recommends": true} {
		w := newWorkspace(t, aptConfig(a, "thin")+"      packages: {include: [hello], "+option+": true}\n")
		w.run("publish", "debian")
		apt := newApt(t, a.source(w.serve()+"/archive/debian/latest/"))
		apt.run("update")
		if out, err := apt.try("install", "--download-only", "hello"); (err == nil) != want {
			t.Errorf("%s: %v\n%s", option, err, out)
		}
		apt.run("install", "--download-only", "--no-install-recommends", "hello")
	}
}

// A flat repository, as dpkg-scanpackages and many vendors make.
func TestAptFlat(t *testing.T) {
	a := newAptArchive(t)
	a.addPackage("hello", "1.0", a.arch, "")
	a.index("Packages", a.run("apt-ftparchive", "packages", "."))
	a.write("Release", a.run("apt-ftparchive", "release", "."))
	a.gpg("--output", filepath.Join(a.dir, "InRelease"), "--clearsign", filepath.Join(a.dir, "Release"))
	w := newWorkspace(t, fmt.Sprintf("store: ./data\nrepos:\n  - name: flat\n    remote: {type: apt, url: %s, suites: [./], signed_by: %s}\n", a.url, a.key))
	w.run("publish")
	apt := newApt(t, fmt.Sprintf("Types: deb\nURIs: %s/flat/latest/\nSuites: ./\nSigned-By: %s\n", w.serve(), a.key))
	apt.run("update")
	apt.run("install", "--download-only", "hello")
	if got := apt.found("var/cache/apt/archives/*.deb"); len(got) != 1 {
		t.Errorf("%q", got)
	}
}

// A typo is an error that names what there is, and an archive that lists no packages any
// more is not taken unasked.
func TestAptTypo(t *testing.T) {
	a := newAptArchive(t)
	a.addPackage("hello", "1.0", a.arch, "")
	a.publish("stable", "hello=1.0")
	a.publish("stable-updates")
	w := newWorkspace(t, aptConfig(a, "thin"))
	w.run("publish", "debian")
	for config, want := range map[string][]string{
		"      components: [mian]\n": {
			`error: publish debian: sync: components: upstream has nothing for "mian"; it has main` + "\n", "hint: did you mean main\n",
		},
		"      packages: {include: [helo]}\n      strict_filters: true\n": {
			`error: publish debian: sync: packages.include: upstream has nothing for "helo"; did you mean hello` + "\n", "hint: did you mean hello\n",
		},
	} {
		w.write("typo.yaml", aptConfig(a, "thin")+config)
		r := w.try("publish", "--config", "typo.yaml")
		if r.code != 2 || !strings.Contains(r.stderr, want[0]) || !strings.Contains(r.stderr, want[1]) {
			t.Errorf("%s: %d\n%s", config, r.code, r.stderr)
		}
	}
	w.write("typo.yaml", aptConfig(a, "thin")+"      packages: {include: [helo]}\n")
	r := w.try("publish", "--config", "typo.yaml")
	if r.code != 1 || !strings.Contains(r.stderr, `packages.include: upstream has nothing for \"helo\"; did you mean hello`) ||
		!strings.Contains(r.stderr, "error: publish debian: it has no files any more; the newest checkpoint's 3 would be removed:\n  pool/main/h/hello/hello_1.0.dsc\n") {
		t.Errorf("%d\n%s", r.code, r.stderr)
	}
	a.publish("stable")
	if r := w.try("publish", "debian"); r.code != 1 || !strings.Contains(r.stderr, "it has no files any more") {
		t.Errorf("an empty archive: %d\n%s", r.code, r.stderr)
	}
	w.run("publish", "debian", "--allow-shrink")
}
