package test

import (
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
