package test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	sdk "github.com/minio/minio-go/v7"

	"github.com/asof/asof/internal/miniotest"
)

// onBothDrivers runs a test on a bucket of a real MinIO, once through each S3
// driver. The test gets the store's URL and its bucket.
func onBothDrivers(t *testing.T, bucket func(t *testing.T, server *miniotest.Server) string, test func(t *testing.T, url, bucket string, env []string)) {
	for _, driver := range []string{"minio", "s3"} {
		t.Run(driver, func(t *testing.T) {
			server := minio.Server(t)
			name := bucket(t, server)
			test(t, storeURL(driver, server.Endpoint, name, "a/prefix"), name, credentials(server))
		})
	}
}

// storeURL returns a driver's URL for a part of a bucket.
func storeURL(driver, endpoint, bucket, prefix string) string {
	if driver == "s3" {
		return "s3://" + bucket + "/" + prefix + "?endpoint=http://" + endpoint + "&path_style=true&region=us-east-1"
	}
	return "minio://" + endpoint + "/" + bucket + "/" + prefix
}

func withLock(t *testing.T, s *miniotest.Server) string    { return s.NewLockedBucket(t) }
func withoutLock(t *testing.T, s *miniotest.Server) string { return s.NewBucket(t) }

const retention = "retention: {mode: governance, days: 30}\n"

// With a retention the store itself keeps every object, and publishing works as
// ever. If a user with the right to delete can't, the error says why, and until
// when.
func TestRetention(t *testing.T) {
	for _, layout := range []string{"full", "thin"} {
		t.Run(layout, func(t *testing.T) {
			onBothDrivers(t, withLock, func(t *testing.T, url, bucket string, env []string) { retained(t, url, bucket, layout, env) })
		})
	}
}

func retained(t *testing.T, url, bucket, layout string, env []string) {
	up := isos(t)
	w := newWorkspace(t, configOf(url, layout, up.URL())+retention, env...)
	began := time.Now()
	w.run("publish")
	w.run("publish") // unchanged
	up.Set("2.iso", "changed")
	up.Set("4.iso", "new")
	w.run("sync")
	second := published(w, "publish")[0]
	if second.Outcome != "published" || second.Checkpoint.Files != 5 {
		t.Errorf("the changed state: %+v", second)
	}
	if r := w.try("publish"); r.code != 0 || !strings.Contains(r.stdout, "unchanged") {
		t.Errorf("unchanged: %+v", r)
	}
	before := allVersions(t, bucket, began)

	w.run("prune", "myfile", "--keep-last", "1", "--apply")
	for range 2 { // a refusal changes nothing
		r := w.try("gc", "--exclusive", "--apply")
		want := `^error: gc: collect: delete a/prefix/\S+: kept by the store's object lock until \d{4}-\S+Z\nhint: .*--grace`
		if r.code != 1 || !regexp.MustCompile(want).MatchString(r.stderr) {
			t.Errorf("gc: exit code %d\n%s", r.code, r.stderr)
		}
	}
	// A grace period as long as the retention leaves all retained objects alone.
	if r := w.try("gc", "--grace", "720h", "--apply"); r.code != 0 {
		t.Errorf("gc with a long grace: %+v", r)
	}
	after := allVersions(t, bucket, began)
	for object := range before {
		if !after[object] {
			t.Errorf("%s is gone", object)
		}
	}
	base := w.serve() + "/checkpoints/myfile/" + second.Checkpoint.ID.String()
	for path, want := range map[string]string{"/1.iso": strings.Repeat("1.iso", 1000), "/2.iso": "changed", "/4.iso": "new"} {
		if a := get(t, base+path); a.status != 200 || a.body != want {
			t.Errorf("%s: %d, %d bytes", path, a.status, len(a.body))
		}
	}
}

// allVersions lists the immutable objects of a bucket. It checks that each is
// retained, that no register is, and that no marker hides anything.
func allVersions(t *testing.T, bucket string, began time.Time) map[string]bool {
	t.Helper()
	client := minio.Server(t).Client()
	objects := map[string]bool{}
	register := regexp.MustCompile(`/(asof|checkpoints|staged|note)\.json$|/journals/all$|/(prefix|checkpoints|checkpoints/myfile)/index\.html$`)
	for o := range client.ListObjects(t.Context(), bucket, sdk.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		if strings.Contains(o.Key, "/.asof/probe/") {
			continue
		}
		if o.IsDeleteMarker {
			t.Errorf("%s is hidden by a marker", o.Key)
			continue
		}
		mode, until, err := client.GetObjectRetention(t.Context(), bucket, o.Key, o.VersionID)
		if register.MatchString(o.Key) {
			if err == nil {
				t.Errorf("%s is retained until %v, and has to change", o.Key, until)
			}
			continue
		}
		objects[o.Key+" "+o.VersionID] = true
		if err != nil || mode == nil || *mode != sdk.Governance || until == nil || until.Sub(began) < 29*24*time.Hour {
			t.Errorf("%s: retention %v until %v, %v", o.Key, mode, until, err)
		}
	}
	if len(objects) == 0 {
		t.Error("no objects are there")
	}
	return objects
}

// A bucket without Object Lock can't retain objects: the command says so and
// publishes nothing.
func TestRetentionWithoutLock(t *testing.T) {
	onBothDrivers(t, withoutLock, func(t *testing.T, url, _ string, env []string) {
		w := newWorkspace(t, configOf(url, "full", isos(t).URL())+retention, env...)
		r := w.try("publish")
		want := `^error: publish myfile: .*retention: the bucket has no object lock\nhint: take retention out of asof.yaml`
		if r.code != 2 || !regexp.MustCompile(want).MatchString(r.stderr) {
			t.Errorf("exit code %d\n%s", r.code, r.stderr)
		}
		if r := w.try("probe"); r.code != 0 { // it retains nothing
			t.Errorf("probe: %+v", r)
		}
		if got := fmt.Sprint(w.run("list", "-o", "json")); strings.Contains(got, `"checkpoints": 1`) {
			t.Errorf("something was published: %s", got)
		}
	})
}
