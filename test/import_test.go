package test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
)

// snapshotServer keeps the states of an archive as snapshot.debian.org does:
// files answer at any time, folders redirect to the run, and the times of runs
// are listed.
type snapshotServer struct {
	*testing.T
	mu     sync.Mutex
	runs   []string            // in ascending order
	states []map[string]string // by path, one for each run
	deny   string              // a path to refuse
	busy   int                 // requests still to be put off
	asked  []string
}

func (s *snapshotServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.URL.RequestURI())
	if s.busy > 0 {
		s.busy--
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	if r.URL.Path == "/mr/timestamp/" {
		if r.FormValue("archive") != "test" || r.FormValue("after") == "" || r.FormValue("before") == "" {
			http.Error(w, "what?", http.StatusBadRequest)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"result": map[string][]string{"test": s.runs}})
		return
	}
	at, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/archive/test/"), "/")
	n := len(s.runs) - 1
	for n >= 0 && s.runs[n] > at {
		n--
	}
	switch content, ok := "", false; {
	case n < 0:
		http.NotFound(w, r)
	case path == s.deny:
		http.Error(w, "no", http.StatusForbidden)
	case strings.HasSuffix(path, "/") || path == "":
		http.Redirect(w, r, "/archive/test/"+s.runs[n]+"/"+path, http.StatusMovedPermanently)
	default:
		if content, ok = s.states[n][path]; !ok {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, content)
	}
}

// set changes the server between requests.
func (s *snapshotServer) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// add makes a run whose archive has one package at a version. Its Release expires
// a week later, which is long past.
func (s *snapshotServer) add(run, version string) {
	id, err := manifest.ParseID(run)
	if err != nil {
		s.Fatal(err)
	}
	deb := "package hello " + version
	name := "pool/hello_" + version + ".deb"
	packages := fmt.Sprintf("Package: hello\nVersion: %s\nArchitecture: amd64\nFilename: %s\nSize: %d\nSHA256: %x\n", version, name, len(deb), sha256.Sum256([]byte(deb)))
	date := func(t time.Time) string { return t.Format("Mon, 02 Jan 2006 15:04:05 UTC") }
	made, err := time.Parse(time.DateOnly, map[string]string{"1": "2025-02-28", "2": "2025-03-03"}[version])
	if err != nil {
		s.Fatal(err)
	}
	release := fmt.Sprintf("Suite: st\nLabel: Test\nDate: %s\nValid-Until: %s\nComponents: main\nArchitectures: amd64\nSHA256:\n %x %d main/binary-amd64/Packages\n",
		date(made), date(id.Time().AddDate(0, 0, 7)), sha256.Sum256([]byte(packages)), len(packages))
	if len(s.runs) > 0 && version == "1" { // the same state as before
		release = s.states[0]["dists/st/Release"]
	}
	s.runs = append(s.runs, run)
	s.states = append(s.states, map[string]string{"dists/st/Release": release, "dists/st/main/binary-amd64/Packages": packages, name: deb})
}

