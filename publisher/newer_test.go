package publisher

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/readback"
	"github.com/asof/asof/publisher/rebuild"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/retain"
)

// newerScene is a store with a document of every kind, and the keys of one of each.
func newerScene(t *testing.T) (*fixture, map[manifest.Kind]string) {
	f := newFixture(t, manifest.Full, isos())
	f.up.set("PULP_MANIFEST", "1")
	f.repo.Remote = &askedRemote{fakeRemote: f.up, says: map[string]remote.Validator{"PULP_MANIFEST": {URL: manifest.Sum(nil), ETag: `"1"`}}}
	f.seals(2, 4)
	f.publishes(4)
	f.up.set("n", "together")
	if _, err := f.pub.PublishGroup(t.Context(), []Repo{f.repo}, PublishOptions{}); err != nil {
		t.Fatal(err)
	}
	f.clock.add(10 * time.Second)
	f.up.set("n", "staged")
	f.sync()
	note, err := manifest.Note{Repo: f.repo.Name}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	f.put(manifest.NoteKey(f.repo.Base), string(note))
	rings, err := manifest.Rollout{}.Set(nil, []manifest.RingRule{{Name: "prod"}}, manifest.Stamp{At: manifest.IDOf(f.clock.Now()), By: "ci"})
	if err != nil {
		t.Fatal(err)
	}
	document, err := rings.Encode()
	if err != nil {
		t.Fatal(err)
	}
	f.put(manifest.RolloutKey, string(document))
	index := f.index()
	c, _ := index.Newest()
	base := f.repo.Base
	return f, map[manifest.Kind]string{
		manifest.KindRegistry: manifest.RegistryKey, manifest.KindIndex: manifest.IndexKey(base), manifest.KindManifest: manifest.ManifestKey(c.Manifest),
		manifest.KindSegment: manifest.SegmentKey(index.Segments[0].Digest), manifest.KindStaged: manifest.StagedKey(base),
		manifest.KindJournal: manifest.JournalKey(base, "all"), manifest.KindAttempt: manifest.AttemptKey(base, c.ID), manifest.KindGroup: manifest.GroupKey(base),
		manifest.KindValidators: manifest.ValidatorsKey(base), manifest.KindRecord: manifest.RecordKey(base, index.Generation),
		manifest.KindNote: manifest.NoteKey(base), manifest.KindRollout: manifest.RolloutKey,
		manifest.KindPage: manifest.TreeKey(base, c.ID, manifest.ChangesPath),
	}
}

// newerCommands are the commands that read or write a store.
var newerCommands = map[string]func(f *fixture) error{
	"publish": func(f *fixture) error {
		f.up.set("n", "more")
		_, err := f.pub.Publish(f.Context(), f.repo, PublishOptions{})
		return err
	},
	"publish --force": func(f *fixture) error {
		_, err := f.pub.Publish(f.Context(), f.repo, PublishOptions{Force: true})
		return err
	},
	"publish --no-sync": func(f *fixture) error {
		_, err := f.pub.Publish(f.Context(), f.repo, PublishOptions{NoSync: true})
		return err
	},
	"sync": func(f *fixture) error {
		f.up.set("n", "more")
		_, err := f.pub.Sync(f.Context(), f.repo, SyncOptions{})
		return err
	},
	"channel": func(f *fixture) error {
		return f.pub.SetChannel(f.Context(), f.repo.Repo, "stable", 63877903410)
	},
	"prune": func(f *fixture) error {
		_, err := retain.Prune(f.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 1}, Reason: "old", Apply: true})
		return err
	},
	"gc": func(f *fixture) error {
		_, err := retain.Collect(f.Context(), tools(f.pub), retain.CollectOptions{Apply: true, Grace: 7 * 24 * time.Hour})
		return err
	},
	"rebuild": func(f *fixture) error {
		_, err := rebuild.Run(f.Context(), f.rebuilding(rebuild.Options{Write: true}))
		return err
	},
	"rebuild a lost index": func(f *fixture) error {
		if f.store.Store.Delete(f.Context(), manifest.IndexKey(f.repo.Base)) != nil {
			return errors.New("it can't be deleted")
		}
		_, err := rebuild.Run(f.Context(), f.rebuilding(rebuild.Options{Write: true}))
		return err
	},
	"verify": func(f *fixture) error {
		_, err := readback.Verify(f.Context(), reading(f.pub), f.repo.Repo, nil, false)
		return err
	},
}

