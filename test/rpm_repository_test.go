package test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// rpmRepository is a repository that the distributions' own tools build and sign, and a
// server of it.
type rpmRepository struct {
	testing.TB
	dir  string // what is served
	home string // gpg's
	key  string // the public key, armoured
	url  string

	mu     sync.Mutex
	before func(path string) // called before each answer
}

const rpmKeyName = "Packages <packages@example.org>"

func newRPMRepository(t testing.TB) *rpmRepository {
	t.Helper()
	needsDebian(t, "rpmbuild", "rpmsign", "createrepo_c", "gpg", "dnf")
	r := &rpmRepository{TB: t, dir: t.TempDir()}
	home, err := os.MkdirTemp("", "gpg") // gpg needs a short path for its sockets
	r.check(err)
	r.home = home
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		os.RemoveAll(home)
	})
	r.gpg("--passphrase", "", "--quick-generate-key", rpmKeyName, "rsa3072", "sign", "never")
	r.key = filepath.Join(t.TempDir(), "packages.asc")
	r.gpg("--output", r.key, "--armor", "--export")
	files := http.FileServer(http.Dir(r.dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		before := r.before
		r.mu.Unlock()
		if before != nil {
			before(req.URL.Path)
		}
		files.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	r.url = server.URL + "/"
	return r
}

func (r *rpmRepository) check(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rpmRepository) run(name string, args ...string) string {
	r.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = r.dir, append(cleanEnv(), "LC_ALL=C", "GNUPGHOME="+r.home)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (r *rpmRepository) gpg(args ...string) {
	r.Helper()
	r.run("gpg", append([]string{"--homedir", r.home, "--batch", "--yes", "--quiet", "--pinentry-mode", "loopback"}, args...)...)
}

// add builds and signs a package, [EPOCH:]VERSION, into the folder of a repository. It
// installs one file, /opt/NAME, that holds the version.
func (r *rpmRepository) add(dir, name, version string) {
	r.Helper()
	work := r.TempDir()
	epoch, plain, ok := strings.Cut(version, ":")
	if !ok {
		epoch, plain = "0", version
	}
	spec := filepath.Join(work, "x.spec")
	r.check(os.WriteFile(spec, fmt.Appendf(nil, `Name: %s
Epoch: %s
Version: %s
Release: 1
Summary: a test
License: none
BuildArch: noarch
%%description
A test.
%%install
mkdir -p %%{buildroot}/opt
echo %[3]s > "%%{buildroot}/opt/%[1]s"
%%files
"/opt/%[1]s"
`, name, epoch, plain), 0o644))
	r.run("rpmbuild", "-bb", "--quiet", "--define", "_topdir "+work, "--define", "debug_package %{nil}", spec)
	built, err := filepath.Glob(filepath.Join(work, "RPMS/noarch/*.rpm"))
	r.check(err)
	r.run("rpmsign", "--define", "_gpg_name "+rpmKeyName, "--define", "_gpg_path "+r.home, "--define", "__gpg /usr/bin/gpg", "--addsign", built[0])
	to := filepath.Join(r.dir, dir, "Packages")
	r.check(os.MkdirAll(to, 0o755))
	r.check(os.Rename(built[0], filepath.Join(to, filepath.Base(built[0]))))
}

// remove takes packages out of a folder, as repositories do after a while.
func (r *rpmRepository) remove(dir, pattern string) {
	r.Helper()
	old, err := filepath.Glob(filepath.Join(r.dir, dir, "Packages", pattern))
	r.check(err)
	if len(old) == 0 {
		r.Fatalf("no %s in %s", pattern, dir)
	}
	for _, name := range old {
		r.check(os.Remove(name))
	}
}

// publish writes the metadata of a folder anew, and signs them.
func (r *rpmRepository) publish(dir string, options ...string) {
	r.Helper()
	at := filepath.Join(r.dir, dir)
	r.run("createrepo_c", append(append([]string{"-q"}, options...), at)...)
	r.gpg("--armor", "--output", filepath.Join(at, "repodata/repomd.xml.asc"), "--detach-sign", filepath.Join(at, "repodata/repomd.xml"))
}

// onRequest makes the server call f before each answer from now on.
func (r *rpmRepository) onRequest(f func(path string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.before = f
}
