package test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/storeurl"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
	"github.com/asof/asof/publisher/job"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/file"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// says checks the exit code and what a run says on standard error.
func (w *workspace) says(r result, code int, patterns ...string) {
	w.Helper()
	if r.code != code {
		w.Errorf("exit code %d, want %d", r.code, code)
	}
	for _, pattern := range patterns {
		if !regexp.MustCompile("(?m)" + pattern).MatchString(r.stderr) {
			w.Errorf("it does not say %s", pattern)
		}
	}
	if w.Failed() {
		w.Fatalf("%s%s", r.stdout, r.stderr)
	}
}

// ofAnotherTime answers as the server does, at another time.
func ofAnotherTime(off time.Duration) fault {
	return fault{name: "another clock", lasting: true, do: func(p *faultProxy, w http.ResponseWriter, r *http.Request, _ bool) {
		a := p.forward(r)
		if a == nil {
			hangUp(w, "")
			return
		}
		a.header.Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
		a.write(w)
	}}
}

// A real bucket on a server with another clock: nothing is written, by any command.
func TestClockOfABucket(t *testing.T) {
	server := minio.Server(t)
	for _, driver := range []string{"minio", "s3"} {
		for off, says := range map[time.Duration]string{-24 * time.Hour: `2[34]h\S+ ahead of`, 400 * 24 * time.Hour: "(400|399) days behind"} {
			t.Run(fmt.Sprint(driver, off), func(t *testing.T) {
				bucket := server.NewBucket(t)
				p := newFaultProxy(t, server.Endpoint)
				up := isos(t)
				w := newWorkspace(t, configOf(storeURL(driver, p.endpoint, bucket, "x"), "thin", up.URL()), credentials(server)...)
				said := `^error: .*this machine's clock is ` + says + ` the store's: the time is \d{8}T\d{6}Z here, and \d{8}T\d{6}Z there$`
				hint := `^hint: set the clock that is wrong, here or at the store, and run it again$`
				p.arm(ofAnotherTime(off), 1)
				w.says(w.try("publish"), 1, said, hint)
				p.disarm()
				if r := w.try("list", "-o", "json"); strings.TrimSpace(r.stdout) != "[]" {
					t.Errorf("registered is %s%s", r.stdout, r.stderr)
				}
				first := published(w, "publish")[0]
				up.Set("4.iso", "new")
				for _, args := range [][]string{
					{"publish"}, {"publish", "--dry-run"}, {"publish", "--together"}, {"sync"}, {"channel", "myfile", "stable", "latest"},
					{"prune", "myfile", "--keep-last", "1", "--apply"}, {"gc", "--apply"}, {"rebuild", "--write"},
				} {
					p.arm(ofAnotherTime(off), 1)
					w.says(w.try(args...), 1, said, hint)
					p.disarm()
				}
				list := query[struct {
					Horizon     manifest.ID
					Checkpoints []manifest.Checkpoint
					Channels    map[string]string
				}](w, "list", "myfile")
				if len(list.Checkpoints) != 1 || list.Checkpoints[0] != first.Checkpoint || len(list.Channels) > 0 {
					t.Errorf("listed are %+v, want %s", list, first.Checkpoint.ID)
				}
				if driver == "minio" { // Amazon's library now signs for the other time, which is not real
					p.arm(ofAnotherTime(off), 1)
					w.run("list") // who only reads goes on
					w.run("verify", "myfile")
				}
			})
		}
	}
}

// yesterday is an upstream whose clock is a day behind.
func yesterday(w http.ResponseWriter, _ *http.Request, content string) {
	w.Header().Set("Date", time.Now().Add(-24*time.Hour).UTC().Format(http.TimeFormat))
	fmt.Fprint(w, content)
}

// An upstream whose clock is another is believed where nobody else tells the time, unless
// the user says that it is wrong. Where the store tells, it is named.
func TestClockOfAnUpstream(t *testing.T) {
	onEveryStore(t, func(t *testing.T, store string, env []string) {
		up := isos(t)
		up.FailAlways(remotetest.Name, yesterday)
		w := newWorkspace(t, configOf(store, "full", up.URL()), env...)
		said := `this machine's clock is 2[34]h\S+ ahead of 127.0.0.1:\d+'s: the time is \d{8}T\d{6}Z here, and \d{8}T\d{6}Z there`
		if store != "./data" {
			w.says(w.try("publish"), 0, `upstream's clock is wrong.* says="the store" error=".*`+said)
			return
		}
		for _, args := range [][]string{{"publish"}, {"publish", "--together"}, {"publish", "--dry-run"}, {"sync"}} {
			w.says(w.try(args...), 1, `^error: .*`+said+`$`, `^hint: nothing was published. If this machine's clock is wrong, set it; if upstream's is, --trust-clock publishes nevertheless$`)
			if r := w.try("list", "-o", "json"); strings.TrimSpace(r.stdout) != "[]" {
				t.Errorf("registered is %s%s", r.stdout, r.stderr)
			}
		}
		w.says(w.try("publish", "--trust-clock"), 0, `upstream's clock is wrong.* says=you error=".*`+said)
		w.says(w.try("sync", "--trust-clock"), 0, `upstream's clock is wrong`)
	})
}

