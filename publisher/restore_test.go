package publisher

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/readback"
)

// oddFiles are files whose names are easy to get wrong.
func oddFiles() map[string]string {
	files := isos()
	for _, name := range []string{
		"a b", "a#b", "a%20b", "a+b", "a&b;c", "a'b", `a"b`, "a<b>c", "a:b", "a*b", "ünïcödé", "日本語", "-dash", "..dots", ".hidden", " leading", "trailing ",
		"odd dir/inner name", "d/e/f/g", "d+", "d/+", ".asof-restore-x", strings.Repeat("n", manifest.MaxSegment), "empty",
	} {
		files[name] = "content of " + name
	}
	files["empty"] = ""
	return files
}

func (f *fixture) restore(c manifest.Checkpoint, dir string) readback.Restored {
	f.Helper()
	r, err := readback.Restore(f.Context(), reading(f.pub), f.repo.Base, c, dir)
	if err != nil {
		f.Fatalf("restore: %v", err)
	}
	return r
}

// holds checks that a folder holds these files and nothing else.
func (f *fixture) holds(dir string, files map[string]string) {
	f.Helper()
	found := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		found++
		want, ok := files[filepath.ToSlash(rel)]
		got, err := os.ReadFile(path)
		if !ok || !d.Type().IsRegular() || string(got) != want {
			f.Errorf("%s holds %q, want %q (%t)", rel, got, want, ok)
		}
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	if found != len(files) {
		f.Errorf("%d files in the folder, want %d", found, len(files))
	}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestRestore(t *testing.T) {
	for _, layout := range layouts {
		f := newFixture(t, layout, oddFiles())
		f.up.times["1.iso"] = time.Date(2025, 1, 30, 20, 30, 5, 0, time.UTC)
		f.up.times["2.iso"] = manifest.MaxID.Time() // no file system can store it
		c := f.publish(PublishOptions{}).Checkpoint
		dir := filepath.Join(t.TempDir(), "not", "there", "yet")
		if r := f.restore(c, dir); r.Written != int(c.Files) || r.Bytes != c.Bytes || r.Kept != 0 {
			t.Errorf("%s: %+v", layout, r)
		}
		f.holds(dir, f.up.files)
		fi, err := os.Stat(filepath.Join(dir, "1.iso"))
		if err != nil || !fi.ModTime().Equal(f.up.times["1.iso"]) {
			t.Errorf("%s: 1.iso: modified %v, %v", layout, fi.ModTime(), err)
		}

		// Run again, it reads nothing. It reads wrong or missing files, and
		// leaves other files alone.
		writeFile(t, filepath.Join(dir, "2.iso"), "TWO")
		writeFile(t, filepath.Join(dir, "3.iso"), "of another size")
		if err := os.Remove(filepath.Join(dir, "sub/4.iso")); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(dir, "1.iso"), time.Time{}, time.Now()); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, "mine/too"), "mine")
		f.store.take()
		if r := f.restore(c, dir); r.Written != 3 || r.Kept != int(c.Files)-3 || r.Bytes != int64(len("two"+"three"+"four")) {
			t.Errorf("%s: again: %+v", layout, r)
		}
		reads := 0
		for _, op := range f.store.take() {
			if strings.HasPrefix(op, "open ") && !strings.Contains(op, manifest.ManifestPrefix) {
				reads++
			}
		}
		if reads != 3 {
			t.Errorf("%s: %d objects were read, want 3", layout, reads)
		}
		all := oddFiles()
		all["mine/too"] = "mine"
		f.holds(dir, all)
		if fi, err := os.Stat(filepath.Join(dir, "1.iso")); err != nil || !fi.ModTime().Equal(f.up.times["1.iso"]) {
			t.Errorf("%s: 1.iso was kept: modified %v, %v", layout, fi.ModTime(), err)
		}
	}
}

// A killed restore leaves only whole files under their names. Run again, it reads
// only the others.
func TestRestoreKilled(t *testing.T) {
	f := newFixture(t, manifest.Full, oddFiles())
	c := f.publish(PublishOptions{}).Checkpoint
	for n := range int(c.Files) + 1 {
		dir := t.TempDir()
		f.store.killAt(n, func(op string) bool { return strings.HasPrefix(op, "open ") })
		if _, err := readback.Restore(t.Context(), reading(f.pub), f.repo.Base, c, dir); !errors.Is(err, errKilled) {
			t.Fatalf("killed at %d: %v", n, err)
		}
		f.store.heal()
		// What SIGKILL leaves of a file, in two folders.
		writeFile(t, filepath.Join(dir, ".asof-restore-ABCDEFGHIJKLMNOPQRSTUVWXYZ"), "hal")
		writeFile(t, filepath.Join(dir, "d/e", ".asof-restore-ABCDEFGHIJKLMNOPQRSTUVWXYZ"), "f")
		there := 0
		for path, content := range f.up.files {
			if got, err := os.ReadFile(filepath.Join(dir, path)); err == nil {
				there++
				if string(got) != content {
					t.Errorf("killed at %d: %s holds %q", n, path, got)
				}
			}
		}
		if r := f.restore(c, dir); r.Kept != there || r.Written != int(c.Files)-there {
			t.Errorf("killed at %d: %+v, want %d kept", n, r, there)
		}
		f.holds(dir, f.up.files)
	}
}

