package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/asof/asof/publisher/remote/remotetest"
)

// A publish from a lying upstream fails and names the lie, in bounded time and
// memory. Nothing is published.
func TestLyingUpstream(t *testing.T) {
	for _, c := range []struct {
		name  string
		path  string
		fault remotetest.Fault
		code  int
		want  string
	}{
		{"a file of other bytes", "2.iso", remotetest.Bytes(strings.Repeat("2.isO", 1000)), 6, `2\.iso: content does not match: .*sha256 is`},
		{"a file that is too long", "2.iso", remotetest.Bytes(strings.Repeat("2.iso", 1001)), 6, `2\.iso: get http://\S+/2\.iso: .*5005`},
		{"a file that is too short", "2.iso", remotetest.Bytes("2"), 6, `2\.iso: get http://\S+/2\.iso: `},
		{"a file without end", "2.iso", remotetest.Endless(), 6, `2\.iso: content does not match: .*longer than 5000 bytes`},
		{"redirects without end", "2.iso", remotetest.Redirect(302, "/2.iso"), 1, `2\.iso: get http://\S+/2\.iso: .*redirects`},
		{"a redirect to a file on this machine", "2.iso", remotetest.Redirect(302, "file:///etc/passwd"), 1, `2\.iso: get http://\S+/2\.iso: `},
		{"a file that stalls", "2.iso", remotetest.Stall(10), 1, `2\.iso: .*no progress|2\.iso: .*(stall|idle|no byte)`},
		{"a manifest without end", remotetest.Name, remotetest.Endless(), 1, `sync: http://\S+/PULP_MANIFEST`},
		{"a manifest that is a page", remotetest.Name, remotetest.Bytes("<html>\nplease log in\n"), 1, `sync: http://\S+/PULP_MANIFEST:1: `},
		{"a manifest of redirects", remotetest.Name, remotetest.Redirect(301, "/"+remotetest.Name), 1, `sync: get http://\S+/PULP_MANIFEST: .*redirects`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			up := isos(t)
			w := newWorkspace(t, strings.Replace(configOf("./data", "full", up.URL()), "type: file,", "type: file, idle_timeout: 200ms,", 1))
			up.FailAlways(c.path, c.fault)
			r := w.try("publish")
			if r.code != c.code || !regexp.MustCompile("(?m)^error: publish myfile: "+c.want).MatchString(r.stderr) {
				t.Errorf("exit code %d, want %d; it said\n%s", r.code, c.code, r.stderr)
			}
			if _, err := os.Stat(filepath.Join(w.dir, "data", "checkpoints", "myfile", "checkpoints.json")); err == nil {
				t.Error("it published")
			}
		})
	}
}
