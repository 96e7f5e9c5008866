package test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// debianRoot returns the root of a Debian of some suite, with more packages, for chroot. It
// is made once and kept in the user's cache.
func debianRoot(t testing.TB, suite string, packages ...string) string {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("this test needs root, for a chroot")
		}
		t.Skip("not root: no chroot with " + suite + " can be made")
	}
	needsDebian(t, "mmdebstrap", "chroot")
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(cache, "asof", suite)
	if _, err := os.Stat(root); err == nil {
		return root
	}
	if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.MkdirTemp(filepath.Dir(root), suite+"-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(fresh)
	mirror := os.Getenv("ASOF_TEST_MIRROR")
	if mirror == "" {
		mirror = debianMirror(t)
	}
	// The machine's clock may be ahead of a mirror's.
	args := []string{"--variant=apt", `--aptopt=Acquire::Check-Valid-Until "false"`}
	if len(packages) > 0 {
		args = append(args, "--include="+strings.Join(packages, ","))
	}
	out, err := exec.Command("mmdebstrap", append(args, suite, fresh, mirror)...).CombinedOutput()
	if err != nil {
		t.Fatalf("mmdebstrap: %v\n%s\nASOF_TEST_MIRROR names another mirror", err, out)
	}
	if err := os.Rename(fresh, root); err != nil && !errors.Is(err, os.ErrExist) {
		if _, there := os.Stat(root); there != nil { // another test was faster
			t.Fatal(err)
		}
	}
	return root
}
