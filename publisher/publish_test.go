package publisher

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/job"
	"github.com/asof/asof/publisher/transfer"
)

func isos() map[string]string {
	return map[string]string{"1.iso": "one", "2.iso": "two", "3.iso": "three", "sub/4.iso": "four", "PULP_MANIFEST": "the list"}
}

func TestPublishFull(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.up.times["1.iso"] = time.Date(2025, 1, 30, 20, 30, 5, 700, time.UTC)

	first := f.publish(PublishOptions{NoSync: true, Empty: true})
	if first.Outcome != Published || first.Checkpoint.Files != 0 {
		t.Errorf("the empty publish: %+v", first)
	}
	f.store.take()
	second := f.publish(PublishOptions{})
	if second.Outcome != Published || second.Checkpoint.ID.String() != "20250318T140340Z" || second.Files.Uploaded != 5 {
		t.Errorf("the second publish: %+v", second)
	}
	f.check()
	want := []string{
		"checkpoints/myfile/20250318T140340Z/.asof/changes.json",
		"checkpoints/myfile/20250318T140340Z/1.iso",
		"checkpoints/myfile/20250318T140340Z/2.iso",
		"checkpoints/myfile/20250318T140340Z/3.iso",
		"checkpoints/myfile/20250318T140340Z/PULP_MANIFEST",
		"checkpoints/myfile/20250318T140340Z/index.html",
		"checkpoints/myfile/20250318T140340Z/sub/4.iso",
		"checkpoints/myfile/20250318T140340Z/sub/index.html",
	}
	if got := f.keys("checkpoints/myfile/20250318T140340Z/"); !slices.Equal(got, want) {
		t.Errorf("the tree is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := f.entry(second.Checkpoint, "1.iso").Modified.String(); got != "20250130T203005Z" {
		t.Errorf("1.iso: modified %s, want upstream's time", got)
	}
	if got := f.entry(second.Checkpoint, "2.iso").Modified; got != second.Checkpoint.ID {
		t.Errorf("2.iso: modified %s, want the checkpoint's id where upstream says nothing", got)
	}
}

// The order of a publish's writes follows invariants 1 and 7.
func TestPublishOrder(t *testing.T) {
	f := newFixture(t, manifest.Full, map[string]string{"a": "payload", "PULP_MANIFEST": "root", "Release.gpg": "signature"})
	f.pub.Concurrency = 1
	f.publish(PublishOptions{})
	const id = "checkpoints/myfile/20250318T140330Z/"
	var got []string
	for _, op := range f.store.take() {
		if strings.HasPrefix(op, "create ") || strings.HasPrefix(op, "swap ") {
			if strings.Contains(op, ".asof/manifests/") {
				op = "create manifest"
			}
			got = append(got, op)
		}
	}
	got = slices.DeleteFunc(got, func(op string) bool { return strings.Contains(op, ".asof/probe/") })
	want := []string{
		"swap asof.json", "swap index.html", "swap checkpoints/index.html",
		"create .asof/repos/checkpoints/myfile/attempts/20250318T140330Z",
		"create " + id + "a", "create " + id + "Release.gpg", "create " + id + "PULP_MANIFEST",
		"create " + id + ".asof/changes.json", "create " + id + "index.html",
		"create manifest", "create manifest",
		"swap checkpoints/myfile/checkpoints.json",
		"create .asof/repos/checkpoints/myfile/records/9007199254740990",
		"swap checkpoints/myfile/index.html",
	}
	if !slices.Equal(got, want) {
		t.Errorf("writes\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestPublishThin(t *testing.T) {
	f := newFixture(t, manifest.Thin, isos())
	f.up.set("copy of 1.iso", "one")
	first := f.publish(PublishOptions{})
	if first.Files.Uploaded != 5 || first.Files.Reused != 1 {
		t.Errorf("first: %+v, want one blob for two files with one content", first.Files)
	}
	f.check()
	if got, want := f.keys("checkpoints/myfile/2"), []string{"checkpoints/myfile/20250318T140330Z/index.html"}; !slices.Equal(got, want) {
		t.Errorf("the tree is %q, want the front page only", got)
	}
	if n := len(f.keys(manifest.BlobPrefix)); n != 5+2 {
		t.Errorf("%d blobs, want 5 contents, a page and the receipt", n)
	}

	f.up.set("sub/4.iso", "four, changed")
	f.store.take()
	second := f.publish(PublishOptions{})
	if second.Files.Uploaded != 1 || second.Files.Copied != 0 || second.Files.Reused != 5 || second.Pages.Uploaded != 3 || second.Pages.Reused != 0 {
		t.Errorf("second: files %+v, pages %+v", second.Files, second.Pages)
	}
	f.check()
	for _, op := range f.store.take() {
		if strings.HasPrefix(op, "stat ") {
			t.Errorf("%s: a publish asks for no object's presence without a reason", op)
		}
	}
}

func TestPublishFullCopiesWhatIsThere(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.publish(PublishOptions{})
	f.up.set("2.iso", "two, changed")
	f.up.set("renamed.iso", "three")
	delete(f.up.files, "3.iso")
	opens := f.up.opens
	second := f.publish(PublishOptions{})
	if want := (transfer.Stats{Uploaded: 1, Copied: 4, UploadedBytes: 12}); second.Files != want {
		t.Errorf("files %+v, want %+v", second.Files, want)
	}
	f.check()
	f.up.set("copy of 1.iso", "one") // which stays where it is, too
	if third := f.publish(PublishOptions{}); third.Files.Uploaded != 0 || third.Files.Copied != 6 {
		t.Errorf("third: %+v", third.Files)
	}
	if second.Pages.Uploaded != 2 || second.Pages.Copied != 1 {
		t.Errorf("pages %+v: the root's and the receipt are new, sub's is not", second.Pages)
	}
	if f.up.opens != opens+1 {
		t.Errorf("upstream was read %d times, want once", f.up.opens-opens)
	}
	f.check()
}

func TestPublishUnchanged(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		f := newFixture(t, layout, isos())
		first := f.publish(PublishOptions{})
		f.up.times["1.iso"] = f.clock.Now() // touched
		f.store.take()
		again := f.publish(PublishOptions{})
		if again.Outcome != Unchanged || again.Checkpoint != first.Checkpoint || again.Horizon.String() != "20250318T140340Z" {
			t.Errorf("%s: %+v", layout, again)
		}
		want := []string{"load checkpoints/myfile/checkpoints.json", "load asof.json", "load checkpoints/myfile/index.html", "swap checkpoints/myfile/checkpoints.json"}
		if got := f.store.take(); !slices.Equal(got, want) {
			t.Errorf("%s: requests\n%s\nwant\n%s", layout, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if n := len(f.index().Checkpoints); n != 1 {
			t.Errorf("%s: %d checkpoints", layout, n)
		}
		forced := f.publish(PublishOptions{Force: true})
		if forced.Outcome != Published || forced.Checkpoint.Manifest != first.Checkpoint.Manifest || forced.Files.Uploaded != 0 {
			t.Errorf("%s: forced: %+v", layout, forced)
		}
		f.check()
	}
}

// A layout may change between checkpoints; content is moved inside the store.
func TestPublishAcrossLayouts(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.publish(PublishOptions{})
	for i, layout := range []manifest.Layout{manifest.Thin, manifest.Full, manifest.Thin} {
		f.repo.Layout = layout
		f.up.set("new", strings.Repeat("x", i))
		r := f.publish(PublishOptions{})
		if r.Files.Uploaded > 1 || r.Checkpoint.Layout != layout {
			t.Errorf("to %s: %+v", layout, r)
		}
		f.check()
	}
}

func TestPublishAt(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	at := manifest.IDOf(f.clock.Now().Add(-time.Hour))
	if r := f.publish(PublishOptions{At: at}); r.Checkpoint.ID != at {
		t.Errorf("id %s, want %s", r.Checkpoint.ID, at)
	}
	// The same run again: it may have been killed after its commit.
	if r := f.publish(PublishOptions{At: at}); r.Outcome != Unchanged || r.Horizon != at {
		t.Errorf("again: %+v", r)
	}
	refused := []struct {
		at   manifest.ID
		want string
	}{
		{at - 1, "id 20250318T130329Z: the id can't be used: it is not above the horizon 20250318T130330Z"},
		{manifest.IDOf(time.Unix(0, 0)), "id 19700101T000000Z: the id can't be used: it is not above the horizon 20250318T130330Z"},
		{manifest.MaxID, "id 99991231T235959Z: the id can't be used: it lies in the future"},
		{manifest.IDOf(f.clock.Now().Add(time.Hour)), "id 20250318T150350Z: the id can't be used: it lies in the future"},
	}
	check := func(when string) {
		for _, c := range refused {
			_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{At: c.at})
			if !errors.Is(err, ErrBadID) || err.Error() != c.want {
				t.Errorf("%s, at %s: %v, want %s", when, c.at, err, c.want)
			}
		}
	}
	check("unchanged")
	f.up.set("5.iso", "five")
	refused = append(refused, struct {
		at   manifest.ID
		want string
	}{at, "id 20250318T130330Z: the id can't be used: it is not above the horizon 20250318T130330Z"})
	check("changed")
	// Another publisher's claim.
	later := at + 60
	other := manifest.Attempt{ID: later, Layout: manifest.Full}
	if err := f.pub.claims.createAttempt(t.Context(), f.repo.Base, other); err != nil {
		t.Fatal(err)
	}
	if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{At: later}); !errors.Is(err, ErrConflict) {
		t.Errorf("an id that is taken: %v", err)
	}
}

func TestClockBehindHorizon(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.publish(PublishOptions{})
	f.clock.add(-time.Hour)
	_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{})
	if want := "the newest checkpoint 20250318T140330Z lies 59m50s in the future: the time now is 20250318T130340Z, by this machine's clock alone"; !errors.Is(err, job.ErrClock) || err.Error() != want {
		t.Errorf("unchanged: %v", err)
	}
	f.up.set("5.iso", "five")
	if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{}); !errors.Is(err, job.ErrClock) {
		t.Errorf("changed: %v", err)
	}
	// A publish waits if a second is taken.
	f.clock.add(time.Hour - 10*time.Second)
	if r := f.publish(PublishOptions{}); r.Checkpoint.ID.String() != "20250318T140331Z" {
		t.Errorf("id %s", r.Checkpoint.ID)
	}
}

