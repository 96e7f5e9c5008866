package dirstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/dirstore"
	"github.com/asof/asof/internal/objstore/storetest"
)

func open(t *testing.T, dir string) *dirstore.Store {
	t.Helper()
	s, err := dirstore.New(dir, dirstore.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) objstore.Store { return open(t, t.TempDir()) })
}

func TestPrefixConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) objstore.Store {
		s, err := objstore.WithPrefix(open(t, t.TempDir()), "some/where")
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestBig(t *testing.T) {
	storetest.RunBig(t, open(t, t.TempDir()), 100<<20, 1<<20)
}

func TestNew(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "no", "such")
	if _, err := dirstore.New(missing, dirstore.Options{}); !errors.Is(err, objstore.ErrNoStore) {
		t.Errorf("missing folder: %v, want ErrNoStore", err)
	}
	if _, err := dirstore.New(missing, dirstore.Options{Create: true}); err != nil {
		t.Error(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := dirstore.New(file, dirstore.Options{}); err == nil {
		t.Error("a file was taken for a store")
	}
	if entries, err := os.ReadDir(missing); err != nil || len(entries) != 0 {
		t.Errorf("opening left %v, %v", entries, err)
	}
}

func create(t *testing.T, s objstore.Store, key string) error {
	t.Helper()
	return s.Create(t.Context(), key, objstore.Bytes([]byte(key)), objstore.Attributes{})
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := create(t, s, "a/b"); err != nil {
		t.Fatal(err)
	}
	if err := s.Copy(t.Context(), "a/b", "c/d", objstore.Attributes{}, false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Swap(t.Context(), "r", "", []byte("1"), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	a, err := os.Stat(filepath.Join(dir, "a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := os.Stat(filepath.Join(dir, "c", "d"))
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(a, c) {
		t.Error("the copy is no link")
	}
	if a.Mode().Perm() != 0o444 {
		t.Errorf("mode %v, want 0444", a.Mode())
	}
	left, err := os.ReadDir(filepath.Join(dir, ".dirstore", "tmp"))
	if err != nil || len(left) != 0 {
		t.Errorf("temporary files left: %v, %v", left, err)
	}
	if err := s.Delete(t.Context(), "a/b"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "a")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the empty folder is still there: %v", err)
	}
}

func TestFileAndFolder(t *testing.T) {
	s := open(t, t.TempDir())
	for _, key := range []string{"file", "dir/sub/file"} {
		if err := create(t, s, key); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"dir", "dir/sub", "file/below", "file/far/below"} {
		if err := create(t, s, key); !errors.Is(err, objstore.ErrUnsupported) || !strings.Contains(err.Error(), "stands") {
			t.Errorf("create %s: %v", key, err)
		}
		if err := s.Copy(t.Context(), "file", key, objstore.Attributes{}, false); !errors.Is(err, objstore.ErrUnsupported) {
			t.Errorf("copy to %s: %v", key, err)
		}
		if _, err := s.Swap(t.Context(), key, "", nil, objstore.Attributes{}); !errors.Is(err, objstore.ErrUnsupported) {
			t.Errorf("swap %s: %v", key, err)
		}
		if err := s.Copy(t.Context(), key, "new", objstore.Attributes{}, false); !errors.Is(err, objstore.ErrNotFound) {
			t.Errorf("copy of %s: %v", key, err)
		}
		if _, err := s.Open(t.Context(), key, 0, objstore.Whole); !errors.Is(err, objstore.ErrNotFound) {
			t.Errorf("open %s: %v", key, err)
		}
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("delete %s: %v", key, err)
		}
	}
	if _, err := s.Stat(t.Context(), "dir/sub/file"); err != nil {
		t.Error(err)
	}
	if err := create(t, s, strings.Repeat("n", 300)); !errors.Is(err, objstore.ErrUnsupported) {
		t.Errorf("a name too long: %v", err)
	}
}

func TestOwnKeys(t *testing.T) {
	s := open(t, t.TempDir())
	for _, key := range []string{".dirstore", ".dirstore/lock", ".dirstore/tmp/x", ".DirStore/x"} {
		if err := create(t, s, key); !errors.Is(err, objstore.ErrBadKey) {
			t.Errorf("create %s: %v", key, err)
		}
	}
	for _, key := range []string{".dirstorey", "a/.dirstore/x"} {
		if err := create(t, s, key); err != nil {
			t.Error(err)
		}
	}
}

// TestSymlinks: no link leads to a read, write or listing outside the folder.
func TestSymlinks(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"out": outside, "file": filepath.Join(outside, "secret"), "up": "..", "dangling": "no/such"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
	}
	s := open(t, dir)
	for _, key := range []string{"out/secret", "file", "up/" + filepath.Base(outside) + "/secret"} {
		if r, err := s.Open(t.Context(), key, 0, objstore.Whole); err == nil {
			r.Close()
			t.Errorf("open %s succeeds", key)
		}
		if _, _, err := s.Load(t.Context(), key, ""); err == nil {
			t.Errorf("load %s succeeds", key)
		}
		if err := s.Copy(t.Context(), key, "copy", objstore.Attributes{}, false); err == nil {
			t.Errorf("copy %s succeeds", key)
		}
		s.Delete(t.Context(), key)
	}
	for _, key := range []string{"out/new", "up/new", "dangling", "dangling/new"} {
		if err := create(t, s, key); err == nil {
			t.Errorf("create %s succeeds", key)
		}
		if _, err := s.Swap(t.Context(), key, "", nil, objstore.Attributes{}); err == nil {
			t.Errorf("swap %s succeeds", key)
		}
	}
	for info, err := range s.List(t.Context(), "", "") {
		t.Errorf("listed %v, %v", info.Key, err)
	}
	entries, err := os.ReadDir(outside)
	if err != nil || len(entries) != 1 {
		t.Errorf("outside there is now %v, %v", entries, err)
	}
}

// TestReadOnly: a read-only folder can be read.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	if err := create(t, open(t, dir), "a/b"); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	s := open(t, dir)
	if _, _, err := s.Load(t.Context(), "a/b", ""); err != nil {
		t.Error(err)
	}
	for _, err := range s.List(t.Context(), "", "") {
		if err != nil {
			t.Error(err)
		}
	}
	if after := tree(t, dir); !slices.Equal(before, after) {
		t.Errorf("reading changed the folder from %q to %q", before, after)
	}
	if os.Geteuid() == 0 {
		return // root may write anywhere
	}
	os.Chmod(dir, 0o555)
	defer os.Chmod(dir, 0o755)
	if err := create(t, s, "c/d"); !errors.Is(err, objstore.ErrDenied) {
		t.Errorf("create: %v, want ErrDenied", err)
	}
}

func tree(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		names = append(names, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestProbe(t *testing.T) {
	s := open(t, t.TempDir())
	report, err := objstore.Probe(t.Context(), s, objstore.ProbeOptions{})
	if err != nil || report.Verdict != objstore.Safe || len(report.Notes) > 0 {
		t.Errorf("%+v, %v", report, err)
	}
	for info, err := range s.List(t.Context(), "", "") {
		t.Errorf("left behind: %v %v", info.Key, err)
	}
}

// TestListPrunes: folders that can't matter are not read; these are unreadable.
func TestListPrunes(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	dir := t.TempDir()
	s := open(t, dir)
	for _, key := range []string{"a/x", "b/1/x", "b/2/x", "b/3/x", "c/x"} {
		if err := create(t, s, key); err != nil {
			t.Fatal(err)
		}
	}
	for _, closed := range []string{"a", "b/1", "c"} {
		name := filepath.Join(dir, closed)
		os.Chmod(name, 0)
		defer os.Chmod(name, 0o755)
	}
	var got []string
	for info, err := range s.List(t.Context(), "b/", "b/1/z") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, info.Key)
	}
	if want := []string{"b/2/x", "b/3/x"}; !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
}

// TestCreateAndDelete: a Delete that removes an empty folder never makes a Create
// in it fail.
func TestCreateAndDelete(t *testing.T) {
	s := open(t, t.TempDir())
	done := make(chan error, 2)
	for worker := range 2 {
		go func() {
			for i := range 300 {
				key := fmt.Sprintf("d/e/%d-%d", worker, i)
				if err := s.Create(context.Background(), key, objstore.Bytes(nil), objstore.Attributes{}); err != nil {
					done <- err
					return
				}
				if err := s.Delete(context.Background(), key); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestLockWaits: a swap that waits for another process ends with its context.
func TestLockWaits(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	v, err := s.Swap(t.Context(), "r", "", []byte("1"), objstore.Attributes{})
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := lockedfile.MutexAt(filepath.Join(dir, ".dirstore", "lock")).Lock()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() {
		_, err := s.Swap(ctx, "r", v, []byte("2"), objstore.Attributes{})
		result <- err
	}()
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("the waiting swap ends with %v", err)
	}
	unlock()
	if _, err := s.Swap(t.Context(), "r", v, []byte("3"), objstore.Attributes{}); err != nil {
		t.Errorf("swap once the lock is free: %v", err)
	}
}

// TestProcesses: the counter also works between processes.
func TestProcesses(t *testing.T) {
	const env, processes, each = "DIRSTORE_TEST_COUNTER", 4, 20
	count := func(s objstore.Store) {
		for range each {
			for {
				data, v, err := s.Load(t.Context(), "n", "")
				if err != nil {
					t.Fatal(err)
				}
				n, err := strconv.Atoi(string(data))
				if err != nil {
					t.Fatal(err)
				}
				_, err = s.Swap(t.Context(), "n", v, []byte(strconv.Itoa(n+1)), objstore.Attributes{})
				if err == nil {
					break
				}
				if !errors.Is(err, objstore.ErrChanged) {
					t.Fatal(err)
				}
			}
		}
	}
	if dir := os.Getenv(env); dir != "" {
		count(open(t, dir))
		return
	}
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := s.Swap(t.Context(), "n", "", []byte("0"), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	var running []*exec.Cmd
	var output bytes.Buffer
	for range processes {
		cmd := exec.Command(os.Args[0], "-test.run=^TestProcesses$")
		cmd.Env = append(os.Environ(), env+"="+dir)
		cmd.Stdout, cmd.Stderr = nil, nil
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, cmd)
	}
	for _, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Errorf("a process failed: %v %s", err, output.Bytes())
		}
	}
	data, _, err := s.Load(t.Context(), "n", "")
	if err != nil || string(data) != strconv.Itoa(processes*each) {
		t.Errorf("the counter is %q, %v, want %d", data, err, processes*each)
	}
}

// A copy has its own age, not its source's: a cleanup of old objects must not
// mistake it for an old one.
func TestCopyIsYoung(t *testing.T) {
	dir := t.TempDir()
	s, err := dirstore.New(dir, dirstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), "old", objstore.Bytes([]byte("x")), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-1000 * time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "old"), long, long); err != nil {
		t.Fatal(err)
	}
	if err := s.Copy(t.Context(), "old", "new", objstore.Attributes{}, false); err != nil {
		t.Fatal(err)
	}
	info, err := s.Stat(t.Context(), "new")
	if err != nil || time.Since(info.Modified) > time.Hour {
		t.Errorf("modified %s, %v", info.Modified, err)
	}
}
