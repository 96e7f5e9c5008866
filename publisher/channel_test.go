package publisher

import (
	"errors"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
)

// Channels are part of the index: a change is one swap, and loses no other.
func TestChannels(t *testing.T) {
	f := newFixture(t, manifest.Thin, isos())
	first := f.publish(PublishOptions{}).Checkpoint.ID
	f.up.set("4.iso", "four")
	second := f.publish(PublishOptions{}).Checkpoint.ID
	f.store.take()
	if err := f.pub.SetChannel(t.Context(), f.repo.Repo, "stable", first); err != nil {
		t.Fatal(err)
	}
	if got := len(f.store.take()); got != 7 {
		t.Errorf("%d requests: read the list and the index, the rings and their latest record, swap the index, record it, swap the list", got)
	}
	if err := f.pub.SetChannel(t.Context(), f.repo.Repo, "stable", first); err != nil || len(f.store.take()) != 2 {
		t.Errorf("naming the same again: %v, or more than reading the index and the list", err)
	}
	if err := f.pub.SetChannel(t.Context(), f.repo.Repo, "stable", second+1); !errors.Is(err, manifest.ErrNoCheckpoint) {
		t.Errorf("what is not listed: %v", err)
	}
	if err := f.pub.SetChannel(t.Context(), f.repo.Repo, "canary", second); err != nil {
		t.Fatal(err)
	}
	if err := f.pub.DropChannel(t.Context(), f.repo.Repo, "stable"); err != nil {
		t.Fatal(err)
	}
	if err := f.pub.DropChannel(t.Context(), f.repo.Repo, "stable"); !errors.Is(err, manifest.ErrNoChannel) {
		t.Errorf("dropped twice: %v", err)
	}
	if c := f.index().Channels; len(c) != 1 || c["canary"] != second {
		t.Errorf("channels %v", c)
	}
	f.check()
}

// A channel that moves or goes is remembered with the time of the change.
func TestChannelsAreRemembered(t *testing.T) {
	f := newFixture(t, manifest.Thin, isos())
	first := f.publish(PublishOptions{}).Checkpoint.ID
	f.up.set("4.iso", "four")
	second := f.publish(PublishOptions{}).Checkpoint.ID
	var until []manifest.ID
	for _, id := range []manifest.ID{first, second} {
		until = append(until, manifest.IDOf(f.pub.Now()))
		if err := f.pub.SetChannel(t.Context(), f.repo.Repo, "stable", id); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.pub.DropChannel(t.Context(), f.repo.Repo, "stable"); err != nil {
		t.Fatal(err)
	}
	moved := f.index().Moved
	if len(moved) != 2 || moved[0].ID != first || moved[0].Until < until[1] || moved[1].ID != second || moved[1].Until < moved[0].Until {
		t.Errorf("%v, want %s and %s from %s on", moved, first, second, until[1])
	}
	f.check()
}

// The index says what the configuration does, from the next publish on, be it of one
// repo or of several. That costs one swap, once.
func TestGrace(t *testing.T) {
	f := newFixture(t, manifest.Thin, isos())
	f.publish(PublishOptions{})
	if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{}); err != nil {
		t.Fatal(err)
	}
	const usual = 3 // read the index, and the list: it is the same second
	hour, off := time.Hour, time.Duration(0)
	set := func(grace *time.Duration, want *int64, together bool, more int) {
		t.Helper()
		f.repo.Grace = grace
		var err error
		if together {
			_, err = f.pub.PublishGroup(t.Context(), []Repo{f.repo}, PublishOptions{})
		} else {
			_, err = f.pub.Publish(t.Context(), f.repo, PublishOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
		if n := len(f.store.take()); n != usual+more {
			t.Errorf("%v: %d requests, want %d", grace, n, usual+more)
		}
		if got := f.index().Grace; (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%v: the index says %v", grace, got)
		}
		f.store.take()
	}
	seconds := int64(3600)
	f.store.take()
	set(&hour, &seconds, false, 1)
	set(&hour, &seconds, false, 0)
	set(&off, new(int64), true, 1)
	set(&off, new(int64), true, 0)
	set(nil, nil, false, 1)
	f.repo.Grace = new(time.Duration)
	*f.repo.Grace = time.Millisecond
	if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{}); err == nil || err.Error() != "grace: 1ms is not a number of seconds from 0s to 168h0m0s" {
		t.Errorf("a part of a second: %v", err)
	}
	f.repo.Grace = nil
	f.check()
}
