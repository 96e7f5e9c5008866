package publisher

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
)

func (f *fixture) sync() SyncResult {
	f.Helper()
	r, err := f.pub.Sync(f.Context(), f.repo, SyncOptions{})
	if err != nil {
		f.Fatalf("sync: %v", err)
	}
	f.clock.add(10 * time.Second)
	return r
}

func TestSyncThenPublish(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		f := newFixture(t, layout, isos())
		f.up.times["1.iso"] = time.Date(2025, 1, 30, 20, 30, 5, 0, time.UTC)
		if s := f.sync(); s.Files.Uploaded != 5 || s.Staged.Files != 5 {
			t.Errorf("%s: sync: %+v", layout, s)
		}
		if n := len(f.index().Checkpoints); n != 0 {
			t.Errorf("%s: a sync published", layout)
		}
		f.repo.Remote = nil // publishing needs no remote
		r := f.publish(PublishOptions{NoSync: true})
		if r.Files.Uploaded != 0 || r.Checkpoint.Files != 5 {
			t.Errorf("%s: publish: %+v", layout, r)
		}
		if got := f.entry(r.Checkpoint, "1.iso").Modified.String(); got != "20250130T203005Z" {
			t.Errorf("%s: modified %s", layout, got)
		}
		f.check()
		if again := f.publish(PublishOptions{NoSync: true}); again.Outcome != Unchanged {
			t.Errorf("%s: again: %+v", layout, again)
		}

		f.repo.Remote = f.up
		f.up.set("2.iso", "two, changed")
		if s := f.sync(); s.Files.Uploaded != 1 || s.Files.Reused != 4 {
			t.Errorf("%s: second sync: %+v", layout, s)
		}
		if r := f.publish(PublishOptions{NoSync: true}); r.Outcome != Published || r.Files.Uploaded != 0 {
			t.Errorf("%s: second publish: %+v", layout, r)
		}
		f.check()
	}
}

// A revision older than the newest checkpoint is never published over it.
func TestStagedIsOutdated(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.sync()
	f.up.set("2.iso", "two, changed")
	if r := f.publish(PublishOptions{}); r.Files.Uploaded != 1 || r.Files.Copied != 4 {
		t.Errorf("publish after a sync: %+v, want what was staged copied", r.Files)
	}
	_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{NoSync: true})
	if !errors.Is(err, ErrNothingStaged) {
		t.Errorf("got %v", err)
	}
}

func TestSyncKilledAndRunAgain(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.pub.Concurrency = 1
	f.store.killAt(3, func(op string) bool { return strings.HasPrefix(op, "create "+manifest.BlobPrefix) })
	if _, err := f.pub.Sync(t.Context(), f.repo, SyncOptions{}); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	f.store.heal()
	if s := f.sync(); s.Files.Uploaded != 2 || s.Files.Reused != 3 {
		t.Errorf("%+v", s.Files)
	}
	f.publish(PublishOptions{NoSync: true})
	f.check()
}

// Workers fetch disjoint parts into the pool, one of them twice because it was
// killed. The publish after them uploads nothing.
func TestShards(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		f := newFixture(t, layout, map[string]string{})
		for i := range 40 {
			f.up.set(fmt.Sprint("file ", i), fmt.Sprint("content ", i/2)) // each twice
		}
		f.pub.Concurrency = 1
		uploaded := 0
		for i := range 4 {
			shard := SyncOptions{Shard: Shard{i + 1, 4}}
			if i == 2 {
				f.store.killAt(2, func(op string) bool { return strings.HasPrefix(op, "create "+manifest.BlobPrefix) })
				if _, err := f.pub.Sync(t.Context(), f.repo, shard); !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
				f.store.heal()
				uploaded += 2
			}
			r, err := f.pub.Sync(t.Context(), f.repo, shard)
			if err != nil || r.Staged != nil {
				t.Fatalf("%+v, %v", r, err)
			}
			uploaded += r.Files.Uploaded
		}
		if uploaded != 20 {
			t.Errorf("%s: %d uploads of 20 contents", layout, uploaded)
		}
		opens := f.up.opens
		if r := f.publish(PublishOptions{}); r.Files.Uploaded != 0 || r.Checkpoint.Files != 40 || f.up.opens != opens {
			t.Errorf("%s: %+v, upstream was read %d times", layout, r, f.up.opens-opens)
		}
		f.check()
	}
}

func TestParseShard(t *testing.T) {
	if s, err := ParseShard("2/4"); err != nil || s != (Shard{2, 4}) || s.String() != "2-of-4" {
		t.Errorf("%+v, %v", s, err)
	}
	for _, s := range []string{"", "1", "0/4", "5/4", "-1/4", "1/0", "a/b", "1/4/2", "1/10001"} {
		if shard, err := ParseShard(s); err == nil {
			t.Errorf("%q was taken for %+v", s, shard)
		}
	}
}
