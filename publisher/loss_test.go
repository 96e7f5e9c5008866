package publisher

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote/dir"
)

// numbered returns n files, and the documents that lead to them.
func numbered(from, to int) map[string]string {
	files := map[string]string{"PULP_MANIFEST": fmt.Sprint(from, to), "dists/stable/InRelease": fmt.Sprint(from, to), "dists/stable/main/binary-amd64/Packages": fmt.Sprint(from, to)}
	for i := from; i < to; i++ {
		files[fmt.Sprintf("pool/%03d", i)] = fmt.Sprint(i)
	}
	return files
}

// What a checkpoint may lack of the one before is bounded. Files of the pool count, and
// not the documents that list them.
func TestMaxRemoved(t *testing.T) {
	percent := func(n int) *int { return &n }
	for name, c := range map[string]struct {
		before, after map[string]string
		max           *int
		want          string // in the error; empty: none
	}{
		"half":            {before: numbered(0, 40), after: numbered(20, 40)},
		"more than half":  {before: numbered(0, 40), after: numbered(21, 40), want: "21 of the newest checkpoint's 40 files would be removed, more than max_removed: 50%; 0 would be added:\n  pool/000\n"},
		"one file left":   {before: numbered(0, 20), after: numbered(19, 20), want: "19 of the newest checkpoint's 20 files would be removed, more than max_removed: 50%; 0 would be added:\n  pool/000\n"},
		"others instead":  {before: numbered(0, 40), after: numbered(100, 140), want: "40 of the newest checkpoint's 40 files would be removed, more than max_removed: 50%; 40 would be added:\n"},
		"a small repo":    {before: numbered(0, 19), after: numbered(18, 19)},
		"its own limit":   {before: numbered(0, 40), after: numbered(3, 40), max: percent(5), want: "3 of the newest checkpoint's 40 files would be removed, more than max_removed: 5%; 0 would be added:\n  pool/000\n  pool/001\n  pool/002"},
		"below its limit": {before: numbered(0, 40), after: numbered(2, 40), max: percent(5)},
		"nothing may go":  {before: numbered(0, 40), after: numbered(1, 40), max: percent(0), want: "1 of the newest checkpoint's 40 files would be removed, more than max_removed: 0%; 0 would be added:\n  pool/000"},
		"no limit":        {before: numbered(0, 40), after: numbered(39, 40), max: percent(100)},
		"none, no limit":  {before: numbered(0, 40), after: numbered(0, 0), max: percent(100), want: "it has no files any more; the newest checkpoint's 40 would be removed:\n  pool/000\n"},
		"none":            {before: numbered(0, 2), after: numbered(0, 0), want: "it has no files any more; the newest checkpoint's 2 would be removed:\n  pool/000\n  pool/001"},
		"only documents":  {before: numbered(0, 0), after: map[string]string{"Release": "1"}},
		"not even those":  {before: numbered(0, 0), after: nil, want: "it has no files any more; the newest checkpoint's 3 would be removed:\n  PULP_MANIFEST\n"},
		"changed":         {before: numbered(0, 40), after: changed(numbered(0, 40))},
		"an empty repo":   {before: nil, after: numbered(0, 40)},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, manifest.Thin, c.before)
			f.publish(PublishOptions{Empty: true})
			f.up.files, f.repo.MaxRemoved = c.after, c.max
			before := f.keys("")
			f.store.take()
			_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{})
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			loss, ok := errors.AsType[*LossError](err)
			if !ok || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if !strings.Contains(loss.Hint(), "--allow-shrink removes them this once") {
				t.Error(loss.Hint())
			}
			for _, op := range f.store.take() {
				if !strings.HasPrefix(op, "load ") && !strings.HasPrefix(op, "open ") {
					t.Errorf("it was refused after %s", op)
				}
			}
			if after := f.keys(""); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("the store holds %s, and held %s", after, before)
			}
			f.publish(PublishOptions{AllowShrink: true})
			f.check()
			if again := f.publish(PublishOptions{Empty: true}); again.Outcome != Unchanged {
				t.Errorf("afterwards: %+v", again)
			}
		})
	}
}

