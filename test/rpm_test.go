package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
)

// rpmConfig is a repo that mirrors the repository.
func rpmConfig(r *rpmRepository, layout string) string {
	return fmt.Sprintf(`
store: ./data
serve: {refresh: 50ms}
repos:
  - name: rpms
    path: linux/rpms
    layout: %s
    remote: {type: rpm, url: %s, signed_by: [%s], verify: required}
`, layout, r.url, r.key)
}

// twoCheckpoints publishes two states of the repository: hello is 1.0 in the first, and
// 1.0^git1 in the second, which has no 1.0 any more.
func (r *rpmRepository) twoCheckpoints(w *workspace) (first, second manifest.ID) {
	r.Helper()
	r.add("", "hello", "1.0")
	r.add("", "libhello++", "2:1.0~rc1")
	r.publish("")
	first = published(w, "publish", "rpms")[0].Checkpoint.ID
	r.moveOn()
	time.Sleep(time.Until((first + 1).Time()))
	second = published(w, "publish", "rpms")[0].Checkpoint.ID
	if again := published(w, "publish", "rpms")[0]; again.Outcome != "unchanged" || again.Checkpoint.ID != second {
		r.Errorf("nothing changed: %+v", again)
	}
	return first, second
}

// moveOn replaces hello 1.0 by 1.0^git1.
func (r *rpmRepository) moveOn() {
	r.Helper()
	r.add("", "hello", "1.0^git1")
	r.remove("", "hello-1.0-1.*")
	r.publish("")
}

// repoFile is a .repo file by which clients check all that they can.
func repoFile(address string) string {
	return "[asof]\nname=asof\n" + address + "\nenabled=1\ngpgcheck=1\nrepo_gpgcheck=1\ngpgkey=KEY\n"
}

// dnf 4, dnf 5 and zypper install from two checkpoints, by id and by time, and each gets its
// own version: through the service, on both layouts, and through a plain web server.
func TestRPM(t *testing.T) {
	for _, layout := range []string{"full", "thin"} {
		r := newRPMRepository(t)
		w := newWorkspace(t, rpmConfig(r, layout))
		first, second := r.twoCheckpoints(w)
		w.run("verify", "rpms")
		service := w.serve() + "/linux/rpms/"
		addresses := map[string]string{
			service + first.String() + "/": "1.0", service + second.String(): "1.0^git1", service + (second - 1).String() + "/": "1.0",
		}
		if layout == "full" {
			plain := startNginx(t, filepath.Join(w.dir, "data")) + "/linux/rpms/"
			addresses[plain+first.String()+"/"], addresses[plain+second.String()+"/"] = "1.0", "1.0^git1"
		}
		for _, kind := range rpmClients {
			t.Run(layout+"/"+kind, func(t *testing.T) {
				for address, version := range addresses {
					c := newRPMClient(t, kind)
					c.use(repoFile("baseurl="+address), r.key)
					c.run("install", "hello", "libhello++")
					if got := c.installed("hello"); got != version || c.installed("libhello++") != "1.0~rc1" {
						t.Errorf("%s: hello %s, want %s; libhello++ %s", address, got, version, c.installed("libhello++"))
					}
				}
			})
		}
	}
}

// With another key no client takes a checkpoint, and neither does asof.
func TestRPMOtherKey(t *testing.T) {
	r, other := newRPMRepository(t), newRPMRepository(t)
	w := newWorkspace(t, rpmConfig(r, "thin"))
	first, _ := r.twoCheckpoints(w)
	service := w.serve() + "/linux/rpms/"
	for _, kind := range rpmClients {
		c := newRPMClient(t, kind)
		c.use(repoFile("baseurl="+service+first.String()+"/"), other.key)
		if out, err := c.try("install", "hello"); err == nil || c.installed("hello") != "-" {
			t.Errorf("%s does not look at signatures:\n%s", kind, out)
		}
	}
	r.key = other.key
	w.write("other.yaml", rpmConfig(r, "thin"))
	w.says(w.try("publish", "--config", "other.yaml"), 6, `repomd\.xml.*verification failed`)
}

