package test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// rpmClient is a system of its own with dnf 4, dnf 5 or zypper, whose checks are all on.
type rpmClient struct {
	testing.TB
	kind string
	root string // of the chroot; empty: the machine's own
	dir  string // of the system's state, as this machine sees it
}

// rpmClients are the kinds. dnf 5 and zypper are in no Debian that the machine may run, so
// they run in a chroot.
var rpmClients = []string{"dnf4", "dnf5", "zypper"}

func newRPMClient(t testing.TB, kind string) *rpmClient {
	t.Helper()
	c := &rpmClient{TB: t, kind: kind}
	if kind == "dnf4" {
		needsDebian(t, "dnf", "rpm")
		c.dir = t.TempDir()
		return c
	}
	c.root = debianRoot(t, "forky", "dnf5", "zypper", "rpm", "gpg", "ca-certificates")
	dir, err := os.MkdirTemp(filepath.Join(c.root, "tmp"), "asof-")
	if err != nil {
		t.Fatal(err)
	}
	c.dir = dir
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return c
}

// inside is a path of the state as the client sees it.
func (c *rpmClient) inside(path string) string {
	return filepath.Join(strings.TrimPrefix(c.dir, c.root), path)
}

func (c *rpmClient) write(name, content string) {
	c.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		c.Fatal(err)
	}
}

// use configures one repository by a .repo file, in which KEY stands for the key's address.
func (c *rpmClient) use(text, key string) {
	c.Helper()
	data, err := os.ReadFile(key)
	if err != nil {
		c.Fatal(err)
	}
	c.write("key.asc", string(data))
	text = strings.ReplaceAll(text, "KEY", "file://"+c.inside("key.asc"))
	repos := "repos"
	if c.kind == "zypper" {
		repos, text = "etc/zypp/repos.d", text+"autorefresh=1\n"
	}
	c.write(repos+"/asof.repo", text)
	c.write("dnf.conf", fmt.Sprintf("[main]\nreposdir=%s\ncachedir=%s\npersistdir=%s\nlogdir=%s\nvarsdir=%s\nplugins=0\ninstall_weak_deps=0\nmetadata_expire=0\n",
		c.inside("repos"), c.inside("cache"), "/persist", "/log", "/vars"))
}

// set gives the variable asof a value.
func (c *rpmClient) set(value string) {
	c.Helper()
	name := map[string]string{"dnf4": "root/vars/asof", "dnf5": "vars/asof", "zypper": "etc/zypp/vars.d/asof"}[c.kind]
	c.write(name, value+"\n")
}

// try runs the client: install hello, upgrade, distro-sync.
func (c *rpmClient) try(action string, packages ...string) (string, error) {
	c.Helper()
	var args []string
	switch c.kind {
	case "dnf4":
		args = []string{"dnf", "-c", c.inside("dnf.conf"), "--installroot=" + c.inside("root"), "--releasever=1",
			"--setopt=reposdir=" + c.inside("repos"), "--setopt=cachedir=" + c.inside("cache"), "--refresh", "-y", action}
	case "dnf5":
		args = []string{"dnf5", "--config=" + c.inside("dnf.conf"), "--installroot=" + c.inside("root"), "--use-host-config", "--releasever=1"}
		for option, path := range map[string]string{"reposdir": "repos", "varsdir": "vars", "cachedir": "cache", "system_cachedir": "cache", "logdir": "log", "persistdir": "persist"} {
			args = append(args, "--setopt="+option+"="+c.inside(path))
		}
		args = append(args, "--refresh", "-y", action)
	case "zypper":
		args = []string{"zypper", "--root", c.inside(""), "--non-interactive", "--gpg-auto-import-keys"}
		if action == "distro-sync" {
			args = append(args, "dist-upgrade", "--allow-downgrade", "--allow-vendor-change", "--no-recommends")
		} else {
			args = append(args, action)
			if action == "install" {
				args = append(args, "--no-recommends")
			}
		}
	}
	args = append(args, packages...)
	if c.root != "" {
		args = append([]string{"chroot", c.root}, args...)
	}
	cmd := exec.CommandContext(c.Context(), args[0], args[1:]...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=" + c.inside("")}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func (c *rpmClient) run(action string, packages ...string) {
	c.Helper()
	if out, err := c.try(action, packages...); err != nil {
		c.Fatalf("%s %s %s: %v\n%s", c.kind, action, strings.Join(packages, " "), err, out)
	}
}

// refresh makes zypper read the metadata again, which it keeps for ten minutes. dnf is told so
// with every run.
func (c *rpmClient) refresh() {
	c.Helper()
	if c.kind == "zypper" {
		c.run("refresh", "--force")
	}
}

// installed is what a package's file says: its version; "-": it is not installed.
func (c *rpmClient) installed(name string) string {
	c.Helper()
	root := "root"
	if c.kind == "zypper" {
		root = ""
	}
	data, err := os.ReadFile(filepath.Join(c.dir, root, "opt", name))
	if err != nil {
		return "-"
	}
	return strings.TrimSpace(string(data))
}
