package publisher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/readback"
)

var layouts = []manifest.Layout{manifest.Full, manifest.Thin}

// verify runs Verify on all checkpoints.
func (f *fixture) verify(quick bool) readback.Report {
	f.Helper()
	r, err := readback.Verify(f.Context(), reading(f.pub), f.repo.Repo, nil, quick)
	if err != nil {
		f.Fatalf("verify: %v", err)
	}
	return r
}

// replace overwrites an object or register.
func (f *fixture) replace(key, content string) {
	f.Helper()
	f.remove(key)
	f.put(key, content)
}

func (f *fixture) remove(key string) {
	f.Helper()
	if err := f.store.Store.Delete(f.Context(), key); err != nil {
		f.Fatal(err)
	}
}

// published is a fixture with three checkpoints. They share much of their
// content, in directories with both kinds of pages.
func published(t *testing.T, layout manifest.Layout) *fixture {
	f := newFixture(t, layout, isos())
	f.repo.SlashPages = true
	f.publish(PublishOptions{})
	f.up.set("own/index.html", "upstream's")
	f.up.set("own/deep/copy of 1.iso", "one")
	f.up.set("a+", "sorts between a and a/")
	f.up.set("a/b", "x")
	f.publish(PublishOptions{})
	f.up.set("2.iso", "two, changed")
	f.up.set("index.html", "upstream's front page")
	f.publish(PublishOptions{})
	return f
}

// subjects returns the keys of everything that a verification must check.
func (f *fixture) subjects() []string {
	return slices.Concat([]string{manifest.RegistryKey}, f.keys(f.repo.Base+"/"), f.keys(manifest.BlobPrefix), f.keys(manifest.ManifestPrefix))
}

func flip(s string) string     { return string(s[0]^1) + s[1:] }
func truncate(s string) string { return s[:len(s)-1] }

func TestVerifyClean(t *testing.T) {
	for _, layout := range layouts {
		f := published(t, layout)
		for _, quick := range []bool{false, true} {
			f.store.take()
			r := f.verify(quick)
			if len(r.Problems) > 0 || len(r.Unfinished) > 0 {
				t.Errorf("%s: %+v", layout, r)
			}
			if r.Checkpoints != 3 || r.Files != 5+9+10 || r.Pages != 2+4+3+3 {
				t.Errorf("%s: %+v", layout, r)
			}
			reads := map[string]int{}
			for _, op := range f.store.take() {
				if strings.HasPrefix(op, "open ") && !strings.Contains(op, manifest.ManifestPrefix) && !strings.Contains(op, "/records/") {
					reads[op]++
				}
			}
			for op, n := range reads {
				if n > 1 {
					t.Errorf("%s: %s: %d times", layout, op, n)
				}
			}
			subjects := len(f.subjects()) - len(f.keys(manifest.ManifestPrefix)) - len("ril") // registers
			switch {
			case quick && len(reads) > 0:
				t.Errorf("%s: a quick run reads %v", layout, reads)
			case !quick && len(reads) != subjects:
				t.Errorf("%s: %d objects were read, want %d", layout, len(reads), subjects)
			case int(r.Objects) != subjects:
				t.Errorf("%s: %d objects, want %d", layout, r.Objects, subjects)
			}
		}
	}
}

// Any damage to one object is found under its key, and nothing else.
func TestVerifyFindsDamage(t *testing.T) {
	kinds := map[string]func(f *fixture, key string){
		"flip":     func(f *fixture, key string) { f.replace(key, flip(f.read(key))) },
		"truncate": func(f *fixture, key string) { f.replace(key, truncate(f.read(key))) },
		"grow":     func(f *fixture, key string) { f.replace(key, f.read(key)+"\n") },
		"remove":   func(f *fixture, key string) { f.remove(key) },
	}
	for _, layout := range layouts {
		f := published(t, layout)
		for _, key := range f.subjects() {
			good := f.read(key)
			for kind, damage := range kinds {
				damage(f, key)
				for _, quick := range []bool{false, true} {
					r := f.verify(quick)
					f.checkNames(fmt.Sprintf("%s: %s %s, quick %t", layout, kind, key, quick), r, key, kind, quick)
				}
				f.replace(key, good)
			}
		}
		if r := f.verify(false); len(r.Problems) > 0 {
			t.Fatalf("the test does not mend what it damages: %+v", r.Problems)
		}
	}
}

