package test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/asof/asof/manifest"
)

// The same with the real binary, for a sample: its messages, its exit codes, and
// what is finally served.
func TestFaultsAndTheBinary(t *testing.T) {
	server := minio.Server(t)
	bucket := server.NewBucket(t)
	for i, f := range faults() {
		for j, driver := range []string{"minio", "s3"} {
			layout := []string{"full", "thin"}[(i+j)%2]
			k := 2 + (7*i+26*j)%45
			t.Run(fmt.Sprintf("%s/%s/%s", f.name, driver, layout), func(t *testing.T) {
				t.Parallel()
				p := newFaultProxy(t, server.Endpoint)
				prefix := fmt.Sprintf("%d-%d", i, j)
				up := isos(t)
				w := newWorkspace(t, configOf(storeURL(driver, p.endpoint, bucket, prefix), layout, up.URL()), credentials(server)...)
				p.arm(f, k)
				first := publishThrough(t, w, p)
				up.Set("2.iso", "changed")
				second := publishThrough(t, w, p)
				p.disarm()

				// Directly, not through the proxy.
				w.write("asof.yaml", configOf(storeURL(driver, server.Endpoint, bucket, prefix), layout, up.URL()))
				list := query[struct{ Checkpoints []manifest.Checkpoint }](w, "list", "myfile").Checkpoints
				if len(list) != 2 || list[0] != first.Checkpoint || list[1] != second.Checkpoint {
					t.Errorf("listed are %+v, want %s and %s", list, first.Checkpoint.ID, second.Checkpoint.ID)
				}
				w.run("show", "myfile", first.Checkpoint.ID.String())
				// One request only: another one's spare connection would delay
				// the end.
				if a := get(t, w.serve()+"/checkpoints/myfile/"+second.Checkpoint.ID.String()+"/2.iso"); a.status != 200 || a.body != "changed" {
					t.Errorf("2.iso: %d, %d bytes", a.status, len(a.body))
				}
			})
		}
	}
}

// publishThrough publishes. If that fails, it must say why, in words and by its
// exit code, and succeed when run again without the fault.
func publishThrough(t *testing.T, w *workspace, p *faultProxy) outcome {
	t.Helper()
	r := w.try("publish", "-o", "json")
	if r.code == 0 {
		var done outcomes
		if err := json.Unmarshal([]byte(r.stdout), &done); err != nil || len(done.Repos) != 1 {
			t.Fatalf("at %s: %v\n%s", p.met(), err, r.stdout)
		}
		return done.Repos[0]
	}
	said := regexp.MustCompile(`(?m)^error: publish myfile: .*(store unavailable|access denied)`).MatchString(r.stderr)
	if r.code != 1 || !said || !strings.Contains(r.stderr, "\nhint: ") || strings.Contains(r.stderr, "SDK ") {
		t.Errorf("at %s: exit code %d\n%s", p.met(), r.code, r.stderr)
	}
	p.disarm()
	return published(w, "publish")[0]
}