// Where upstream signs packages only, asof checks these, down to their payload.
func TestRPMPackagesOnly(t *testing.T) {
	r, other := newRPMRepository(t), newRPMRepository(t)
	r.add("", "hello", "1.0")
	r.publish("")
	r.check(os.Remove(filepath.Join(r.dir, "repodata/repomd.xml.asc")))
	config := func(key string) string {
		return fmt.Sprintf("store: ./data\nrepos:\n  - name: rpms\n    remote: {type: rpm, url: %s, signed_by: [%s], verify: off, verify_packages: true}\n", r.url, key)
	}
	w := newWorkspace(t, config(other.key))
	w.says(w.try("publish"), 6, `Packages/hello-1\.0-1\.noarch\.rpm: package hello-1\.0-1\.noarch: .*is not in signed_by`, `hint: nothing was published`)
	w.write("asof.yaml", config(r.key))
	w.run("publish")
	c := newRPMClient(t, "dnf4")
	c.use(strings.Replace(repoFile("baseurl="+w.serve()+"/rpms/latest/"), "repo_gpgcheck=1", "repo_gpgcheck=0", 1), r.key)
	c.run("install", "hello")
	r.add("", "stranger", "1.0")
	r.run("rpmsign", "--delsign", filepath.Join(r.dir, "Packages/stranger-1.0-1.noarch.rpm"))
	r.publish("")
	r.check(os.Remove(filepath.Join(r.dir, "repodata/repomd.xml.asc")))
	w.says(w.try("publish"), 6, `stranger-1\.0-1\.noarch`)
}

// Machines that share one variable move to a moment, and back: a downgrade by distro-sync.
func TestRPMVariable(t *testing.T) {
	r := newRPMRepository(t)
	w := newWorkspace(t, rpmConfig(r, "thin"))
	first, second := r.twoCheckpoints(w)
	service := w.serve() + "/linux/rpms/"
	for _, kind := range rpmClients {
		t.Run(kind, func(t *testing.T) {
			c := newRPMClient(t, kind)
			c.use(repoFile("baseurl="+service+"$asof/"), r.key)
			c.set(first.String())
			c.run("install", "hello")
			for _, step := range []struct{ id, version string }{{second.String(), "1.0^git1"}, {first.String(), "1.0"}, {(second + 1).String(), "1.0^git1"}} {
				c.set(step.id)
				c.run("distro-sync")
				if got := c.installed("hello"); got != step.version {
					t.Errorf("as of %s: hello %s, want %s", step.id, got, step.version)
				}
			}
		})
	}
}

// A checkpoint is published, and a channel moves, between two requests of a client that
// reads a mirror list. It ends with one state, and installs from it.
func TestRPMPublishMeanwhile(t *testing.T) {
	for _, name := range []string{"latest", "testing"} {
		for what, part := range map[string]string{"the signature": "/repomd.xml.asc", "an index": "-primary.xml", "a package": ".rpm"} {
			for _, kind := range rpmClients {
				if name == "testing" && part != "-primary.xml" {
					continue // a channel moves as latest does
				}
				t.Run(name+"/"+what+"/"+kind, func(t *testing.T) {
					r := newRPMRepository(t)
					w := newWorkspace(t, rpmConfig(r, "thin"))
					r.add("", "hello", "1.0")
					r.publish("")
					first := published(w, "publish", "rpms")[0].Checkpoint.ID
					w.run("channel", "rpms", "testing", "latest")
					server := w.serve()
					moves := func() {
						r.moveOn()
						time.Sleep(time.Until((first + 1).Time()))
						second := published(w, "publish", "rpms")[0].Checkpoint.ID
						w.run("channel", "rpms", "testing", "latest")
						eventually(t, "the service serves the new checkpoint", func() bool {
							return redirectOf(t, server+"/linux/rpms/"+name+"/") == "/linux/rpms/"+second.String()+"/"
						})
					}
					c := newRPMClient(t, kind)
					c.use(repoFile("mirrorlist="+atFirst(t, server, part, moves)+"/-/mirrorlist/linux/rpms/"+name+"/"), r.key)
					c.run("install", "hello")
					if got := c.installed("hello"); got != "1.0" && got != "1.0^git1" {
						t.Errorf("hello %s", got)
					}
					c.refresh()
					c.run("distro-sync")
					if got := c.installed("hello"); got != "1.0^git1" {
						t.Errorf("the next run does not see the new state: hello %s", got)
					}
				})
			}
		}
	}
}