// refersTo makes the index and its record refer to another segment in the place of one. It returns its key.
func (f *fixture) refersTo(key, segment string) string {
	f.Helper()
	was := f.read(key)
	ref := func(text string) string {
		return fmt.Sprintf(`"sha256":"%s","size":%d}`, manifest.Sum([]byte(text)), len(text))
	}
	for _, index := range []string{manifest.IndexKey(f.repo.Base), manifest.RecordKey(f.repo.Base, f.index().Generation)} {
		f.replace(index, strings.Replace(f.read(index), ref(was), ref(segment), 1))
	}
	f.put(manifest.SegmentKey(manifest.Sum([]byte(segment))), segment)
	return manifest.SegmentKey(manifest.Sum([]byte(segment)))
}

var formatNumber = regexp.MustCompile(`asof\.(\w+)/\d+`)

// A store that a later version of asof wrote to is refused, and never made one of this
// version: of every kind of object there is one in a future format, and no command replaces
// or deletes it. Those that would lose what it says fail.
func TestNewerFormats(t *testing.T) {
	all := []string{"channel", "gc", "prune", "publish", "publish --force", "publish --no-sync", "rebuild", "sync", "verify"}
	// What fails for each kind, in order. nil: nothing, as the kind has no format of its
	// own, or is only a hint.
	refused := map[manifest.Kind][]string{
		manifest.KindRegistry:   {"gc", "publish", "publish --force", "publish --no-sync", "rebuild", "rebuild a lost index", "sync", "verify"},
		manifest.KindIndex:      all,
		manifest.KindManifest:   {"gc", "publish", "publish --force", "publish --no-sync", "rebuild a lost index", "sync", "verify"},
		manifest.KindSegment:    {"channel", "gc", "prune", "rebuild", "rebuild a lost index", "verify"},
		manifest.KindStaged:     {"gc", "publish --no-sync", "rebuild a lost index", "sync", "verify"},
		manifest.KindJournal:    {"publish", "publish --force", "sync"},
		manifest.KindGroup:      {"gc", "rebuild a lost index", "verify"},
		manifest.KindRecord:     {"gc", "rebuild", "rebuild a lost index", "verify"},
		manifest.KindNote:       {"gc", "prune", "verify"},
		manifest.KindRollout:    {"channel", "prune", "rebuild", "rebuild a lost index", "verify"},
		manifest.KindPage:       {"rebuild a lost index"}, // a receipt
		manifest.KindAttempt:    nil,                      // another id is taken
		manifest.KindValidators: nil,                      // upstream is read in full
		manifest.KindList:       nil, manifest.KindFile: nil, manifest.KindBlob: nil, manifest.KindPin: nil, manifest.KindNotice: nil,
	}
	if len(refused) != manifest.Kinds {
		t.Fatalf("%d of %d kinds are in the table", len(refused), manifest.Kinds)
	}
	for kind, want := range refused {
		f, keys := newerScene(t)
		key, ok := keys[kind]
		if !ok {
			continue
		}
		future := formatNumber.ReplaceAllString(strings.Replace(f.read(key), `",`, `","future":"x",`, 1), "asof.$1/99")
		if !strings.Contains(future, "/99") {
			t.Fatalf("%s: %.100s", key, future)
		}
		if kind == manifest.KindSegment {
			key = f.refersTo(key, future)
		} else {
			f.replace(key, future)
		}
		var got []string
		for name, run := range newerCommands {
			if name == "rebuild a lost index" && kind == manifest.KindIndex {
				continue
			}
			one := f.clone()
			one.repo.Remote = &askedRemote{fakeRemote: one.up, says: map[string]remote.Validator{"PULP_MANIFEST": {URL: manifest.Sum(nil), ETag: `"2"`}}}
			one.clock.add(100 * 24 * time.Hour)
			err := run(one)
			if errors.Is(err, manifest.ErrNewer) {
				got = append(got, name)
				if !strings.Contains(err.Error(), "a later version of asof wrote it: format is \"asof.") || !strings.Contains(err.Error(), key) {
					t.Errorf("%s, %s: %v", key, name, err)
				}
			}
			if _, statErr := one.store.Store.Stat(t.Context(), key); errors.Is(statErr, objstore.ErrNotFound) {
				if kind != manifest.KindAttempt && kind != manifest.KindPage { // gc knows the age of an attempt, and whose a tree is
					t.Errorf("%s, %s: it is deleted", key, name)
				}
			} else if now := one.read(key); now != future {
				t.Errorf("%s, %s: it is now %.100s", key, name, now)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s is refused by\n%q, want\n%q", key, got, want)
		}
	}
}