func TestPublishRefusesEmpty(t *testing.T) {
	f := newFixture(t, manifest.Full, nil)
	if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{}); !errors.Is(err, ErrEmptyRevision) {
		t.Error(err)
	}
	if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{NoSync: true}); !errors.Is(err, ErrNothingStaged) {
		t.Error(err)
	}
	f.repo.Remote = nil
	if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{}); !errors.Is(err, ErrNoRemote) {
		t.Error(err)
	}
	if n := len(f.index().Checkpoints); n != 0 {
		t.Errorf("%d checkpoints", n)
	}
}

func TestWrongContentPublishesNothing(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.pub.Concurrency = 1 // so that 1.iso is stored before 2.iso fails
	f.up.wrong["2.iso"] = "not two"
	_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{})
	if !errors.Is(err, objstore.ErrMismatch) || !strings.HasPrefix(err.Error(), "2.iso: content does not match: ") {
		t.Errorf("got %v", err)
	}
	if n := len(f.index().Checkpoints); n != 0 {
		t.Errorf("%d checkpoints", n)
	}
	if keys := f.keys("checkpoints/myfile/20250318T140330Z/2.iso"); len(keys) > 0 {
		t.Errorf("stored: %q", keys)
	}
	// Upstream mends it; the same command finishes the work under the same id.
	f.up.wrong = map[string]string{}
	f.clock.add(time.Minute)
	r := f.publish(PublishOptions{})
	if r.Checkpoint.ID.String() != "20250318T140330Z" || r.Files.Uploaded+r.Files.Reused != 5 || r.Files.Reused == 0 {
		t.Errorf("%+v", r)
	}
	f.check()
}