func TestImport(t *testing.T) {
	server := &snapshotServer{T: t}
	server.add("20250301T023000Z", "1")
	server.add("20250302T023000Z", "1")
	server.add("20250303T083000Z", "2")
	up := httptest.NewServer(server)
	defer up.Close()
	config := func(at string) string {
		return fmt.Sprintf(`store: ./data
repos:
  - name: deb
    remote: {type: apt, url: %s/archive/test/, at: %s, suites: [st], verify: off}
`, up.URL, at)
	}
	w := newWorkspace(t, config("{from: 2025-03-01, to: 20250304T000000Z}"))

	// The last one fails; the others are in. A client waits for a busy server.
	server.set(func() { server.deny, server.busy = "pool/hello_2.deb", 1 })
	r := w.try("import", "deb", "-o", "json")
	if r.code != 1 || !strings.Contains(r.stderr, "error: import deb: 20250303T083000Z: pool/hello_2.deb: ") {
		t.Fatalf("%+v", r)
	}
	for _, line := range []string{"importing 20250301T023000Z of deb, 1 of 3\n", "importing 20250302T023000Z of deb, 2 of 3\n"} {
		if !strings.Contains(r.stderr, line) {
			t.Errorf("%q is missing in %s", line, r.stderr)
		}
	}
	var results struct {
		Repos []struct {
			Outcome    string
			Checkpoint struct{ ID string }
			Horizon    string
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &results); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(results.Repos) != "[{published {20250301T023000Z} 20250301T023000Z} {unchanged {20250301T023000Z} 20250302T023000Z}]" {
		t.Errorf("%v", results)
	}

	// Run again, it goes on where it stopped.
	server.set(func() { server.deny, server.asked = "", nil })
	w.run("import", "deb")
	for _, request := range server.asked {
		if !strings.HasPrefix(request, "/mr/") && !strings.HasPrefix(request, "/archive/test/20250303T083000Z/") {
			t.Errorf("it asks for %s again", request)
		}
	}
	if !slices.Contains(server.asked, "/mr/timestamp/?after=20250301T000000Z&archive=test&before=20250304T000000Z") {
		t.Errorf("%q", server.asked)
	}
	list := query[struct {
		Horizon     string
		Checkpoints []struct{ ID string }
	}](w, "list", "deb")
	if fmt.Sprint(list) != "{20250303T083000Z [{20250301T023000Z} {20250303T083000Z}]}" {
		t.Errorf("%v", list)
	}
	if got := w.run("diff", "deb", "20250302"); !strings.Contains(got, "  upgraded  hello  1 -> 2\n") {
		t.Error(got)
	}
	if got := w.run("show", "deb", "20250302"); !strings.Contains(got, "pool/hello_1.deb") || !strings.Contains(got, "Check-Valid-Until: no\n") ||
		!strings.Contains(got, "Acquire::Snapshots::URI::Override::Label::Test \"https://YOUR-SERVER/deb/@SNAPSHOTID@/\";\n") {
		t.Error(got)
	}
	w.run("verify", "deb")

	// A history has no current state.
	r = w.try("publish")
	if r.code != 2 || !strings.Contains(r.stderr, "remote.at is set: it is a history\nhint: asof import publishes it; take at away to follow the archive\n") {
		t.Errorf("%+v", r)
	}
	w.run("config", "check")

	// A list, with a time before the server's first.
	w = newWorkspace(t, config("[20250302T000000Z, 2025-02-01]"))
	if r = w.try("import", "deb"); r.code != 1 && r.code != 4 || !strings.Contains(r.stderr, "import deb: 20250201T000000Z: ") {
		t.Errorf("%+v", r)
	}
	// Each step means the run before it.
	w = newWorkspace(t, config("{from: 20250302T000000Z, to: 20250304T000000Z, step: 24h}"))
	w.run("import", "deb")
	if got := w.run("list", "deb"); !strings.Contains(got, "20250302T000000Z ") || !strings.Contains(got, "20250304T000000Z ") || strings.Contains(got, "20250303T000000Z ") {
		t.Error(got)
	}
	for at, want := range map[string]string{
		"latest":                             `at: "latest" is no time`,
		"[]":                                 "at: no time is listed",
		"{step: 24h}":                        "at.from: missing",
		"{from: 2025-03-02, to: 2025-03-01}": "at.to: 20250301T000000Z lies before from",
		"2100-01-01":                         "at: 21000101T000000Z lies in the future; a range without to ends now",
		"{from: 2025-03-02, to: 2100-01-01}": "at.to: 21000101T000000Z lies in the future; a range without to ends now",
		"{from: 2025-03-02, step: 24}":       "at.step: is 24, without a unit; allowed: 1s to 87600h",
		"{from: 2025-03-02, step: 1ms}":      "at.step: is 1ms; allowed: 1s to 87600h",
		"{from: 2025-03-02, until: x}":       "at.until: unknown key; known are from, to, step",
	} {
		w = newWorkspace(t, config(at))
		if r = w.try("import", "deb"); r.code != 2 || !regexp.MustCompile(`(?m)^error: asof\.yaml:[0-9]+: repos\[0\]\.remote\.`+regexp.QuoteMeta(want)+"$").MatchString(r.stderr) {
			t.Errorf("%s: %+v", at, r)
		}
	}
}
