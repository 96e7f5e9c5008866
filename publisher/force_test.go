package publisher

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/retain"
	"github.com/asof/asof/publisher/transfer"
)

// newestKey returns the key of a file of the newest checkpoint.
func (f *fixture) newestKey(path string) string {
	f.Helper()
	c, _ := f.index().Newest()
	return c.Place(f.repo.Base).Key(path, f.entry(c, path).SHA256)
}

// wantProblems verifies the repo and compares the keys of all problems.
func (f *fixture) wantProblems(what string, want ...string) {
	f.Helper()
	var got []string
	for _, p := range f.verify(false).Problems {
		if !slices.Contains(got, p.Key) {
			got = append(got, p.Key)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		f.Errorf("%s: problems at %q, want %q", what, got, want)
	}
}

// A forced publish stores again what the store has lost. In the pool that mends
// the older checkpoints too.
func TestForceStoresLostContent(t *testing.T) {
	for layout, want := range map[manifest.Layout]transfer.Stats{
		manifest.Thin: {Uploaded: 1, Reused: 4, UploadedBytes: 3},
		manifest.Full: {Uploaded: 1, Copied: 4, UploadedBytes: 3},
	} {
		f := newFixture(t, layout, isos())
		f.publish(PublishOptions{})
		lost := f.newestKey("2.iso")
		f.remove(lost)
		f.store.take()
		forced := f.publish(PublishOptions{Force: true})
		if forced.Files != want || forced.Checkpoint.Changes != (manifest.Changes{}) {
			t.Errorf("%s: %+v, %+v, want %+v", layout, forced.Files, forced.Checkpoint.Changes, want)
		}
		looks := map[string]int{}
		for _, op := range f.store.take() {
			if key, ok := strings.CutPrefix(op, "stat "); ok {
				looks[key]++
			}
		}
		for path := range isos() {
			key := manifest.BlobKey(manifest.Sum([]byte(isos()[path])))
			if layout == manifest.Full {
				key = "checkpoints/myfile/20250318T140330Z/" + path
			}
			if looks[key] != 1 {
				t.Errorf("%s: %d looks at %s", layout, looks[key], key)
			}
		}
		if f.clock.Now() != newClock("20250318T140350Z").now {
			t.Errorf("%s: it waited until %s", layout, f.clock.Now())
		}
		if layout == manifest.Thin {
			f.wantProblems("thin")
		} else {
			f.wantProblems("full", lost)
		}
	}
}

// What is cut short in a tree is not copied. In the pool it is in the way, and the
// error says so.
func TestForceFindsWrongSizes(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.publish(PublishOptions{})
	cut := f.newestKey("3.iso")
	f.replace(cut, "thr")
	f.publish(PublishOptions{Force: true})
	f.wantProblems("full", cut)

	f = newFixture(t, manifest.Thin, isos())
	f.publish(PublishOptions{})
	cut = f.newestKey("3.iso")
	f.replace(cut, "thr")
	_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{Force: true})
	want := "3.iso: read " + cut + ": it has 3 bytes, want 5; delete it, and asof publish --force stores it again"
	if !errors.Is(err, catalog.ErrCorrupt) || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	f.remove(cut)
	f.publish(PublishOptions{Force: true})
	f.wantProblems("thin")
}