// A publish killed at any write leaves the old state. The same command finishes
// the work without repeating finished uploads.
func TestKilledAndRunAgain(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		for n := 0; ; n++ {
			f := newFixture(t, layout, isos())
			f.publish(PublishOptions{NoSync: true, Empty: true})
			f.store.take()
			f.pub.Concurrency = 1
			f.store.killAt(n, func(op string) bool {
				return strings.HasPrefix(op, "create ") || strings.HasPrefix(op, "copy ") || strings.HasPrefix(op, "swap ")
			})
			_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{})
			if err == nil {
				break // beyond the last write
			}
			if !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			f.check()
			f.store.heal()
			f.store.take()
			opens := f.up.opens
			f.clock.add(time.Minute)
			again := f.publish(PublishOptions{})
			f.check()
			ix := f.index()
			if len(ix.Checkpoints) != 2 || again.Checkpoint.Files != 5 {
				t.Fatalf("%s, killed at write %d: %+v", layout, n, ix)
			}
			if n > 0 && again.Outcome == Published && again.Checkpoint.ID.String() != "20250318T140340Z" {
				t.Errorf("%s, killed at write %d: id %s, want the claimed one", layout, n, again.Checkpoint.ID)
			}
			if again.Outcome == Published && opens+f.up.opens-opens > 5+1 {
				t.Errorf("%s, killed at write %d: upstream was read %d times in all", layout, n, f.up.opens)
			}
			if list := f.read("checkpoints/myfile/index.html"); !strings.Contains(list, again.Checkpoint.ID.String()) {
				t.Errorf("%s, killed at write %d: the list lacks the checkpoint", layout, n)
			}
			for _, c := range []string{"20250318T140330Z", again.Checkpoint.ID.String()} {
				if !strings.Contains(fmt.Sprint(ix.Checkpoints), c) {
					t.Errorf("%s: lost %s", layout, c)
				}
			}
		}
	}
}

