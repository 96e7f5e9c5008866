package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// SIGKILL during a publish, while upstream sends a file, leaves the old state
// valid. The same command finishes, and asks upstream only for what the store
// lacks.
func TestKilledPublish(t *testing.T) {
	for _, layout := range []string{"full", "thin"} {
		t.Run(layout, func(t *testing.T) {
			onEveryStore(t, func(t *testing.T, store string, env []string) { killedPublish(t, store, layout, env) })
		})
	}
}

func killedPublish(t *testing.T, store, layout string, env []string) {
	up := remotetest.New(t)
	up.Set("old", "old")
	w := newWorkspace(t, configOf(store, layout, up.URL())+"concurrency: 1\n", env...)
	old := published(w, "publish")[0].Checkpoint

	const files = 20
	for i := range files {
		up.Set(fmt.Sprintf("%02d", i), fmt.Sprint("content of ", i))
	}
	up.Fail("12", remotetest.Stall(3)) // hangs in the middle of it
	cmd := w.command(t.Context(), "publish")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "upstream is asked for 12", func() bool {
		return strings.Contains(strings.Join(up.Requests(), "\n"), "GET /12")
	})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if got := w.run("resolve", "myfile", "latest"); got != old.ID.String()+"\n" {
		t.Errorf("after the kill, latest is %s, want %s", got, old.ID)
	}

	before := len(up.Requests())
	again := published(w, "publish")[0]
	if again.Outcome != "published" || again.Checkpoint.Files != files+2 || again.Files.Uploaded != files-12+1 {
		t.Errorf("run again: %+v", again)
	}
	for _, r := range up.Requests()[before:] {
		if r < "GET /12" && strings.HasPrefix(r, "GET /") {
			t.Errorf("run again, it asked upstream once more: %s", r)
		}
	}
	list := query[struct{ Checkpoints []manifest.Checkpoint }](w, "list", "myfile").Checkpoints
	if len(list) != 2 || list[0] != old {
		t.Errorf("the list is %+v", list)
	}
	url := w.serve()
	for i := range files {
		path := fmt.Sprintf("/checkpoints/myfile/%s/%02d", again.Checkpoint.ID, i)
		if a := get(t, url+path); a.body != fmt.Sprint("content of ", i) {
			t.Errorf("%s: %d %q", path, a.status, a.body)
		}
	}
}

// An interrupted publish says so, exits with 130, and can be run again.
func TestInterruptedPublish(t *testing.T) {
	up := isos(t)
	w := newWorkspace(t, configOf("./data", "full", up.URL()))
	up.Fail("2.iso", remotetest.Stall(3))
	var stderr strings.Builder
	cmd := w.command(t.Context(), "publish")
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "upstream is asked for 2.iso", func() bool {
		return strings.Contains(strings.Join(up.Requests(), "\n"), "GET /2.iso")
	})
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d", code)
	}
	_, said, _ := strings.Cut(stderr.String(), "whether its disk is mounted\"\n") // the store is new
	if want := "error: interrupted\nhint: run the same command again to finish the work\n"; said != want {
		t.Errorf("it said %q, want %q", stderr.String(), want)
	}
	if again := published(w, "publish")[0]; again.Outcome != "published" || again.Checkpoint.Files != 4 {
		t.Errorf("run again: %+v", again)
	}
}

// SIGKILL at many moments of a publish, and of a gc: everything published before
// is whole, and the same command finishes the work.
func TestKilledAtAnyMoment(t *testing.T) {
	for _, layout := range []string{"full", "thin"} {
		t.Run(layout, func(t *testing.T) {
			config := fmt.Sprintf("store: ./data\nrepos:\n  - {name: many, layout: %s, remote: {type: dir, path: src}}\n", layout)
			prepare := func(t *testing.T) *workspace {
				w := newWorkspace(t, config)
				for i := range 300 {
					w.write(fmt.Sprintf("src/%d/%d", i%17, i), fmt.Sprint("content ", i))
				}
				w.run("publish", "--at", "20250318T140338Z")
				for i := range 150 {
					w.write(fmt.Sprintf("src/%d/%d", i%17, i), fmt.Sprint("changed ", i))
				}
				return w
			}
			began := time.Now()
			prepare(t).run("publish")
			whole := time.Since(began) / 2 // about what the second publish takes

			const kills = 8
			w := prepare(t)
			for i := range kills {
				cmd := w.command(t.Context(), "publish")
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(whole * time.Duration(i) / kills)
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				w.wholeButForTheList("many")
			}
			w.run("publish")
			w.run("verify", "many")
			if list := query[struct{ Checkpoints []manifest.Checkpoint }](w, "list", "many").Checkpoints; len(list) != 2 || list[1].Files != 300 {
				t.Errorf("the list is %+v", list)
			}
			w.run("prune", "many", "--keep-last", "1", "--apply")
			for i := range kills {
				cmd := w.command(t.Context(), "gc", "--exclusive", "--apply")
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(whole / 2 * time.Duration(i) / kills)
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				w.wholeButForTheList("many")
			}
			w.tidied()
			w.run("verify", "many")
			if left := filesBelow(t, filepath.Join(w.dir, "data", "many", "20250318T140338Z")); len(left) > 0 {
				t.Errorf("of the pruned tree are left: %q", left)
			}
		})
	}
}

