package publisher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// modedRemote is an upstream that knows modes.
type modedRemote struct {
	*fakeRemote
	executable []string
}

func (r *modedRemote) Capture(ctx context.Context, prev remote.Previous) (remote.Capture, error) {
	c, err := r.fakeRemote.Capture(ctx, prev)
	return modedCapture{c, &manifest.Modes{Executable: slices.Clone(r.executable)}}, err
}

type modedCapture struct {
	remote.Capture
	modes *manifest.Modes
}

func (c modedCapture) Modes() *manifest.Modes { return c.modes }

func modedFixture(t *testing.T, layout manifest.Layout, executable ...string) (*fixture, *modedRemote) {
	f := newFixture(t, layout, isos())
	up := &modedRemote{f.up, executable}
	f.repo.Remote = up
	return f, up
}

// modes returns what a checkpoint says.
func (f *fixture) modes(c manifest.Checkpoint) string {
	f.Helper()
	m, err := catalog.Modes(f.Context(), catalog.From(f.store.Store), f.repo.Base, c)
	if err != nil {
		f.Fatal(err)
	}
	return fmt.Sprint(m.Executable)
}

// A change of modes alone makes a checkpoint, with the same manifest and content. Whoever
// does not know modes changes none.
func TestModes(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		f, up := modedFixture(t, layout)
		first := f.publish(PublishOptions{})
		for _, step := range []struct {
			executable []string
			outcome    Outcome
			modes      string
			only       int
		}{
			{nil, Unchanged, "[]", 0},
			{[]string{"1.iso"}, Published, "[1.iso]", 1},
			{[]string{"1.iso"}, Unchanged, "[1.iso]", 0},
			{[]string{"2.iso", "3.iso"}, Published, "[2.iso 3.iso]", 3},
			{nil, Published, "[]", 2},
		} {
			up.executable = step.executable
			r := f.publish(PublishOptions{})
			c := r.Checkpoint
			if r.Outcome != step.outcome || f.modes(c) != step.modes || r.OnlyModes != step.only {
				t.Errorf("%s %s: %s, %s, %d", layout, step.executable, r.Outcome, f.modes(c), r.OnlyModes)
			}
			if c.Manifest != first.Checkpoint.Manifest || c.Content != first.Checkpoint.Content || r.Outcome == Published && c.Changes != (manifest.Changes{}) {
				t.Errorf("%s %s: %+v", layout, step.executable, c)
			}
		}
		up.executable = []string{"1.iso"}
		f.publish(PublishOptions{})
		f.repo.Remote = f.up
		if r := f.publish(PublishOptions{}); r.Outcome != Unchanged {
			t.Errorf("%s: an upstream without modes: %s", layout, r.Outcome)
		}
		f.check()
	}
}

// To compare modes costs one read where the pages' manifest is small, and only where a
// remote knows them.
func TestModesCost(t *testing.T) {
	f, up := modedFixture(t, manifest.Full)
	f.publish(PublishOptions{})
	reads := func() int {
		f.store.take()
		f.publish(PublishOptions{})
		n := 0
		for _, op := range f.store.take() {
			if strings.HasPrefix(op, "open ") {
				n++
			}
		}
		return n
	}
	if n := reads(); n != 1 {
		t.Errorf("no executable files: %d reads", n)
	}
	up.executable = []string{"1.iso"}
	f.publish(PublishOptions{})
	if n := reads(); n != 2 {
		t.Errorf("executable files: %d reads", n)
	}
	f.repo.Remote = f.up
	if n := reads(); n != 0 {
		t.Errorf("no modes: %d reads", n)
	}
}

// A publish that was killed before its commit is for the same content. The next run, with
// other modes, does not take its pages for its own.
func TestModesAfterAKill(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		f, up := modedFixture(t, layout, "1.iso")
		killed := errors.New("killed")
		f.store.before = func(op string) error {
			if op == "swap "+manifest.IndexKey(f.repo.Base) {
				return killed
			}
			return nil
		}
		if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{}); !errors.Is(err, killed) {
			t.Fatalf("got %v", err)
		}
		f.store.before = nil
		f.clock.add(2e9)
		up.executable = []string{"2.iso"}
		r := f.publish(PublishOptions{})
		if got := f.modes(r.Checkpoint); got != "[2.iso]" {
			t.Errorf("%s: %s", layout, got)
		}
		f.check()
	}
}

// A list that no document has room for is refused before anything is stored.
func TestTooManyModes(t *testing.T) {
	f, up := modedFixture(t, manifest.Full)
	for i := range manifest.MaxModes / 700 {
		up.executable = append(up.executable, fmt.Sprintf("%s/%s/%s/%08d", strings.Repeat("a", 250), strings.Repeat("b", 250), strings.Repeat("c", 190), i))
	}
	_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{})
	if err == nil || err.Error() != "sync: modes: larger than 67108864 bytes" {
		t.Errorf("got %v", err)
	}
	for _, op := range f.store.take() {
		if strings.HasPrefix(op, "create ") && strings.Contains(op, f.repo.Base+"/2") {
			t.Errorf("%s", op)
		}
	}
}