// A machine whose clock was ahead has published. Nothing is built on that, and it is taken
// back; what was published before stays, and the repo can be published again.
func TestStoreThatWasHit(t *testing.T) {
	onEveryStore(t, func(t *testing.T, store string, env []string) {
		up := isos(t)
		w := newWorkspace(t, configOf(store, "full", up.URL()), env...)
		w.run("publish", "--at", "20250318T140338Z")
		up.Set("4.iso", "new")
		ahead := hit(t, w, store, env, up)
		confirmed := "by this machine's clock and the store's"
		back := "a machine whose clock was ahead has published it; asof rebuild --future takes it back"
		hint := "^hint: " + back + "$"
		var now []string
		if store == "./data" {
			confirmed = "by this machine's clock alone"
			hint = "^hint: look at a clock that is right. If this machine's is wrong, set it; if not, " + back + "$"
			now = []string{"--now", time.Now().UTC().Format(time.RFC3339)}
		}
		for _, args := range [][]string{{"publish"}, {"publish", "--together"}, {"publish", "--dry-run"}, {"sync"}, {"channel", "myfile", "stable", "latest"}, {"prune", "myfile", "--keep-last", "1", "--apply"}} {
			w.says(w.try(args...), 1, `^error: .*the newest checkpoint `+ahead.String()+` lies 2[34]h\S+ in the future: the time now is \d{8}T\d{6}Z, `+confirmed+`$`, hint)
		}
		w.says(w.try("verify", "myfile"), 6)
		says := []string{
			`^myfile: the time now is \d{8}T\d{6}Z, and the index goes up to ` + ahead.String() + `$`,
			`^myfile: checkpoint ` + ahead.String() + ` lies in the future$`,
			`^myfile: channel stable names one that does$`,
		}
		w.says(w.try("rebuild", "myfile"), 0, append(says, `^myfile: --future takes that back, if this machine's clock is right$`, `^nothing to rebuild`)...)
		w.says(w.try("rebuild", "--future"), 0, append(says, `^nothing was written; add --write to do it$`)...)
		if store == "./data" {
			w.says(w.try("rebuild", "--future", "--write"), 2, `^error: rebuild: nothing confirms this machine's clock: it says that it is \d{8}T\d{6}Z$`, `^hint: look at a clock that is right, and say what time it is: --now 2025-03-18T14:03:38Z$`)
			w.says(w.try("rebuild", "--future", "--write", "--now", "2025-03-18"), 1, `^error: rebuild: this machine's clock is .* ahead of yours: the time is \d{8}T\d{6}Z here, and 20250318T000000Z there$`)
		}
		if r := w.try(append([]string{"rebuild", "--future", "--write"}, now...)...); r.code != 0 || !regexp.MustCompile(`(?m)^myfile +/checkpoints/myfile/ +withdrawn +1 +0 +20250318T140338Z +0$`).MatchString(r.stdout) {
			t.Fatalf("%d\n%s%s", r.code, r.stdout, r.stderr)
		}
		w.run("verify", "myfile")
		w.says(w.try("rebuild", "--future", "--write"), 0, `^nothing to rebuild`)
		if got := strings.TrimSpace(w.run("resolve", "myfile", "latest")); got != "20250318T140338Z" {
			t.Errorf("latest is %s", got)
		}
		w.says(w.try("resolve", "myfile", ahead.String()), 4, `lies in the future`)
		// A publish waits for two minutes, a dry run does not.
		if r := w.run("publish", "--dry-run"); !regexp.MustCompile(`(?m)^myfile +published +1 +0 +1 `).MatchString(r) {
			t.Errorf("a dry run says\n%s", r)
		}
	})
}

// unasked is a store without its abilities.
type unasked struct{ objstore.Store }

// hit publishes on a machine whose clock is a day ahead, and makes it stable.
func hit(t *testing.T, w *workspace, store string, env []string, up *remotetest.Upstream) manifest.ID {
	t.Helper()
	for _, kv := range env {
		name, value := splitEnv(kv)
		t.Setenv(name, value)
	}
	if store == "./data" {
		store = w.dir + "/data"
	}
	opened, err := storeurl.Open(t.Context(), store, storeurl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	remote, err := file.New(file.Options{URL: up.URL()}, fetch.Env{})
	if err != nil {
		t.Fatal(err)
	}
	// Without its abilities, as a version of asof saw it that asked nobody for the time.
	pub := publisher.New(publisher.Options{
		Store: unasked{opened}, TrustClock: true,
		Env: job.Env{Now: func() time.Time { return time.Now().Add(24 * time.Hour) }},
	})
	repo := publisher.Repo{Repo: manifest.Repo{Name: "myfile", Base: "checkpoints/myfile"}, Remote: remote}
	r, err := pub.Publish(t.Context(), repo, publisher.PublishOptions{})
	if err == nil {
		err = pub.SetChannel(t.Context(), repo.Repo, "stable", r.Checkpoint.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r.Checkpoint.ID
}