// A publish killed in the middle of a file leaves a temporary file in a folder
// store. gc removes it once it is older than the grace period.
func TestKilledWriteIsCollected(t *testing.T) {
	up := isos(t)
	w := newWorkspace(t, configOf("./data", "full", up.URL()))
	w.run("publish")
	up.Set("big.iso", strings.Repeat("x", 3<<20)) // too large to be read before it is written
	const kills = 2
	for i := range kills {
		up.Fail("big.iso", remotetest.Stall(1<<20))
		cmd := w.command(t.Context(), "publish")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "big.iso is half written", func() bool {
			half := 0
			for _, file := range w.temporary() {
				if fi, err := os.Stat(file); err == nil && fi.Size() > 0 {
					half++
				}
			}
			return half == i+1
		})
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	w.run("gc", "--apply")
	if left := w.temporary(); len(left) != kills {
		t.Errorf("gc within the grace period left %q, want %d temporary files", left, kills)
	}
	w.tidied()
	w.run("publish")
	w.run("verify", "myfile")
}

// temporary returns the temporary files of the workspace's folder store.
func (w *workspace) temporary() []string {
	w.Helper()
	return filesBelow(w, filepath.Join(w.dir, "data", ".dirstore", "tmp"))
}

// tidied runs gc without a grace period and checks that it left no file of a
// killed writer in the folder store.
func (w *workspace) tidied() {
	w.Helper()
	w.run("gc", "--exclusive", "--apply", "--grace", "0s")
	if left := w.temporary(); len(left) > 0 {
		w.Errorf("temporary files are left: %q", left)
	}
}

// filesBelow lists the files below a folder, which may be missing. A folder store
// that is killed after it removed a folder's last file leaves the empty folder.
func filesBelow(t testing.TB, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return files
}

// wholeButForTheList verifies a repo. A publish killed between the index and the
// list page leaves an old list until the next one; nothing else may be wrong.
func (w *workspace) wholeButForTheList(repo string) {
	w.Helper()
	r := w.try("verify", repo, "-o", "json")
	var reports struct {
		Repos []struct{ Problems []struct{ Key string } }
	}
	if err := json.Unmarshal([]byte(r.stdout), &reports); err != nil || len(reports.Repos) != 1 {
		w.Fatalf("asof verify: %v\n%s%s", err, r.stdout, r.stderr)
	}
	for _, p := range reports.Repos[0].Problems {
		if p.Key != repo+"/index.html" {
			w.Errorf("asof verify: %s%s", r.stdout, r.stderr)
		}
	}
}

// Publishers in separate processes, with prune and gc beside them: every
// checkpoint that one reports is finally listed or has a tombstone, ids only
// grow, and everything listed is whole.
func TestPublishersRace(t *testing.T) {
	onEveryStore(t, func(t *testing.T, store string, env []string) {
		const publishers = 6
		if store == "./data" {
			store = t.TempDir() // shared by all
		}
		workspaces := make([]*workspace, publishers)
		for i := range workspaces {
			up := remotetest.New(t)
			up.Set("same", "same")
			up.Set("mine", fmt.Sprint(i))
			workspaces[i] = newWorkspace(t, configOf(store, []string{"full", "thin"}[i%2], up.URL()), env...)
		}
		results := make([]result, publishers)
		var wg sync.WaitGroup
		for i, w := range workspaces {
			wg.Go(func() { results[i] = w.try("publish", "-o", "json") })
		}
		w := workspaces[0]
		wg.Go(func() {
			for range publishers {
				for _, args := range [][]string{{"prune", "myfile", "--keep-last", "2", "--apply"}, {"gc", "--apply"}} {
					// Before the first publish there is nothing to do.
					if r := w.try(args...); r.code != 0 && !strings.Contains(r.stderr, "is not in the store") && !strings.Contains(r.stderr, "no registry") {
						t.Errorf("asof %s: exit code %d: %s", args[0], r.code, r.stderr)
					}
				}
			}
		})
		wg.Wait()
		index := query[struct {
			Checkpoints []manifest.Checkpoint
			Pruned      []manifest.Tombstone
		}](w, "list", "myfile")
		list := index.Checkpoints
		known := map[manifest.ID]bool{}
		for _, c := range list {
			known[c.ID] = true
		}
		for _, tombstone := range index.Pruned {
			known[tombstone.ID] = true
		}
		if len(known) != publishers {
			t.Errorf("%d checkpoints of %d publishers", len(known), publishers)
		}
		listed := fmt.Sprintf("%+v", list)
		for i, r := range results {
			if r.code != 0 {
				t.Errorf("publisher %d: exit code %d: %s", i, r.code, r.stderr)
				continue
			}
			var reported outcomes
			if err := json.Unmarshal([]byte(r.stdout), &reported); err != nil || len(reported.Repos) != 1 || !known[reported.Repos[0].Checkpoint.ID] {
				t.Errorf("publisher %d reported %s, which is lost (%v)", i, r.stdout, err)
			}
		}
		for i, c := range list {
			if i > 0 && c.ID <= list[i-1].ID {
				t.Errorf("ids do not grow: %s", listed)
			}
		}
		w.run("verify", "myfile")
	})
}