// changed returns the same paths with other content.
func changed(files map[string]string) map[string]string {
	files = maps.Clone(files)
	for path := range files {
		files[path] += " changed"
	}
	return files
}

// Every way to a checkpoint is held to it: a dry run, a sync, what was staged, and a
// publish of several repos, of which none is written.
func TestMaxRemovedEverywhere(t *testing.T) {
	f := newFixture(t, manifest.Full, numbered(0, 40))
	f.publish(PublishOptions{})
	f.up.files = numbered(0, 2)
	refused := func(what string, err error) {
		t.Helper()
		if _, ok := errors.AsType[*LossError](err); !ok {
			t.Errorf("%s: got %v", what, err)
		}
		for _, op := range f.store.take() {
			if !strings.HasPrefix(op, "load ") && !strings.HasPrefix(op, "open ") && !strings.HasPrefix(op, "list ") {
				t.Errorf("%s: it was refused after %s", what, op)
			}
		}
	}
	f.store.take()
	dry, _ := f.pub.DryRun()
	_, err := dry.Publish(t.Context(), f.repo, PublishOptions{})
	refused("a dry run", err)
	_, err = f.pub.Publish(t.Context(), f.repo, PublishOptions{Force: true})
	refused("with force", err)
	_, err = f.pub.Sync(t.Context(), f.repo, SyncOptions{})
	refused("a sync", err)

	other := Repo{Repo: manifest.Repo{Name: "a", Base: "a"}, Remote: upstream(numbered(0, 40))}
	if _, err = f.pub.Publish(t.Context(), other, PublishOptions{}); err != nil {
		t.Fatal(err)
	}
	other.Remote = upstream(numbered(0, 41))
	f.store.take()
	_, err = f.pub.PublishGroup(t.Context(), []Repo{other, f.repo}, PublishOptions{})
	refused("together", err)
	if of, ok := errors.AsType[*RepoError](err); !ok || of.Repo != f.repo.Name || !strings.HasPrefix(err.Error(), "repo myfile: 38 of the newest checkpoint's 40 files would be removed") {
		t.Errorf("together: %v", err)
	}

	// A part of the files is no revision, and has no part of the others.
	if _, err := f.pub.Sync(t.Context(), f.repo, SyncOptions{Shard: Shard{1, 2}}); err != nil {
		t.Errorf("a shard: %v", err)
	}
	if _, err := f.pub.Sync(t.Context(), f.repo, SyncOptions{AllowShrink: true}); err != nil {
		t.Fatal(err)
	}
	f.store.take()
	_, err = f.pub.Publish(t.Context(), f.repo, PublishOptions{NoSync: true})
	refused("what was staged", err)
	if r := f.publish(PublishOptions{NoSync: true, AllowShrink: true}); r.Checkpoint.Removed != 38 {
		t.Errorf("%+v", r)
	}
	f.check()
}

// A folder that is empty, like a file system that is not mounted, is no news.
func TestFolderIsEmpty(t *testing.T) {
	for _, listed := range []bool{false, true} {
		f := newFixture(t, manifest.Full, map[string]string{"a": "1"})
		f.publish(PublishOptions{})
		r, err := dir.New(dir.Options{Path: t.TempDir(), Manifest: listed})
		if err != nil {
			t.Fatal(err)
		}
		f.repo.Remote = r
		for _, opts := range []PublishOptions{{}, {Empty: true}} {
			_, err := f.pub.Publish(t.Context(), f.repo, opts)
			if _, ok := errors.AsType[*LossError](err); !ok {
				t.Errorf("%+v: %v", opts, err)
			}
		}
		f.publish(PublishOptions{AllowShrink: true})
		f.check()
	}
}