// The error names files with damaged objects; the others are restored.
func TestRestoreDamaged(t *testing.T) {
	for _, layout := range layouts {
		f := newFixture(t, layout, isos())
		c := f.publish(PublishOptions{}).Checkpoint
		key := func(path string) string {
			return c.Place(f.repo.Base).Key(path, manifest.Sum([]byte(f.up.files[path])))
		}
		f.replace(key("1.iso"), "ONE")
		f.replace(key("2.iso"), "tw")
		f.remove(key("sub/4.iso"))
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "2.iso"), "mine")
		r, err := readback.Restore(t.Context(), reading(f.pub), f.repo.Base, c, dir)
		if !errors.Is(err, catalog.ErrCorrupt) || r.Written != 2 {
			t.Errorf("%s: %+v, %v", layout, r, err)
		}
		joined, ok := err.(interface{ Unwrap() []error })
		if !ok || len(joined.Unwrap()) != 3 {
			t.Fatalf("%s: %v, want three errors", layout, err)
		}
		for i, name := range []string{"1.iso: ", "2.iso: ", "sub/4.iso: "} {
			if e := joined.Unwrap()[i]; !strings.HasPrefix(e.Error(), name) || !errors.Is(e, catalog.ErrCorrupt) {
				t.Errorf("%s: %v, want %s", layout, e, name)
			}
		}
		f.holds(dir, map[string]string{"2.iso": "mine", "3.iso": "three", "PULP_MANIFEST": "the list"})

		manifestKey := manifest.ManifestKey(c.Manifest)
		good := f.read(manifestKey)
		for _, at := range []int64{0, 60, f.root(c).Leaves[0].Offset} {
			data := []byte(good)
			data[at] ^= 1
			f.replace(manifestKey, string(data))
			if _, err := readback.Restore(t.Context(), reading(f.pub), f.repo.Base, c, dir); !errors.Is(err, catalog.ErrCorrupt) || !strings.Contains(err.Error(), manifestKey) {
				t.Errorf("%s: a manifest with another byte at %d: %v", layout, at, err)
			}
		}
		f.replace(manifestKey, good)
	}
}

// Whatever the folder contains, nothing outside is written, and no link followed.
func TestRestoreHostileFolder(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	c := f.publish(PublishOptions{}).Checkpoint
	outside := t.TempDir()
	writeFile(t, filepath.Join(outside, "4.iso"), "mine!")
	link := func(to string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			if err := os.Symlink(to, path); err != nil {
				t.Fatal(err)
			}
		}
	}
	folder := func(t *testing.T, path string) {
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file := func(t *testing.T, path string) { writeFile(t, path, "mine") }
	tests := []struct {
		name, path string
		make       func(t *testing.T, path string)
		want       string // of the error; empty: none
	}{
		{"a link to a folder outside", "sub", link(outside), "sub: a symbolic link stands where a folder belongs"},
		{"a link to a folder inside", "sub", link("."), "sub: a symbolic link stands where a folder belongs"},
		{"a link to nowhere", "sub", link("nowhere"), "sub: a symbolic link stands where a folder belongs"},
		{"a file for a folder", "sub", file, "sub: a file stands where a folder belongs"},
		{"a folder for a file", "2.iso", folder, "2.iso: a folder stands where the file belongs"},
		{"a link to a file outside", "2.iso", link(filepath.Join(outside, "4.iso")), ""},
		{"a link to a file inside", "2.iso", link("3.iso"), ""},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		tt.make(t, filepath.Join(dir, tt.path))
		_, err := readback.Restore(t.Context(), reading(f.pub), f.repo.Base, c, dir)
		switch {
		case tt.want == "" && err == nil:
			f.holds(dir, f.up.files)
		case tt.want == "" || err == nil || err.Error() != tt.want:
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	f.holds(outside, map[string]string{"4.iso": "mine!"})
}

// When cancelled, it stops and leaves nothing half-written.
func TestRestoreCancelled(t *testing.T) {
	f := newFixture(t, manifest.Thin, many(200))
	for i := range 200 {
		f.up.set(strings.Repeat("f", i+1), strings.Repeat("x", i))
	}
	c := f.publish(PublishOptions{}).Checkpoint
	ctx, cancel := context.WithCancel(t.Context())
	var opened atomic.Int64
	f.store.before = func(string) error {
		if opened.Add(1) == 50 {
			cancel()
		}
		return nil
	}
	dir := t.TempDir()
	if _, err := readback.Restore(ctx, reading(f.pub), f.repo.Base, c, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	f.store.heal()
	f.restore(c, dir)
	f.holds(dir, f.up.files)
}