func (f *fixture) checkNames(what string, r readback.Report, key, kind string, quick bool) {
	f.Helper()
	small := key == manifest.RegistryKey || key == manifest.IndexKey(f.repo.Base) || key == manifest.ListKey(f.repo.Base) || strings.HasPrefix(key, manifest.ManifestPrefix)
	slash := strings.HasSuffix(key, "/") // a page's second copy, which need not be there
	if kind == "flip" && quick && !small || slash && kind == "remove" {
		if len(r.Problems) > 0 {
			f.Errorf("%s: %+v", what, r.Problems)
		}
		return
	}
	if len(r.Problems) == 0 {
		f.Errorf("%s: not found", what)
	}
	for _, p := range r.Problems {
		if p.Key != key {
			f.Errorf("%s: also %+v", what, p)
		}
	}
}

// If a shared object is damaged, every checkpoint that needs it is named.
func TestVerifyNamesCheckpoints(t *testing.T) {
	f := published(t, manifest.Thin)
	f.replace(manifest.BlobKey(manifest.Sum([]byte("three"))), "THREE")
	r := f.verify(false)
	if len(r.Problems) != 3 {
		t.Fatalf("%+v, want one for each checkpoint", r.Problems)
	}
	for i, c := range f.index().Checkpoints {
		if *r.Problems[i].Checkpoint != c.ID {
			t.Errorf("%+v, want %s", r.Problems[i], c.ID)
		}
	}
	one := f.index().Checkpoints[1].ID
	r, err := readback.Verify(t.Context(), reading(f.pub), f.repo.Repo, []manifest.ID{one}, false)
	if err != nil || r.Checkpoints != 1 || len(r.Problems) != 1 || *r.Problems[0].Checkpoint != one {
		t.Errorf("one checkpoint: %+v, %v", r, err)
	}
	if _, err := readback.Verify(t.Context(), reading(f.pub), f.repo.Repo, []manifest.ID{one + 1}, false); !errors.Is(err, manifest.ErrNoCheckpoint) {
		t.Errorf("an id that is no checkpoint: %v", err)
	}
}

func TestVerifyFindsStrays(t *testing.T) {
	for _, layout := range layouts {
		f := published(t, layout)
		id := f.index().Checkpoints[1].ID
		in := manifest.TreePrefix(f.repo.Base, id)
		for _, key := range []string{
			f.repo.Base + "/zz", f.repo.Base + "/aa/bb", f.repo.Base + "/latest/1.iso", f.repo.Base + "/",
			f.repo.Base + "/20240101T000000Z", f.repo.Base + "/20240101T000000Zx/1.iso",
			in + "0", in + "zz", in + "a/z", in + "zz/", in + "no/such/dir/",
		} {
			f.replace(key, "stray")
			for _, quick := range []bool{false, true} {
				if r := f.verify(quick); len(r.Problems) != 1 || r.Problems[0].Key != key || !strings.Contains(r.Problems[0].What, "stray") {
					t.Errorf("%s: %s, quick %t: %+v", layout, key, quick, r.Problems)
				}
			}
			f.remove(key)
		}
		f.replace(f.repo.Base+"/20240101T000000Z/1.iso", "one")
		f.replace(f.repo.Base+"/20240101T000000Z/2.iso", "two")
		if r := f.verify(false); len(r.Problems) != 1 || r.Problems[0].Key != f.repo.Base+"/20240101T000000Z/" {
			t.Errorf("%s: a tree that nobody knows: %+v", layout, r.Problems)
		}
	}
}

// What a killed publish leaves is not damage, as long as its attempt exists.
func TestVerifyUnfinished(t *testing.T) {
	f := published(t, manifest.Full)
	before := f.index()
	f.up.set("3.iso", "three, changed")
	f.store.killAt(0, func(op string) bool { return strings.HasPrefix(op, "swap "+manifest.IndexKey(f.repo.Base)) })
	if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{}); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	f.store.heal()
	id := manifest.IDOf(f.clock.Now())
	r := f.verify(false)
	if len(r.Problems) > 0 || !slices.Equal(r.Unfinished, []manifest.ID{id}) {
		t.Errorf("%+v, want %s unfinished", r, id)
	}
	f.remove(manifest.AttemptKey(f.repo.Base, id))
	if r := f.verify(false); len(r.Problems) != 1 || r.Problems[0].Key != manifest.TreePrefix(f.repo.Base, id) {
		t.Errorf("without the attempt: %+v", r)
	}

	// A pruned checkpoint's tree waits to be collected.
	gone := before.Checkpoints[0].ID
	f.swapIndex(func(ix manifest.Index) (manifest.Index, error) { return ix.Prune(gone, ix.Horizon, "") })
	for _, p := range f.verify(false).Problems {
		if strings.HasPrefix(p.Key, manifest.TreePrefix(f.repo.Base, gone)) {
			t.Errorf("a pruned checkpoint's tree: %+v", p)
		}
	}
}

