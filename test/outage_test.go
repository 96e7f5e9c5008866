package test

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/asof/asof/publisher/remote/remotetest"
)

// lines is what a program says, for a test that waits for a part of it.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// While a store or an upstream is away, a publish says so once, waits, and goes on when it
// is back. An interruption ends the wait.
func TestOutageAndTheBinary(t *testing.T) {
	server := minio.Server(t)
	bucket := server.NewBucket(t)
	away := fault{lasting: true, do: func(_ *faultProxy, w http.ResponseWriter, r *http.Request, _ bool) {
		refuse(w, r, 503, "SlowDown")
	}}
	for _, what := range []string{"minio", "s3", "upstream"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p, up := newFaultProxy(t, server.Endpoint), isos(t)
			store, name := storeURL(what, p.endpoint, bucket, what), "the store "+what+"://"
			if what == "upstream" {
				store, name = "./data", strings.TrimSuffix(up.URL(), "/"+remotetest.Name)
			}
			w := newWorkspace(t, configOf(store, "thin", up.URL()), credentials(server)...)
			// start runs a publish until it waits.
			start := func() (said *lines, end func(send os.Signal) int) {
				said = &lines{}
				cmd := w.command(t.Context(), "publish")
				cmd.Stderr = said
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				eventually(t, "it waits", func() bool { return strings.Contains(said.String(), `msg="waiting for `+name) })
				return said, func(send os.Signal) int {
					if send != nil {
						_ = cmd.Process.Signal(send)
					}
					_ = cmd.Wait()
					return cmd.ProcessState.ExitCode()
				}
			}
			p.arm(away, 1)
			if what == "upstream" {
				up.FailAlways(remotetest.Name, remotetest.Status(503))
			}
			said, end := start()
			if code := end(os.Interrupt); code != 130 || !strings.HasSuffix(said.String(), "error: interrupted\nhint: run the same command again to finish the work\n") {
				t.Errorf("interrupted: exit code %d\n%s", code, said)
			}
			said, end = start()
			p.disarm()
			up.FailAlways(remotetest.Name, nil)
			if code := end(nil); code != 0 {
				t.Errorf("exit code %d\n%s", code, said)
			}
			about := strings.ReplaceAll(said.String(), `level=WARN msg="the store is new`, "")
			if n := len(regexp.MustCompile(`(?m)^time=.* level=WARN `).FindAllString(about, -1)); n != 2 || !strings.Contains(said.String(), " answers again\" away=") {
				t.Errorf("%d warnings\n%s", n, said)
			}
		})
	}
}
