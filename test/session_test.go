package test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// outcome is the part of `asof publish -o json` that the tests read.
type outcome struct {
	Repo       string
	Outcome    string
	Checkpoint manifest.Checkpoint
	Horizon    manifest.ID
	Files      struct{ Uploaded, Copied, Reused int }
}

// outcomes is that whole output.
type outcomes struct{ Repos []outcome }

// published runs asof, which must publish.
func published(w *workspace, args ...string) []outcome {
	w.Helper()
	return query[outcomes](w, args...).Repos
}

func configOf(store, layout, upstream string) string {
	return fmt.Sprintf(`
store: %q
serve: {refresh: 50ms}
repos:
  - name: myfile
    path: checkpoints/myfile
    layout: %s
    remote: {type: file, url: %q}
`, store, layout, upstream)
}

func isos(t testing.TB) *remotetest.Upstream {
	up := remotetest.New(t)
	for _, name := range []string{"1.iso", "2.iso", "3.iso"} {
		up.Set(name, strings.Repeat(name, 1000))
	}
	return up
}

// eventually asks until the answer is as wanted: a service soon follows its
// store.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("did not happen: %s", what)
}

// The session that started the project: an empty checkpoint, which the list
// shows; a sync; a second checkpoint. The list shows both, newest first, its
// listing shows the files, and a moment in between resolves to the first.
func TestExampleSession(t *testing.T) {
	for _, layout := range []string{"full", "thin"} {
		t.Run(layout, func(t *testing.T) {
			onEveryStore(t, func(t *testing.T, store string, env []string) { exampleSession(t, store, layout, env) })
		})
	}
}

func exampleSession(t *testing.T, store, layout string, env []string) {
	up := isos(t)
	w := newWorkspace(t, configOf(store, layout, up.URL()), env...)

	first := published(w, "publish", "--no-sync", "--empty", "myfile")[0].Checkpoint
	if first.Files != 0 {
		t.Errorf("the first checkpoint has %d files", first.Files)
	}
	url := w.serve()
	list := url + "/checkpoints/myfile/"
	if got, want := links(get(t, list).body), []string{"../../", "../../checkpoints/", first.ID.String() + "/", first.ID.String() + "/"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the list links to %q, want %q", got, want)
	}

	w.run("sync", "myfile")
	if n := len(links(get(t, list).body)); n != 4 {
		t.Errorf("after a sync the list has %d links", n)
	}
	time.Sleep(time.Until((first.ID + 2).Time())) // so that there is a moment in between
	second := published(w, "publish", "--no-sync", "myfile")[0].Checkpoint
	both := fmt.Sprint([]string{"../../", "../../checkpoints/", second.ID.String() + "/", second.ID.String() + "/", first.ID.String() + "/"})
	eventually(t, "the list shows both, newest first", func() bool { return fmt.Sprint(links(get(t, list).body)) == both })

	listing := get(t, list+second.ID.String()+"/")
	if got, want := fmt.Sprint(links(listing.body)), "[../ 1.iso 2.iso 3.iso PULP_MANIFEST]"; listing.status != 200 || got != want {
		t.Errorf("the second checkpoint: %d, links %s, want %s", listing.status, got, want)
	}
	for _, want := range []string{"2025-03-18 14:03", `title="5000 bytes">4.9 KiB<`} { // upstream's date and size
		if !strings.Contains(listing.body, want) {
			t.Errorf("the listing lacks %q:\n%s", want, listing.body)
		}
	}

	between := get(t, list+(first.ID+1).String()+"/")
	if want := "/checkpoints/myfile/" + first.ID.String() + "/"; between.status != 301 || between.header.Get("Location") != want {
		t.Errorf("in between: %d, Location %q, want 301, %q", between.status, between.header.Get("Location"), want)
	}
	iso := get(t, list+second.ID.String()+"/2.iso")
	if iso.status != 200 || iso.body != strings.Repeat("2.iso", 1000) || iso.header.Get("Cache-Control") != manifest.CacheImmutable {
		t.Errorf("2.iso: %d, %d bytes, %v", iso.status, len(iso.body), iso.header)
	}
}

var hrefs = regexp.MustCompile(`<a href="([^"]*)"`)

// links returns the page's links to other pages.
func links(page string) []string {
	var list []string
	for _, m := range hrefs.FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(m[1], "#") {
			list = append(list, m[1])
		}
	}
	return list
}

// The reading commands agree with each other, on every store.
func TestReadingCommands(t *testing.T) {
	onEveryStore(t, func(t *testing.T, store string, env []string) {
		up := isos(t)
		w := newWorkspace(t, configOf(store, "thin", up.URL()), env...)
		id := published(w, "publish")[0].Checkpoint.ID.String()
		if got := w.run("resolve", "myfile", "latest"); got != id+"\n" {
			t.Errorf("resolve latest: %q, want %s", got, id)
		}
		show := query[struct {
			Files []struct {
				Path     string
				Size     int64
				SHA256   manifest.Digest
				Modified *manifest.ID
			}
		}](w, "show", "myfile", id)
		var paths []string
		for _, f := range show.Files {
			paths = append(paths, f.Path)
			if f.Path == "1.iso" && (f.Size != 5000 || f.SHA256 != manifest.Sum([]byte(strings.Repeat("1.iso", 1000))) || f.Modified.String() != "20250318T140340Z") {
				t.Errorf("show: %+v", f)
			}
		}
		if got := fmt.Sprint(paths); got != "[1.iso 2.iso 3.iso PULP_MANIFEST]" {
			t.Errorf("show: files %s", got)
		}
		repos := query[[]struct {
			Repo        string
			Checkpoints int
			Newest      string
		}](w, "list")
		if len(repos) != 1 || repos[0].Repo != "myfile" || repos[0].Checkpoints != 1 || repos[0].Newest != id {
			t.Errorf("list: %+v", repos)
		}
		checkpoints := query[struct{ Checkpoints []manifest.Checkpoint }](w, "list", "myfile")
		if len(checkpoints.Checkpoints) != 1 || checkpoints.Checkpoints[0].ID.String() != id {
			t.Errorf("list myfile: %+v", checkpoints)
		}
	})
}