// If a list of the newest checkpoint is missing or damaged, only a forced publish
// gets past it. Its checkpoint is whole.
func TestForceWithoutLists(t *testing.T) {
	damages := map[string]func(f *fixture, key string){
		"flipped": func(f *fixture, key string) { f.replace(key, flip(f.read(key))) },
		"cut":     func(f *fixture, key string) { f.replace(key, truncate(f.read(key))) },
		"missing": func(f *fixture, key string) { f.remove(key) },
	}
	for _, layout := range layouts {
		for kind, damage := range damages {
			for list, of := range map[string]func(manifest.Checkpoint) manifest.Digest{"files": filesOf, "pages": pagesOf} {
				what := fmt.Sprintf("%s: %s: %s", layout, list, kind)
				f := published(t, layout)
				before, _ := f.index().Newest()
				key := manifest.ManifestKey(of(before))
				damage(f, key)
				f.up.set("2.iso", "two, changed again")

				fails := func(do string, err error) {
					t.Helper()
					d, ok := errors.AsType[*damagedError](err)
					if !ok || !errors.Is(err, catalog.ErrCorrupt) || !strings.Contains(err.Error(), key) || d.Hint() != "asof verify shows the damage; asof publish --force stores a whole checkpoint" {
						t.Errorf("%s: %s: %v", what, do, err)
					}
				}
				_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{})
				fails("publish", err)
				_, err = f.pub.PublishGroup(t.Context(), []Repo{f.repo}, PublishOptions{})
				fails("together", err)
				_, err = f.pub.Sync(t.Context(), f.repo, SyncOptions{})
				if list == "files" {
					fails("sync", err)
				} else if err != nil {
					t.Errorf("%s: sync: %v", what, err)
				}

				var forced Result
				if kind == "missing" {
					results, err := f.pub.PublishGroup(t.Context(), []Repo{f.repo}, PublishOptions{Force: true})
					if err != nil {
						t.Fatalf("%s: together: %v", what, err)
					}
					forced = results[0]
				} else {
					forced = f.publish(PublishOptions{Force: true})
				}
				changes := manifest.Changes{Changed: 1}
				if list == "files" {
					changes = manifest.Changes{Added: 10}
				}
				if forced.Checkpoint.Changes != changes {
					t.Errorf("%s: %+v, want %+v", what, forced.Checkpoint.Changes, changes)
				}
				if r := f.receipt(forced.Checkpoint); r.Previous == nil || r.Previous.ID != before.ID || !r.Complete || r.Changes != changes {
					t.Errorf("%s: receipt %+v", what, r)
				}
				for _, p := range f.verify(false).Problems {
					if p.Checkpoint != nil && *p.Checkpoint == forced.Checkpoint.ID || p.Key != key {
						t.Errorf("%s: %+v", what, p)
					}
				}
				f.prune(retain.Policy{Last: 1})
				f.wantProblems(what + ": pruned")
			}
		}
	}
}

// The new manifest may have the name of the damaged one. Then the damaged one has to
// go first.
func TestForceOverDamagedTwin(t *testing.T) {
	for _, layout := range layouts {
		f := newFixture(t, layout, isos())
		for path := range f.up.files {
			f.up.times[path] = time.Date(2025, 1, 30, 20, 30, 5, 0, time.UTC)
		}
		first := f.publish(PublishOptions{}).Checkpoint
		key := manifest.ManifestKey(first.Manifest)
		f.replace(key, flip(f.read(key)))
		_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{Force: true})
		want := "read " + key + ": content does not match its name; delete it, and asof publish --force stores it again"
		if !errors.Is(err, catalog.ErrCorrupt) || err.Error() != want {
			t.Errorf("%s: %v, want %s", layout, err, want)
		}
		f.remove(key)
		if again := f.publish(PublishOptions{Force: true}).Checkpoint; again.Manifest != first.Manifest {
			t.Errorf("%s: %+v", layout, again)
		}
		f.wantProblems(string(layout))
	}
}

// A staged manifest that is missing is as bad as one that is damaged.
func TestDamagedStage(t *testing.T) {
	for _, missing := range []bool{true, false} {
		f := newFixture(t, manifest.Thin, isos())
		r, err := f.pub.Sync(t.Context(), f.repo, SyncOptions{})
		if err != nil {
			t.Fatal(err)
		}
		key := manifest.ManifestKey(r.Staged.Manifest)
		if missing {
			f.remove(key)
		} else {
			f.replace(key, flip(f.read(key)))
		}
		if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{NoSync: true}); !errors.Is(err, catalog.ErrCorrupt) || !strings.Contains(err.Error(), key) {
			t.Errorf("missing %t: %v", missing, err)
		}
	}
}