// Several repositories below one address make one checkpoint, and packages in another of
// their folders are found.
func TestRPMPaths(t *testing.T) {
	r := newRPMRepository(t)
	r.add("BaseOS", "hello", "1.0")
	r.publish("BaseOS")
	r.add("AppStream", "greeting", "1.0")
	r.publish("AppStream")
	w := newWorkspace(t, fmt.Sprintf("store: ./data\nrepos:\n  - name: el\n    remote: {type: rpm, url: %s, paths: [BaseOS, AppStream], signed_by: [%s]}\n", r.url, r.key))
	id := published(w, "publish", "el")[0].Checkpoint.ID
	service := w.serve()
	for _, kind := range rpmClients {
		c := newRPMClient(t, kind)
		c.use(repoFile(fmt.Sprintf("baseurl=%s/el/%s/BaseOS/", service, id))+"\n"+
			fmt.Sprintf("[asof2]\nname=asof2\nbaseurl=%s/el/%s/AppStream/\nenabled=1\ngpgcheck=1\nrepo_gpgcheck=1\ngpgkey=KEY\n", service, id), r.key)
		c.run("install", "hello", "greeting")
		if c.installed("hello") != "1.0" || c.installed("greeting") != "1.0" {
			t.Errorf("%s: hello %s, greeting %s", kind, c.installed("hello"), c.installed("greeting"))
		}
	}
}

// Whatever createrepo_c makes is captured, and read back as it is.
func TestRPMForms(t *testing.T) {
	for name, options := range map[string][]string{
		"gzip": nil, "bzip2": {"--general-compress-type=bz2"}, "xz": {"--general-compress-type=xz"},
		"zchunk": {"--zck"}, "databases": {"--database"}, "simple names": {"--simple-md-filenames"}, "sha512": {"-s", "sha512"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRPMRepository(t)
			r.add("", "hello", "1.0")
			r.add("", "libhello++", "2:1.0~rc1")
			r.publish("", options...)
			w := newWorkspace(t, rpmConfig(r, "thin"))
			w.run("publish")
			w.run("restore", "rpms", "latest", "out")
			for _, file := range filesBelow(t, r.dir) {
				want, err := os.ReadFile(file)
				r.check(err)
				if got, err := os.ReadFile(filepath.Join(w.dir, "out", strings.TrimPrefix(file, r.dir))); err != nil || string(got) != string(want) {
					t.Errorf("%s: %v", file, err)
				}
			}
			c := newRPMClient(t, "dnf4")
			c.use(repoFile("baseurl="+w.serve()+"/linux/rpms/latest/"), r.key)
			c.run("install", "hello")
		})
	}
}

// The repository changes during a sync: the checkpoint is the whole new state, not a mixture.
func TestRPMChangesDuringSync(t *testing.T) {
	for what, part := range map[string]string{"the signature": "repomd.xml.asc", "an index": "-primary.xml", "a package": "hello-1.0-1"} {
		r := newRPMRepository(t)
		r.add("", "hello", "1.0")
		r.publish("")
		w := newWorkspace(t, rpmConfig(r, "thin"))
		var once sync.Once
		r.onRequest(func(path string) {
			if strings.Contains(path, part) {
				once.Do(r.moveOn)
			}
		})
		w.run("publish", "rpms")
		show := w.run("show", "rpms")
		if strings.Contains(show, "hello-1.0-1.") || !strings.Contains(show, "hello-1.0^git1-1.") {
			t.Errorf("%s: the checkpoint is a mixture:\n%s", what, show)
		}
		c := newRPMClient(t, "dnf4")
		c.use(repoFile("baseurl="+w.serve()+"/linux/rpms/latest/"), r.key)
		c.run("install", "hello")
	}
}