// What a publisher with a clock that ran ahead has left is reported, with the ids.
func TestVerifyFuture(t *testing.T) {
	f := published(t, manifest.Full)
	index := f.index()
	last := index.Checkpoints[2].ID
	f.clock.add(last.Time().Add(-2 * time.Minute).Sub(f.clock.Now()))
	if r := f.verify(true); len(r.Problems) > 0 {
		t.Errorf("two minutes ahead: %+v", r.Problems)
	}
	f.clock.add(-time.Second)
	now := manifest.IDOf(f.clock.Now())
	key := manifest.IndexKey(f.repo.Base)
	want := []readback.Problem{
		{Key: key, What: fmt.Sprintf("the horizon %s lies in the future: the time now is %s", index.Horizon, now)},
		{Checkpoint: &last, Key: key, What: fmt.Sprintf("checkpoint %s lies in the future: the time now is %s", last, now)},
	}
	if r := f.verify(true); !reflect.DeepEqual(r.Problems, want) {
		t.Errorf("%+v, want %+v", r.Problems, want)
	}
}

// swapIndex changes the index, and the list with it.
func (f *fixture) swapIndex(change func(manifest.Index) (manifest.Index, error)) {
	f.Helper()
	next, err := change(f.index())
	if err != nil {
		f.Fatal(err)
	}
	data, err := next.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.replace(manifest.IndexKey(f.repo.Base), string(data))
	list, err := page.Bytes(func(w io.Writer) error { return page.WriteList(w, f.repo.Base, next) })
	if err != nil {
		f.Fatal(err)
	}
	f.replace(manifest.ListKey(f.repo.Base), string(list))
}

// A checkpoint pruned and collected while it is read is not damage.
func TestVerifyBesidePrune(t *testing.T) {
	f := published(t, manifest.Full)
	gone := f.index().Checkpoints[0]
	done := false
	f.pub.Concurrency = 1
	f.store.before = func(op string) error {
		if !done && op == "open "+manifest.ManifestKey(gone.Manifest) {
			done = true
			f.swapIndex(func(ix manifest.Index) (manifest.Index, error) { return ix.Prune(gone.ID, ix.Horizon, "") })
			for _, key := range f.keys(manifest.TreePrefix(f.repo.Base, gone.ID)) {
				f.remove(key)
			}
		}
		return nil
	}
	if r := f.verify(false); !done || len(r.Problems) > 0 {
		t.Errorf("pruned %t: %+v", done, r.Problems)
	}
}

// During a publish the list lags behind the index for a moment.
func TestVerifyWaitsForTheList(t *testing.T) {
	f := published(t, manifest.Thin)
	key := manifest.ListKey(f.repo.Base)
	good := f.read(key)
	f.replace(key, "an older one")
	f.pub.Sleep = func(context.Context, time.Duration) error {
		f.replace(key, good)
		return nil
	}
	if r := f.verify(false); len(r.Problems) > 0 {
		t.Errorf("%+v", r.Problems)
	}
}

// A store that can't be read is not a damaged store.
func TestVerifyCannotLook(t *testing.T) {
	for _, layout := range layouts {
		f := published(t, layout)
		f.clock.add(time.Second)
		f.store.take()
		f.verify(false)
		for _, failing := range f.store.take() {
			f.store.before = func(op string) error {
				if op == failing {
					return fmt.Errorf("%s: %w", op, objstore.ErrUnavailable)
				}
				return nil
			}
			if r, err := readback.Verify(t.Context(), reading(f.pub), f.repo.Repo, nil, false); !errors.Is(err, objstore.ErrUnavailable) || len(r.Problems) > 0 {
				t.Errorf("%s: %s fails: %+v, %v", layout, failing, r.Problems, err)
			}
			f.store.heal()
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := readback.Verify(ctx, reading(f.pub), f.repo.Repo, nil, false); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: cancelled: %v", layout, err)
		}
	}
}

// A repo that is registered but not yet published is valid.
func TestVerifyNeverPublished(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.up.fail = func(string) error { return errKilled }
	if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{}); err == nil {
		t.Fatal("published")
	}
	if r := f.verify(false); len(r.Problems) > 0 || r.Checkpoints != 0 {
		t.Errorf("%+v", r)
	}
	r, err := readback.Verify(t.Context(), reading(f.pub), manifest.Repo{Name: "other", Base: "other"}, nil, false)
	if err != nil || len(r.Problems) != 1 || r.Problems[0].Key != manifest.RegistryKey {
		t.Errorf("a repo that is not registered: %+v, %v", r, err)
	}
}

// A store without keys that end in a slash can be verified, too.
func TestVerifyWithoutSlashKeys(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.store = trace(memstore.New(memstore.Options{NoSlashKeys: true}))
	f.pub = f.publisher(f.store)
	f.publish(PublishOptions{})
	if r := f.verify(false); len(r.Problems) > 0 {
		t.Errorf("%+v", r.Problems)
	}
}
