package publisher

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/file"
	"github.com/asof/asof/publisher/remote/remotetest"
	"github.com/asof/asof/publisher/retain"
)

// listed makes the fixture's remote a real one whose root document has a name that
// tells nothing: my.list, which sorts before one of the files.
func (f *fixture) listed() {
	f.Helper()
	files := map[string]string{"a.iso": "a", "dists/z.iso": "zz", "zz.iso": "zzz"}
	list := ""
	for path, content := range files {
		list += remotetest.Line(path, content)
	}
	files["my.list"] = list
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", f.clock.Now().Format(http.TimeFormat))
		content, ok := files[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(content))
	}))
	f.Cleanup(server.Close)
	up, err := file.New(file.Options{URL: server.URL + "/my.list"}, fetch.Env{LookupEnv: func(string) (string, bool) { return "", false }})
	if err != nil {
		f.Fatal(err)
	}
	f.repo.Remote = up
}

// filesWritten are the files of trees that were written since the last call, in order.
func (f *fixture) filesWritten() (paths []string) {
	for _, op := range f.store.take() {
		fields := strings.Fields(op)
		if fields[0] != "create" && fields[0] != "copy" {
			continue
		}
		rest, ok := strings.CutPrefix(fields[len(fields)-1], f.repo.Base+"/")
		if _, path, _ := strings.Cut(rest, "/"); ok && strings.HasSuffix(path, ".iso") || strings.HasSuffix(path, ".list") {
			paths = append(paths, path)
		}
	}
	return paths
}

// A file's phase is that of the remote, whatever its name is, also where a sync has
// staged it, and where shards have fetched it: the root document is written last.
func TestStagedKeepsPhases(t *testing.T) {
	for name, publish := range map[string]func(f *fixture){
		"at once": func(f *fixture) { f.publish(PublishOptions{}) },
		"staged": func(f *fixture) {
			f.sync()
			f.repo.Remote = nil
			f.publish(PublishOptions{NoSync: true})
		},
		"shards, staged": func(f *fixture) {
			for i := range 2 {
				if _, err := f.pub.Sync(t.Context(), f.repo, SyncOptions{Shard: Shard{i + 1, 2}}); err != nil {
					t.Fatal(err)
				}
			}
			f.sync()
			f.repo.Remote = nil
			f.publish(PublishOptions{NoSync: true})
		},
		"shards": func(f *fixture) {
			for i := range 2 {
				if _, err := f.pub.Sync(t.Context(), f.repo, SyncOptions{Shard: Shard{i + 1, 2}}); err != nil {
					t.Fatal(err)
				}
			}
			f.publish(PublishOptions{})
		},
	} {
		f := newFixture(t, manifest.Full, nil)
		f.pub.Concurrency = 1
		f.listed()
		publish(f)
		if got := f.filesWritten(); len(got) != 4 || got[3] != "my.list" {
			t.Errorf("%s: files are written in the order %q", name, got)
		}
		f.check()
	}
}

// The pool gets what a sync fetches in the order of phases, too.
func TestSyncKeepsPhases(t *testing.T) {
	f := newFixture(t, manifest.Thin, nil)
	f.pub.Concurrency = 1
	f.listed()
	f.sync()
	staged, err := catalog.Staged(f.repo.Base).Load(t.Context(), f.store.Store)
	if err != nil || len(staged.Doc.Later) != 1 || staged.Doc.Later[0].Path != "my.list" {
		t.Fatalf("%+v, %v", staged.Doc, err)
	}
	var blobs []string
	for _, op := range f.store.take() {
		if key, ok := strings.CutPrefix(op, "create "); ok && strings.HasPrefix(key, manifest.BlobPrefix) {
			blobs = append(blobs, key)
		}
	}
	root := f.manifest(staged.Doc.Manifest)
	for e, err := range root.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if key := manifest.BlobKey(e.SHA256); e.Path == "my.list" && slices.Index(blobs, key) != len(blobs)-1 {
			t.Errorf("%s is not the last of %q", key, blobs)
		}
	}
}

// An earlier version staged without phases. It is not guessed at; whatever else works
// on the store goes on.
func TestStagedWithoutPhases(t *testing.T) {
	for _, layout := range layouts {
		f := newFixture(t, layout, isos())
		f.publish(PublishOptions{})
		f.up.set("2.iso", "changed")
		staged := *f.sync().Staged
		key := manifest.StagedKey(f.repo.Base)
		text := f.read(key)
		f.replace(key, text[:strings.Index(text, ",\n")]+"}\n")
		f.replace(key, strings.Replace(f.read(key), "asof.staged/2", "asof.staged/1", 1))

		_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{NoSync: true})
		want := "nothing is staged: an earlier version of asof staged the revision of " + staged.At.String() + ": sync again"
		if !errors.Is(err, ErrNothingStaged) || err.Error() != want {
			t.Errorf("%s: %v, want %s", layout, err, want)
		}
		f.clock.add(30 * day)
		f.collect(retain.CollectOptions{Apply: true})
		if r := f.verify(false); len(r.Problems) > 0 {
			t.Errorf("%s: %+v", layout, r.Problems)
		}
		if s := f.sync(); s.Files.Uploaded != 0 {
			t.Errorf("%s: what was staged is collected: %+v", layout, s)
		}
		f.clock.add(time.Minute)
		if r := f.publish(PublishOptions{NoSync: true}); r.Outcome != Published {
			t.Errorf("%s: %+v", layout, r)
		}
		f.check()
	}
}