// Killed, and upstream has moved on: uploaded content is copied in the store.
func TestKilledThenUpstreamMoves(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.pub.Concurrency = 1
	f.store.killAt(4, func(op string) bool { return strings.HasPrefix(op, "create checkpoints/") })
	if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{}); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	f.store.heal()
	f.up.set("PULP_MANIFEST", "another list")
	f.clock.add(time.Minute)
	r := f.publish(PublishOptions{})
	if r.Files.Copied != 4 || r.Files.Uploaded != 1 || r.Checkpoint.ID.String() != "20250318T140430Z" {
		t.Errorf("%+v", r)
	}
	f.check()
}

// Many publishers at once, some with changes: no checkpoint is lost, ids grow,
// and everybody succeeds.
func TestPublishersRace(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		store := memstore.New(memstore.Options{})
		f := newFixture(t, layout, isos())
		f.store = trace(store)
		const n = 12
		results := make([]Result, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				repo := f.repo
				repo.Remote = upstream(map[string]string{"same": "same", "mine": fmt.Sprint(i / 2)})
				var err error
				if results[i], err = f.publisher(f.store).Publish(t.Context(), repo, PublishOptions{}); err != nil {
					t.Errorf("publisher %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		f.check()
		ix := f.index()
		for _, r := range results {
			if c, ok := ix.Find(r.Checkpoint.ID); r.Outcome == Published && (!ok || c != r.Checkpoint) {
				t.Errorf("%s: checkpoint %s was reported and is lost", layout, r.Checkpoint.ID)
			}
		}
		if list := f.read("checkpoints/myfile/index.html"); strings.Count(list, "Z/</a>") != len(ix.Checkpoints) {
			t.Errorf("%s: the list does not show all of %d checkpoints", layout, len(ix.Checkpoints))
		}
	}
}

// If upstream states a wrong size for content that the store already has, that is
// noticed as if the content had to be downloaded.
func TestWrongSizeOfKnownContent(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		for name, lie := range map[string]func(f *fixture){
			"two sizes in one revision": func(f *fixture) { f.up.set("copy of 1.iso", "one"); f.up.sizes["copy of 1.iso"] = 4 },
			"unchanged file":            func(f *fixture) { f.publish(PublishOptions{}); f.up.set("n", ""); f.up.sizes["1.iso"] = 4 },
			"moved file": func(f *fixture) {
				f.publish(PublishOptions{})
				delete(f.up.files, "1.iso")
				f.up.set("moved", "one")
				f.up.sizes["moved"] = 4
			},
			"staged file": func(f *fixture) { f.sync(); f.up.set("n", ""); f.up.sizes["1.iso"] = 4 },
		} {
			f := newFixture(t, layout, isos())
			lie(f)
			before := len(f.index().Checkpoints)
			if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{}); !errors.Is(err, objstore.ErrMismatch) {
				t.Errorf("%s, %s: %v", layout, name, err)
			}
			if n := len(f.index().Checkpoints); n != before {
				t.Errorf("%s, %s: it published", layout, name)
			}
		}
	}
}
