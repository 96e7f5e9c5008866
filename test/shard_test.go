package test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/asof/asof/publisher/remote/remotetest"
)

// Four workers at once fetch a part each; one is killed and run again. The final
// publish finds everything in the store and commits.
func TestShardedSync(t *testing.T) {
	onEveryStore(t, func(t *testing.T, store string, env []string) {
		const files, workers = 60, 4
		up := remotetest.New(t)
		for i := range files {
			up.Set(fmt.Sprintf("%02d", i), fmt.Sprint("content of ", i))
		}
		w := newWorkspace(t, configOf(store, "thin", up.URL()), env...)
		up.Fail("07", remotetest.Stall(3)) // the worker for this file hangs there

		running := map[int]*exec.Cmd{}
		ended := make(chan int, workers)
		shard := func(i int) []string { return []string{"sync", "--shard", fmt.Sprintf("%d/%d", i+1, workers)} }
		for i := range workers {
			cmd := w.command(t.Context(), shard(i)...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			running[i] = cmd
			go func() {
				_ = cmd.Wait()
				ended <- i
			}()
		}
		for range workers - 1 {
			i := <-ended
			if code := running[i].ProcessState.ExitCode(); code != 0 {
				t.Errorf("worker %d: exit code %d", i+1, code)
			}
			delete(running, i)
		}
		for i, cmd := range running {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			<-ended
			w.run(shard(i)...)
		}

		before := len(up.Requests())
		published := published(w, "publish")[0]
		if published.Checkpoint.Files != files+1 || published.Files.Uploaded != 0 || published.Files.Reused != files+1 {
			t.Errorf("the publish: %+v", published)
		}
		for _, r := range up.Requests()[before:] {
			if strings.HasPrefix(r, "GET /") && r != "GET /"+remotetest.Name {
				t.Errorf("the publish asked upstream for %s", r)
			}
		}
		w.run("verify", "myfile")
	})
}
