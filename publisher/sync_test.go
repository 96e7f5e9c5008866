package publisher

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
)

func (f *fixture) sync() SyncResult {
	f.Helper()
	r, err := f.pub.Sync(f.Context(), f.repo)
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
		f.repo.Remote = nil // publishing needs none
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

// What was staged before the newest checkpoint is never published over it.
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
	if _, err := f.pub.Sync(t.Context(), f.repo); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	f.store.heal()
	if s := f.sync(); s.Files.Uploaded != 2 || s.Files.Reused != 3 {
		t.Errorf("%+v", s.Files)
	}
	f.publish(PublishOptions{NoSync: true})
	f.check()
}
