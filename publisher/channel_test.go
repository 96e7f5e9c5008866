package publisher

import (
	"errors"
	"testing"

	"github.com/asof/asof/manifest"
)

// Channels are part of the index: a change is one swap, and loses no other.
func TestChannels(t *testing.T) {
	f := newFixture(t, manifest.Thin, isos())
	first := f.publish(PublishOptions{}).Checkpoint.ID
	f.up.set("4.iso", "four")
	second := f.publish(PublishOptions{}).Checkpoint.ID
	f.store.take()
	if err := f.pub.SetChannel(t.Context(), f.repo, "stable", first); err != nil {
		t.Fatal(err)
	}
	if got := len(f.store.take()); got != 5 {
		t.Errorf("%d requests: read the index, swap it, read the list and the index, swap the list", got)
	}
	if err := f.pub.SetChannel(t.Context(), f.repo, "stable", first); err != nil || len(f.store.take()) != 1 {
		t.Errorf("naming the same again: %v", err)
	}
	if err := f.pub.SetChannel(t.Context(), f.repo, "stable", second+1); !errors.Is(err, manifest.ErrNoCheckpoint) {
		t.Errorf("what is not listed: %v", err)
	}
	if err := f.pub.SetChannel(t.Context(), f.repo, "canary", second); err != nil {
		t.Fatal(err)
	}
	if err := f.pub.DropChannel(t.Context(), f.repo, "stable"); err != nil {
		t.Fatal(err)
	}
	if err := f.pub.DropChannel(t.Context(), f.repo, "stable"); !errors.Is(err, manifest.ErrNoChannel) {
		t.Errorf("dropped twice: %v", err)
	}
	if c := f.index().Channels; len(c) != 1 || c["canary"] != second {
		t.Errorf("channels %v", c)
	}
	f.check()
}
