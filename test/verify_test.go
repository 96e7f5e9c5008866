package test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/storeurl"
	"github.com/asof/asof/manifest"
)

// On every store, in both layouts: a repo is proven right, one flipped byte and
// one missing object are found by their keys, and a restore yields upstream's
// files.
func TestVerifyAndRestore(t *testing.T) {
	for _, layout := range []string{"full", "thin"} {
		t.Run(layout, func(t *testing.T) {
			onEveryStore(t, func(t *testing.T, store string, env []string) { verifyAndRestore(t, store, layout, env) })
		})
	}
}

// verified is the part of `asof verify -o json` that the tests read of a repo.
type verified struct {
	Checkpoints, Files, Objects int
	Problems, Headers           []struct {
		Checkpoint   *manifest.ID
		Key, Problem string
	}
	Mended int
}

// verify verifies one repo.
func (w *workspace) verify(args ...string) verified {
	w.Helper()
	v := query[struct{ Repos []verified }](w, append([]string{"verify"}, args...)...)
	if len(v.Repos) != 1 {
		w.Fatalf("%d repos are verified", len(v.Repos))
	}
	return v.Repos[0]
}

func verifyAndRestore(t *testing.T, url, layout string, env []string) {
	up := isos(t)
	w := newWorkspace(t, configOf(url, layout, up.URL()), env...)
	w.run("publish")
	up.Set("4.iso", "four")
	c := published(w, "publish", "--force")[0].Checkpoint
	if v := w.verify("myfile"); v.Checkpoints != 2 || v.Files != 4+5 || len(v.Problems) > 0 {
		t.Errorf("as published: %+v", v)
	}
	if v := w.verify("myfile", "--quick"); len(v.Problems) > 0 {
		t.Errorf("as published, quick: %+v", v)
	}
	w.run("restore", "myfile", "latest", "out")
	for _, name := range []string{"1.iso", "2.iso", "3.iso"} {
		if got, err := os.ReadFile(filepath.Join(w.dir, "out", name)); err != nil || string(got) != strings.Repeat(name, 1000) {
			t.Errorf("restored %s: %d bytes, %v", name, len(got), err)
		}
	}

	store := openStore(t, w, url, env)
	flipped, removed := manifest.TreeKey("checkpoints/myfile", c.ID, "4.iso"), manifest.TreeKey("checkpoints/myfile", c.ID, "1.iso")
	if layout == "thin" {
		flipped, removed = manifest.BlobKey(manifest.Sum([]byte("four"))), manifest.TreeKey("checkpoints/myfile", c.ID, "index.html")
	}
	flip(t, store, flipped)
	w.found(flipped, "content does not match", "verify", "myfile")
	if r := w.try("restore", "myfile", "latest", "again"); r.code != 6 || !strings.Contains(r.stderr, "error: restore myfile: 4.iso: ") {
		t.Errorf("restore of a damaged file: %d, %s", r.code, r.stderr)
	}
	flip(t, store, flipped)
	if err := store.Delete(t.Context(), removed); err != nil {
		t.Fatal(err)
	}
	w.found(removed, "missing", "verify", "myfile", "latest")
	w.found(removed, "missing", "verify", "myfile", "--quick")
}

// found runs a verification that must find exactly one problem.
func (w *workspace) found(key, problem string, args ...string) {
	w.Helper()
	r := w.try(args...)
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if r.code != 6 || len(lines) != 2 || !strings.Contains(lines[1], " "+key+" ") || !strings.Contains(lines[1], problem) {
		w.Errorf("asof %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
}

// openStore opens the workspace's store in the test process.
func openStore(t *testing.T, w *workspace, url string, env []string) objstore.Store {
	t.Helper()
	for _, kv := range env {
		t.Setenv(splitEnv(kv))
	}
	if url == "./data" {
		url = filepath.Join(w.dir, "data")
	}
	store, err := storeurl.Open(context.Background(), url, storeurl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// flip changes the first byte of an object.
func flip(t *testing.T, store objstore.Store, key string) {
	t.Helper()
	r, err := store.Open(t.Context(), key, 0, objstore.Whole)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	r.Close()
	if err != nil {
		t.Fatal(err)
	}
	data[0] ^= 1
	if err := store.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	attr, _ := catalog.AttributesAt("checkpoints/myfile", key)
	if err := store.Create(t.Context(), key, objstore.Bytes(data), attr); err != nil {
		t.Fatal(err)
	}
}
