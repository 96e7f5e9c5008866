package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/manifest"
)

// trixie returns the root of a Debian 13, whose apt knows snapshots.
func trixie(t testing.TB) string { return debianRoot(t, "trixie") }

// debianMirror returns this machine's source of Debian's own packages.
func debianMirror(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI)", "Identifier: Packages").Output()
	if err != nil {
		t.Fatalf("apt-get indextargets: %v", err)
	}
	for _, uri := range strings.Fields(string(out)) {
		if strings.HasSuffix(strings.TrimSuffix(uri, "/"), "/debian") {
			return uri
		}
	}
	t.Fatalf("apt's sources name no archive of Debian, only %q; ASOF_TEST_MIRROR names one", strings.Fields(string(out)))
	return ""
}

// apt's own snapshots: a client keeps the archive's address and asks for any
// time, and apt fetches from asof the archive of that time.
func TestAptSnapshot(t *testing.T) {
	root := trixie(t)
	a := newAptArchive(t)
	w := newWorkspace(t, aptConfig(a, "thin"))
	first, second := a.twoCheckpoints(w)
	server := w.serve()

	work, err := os.MkdirTemp(filepath.Join(root, "tmp"), "asof-")
	a.check(err)
	t.Cleanup(func() { os.RemoveAll(work) })
	a.check(os.Chmod(work, 0o755))
	key, err := os.ReadFile(a.key)
	a.check(err)
	inside := strings.TrimPrefix(work, root)
	a.check(os.WriteFile(filepath.Join(work, "archive.gpg"), key, 0o644))
	a.check(os.WriteFile(filepath.Join(work, "archive.sources"), []byte(fmt.Sprintf(
		"Types: deb\nURIs: %s/\nSuites: stable stable-updates\nComponents: main\nArchitectures: %s\nSigned-By: %s/archive.gpg\n", a.url, a.arch, inside)), 0o644))
	run := func(id string, args ...string) string {
		t.Helper()
		state := filepath.Join(work, "state-"+id)
		for _, dir := range []string{"lists/partial", "cache/archives/partial"} {
			a.check(os.MkdirAll(filepath.Join(state, dir), 0o755))
		}
		in := strings.TrimPrefix(state, root)
		cmd := exec.Command("chroot", append([]string{root, "apt-get", "--yes", "--quiet", "--snapshot", id,
			"-o", "Dir::State::lists=" + in + "/lists", "-o", "Dir::Cache=" + in + "/cache",
			"-o", "Dir::Etc::sourcelist=" + inside + "/archive.sources", "-o", "Dir::Etc::sourceparts=-",
			"-o", "APT::Sandbox::User=root", "-o", "Acquire::http::Proxy=DIRECT",
			"-o", "Acquire::Snapshots::URI::Host::127.0.0.1=" + server + "/archive/debian/@SNAPSHOTID@/"}, args...)...)
		cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("apt-get --snapshot %s %s: %v\n%s", id, strings.Join(args, " "), err, out)
		}
		if !strings.Contains(string(out), server+"/archive/debian/"+id) && args[0] == "update" {
			t.Errorf("apt did not ask asof:\n%s", out)
		}
		return state
	}
	for id, version := range map[manifest.ID]string{first: "1.0", second - 1: "1.0", second: "2.0"} {
		run(id.String(), "update")
		state := run(id.String(), "install", "--download-only", "hello")
		debs, err := filepath.Glob(filepath.Join(state, "cache/archives/hello_*.deb"))
		a.check(err)
		for i := range debs {
			debs[i] = filepath.Base(debs[i])
		}
		if want := []string{"hello_" + version + "_" + a.arch + ".deb"}; !slices.Equal(debs, want) {
			t.Errorf("--snapshot %s: %q, want %q", id, debs, want)
		}
	}
}
