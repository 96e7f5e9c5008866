package publisher

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/miniotest"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/storeurl"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/transfer"
)

// dryResult is what a dry run and the next publish must agree on.
type dryResult struct {
	Outcome      Outcome
	Changes      manifest.Changes
	Files, Pages transfer.Stats
	Count, Bytes int64
}

func resultOf(r Result) dryResult {
	return dryResult{r.Outcome, r.Checkpoint.Changes, r.Files, r.Pages, r.Checkpoint.Files, r.Checkpoint.Bytes}
}

// A dry run counts exactly the requests of the next publish, by price, on a real
// server and with both drivers. It makes none of the writes itself.
func TestDryRunCountsRequests(t *testing.T) {
	server := miniotest.Start(t)
	server.Setenv(t)
	for driver, url := range map[string]string{
		"minio": "minio://" + server.Endpoint + "/%s/prefix",
		"s3":    "s3://%s?path_style=true&endpoint=http://" + server.Endpoint,
	} {
		for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
			t.Run(driver+"/"+string(layout), func(t *testing.T) {
				files := map[string]string{"dup/1": "twice", "dup/2": "twice"}
				count := map[string]int{"minio": 1100, "s3": 30}[driver] // more than a page of a listing, or not
				for i := range count {
					files[fmt.Sprintf("d%d/%02d", i%3, i)] = fmt.Sprint("file ", i)
				}
				files["large"] = strings.Repeat("0123456789abcdef", 65<<16) // goes up in parts
				f := newFixture(t, layout, files)
				f.repo.SlashPages = layout == manifest.Full
				var meter objstore.Meter
				store, err := storeurl.Open(t.Context(), fmt.Sprintf(url, server.NewBucket(t)), storeurl.Options{WrapTransport: meter.Wrap})
				if err != nil {
					t.Fatal(err)
				}
				f.clock.now = time.Now() // the server's
				f.pub = f.publisher(store)
				for i, step := range []struct {
					change func()
					opts   PublishOptions
				}{
					{func() {}, PublishOptions{}},
					{func() { f.up.set("d1/01", "changed"); f.up.set("e/new", "twice") }, PublishOptions{}},
					{func() {}, PublishOptions{}},
					{func() {}, PublishOptions{Force: true}},
					{func() { f.up.set("d1/01", "file 1") }, PublishOptions{}}, // the pool has it, unless the newest tree is all that counts
					{func() {
						f.up.set("d2/02", "synced")
						if _, err := f.pub.Sync(t.Context(), f.repo, SyncOptions{}); err != nil {
							t.Fatal(err)
						}
					}, PublishOptions{NoSync: true}},
				} {
					step.change()
					f.clock.add(10 * time.Second)
					opens := f.up.opens
					before := meter.Requests()
					pub, run := f.pub.DryRun()
					r, err := pub.Publish(t.Context(), f.repo, step.opts)
					if err != nil {
						t.Fatal(err)
					}
					did := meter.Requests().Minus(before)
					if lists := int64(6); did.Deletes != 0 || did.Writes > lists || f.up.opens != opens {
						t.Errorf("publish %d: the dry run itself made %+v and opened %d files", i+1, did, f.up.opens-opens)
					}
					want, say := run.Requests(), resultOf(r)
					before = meter.Requests()
					done := f.publish(step.opts)
					if got := meter.Requests().Minus(before); got != want {
						t.Errorf("publish %d: %+v, the dry run said %+v", i+1, got, want)
					}
					if got := resultOf(done); got != say {
						t.Errorf("publish %d: %+v, the dry run said %+v", i+1, got, say)
					}
				}
			})
		}
	}
}

// A dry run makes no write of any kind.
func TestDryRunWritesNothing(t *testing.T) {
	f := newFixture(t, manifest.Full, map[string]string{"a": "1", "b/c": "2"})
	other := Repo{Repo: manifest.Repo{Name: "other", Base: "other"}, Layout: manifest.Thin, Remote: f.up}
	try := func() {
		t.Helper()
		f.store.take()
		pub, run := f.pub.DryRun()
		if _, err := pub.Publish(t.Context(), f.repo, PublishOptions{Force: true}); err != nil {
			t.Error(err)
		}
		if _, err := pub.Sync(t.Context(), other, SyncOptions{}); err != nil {
			t.Error(err)
		}
		if _, err := pub.Publish(t.Context(), other, PublishOptions{NoSync: true}); err != nil {
			t.Error(err)
		}
		f.up.set("d", f.clock.Now().String())
		f.clock.add(time.Minute)
		results, err := pub.PublishGroup(t.Context(), []Repo{f.repo, other}, PublishOptions{})
		if err != nil || len(results) != 2 || results[0].Outcome != Published || results[0].Checkpoint.ID != results[1].Checkpoint.ID {
			t.Errorf("%+v, %v", results, err)
		}
		if got := run.Requests(); got != (objstore.Requests{}) {
			t.Errorf("%+v of a store that needs none", got)
		}
		for _, op := range f.store.take() {
			verb, _, _ := strings.Cut(op, " ")
			if !slices.Contains([]string{"load", "open", "stat", "list"}, verb) {
				t.Errorf("it asked for %s", op)
			}
		}
	}
	try()
	if keys := f.keys(""); len(keys) != 0 {
		t.Errorf("%q", keys)
	}
	f.publish(PublishOptions{})
	f.publish(PublishOptions{Force: true})
	try()
}
