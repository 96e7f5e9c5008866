package test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// needsDebian skips a test that needs Debian's own tools if they are missing. On
// a Debian system and in CI that is an error: make test installs them.
func needsDebian(t testing.TB, programs ...string) {
	t.Helper()
	_, err := os.Stat("/etc/debian_version")
	for _, program := range programs {
		if _, missing := exec.LookPath(program); missing == nil {
			continue
		}
		if err != nil && os.Getenv("CI") == "" {
			t.Skipf("not a Debian system, and there is no %s", program)
		}
		t.Fatalf("there is no %s; make setup installs it", program)
	}
}

// aptArchive is an archive that Debian's own tools build, and a server of it.
type aptArchive struct {
	testing.TB
	dir  string // the archive
	home string // gpg's
	key  string // the public key, binary
	arch string
	url  string

	plain bool // apt asks for indexes by their names, not by hash

	mu     sync.Mutex
	before func(path string) // called before each answer
}

func newAptArchive(t testing.TB) *aptArchive {
	t.Helper()
	needsDebian(t, "dpkg-deb", "dpkg-source", "apt-ftparchive", "apt-get", "gpg", "xz")
	a := &aptArchive{TB: t, dir: t.TempDir()}
	// gpg needs a short path for its sockets.
	home, err := os.MkdirTemp("", "gpg")
	a.check(err)
	a.home = home
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		os.RemoveAll(home)
	})
	a.gpg("--passphrase", "", "--quick-generate-key", "Archive <archive@example.org>", "ed25519", "sign", "never")
	a.key = filepath.Join(t.TempDir(), "archive.gpg")
	a.gpg("--output", a.key, "--export")
	a.arch = strings.TrimSpace(a.run("dpkg", "--print-architecture"))
	files := http.FileServer(http.Dir(a.dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		before := a.before
		a.mu.Unlock()
		if before != nil {
			before(r.URL.Path)
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	a.url = server.URL
	return a
}

// onRequest makes the server call f before each answer from now on.
func (a *aptArchive) onRequest(f func(path string)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.before = f
}

func (a *aptArchive) check(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}

// run runs a program in the archive's folder.
func (a *aptArchive) run(name string, args ...string) string {
	a.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = a.dir, append(cleanEnv(), "LC_ALL=C")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		a.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}

func (a *aptArchive) gpg(args ...string) {
	a.Helper()
	a.run("gpg", append([]string{"--homedir", a.home, "--batch", "--yes", "--quiet", "--pinentry-mode", "loopback"}, args...)...)
}

func (a *aptArchive) write(name, content string) {
	a.Helper()
	path := filepath.Join(a.dir, name)
	a.check(os.MkdirAll(filepath.Dir(path), 0o755))
	a.check(os.WriteFile(path, []byte(content), 0o644))
}

// addPackage builds a binary package, and its source unless the package is for
// all architectures.
func (a *aptArchive) addPackage(name, version, arch, depends string) {
	a.Helper()
	pool := fmt.Sprintf("pool/main/%s/%s", name[:1], name)
	work := a.TempDir()
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: Archive <archive@example.org>\nSection: misc\nPriority: optional\n", name, version, arch)
	if depends != "" {
		control += "Depends: " + depends + "\n"
	}
	file := func(name, content string) {
		a.check(os.MkdirAll(filepath.Dir(filepath.Join(work, name)), 0o755))
		a.check(os.WriteFile(filepath.Join(work, name), []byte(content), 0o644))
	}
	file("deb/DEBIAN/control", control+"Description: "+name+"\n")
	file("deb/usr/share/"+name+"/version", version+"\n")
	a.check(os.MkdirAll(filepath.Join(a.dir, pool), 0o755))
	a.run("dpkg-deb", "--root-owner-group", "--build", filepath.Join(work, "deb"), pool)
	if arch == "all" {
		return
	}
	source := name + "-" + version
	file(source+"/debian/control", fmt.Sprintf("Source: %[1]s\nMaintainer: Archive <archive@example.org>\nSection: misc\nPriority: optional\n\nPackage: %[1]s\nArchitecture: any\nDescription: %[1]s\n", name))
	file(source+"/debian/changelog", fmt.Sprintf("%s (%s) stable; urgency=low\n\n  * It is %s.\n\n -- Archive <archive@example.org>  Tue, 18 Mar 2025 14:03:40 +0000\n", name, version, version))
	file(source+"/debian/source/format", "3.0 (native)\n")
	cmd := exec.Command("dpkg-source", "--build", source)
	cmd.Dir = work
	if out, err := cmd.CombinedOutput(); err != nil {
		a.Fatalf("dpkg-source: %v\n%s", err, out)
	}
	built, err := filepath.Glob(filepath.Join(work, name+"_"+version+".*"))
	a.check(err)
	for _, path := range built {
		data, err := os.ReadFile(path)
		a.check(err)
		a.write(filepath.Join(pool, filepath.Base(path)), string(data))
	}
}

// publish makes a signed suite of packages in the pool, dated now.
func (a *aptArchive) publish(suite string, names ...string) {
	a.Helper()
	pool := filepath.Join(a.TempDir(), "pool")
	a.check(os.MkdirAll(pool, 0o755))
	dist := "dists/" + suite
	a.check(os.RemoveAll(filepath.Join(a.dir, dist, "main")))
	pick := func(index string) string {
		var kept strings.Builder
		for stanza := range strings.SplitSeq(index, "\n\n") {
			for _, name := range names {
				name, version, _ := strings.Cut(name, "=")
				if strings.Contains("\n"+stanza, "\nPackage: "+name+"\n") && strings.Contains(stanza, "\nVersion: "+version+"\n") {
					kept.WriteString(strings.TrimSuffix(stanza, "\n") + "\n\n")
				}
			}
		}
		return kept.String()
	}
	binary, all := dist+"/main/binary-"+a.arch, dist+"/main/binary-all"
	a.index(binary+"/Packages", pick(a.run("apt-ftparchive", "--arch", a.arch, "packages", "pool")))
	a.index(all+"/Packages", "")
	a.index(dist+"/main/source/Sources", pick(a.run("apt-ftparchive", "sources", "pool")))
	a.index(dist+"/main/Contents-"+a.arch, a.run("apt-ftparchive", "contents", "pool"))
	a.index(dist+"/main/i18n/Translation-en", "")
	a.release(suite)
}

// index writes an index, compressed and not.
func (a *aptArchive) index(name, content string) {
	a.Helper()
	a.write(name, content)
	a.run("xz", "--keep", "--force", name)
	a.run("gzip", "--keep", "--force", "--no-name", name)
}

// release signs a suite, and gives its indexes their names by hash.
func (a *aptArchive) release(suite string) {
	a.Helper()
	asked := "yes"
	if a.plain {
		asked = "no"
	}
	dist := "dists/" + suite
	for _, name := range []string{"Release", "InRelease", "Release.gpg"} {
		a.check(removeIfThere(filepath.Join(a.dir, dist, name)))
	}
	text := a.run("apt-ftparchive", "-o", "APT::FTPArchive::Release::Suite="+suite, "-o", "APT::FTPArchive::Release::Codename="+suite,
		"-o", "APT::FTPArchive::Release::Origin=Example", "-o", "APT::FTPArchive::Release::Label=Example",
		"-o", "APT::FTPArchive::Release::Architectures="+a.arch+" all", "-o", "APT::FTPArchive::Release::Components=main",
		"-o", "APT::FTPArchive::Release::Acquire-By-Hash="+asked, "-o", "APT::FTPArchive::Release::Patterns::=Commands-*", "release", dist)
	byHash := map[string][]byte{}
	a.check(filepath.WalkDir(filepath.Join(a.dir, dist), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, "/by-hash/") {
			return err
		}
		data, err := os.ReadFile(path)
		byHash[filepath.Join(filepath.Dir(path), "by-hash", "SHA256", fmt.Sprintf("%x", sha256.Sum256(data)))] = data
		return err
	}))
	for path, data := range byHash {
		a.check(os.MkdirAll(filepath.Dir(path), 0o755))
		a.check(os.WriteFile(path, data, 0o644))
	}
	a.write(dist+"/Release", text)
	a.gpg("--armor", "--output", filepath.Join(a.dir, dist, "Release.gpg"), "--detach-sign", filepath.Join(a.dir, dist, "Release"))
	a.gpg("--output", filepath.Join(a.dir, dist, "InRelease"), "--clearsign", filepath.Join(a.dir, dist, "Release"))
	// A web server sees changes only by the second.
	a.check(os.Chtimes(filepath.Join(a.dir, dist, "InRelease"), time.Time{}, nextSecond()))
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

var lastSecond struct {
	sync.Mutex
	t time.Time
}

// nextSecond returns a past time in whole seconds that it has not returned
// before.
func nextSecond() time.Time {
	lastSecond.Lock()
	defer lastSecond.Unlock()
	if lastSecond.t.IsZero() {
		lastSecond.t = time.Now().Add(-time.Hour).Truncate(time.Second)
	}
	lastSecond.t = lastSecond.t.Add(time.Second)
	return lastSecond.t
}

// apt is the machine's apt with its own folders, so that it knows nothing of the
// machine.
type apt struct {
	testing.TB
	root string
}

// newApt makes an apt with one source, in deb822.
func newApt(t testing.TB, source string) *apt {
	t.Helper()
	a := &apt{t, t.TempDir()}
	for _, dir := range []string{
		"etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d", "etc/apt/trusted.gpg.d",
		"var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/log/apt", "var/lib/dpkg", "work",
	} {
		if err := os.MkdirAll(filepath.Join(a.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{
		"var/lib/dpkg/status": "", "etc/apt/sources.list.d/archive.sources": source,
		"apt.conf": fmt.Sprintf("Dir %q;\nDir::State::status %q;\nAPT::Sandbox::User \"root\";\nAcquire::http::Proxy \"DIRECT\";\nAcquire::Retries \"0\";\n",
			a.root, filepath.Join(a.root, "var/lib/dpkg/status")),
	} {
		if err := os.WriteFile(filepath.Join(a.root, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// try runs apt-get in the folder work.
func (a *apt) try(args ...string) (string, error) {
	cmd := exec.Command("apt-get", append([]string{"--yes", "--quiet"}, args...)...)
	cmd.Dir = filepath.Join(a.root, "work")
	cmd.Env = append(cleanEnv(), "APT_CONFIG="+filepath.Join(a.root, "apt.conf"), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (a *apt) run(args ...string) string {
	a.Helper()
	out, err := a.try(args...)
	if err != nil {
		a.Fatalf("apt-get %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// found lists what matches a pattern below apt's root, by base names.
func (a *apt) found(pattern string) (names []string) {
	a.Helper()
	paths, err := filepath.Glob(filepath.Join(a.root, pattern))
	if err != nil {
		a.Fatal(err)
	}
	for _, p := range paths {
		names = append(names, filepath.Base(p))
	}
	return names
}
