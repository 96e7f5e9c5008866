package publisher

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/manifest"
)

// All requests of a thin publish with changes. A publish costs as much as what
// changed: the files, the pages of their directories, the front page and the
// receipt. It takes ten more requests, including one for each manifest that it
// reads or writes.
func TestPublishThinRequests(t *testing.T) {
	f := newFixture(t, manifest.Thin, many(6000))
	f.pub.Concurrency = 1
	first := f.publish(PublishOptions{}).Checkpoint
	f.up.set("d1/00001", "changed")
	f.up.set("d2/00002", "changed too")
	f.store.take()
	second := f.publish(PublishOptions{}).Checkpoint
	page := func(path string) string {
		for e, err := range f.manifest(second.Pages).Entries(t.Context()) {
			if err == nil && e.Path == path {
				return "create " + manifest.BlobKey(e.SHA256)
			}
		}
		t.Fatalf("no page %s", path)
		return ""
	}
	blob := func(text string) string { return "create " + manifest.BlobKey(manifest.Sum([]byte(text))) }
	want := []string{
		"load checkpoints/myfile/checkpoints.json",
		"load asof.json",
		"load checkpoints/myfile/index.html",
		"open " + manifest.ManifestKey(first.Manifest),
		"list .asof/repos/checkpoints/myfile/",
		"create .asof/repos/checkpoints/myfile/attempts/20250318T140340Z",
		blob("changed"), blob("changed too"),
		"open " + manifest.ManifestKey(first.Pages),
		page(manifest.ChangesPath), page("d1/index.html"), page("d2/index.html"),
		"create checkpoints/myfile/20250318T140340Z/index.html",
		"create " + manifest.ManifestKey(second.Manifest),
		"create " + manifest.ManifestKey(second.Pages),
		"swap checkpoints/myfile/checkpoints.json",
		"create " + manifest.RecordKey("checkpoints/myfile", 2),
		"swap checkpoints/myfile/index.html",
	}
	if got := f.store.take(); !slices.Equal(got, want) {
		t.Errorf("requests\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if leaves, _ := f.manifest(second.Manifest).Own(); leaves != 2 {
		t.Errorf("%d leaves were written, want those of the 2 changed files", leaves)
	}
}

// However many checkpoints there have been, a publish takes a bounded number of
// requests, because a manifest's leaves are in a bounded number of objects.
func TestPublishRequestsStayBounded(t *testing.T) {
	f := newFixture(t, manifest.Thin, many(6000))
	f.publish(PublishOptions{})
	most := 0
	for i := range 3 * manifest.MaxSources {
		f.up.set(fmt.Sprintf("d%d/%05d", i%3, i*211%6000/3*3+i%3), fmt.Sprint("version ", i))
		f.store.take()
		f.publish(PublishOptions{})
		most = max(most, len(f.store.take()))
	}
	// 16 as above with one changed file, and one for each source.
	if want := 16 + manifest.MaxSources; most != want {
		t.Errorf("up to %d requests, want %d", most, want)
	}
	f.check()
}
