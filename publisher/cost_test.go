package publisher

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/manifest"
)

// The requests of a thin publish with changes, all of them. What a publish costs
// follows what changed: the files, the pages of their directories and of the root,
// which are its front page and its receipt, and ten requests besides, one of them
// for each manifest that it reads and writes.
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
		"list .asof/repos/checkpoints/myfile/",
		"open " + manifest.ManifestKey(first.Manifest),
		"create .asof/repos/checkpoints/myfile/attempts/20250318T140340Z",
		blob("changed"), blob("changed too"),
		"open " + manifest.ManifestKey(first.Pages),
		page(manifest.ChangesPath), page("d1/index.html"), page("d2/index.html"),
		"create checkpoints/myfile/20250318T140340Z/index.html",
		"create " + manifest.ManifestKey(second.Manifest),
		"create " + manifest.ManifestKey(second.Pages),
		"load checkpoints/myfile/index.html",
		"swap checkpoints/myfile/checkpoints.json",
		"swap checkpoints/myfile/index.html",
	}
	if got := f.store.take(); !slices.Equal(got, want) {
		t.Errorf("requests\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if leaves, _ := f.manifest(second.Manifest).Own(); leaves != 2 {
		t.Errorf("%d leaves were written, want those of the 2 changed files", leaves)
	}
}

// However many checkpoints there have been, the requests of a publish are
// bounded: a manifest's leaves stand in so many objects at most.
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
	// 14 as above with one file changed, and one for each source.
	if want := 14 + manifest.MaxSources; most != want {
		t.Errorf("up to %d requests, want %d", most, want)
	}
	f.check()
}
