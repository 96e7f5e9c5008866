package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// repoFiles are the .repo files that show prints for a checkpoint, in their order: by its
// id, by $asof, by the mirror list of latest.
func repoFiles(w *workspace, server, id string) []string {
	w.Helper()
	out := strings.ReplaceAll(w.run("show", "rpms", id), "https://YOUR-SERVER", server)
	return regexp.MustCompile(`(?m)^\[.*\]\n(?:[a-z_]+=.*\n)+`).FindAllString(out, -1)
}

// What show prints works as it is, with the keys that are kept with the checkpoint.
func TestRPMGuide(t *testing.T) {
	r := newRPMRepository(t)
	w := newWorkspace(t, rpmConfig(r, "thin"))
	first, second := r.twoCheckpoints(w)
	server := w.serve()
	files := repoFiles(w, server, first.String())
	if len(files) != 3 || !strings.Contains(files[0], "gpgcheck=1\nrepo_gpgcheck=1\ngpgkey="+server+"/linux/rpms/"+first.String()+"/.asof/keys.asc\nmetadata_expire=never\n") {
		t.Fatalf("%q", files)
	}
	for i, name := range []string{"$asof", "latest"} { // keys that outlive this checkpoint
		if !strings.Contains(files[i+1], "\ngpgkey="+server+"/linux/rpms/"+name+"/.asof/keys.asc\nmetadata_expire=5m\nautorefresh=1\n") {
			t.Errorf("%q", files[i+1])
		}
	}
	for _, kind := range rpmClients {
		t.Run(kind, func(t *testing.T) {
			for i, want := range []string{"1.0", "1.0^git1", "1.0^git1"} {
				c := newRPMClient(t, kind)
				c.use(files[i], r.key)
				c.set(second.String())
				c.run("install", "hello", "libhello++")
				if got := c.installed("hello"); got != want {
					t.Errorf("%s\nhello %s, want %s", files[i], got, want)
				}
			}
		})
	}
}

// With verify: warn a signature that is bad stops neither asof nor dnf, which is told not to
// look at it. zypper looks at it all the same.
func TestRPMWarn(t *testing.T) {
	r := newRPMRepository(t)
	r.add("", "hello", "1.0")
	r.publish("")
	asc := filepath.Join(r.dir, "repodata/repomd.xml.asc")
	old, err := os.ReadFile(asc)
	r.check(err)
	r.add("", "libhello++", "1.0")
	r.publish("")
	r.check(os.WriteFile(asc, old, 0o644))
	w := newWorkspace(t, strings.Replace(rpmConfig(r, "thin"), "verify: required", "verify: warn", 1))
	w.says(w.try("publish"), 0, `something does not fit together; starting again from the root`, `captured unverified \(verify: warn\): .*repomd\.xml\.asc.*verification failed: the signature by .* is bad`)
	files := repoFiles(w, w.serve(), "latest")
	for _, kind := range rpmClients {
		t.Run(kind, func(t *testing.T) {
			c := newRPMClient(t, kind)
			c.use(files[2], r.key)
			want := "1.0"
			if kind == "zypper" {
				want = "-"
			}
			out, err := c.try("install", "hello")
			if (err == nil) != (want == "1.0") || c.installed("hello") != want || !strings.Contains(files[2], "\nrepo_gpgcheck=0\n") {
				t.Errorf("%s\nhello %s: %v\n%s", files[2], c.installed("hello"), err, out)
			}
		})
	}
}
