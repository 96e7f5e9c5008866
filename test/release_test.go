package test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A release is the same bytes wherever it is built. Its packages contain the
// program, its manual pages and completions. It is built from the last commit.
func TestReleaseIsReproducible(t *testing.T) {
	for _, tool := range []string{"NFPM", "SBOM"} {
		if os.Getenv(tool) == "" {
			t.Fatalf("%s names no program: run make test", tool)
		}
	}
	build := func() (dir, sums string) {
		clone, dir := t.TempDir(), t.TempDir()
		run(t, "..", nil, "git", "clone", "-q", "--no-hardlinks", ".", clone)
		run(t, clone, []string{"PLATFORMS=linux/amd64"}, "./.ci/release", dir)
		data, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
		if err != nil {
			t.Fatal(err)
		}
		return dir, string(data)
	}
	dir, first := build()
	if _, second := build(); first != second {
		t.Errorf("two builds differ:\n%s\n%s", first, second)
	}
	run(t, dir, nil, "sha256sum", "--quiet", "-c", "SHA256SUMS")
	for _, want := range []string{`_linux_amd64\.tar\.gz`, `_amd64\.deb`, `_amd64\.rpm`, `_linux_amd64\.cdx\.json`} {
		if !regexp.MustCompile(`(?m)^[0-9a-f]{64}  asof_\S+` + want + `$`).MatchString(first) {
			t.Errorf("no %s among:\n%s", want, first)
		}
	}

	archive := one(t, filepath.Join(dir, "asof_*_linux_amd64.tar.gz"))
	run(t, dir, nil, "tar", "-xzf", archive, "--strip-components=1")
	if out := run(t, dir, nil, "./asof", "version"); !strings.HasPrefix(out, "asof ") {
		t.Errorf("the released program says %q", out)
	}
	list := run(t, dir, nil, "sh", "-c", `ar p "$1" data.tar.gz | tar -tz`, "sh", one(t, filepath.Join(dir, "*.deb")))
	for _, want := range []string{
		"./usr/bin/asof", "./usr/share/man/man1/asof-publish.1.gz", "./usr/share/bash-completion/completions/asof",
		"./usr/lib/systemd/system/asof.service", "./usr/lib/systemd/system/asof.socket", "./usr/lib/systemd/system/asof-publish.service", "./usr/lib/systemd/system/asof-publish.timer",
		"./usr/lib/sysusers.d/asof.conf", "./etc/asof/asof.yaml", "./etc/logrotate.d/asof",
	} {
		if !strings.Contains(list, want+"\n") {
			t.Errorf("the deb package lacks %s:\n%s", want, list)
		}
	}
	control := run(t, dir, nil, "sh", "-c", `ar p "$1" control.tar.gz | tar -xzO ./conffiles ./postinst`, "sh", one(t, filepath.Join(dir, "*.deb")))
	for _, want := range []string{"/etc/asof/asof.yaml\n", "systemd-sysusers asof.conf"} {
		if !strings.Contains(control, want) {
			t.Errorf("the deb package does not say %q:\n%s", want, control)
		}
	}
	sbom, err := os.ReadFile(one(t, filepath.Join(dir, "*_linux_amd64.cdx.json")))
	if err != nil || !bytes.Contains(sbom, []byte("pkg:golang/github.com/minio/minio-go/v7@")) {
		t.Errorf("the SBOM lacks a module that is linked in (%v)", err)
	}
}

// run runs a program in a folder, and fails the test if it fails.
func run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", cmd, err, out, stderr.Bytes())
	}
	return string(out)
}

// one returns the only file that matches a pattern.
func one(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s matches %q (%v), want one file", pattern, found, err)
	}
	return found[0]
}
