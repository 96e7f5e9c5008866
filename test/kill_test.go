package test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// A publish that is killed with SIGKILL while upstream sends a file leaves the
// old state valid; the same command finishes, and asks upstream only for what
// is not in the store yet.
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
	old := query[[]outcome](w, "publish")[0].Checkpoint

	const files = 20
	for i := range files {
		up.Set(fmt.Sprintf("%02d", i), fmt.Sprint("content of ", i))
	}
	up.Fail("12", remotetest.Stall(3)) // hangs in the middle of this one
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
	again := query[[]outcome](w, "publish")[0]
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

// Publishers in processes of their own, at the same time: every checkpoint that
// one reports is listed in the end, and ids only grow.
func TestPublishersRace(t *testing.T) {
	onEveryStore(t, func(t *testing.T, store string, env []string) {
		const publishers = 6
		if store == "./data" {
			store = t.TempDir() // all share it
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
		wg.Wait()
		w := workspaces[0]
		list := query[struct{ Checkpoints []manifest.Checkpoint }](w, "list", "myfile").Checkpoints
		if len(list) != publishers {
			t.Errorf("%d checkpoints of %d publishers", len(list), publishers)
		}
		listed := fmt.Sprintf("%+v", list)
		for i, r := range results {
			if r.code != 0 {
				t.Errorf("publisher %d: exit code %d: %s", i, r.code, r.stderr)
			}
		}
		for i, c := range list {
			if i > 0 && c.ID <= list[i-1].ID {
				t.Errorf("ids do not grow: %s", listed)
			}
			w.run("show", "myfile", c.ID.String())
		}
	})
}
