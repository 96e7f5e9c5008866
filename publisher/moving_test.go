package publisher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/dir"
)

// movingRemote is an upstream that replaces files while they are read.
type movingRemote struct {
	*fakeRemote
	captures int
	prev     remote.Previous // of the last capture
	moves    int             // captures that end in the middle of a change
}

func (r *movingRemote) Capture(ctx context.Context, prev remote.Previous) (remote.Capture, error) {
	r.captures++
	r.prev = prev
	if r.captures <= r.moves {
		return nil, fmt.Errorf("get the list: %w", remote.ErrMoved)
	}
	c, err := r.fakeRemote.Capture(ctx, prev)
	return movingCapture{c}, err
}

type movingCapture struct{ remote.Capture }

func (movingCapture) Moving()                {}
func (movingCapture) HeldBack() (int, int64) { return 3, 33 }

// A file that is gone, or another one, makes a publish and a sync begin anew,
// from the upstream's root, a few times. So does a root that changes under a capture.
func TestMovingUpstream(t *testing.T) {
	for name, do := range map[string]func(*fixture) (HeldBack, error){
		"publish": func(f *fixture) (HeldBack, error) {
			r, err := f.pub.Publish(f.Context(), f.repo, PublishOptions{})
			return r.HeldBack, err
		},
		"together": func(f *fixture) (HeldBack, error) {
			r, err := f.pub.PublishTogether(f.Context(), []Repo{f.repo}, PublishOptions{})
			if err != nil {
				return HeldBack{}, err
			}
			return r[0].HeldBack, nil
		},
		"sync": func(f *fixture) (HeldBack, error) {
			r, err := f.pub.Sync(f.Context(), f.repo, SyncOptions{})
			return r.HeldBack, err
		},
		"shard": func(f *fixture) (HeldBack, error) {
			r, err := f.pub.Sync(f.Context(), f.repo, SyncOptions{Shard: Shard{1, 1}})
			return r.HeldBack, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, manifest.Full, isos())
			up := &movingRemote{fakeRemote: f.up}
			f.repo.Remote = up
			f.up.fail = func(path string) error {
				if path != "2.iso" || up.captures > 1 {
					return nil
				}
				return fmt.Errorf("get 2.iso: %w", remote.ErrMoved)
			}
			held, err := do(f)
			if err != nil || up.captures != 2 || held != (HeldBack{3, 33}) {
				t.Errorf("%d captures, %+v, %v", up.captures, held, err)
			}

			f.up.fail = nil
			f.up.set("1.iso", "one, changed")
			f.up.wrong["1.iso"] = "two, changed"
			up.captures = 0
			if _, err := do(f); !errors.Is(err, objstore.ErrMismatch) || up.captures != 1+maxMoved {
				t.Errorf("%d captures, %v", up.captures, err)
			}

			delete(f.up.wrong, "1.iso")
			up.captures, up.moves = 0, 1+maxMoved
			if _, err := do(f); !errors.Is(err, remote.ErrMoved) || up.captures != 1+maxMoved {
				t.Errorf("%d captures, %v", up.captures, err)
			}
			up.captures, up.moves = 0, maxMoved
			if _, err := do(f); err != nil || up.captures != 1+maxMoved {
				t.Errorf("%d captures, %v", up.captures, err)
			}
		})
	}
}

// refilledRemote is a folder that somebody fills while it is read.
type refilledRemote struct {
	remote.Remote
	captures int
	refill   func(captures int)
}

func (r *refilledRemote) Capture(ctx context.Context, prev remote.Previous) (remote.Capture, error) {
	c, err := r.Remote.Capture(ctx, prev)
	r.captures++
	r.refill(r.captures)
	return c, err
}

// What is published of a folder is what it held at one moment, of whatever size the
// files are that changed after that.
func TestMovingFolder(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		for _, size := range []int{100, 3 << 20} {
			path := t.TempDir()
			fill := func(content byte) {
				if err := os.WriteFile(filepath.Join(path, "f"), bytes.Repeat([]byte{content}, size), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			fill('0')
			folder, err := dir.New(dir.Options{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			f := newFixture(t, layout, nil)
			up := &refilledRemote{Remote: folder, refill: func(n int) {
				if n < 3 {
					fill('0' + byte(n))
				}
			}}
			f.repo.Remote = up
			r := f.publish(PublishOptions{})
			got := f.read(manifest.FileKey(f.repo.Base, r.Checkpoint.ID, layout, "f", manifest.Sum(bytes.Repeat([]byte("2"), size))))
			if up.captures != 3 || got != strings.Repeat("2", size) {
				t.Errorf("%s, %d: %d captures, %.10q…", layout, size, up.captures, got)
			}
			f.check()
		}
	}
}

// A remote is shown the newest checkpoint, which is read only if it looks.
func TestPrevious(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		f := newFixture(t, layout, isos())
		up := &movingRemote{fakeRemote: f.up}
		f.repo.Remote = up
		f.up.times["1.iso"] = f.clock.Now().Add(-1000)
		f.publish(PublishOptions{})
		if up.prev != nil {
			t.Error("the first capture was shown a checkpoint")
		}
		f.publish(PublishOptions{})
		file, ok, err := up.prev.Find(t.Context(), "1.iso")
		if err != nil || !ok || file.SHA256 != manifest.Sum([]byte(f.up.files["1.iso"])) || file.Modified.IsZero() {
			t.Fatalf("%+v, %v, %v", file, ok, err)
		}
		r, err := up.prev.Open(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		if _, ok, err := up.prev.Find(t.Context(), "no.iso"); ok || err != nil {
			t.Errorf("%v, %v", ok, err)
		}
	}
}
