package publisher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

// If a file is gone or has changed, a publish or a sync starts again from the
// upstream's root, a few times. It also does so if the root changes during a
// capture.
func TestMovingUpstream(t *testing.T) {
	for name, do := range map[string]func(*fixture) (manifest.HeldBack, error){
		"publish": func(f *fixture) (manifest.HeldBack, error) {
			r, err := f.pub.Publish(f.Context(), f.repo, PublishOptions{})
			return r.HeldBack, err
		},
		"together": func(f *fixture) (manifest.HeldBack, error) {
			r, err := f.pub.PublishGroup(f.Context(), []Repo{f.repo}, PublishOptions{})
			if err != nil {
				return manifest.HeldBack{}, err
			}
			return r[0].HeldBack, nil
		},
		"sync": func(f *fixture) (manifest.HeldBack, error) {
			r, err := f.pub.Sync(f.Context(), f.repo, SyncOptions{})
			return r.HeldBack, err
		},
		"shard": func(f *fixture) (manifest.HeldBack, error) {
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
			if err != nil || up.captures != 2 || held != (manifest.HeldBack{Files: 3, Bytes: 33}) {
				t.Errorf("%d captures, %+v, %v", up.captures, held, err)
			}
			// The checkpoint says so, also one that was staged before.
			r, err := f.pub.Publish(f.Context(), f.repo, PublishOptions{NoSync: name == "sync"})
			if err != nil || !r.Checkpoint.Partial || r.HeldBack != held || f.receipt(r.Checkpoint).HeldBack != held {
				t.Errorf("%+v, %v; the receipt: %+v", r, err, f.receipt(r.Checkpoint).HeldBack)
			}
			up.captures = 2

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

// lastingRemote is an upstream that moves, and knows itself again.
type lastingRemote struct {
	*movingRemote
	skips   bool
	missing []string
}

func (r *lastingRemote) Capture(ctx context.Context, prev remote.Previous) (remote.Capture, error) {
	c, err := r.movingRemote.Capture(ctx, prev)
	return &lastingCapture{c, r, r.captures > 1}, err
}

type lastingCapture struct {
	remote.Capture
	of      *lastingRemote
	lasting bool
}

func (c *lastingCapture) Moving()            {}
func (c *lastingCapture) Lasting() bool      { return c.lasting }
func (c *lastingCapture) Advice(bool) string { return "ask upstream" }
func (c *lastingCapture) Missing() []string  { return c.of.missing }

func (c *lastingCapture) Skip(missing []string) bool {
	if c.of.skips {
		c.of.missing = missing
		for _, path := range missing {
			delete(c.of.fakeRemote.files, path)
		}
	}
	return c.of.skips
}

// An upstream that is as it was before has not moved: the second capture ends with all
// that is missing or wrong, or is published without what is missing.
func TestLastingFaults(t *testing.T) {
	for name, do := range map[string]func(*fixture) ([]string, error){
		"publish": func(f *fixture) ([]string, error) {
			r, err := f.pub.Publish(f.Context(), f.repo, PublishOptions{})
			return r.Missing, err
		},
		"together": func(f *fixture) ([]string, error) {
			r, err := f.pub.PublishGroup(f.Context(), []Repo{f.repo}, PublishOptions{})
			if err != nil {
				return nil, err
			}
			return r[0].Missing, nil
		},
		"sync": func(f *fixture) ([]string, error) {
			r, err := f.pub.Sync(f.Context(), f.repo, SyncOptions{})
			return r.Missing, err
		},
	} {
		for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
			t.Run(name+"/"+string(layout), func(t *testing.T) {
				f := newFixture(t, layout, isos())
				up := &lastingRemote{movingRemote: &movingRemote{fakeRemote: f.up}}
				f.repo.Remote = up
				gone := fmt.Errorf("%w: %w", remote.ErrMoved, remote.ErrMissing)
				f.up.fail = func(path string) error {
					if path == "1.iso" || path == "sub/4.iso" {
						return fmt.Errorf("get %s: %w", path, gone)
					}
					return nil
				}
				f.up.wrong["2.iso"] = "another"
				_, err := do(f)
				faults, ok := errors.AsType[*remote.FaultsError](err)
				if !ok || up.captures != 2 || len(faults.Faults) != 3 || faults.Missing() != nil || faults.Hint() != "ask upstream" || !errors.Is(err, remote.ErrUnverified) {
					t.Fatalf("%d captures, %v", up.captures, err)
				}
				delete(f.up.wrong, "2.iso")
				up.captures = 0
				_, err = do(f)
				want := "2 files are missing or wrong upstream:\n  1.iso: upstream lists it and does not have it\n  sub/4.iso: upstream lists it and does not have it"
				if err == nil || !strings.HasSuffix(err.Error(), want) || up.captures != 2 || errors.Is(err, remote.ErrUnverified) {
					t.Fatalf("%d captures, %v", up.captures, err)
				}
				up.captures, up.skips = 0, true
				missing, err := do(f)
				if name == "publish" {
					r, _ := f.pub.Publish(f.Context(), f.repo, PublishOptions{})
					if receipt := f.receipt(r.Checkpoint); !slices.Equal(receipt.Missing, missing) {
						t.Errorf("the receipt lists %q", receipt.Missing)
					}
					up.captures--
				}
				if name == "sync" {
					r, err := f.pub.Publish(f.Context(), f.repo, PublishOptions{NoSync: true})
					if err != nil || !slices.Equal(r.Missing, missing) || !slices.Equal(f.receipt(r.Checkpoint).Missing, missing) {
						t.Errorf("what was staged lacks %q, %v", r.Missing, err)
					}
				}
				if err != nil || up.captures != 3 || !slices.Equal(missing, []string{"1.iso", "sub/4.iso"}) {
					t.Errorf("%d captures, %q, %v", up.captures, missing, err)
				}
			})
		}
	}
}

// refilledRemote is a folder that changes while it is read.
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

// A published folder is its content at one moment, whatever size the files have
// that change after it.
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
			got := f.read(r.Checkpoint.Place(f.repo.Base).Key("f", manifest.Sum(bytes.Repeat([]byte("2"), size))))
			if up.captures != 3 || got != strings.Repeat("2", size) {
				t.Errorf("%s, %d: %d captures, %.10q…", layout, size, up.captures, got)
			}
			f.check()
		}
	}
}

// A remote can look at the newest checkpoint, which is read only if it does.
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

// The error of a group says which repo it is about.
func TestRepoErrorOfGroup(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.up.fail = func(string) error { return errors.New("is broken") }
	_, err := f.pub.PublishGroup(f.Context(), []Repo{f.repo}, PublishOptions{})
	if e, ok := errors.AsType[*RepoError](err); !ok || e.Repo != f.repo.Name || !strings.HasPrefix(err.Error(), "repo "+f.repo.Name+": ") {
		t.Errorf("got %v", err)
	}
}
