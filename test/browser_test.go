package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asof/asof/manifest"
)

// look is what look.cjs saw of a page.
type look struct {
	Name, Look, Text string
	Errors           []string // from the page's script
	Violations       []string // of axe-core's rules
	Overflows        bool     // the page is wider than the screen
	Filtered         []string // the links that pass the filter; nil: there is no filter
	Months           []string // the headings that pass it when a month is asked for in three ways, or nothing
	Moment           string   // where the field for a date and a time leads to
}

// The pages are valid HTML, break no accessibility rule, fit on a phone, and are
// complete without a script. Screenshots go to ASOF_TEST_OUTPUT.
func TestPagesInABrowser(t *testing.T) {
	modules := os.Getenv("ASOF_TEST_BROWSER")
	if modules == "" {
		t.Fatal("ASOF_TEST_BROWSER names no folder of npm modules: run make test")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal(err)
	}
	output := t.TempDir()
	if dir := os.Getenv("ASOF_TEST_OUTPUT"); dir != "" {
		output = filepath.Join(dir, "pages")
		if err := os.MkdirAll(output, 0o755); err != nil {
			t.Fatal(err)
		}
	}

	const base = "looks/files"
	w := newWorkspace(t, `
store: ./data
repos: [{name: files, path: looks/files, layout: thin, remote: {type: dir, path: src}}]
rollout: {rings: [{name: canary}, {name: prod, after: 24h}]}
`)
	ids := publishForLooks(w)
	w.run("promote")
	url := w.serve()
	bucket := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(w.dir, "data"))))
	defer bucket.Close()
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.Dir("../internal/page/testdata")))
	mux.HandleFunc("/20250318T140338Z/.asof/usage.json", func(w http.ResponseWriter, _ *http.Request) {
		usage := manifest.Usage{Snippets: []manifest.Snippet{{
			Title: "A source for apt", Note: "Why <so>", File: "/etc/apt/sources.list.d/debian.sources", Text: "Types: deb\nURIs: {tree}\nas of {id} by {mirrors}latest/\n",
		}}}
		document, err := usage.Encode()
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(document)
	})
	mux.HandleFunc("/index-20250301T000000Z.html", func(w http.ResponseWriter, req *http.Request) {
		http.ServeFile(w, req, "../internal/page/testdata/segment.html")
	})
	mux.HandleFunc("/20250301T000000Z/", func(w http.ResponseWriter, req *http.Request) {
		http.ServeFile(w, req, "../internal/page/testdata/front.html")
	})
	mux.HandleFunc("/checkpoints.json", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"checkpoints":[]}`) })
	goldens := httptest.NewServer(mux)
	defer goldens.Close()
	pages := map[string]string{
		"front":         url + "/",
		"bucket-front":  bucket.URL + "/",
		"bucket-list":   bucket.URL + "/" + base + "/",
		"list":          url + "/" + base + "/",
		"root":          url + "/" + base + "/" + ids[1] + "/",
		"first":         url + "/" + base + "/" + ids[0] + "/",
		"directory":     url + "/" + base + "/" + ids[1] + "/pool/",
		"odd-names":     url + "/" + base + "/" + ids[1] + "/odd%20%3Cnames%3E/",
		"marked":        goldens.URL + "/list.html",
		"usage":         goldens.URL + "/list-usage.html",
		"long":          goldens.URL + "/list-long.html",
		"sealed":        goldens.URL + "/list-sealed.html",
		"segment":       goldens.URL + "/segment.html",
		"error":         url + "/" + base + "/19991231T235959Z/",
		"rings":         url + "/-/rings",
		"board":         goldens.URL + "/board.html",
		"folder":        url + "/looks/",
		"bucket-folder": bucket.URL + "/looks/",
		"moment":        goldens.URL + "/list-sealed.html?at=2025-03-05T00:00",
		"moment-gone":   goldens.URL + "/list.html?at=2025-03-11T00:00",
	}
	var files, args []string
	for name, page := range pages {
		file := filepath.Join(output, name+".html")
		save(t, page, file)
		files = append(files, file)
		args = append(args, name+"="+page)
	}
	if out, err := exec.Command("java", append([]string{"-jar", filepath.Join(modules, "vnu-jar/build/dist/vnu.jar")}, files...)...).CombinedOutput(); err != nil {
		t.Errorf("the Nu HTML checker: %v\n%s", err, out)
	}

	cmd := exec.CommandContext(t.Context(), "node", append([]string{"browser/look.cjs", output}, args...)...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules, "CHROMIUM="+chromium)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("look.cjs: %v\n%s", err, stderr.Bytes())
	}
	looks := 0
	for dec := json.NewDecoder(bytes.NewReader(out)); ; looks++ {
		var l look
		if err := dec.Decode(&l); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		t.Run(l.Name+"-"+l.Look, func(t *testing.T) { l.check(t, ids) })
	}
	if looks != 4*len(pages) {
		t.Errorf("%d looks at %d pages", looks, len(pages))
	}
}

func (l look) check(t *testing.T, ids []string) {
	if len(l.Violations) > 0 {
		t.Errorf("accessibility: %s", strings.Join(l.Violations, "\n"))
	}
	if l.Overflows {
		t.Error("the page is wider than the screen")
	}
	if len(l.Errors) > 0 && l.Name != "error" {
		t.Errorf("errors: %q", l.Errors)
	}
	want := map[string][]string{
		"front": {"looks/files", ids[2], "Rings: canary prod"}, "rings": {"canary", ids[2], "has stood for"}, "board": {"with the next promotion", "is pruned", "does <not> boot"},
		"bucket-front": {"looks/files"}, "bucket-list": ids, "list": append([]string{"Rings: canary", ids[2] + "/ canary"}, ids...), "directory": {"package-1.deb", "package-30.deb"},
		"first":  {"none: it is the first"},
		"marked": {"canary", "stable", "pruned 2025-04-01 00:00: <b>withdrawn</b>"}, "sealed": {"2025-03-01 to 2025-03-10"}, "segment": {"20250301T000000Z/"},
		"odd-names": {"<script>alert(1)<"}, "error": {"before the first", "Repositories / looks / files"},
		"folder": {"Repositories in looks/", "files/", ids[2]}, "bucket-folder": {"Repositories in looks/", "files/"},
	}[l.Name]
	if l.Look != "plain" {
		want = append(want, map[string]string{
			"moment": "debian at 2025-03-18", "moment-gone": "20250311T000000Z: the checkpoint of that time was pruned.",
		}[l.Name])
	}
	l.checkForms(t, ids)
	if l.Look != "plain" && (l.Name == "root" || l.Name == "directory") {
		want = append(want, "a newer checkpoint exists: "+ids[2])
	}
	switch {
	case l.Name == "usage" && l.Look == "plain":
		want = append(want, "More of it stands on the page", "https://YOUR-SERVER/d%2Be/debian/20250318T140338Z/PATH")
	case l.Name == "usage":
		want = append(want, "A source for apt\n\nWhy <so>", "/20250318T140338Z/\n", "as of 20250318T140338Z by http://127.0.0.1", "/-/mirrorlist/latest/", "curl -fLO http://127.0.0.1")
	case l.Name == "root":
		want = append(want, "Previous\n"+ids[0], "~ README", ".asof/changes.json")
	case l.Name == "directory" && l.Look != "plain":
		want = append(want, "previous "+ids[0])
	}
	if l.Look != "plain" && l.Name == "bucket-front" {
		want = append(want, ids[2])
	}
	left := map[string]string{"long": "[20250103T060000Z/]", "directory": "[../ package-9.deb]"}[l.Name]
	if l.Look == "plain" || left == "" {
		left = "[]"
	}
	if got := fmt.Sprint(l.Filtered); got != left {
		t.Errorf("the filter leaves %s, want %s", got, left)
	}
	for _, text := range want {
		if !strings.Contains(l.Text, text) {
			t.Errorf("does not show %q:\n%s", text, l.Text)
		}
	}
}

// checkForms checks where the field for a moment leads to, and what the filter leaves of
// months.
func (l look) checkForms(t *testing.T, ids []string) {
	const asked = "?at=2025-03-20T12%3A00"
	moments := map[string]string{"list": "/looks/files/" + ids[1] + "/", "bucket-list": "/looks/files/" + ids[1] + "/"}
	if l.Look == "plain" { // a bucket needs the script
		moments["bucket-list"] = "/looks/files/" + asked
	}
	if want, ok := moments[l.Name]; ok && l.Moment != want {
		t.Errorf("a moment leads to %q, want %q", l.Moment, want)
	}
	months := "[]"
	if l.Name == "long" && l.Look != "plain" {
		months = "[March 2026 March 2026 March 2026 Nothing on this page matches.]"
	}
	if got := fmt.Sprint(l.Months); got != months {
		t.Errorf("the filter leaves the months %s, want %s", got, months)
	}
}

// publishForLooks publishes three checkpoints of a tree, and returns their ids.
func publishForLooks(w *workspace) (ids []string) {
	w.Helper()
	for i := 1; i <= 30; i++ {
		w.write(fmt.Sprintf("src/pool/package-%d.deb", i), strings.Repeat("x", i*i*700))
	}
	for _, name := range []string{"<script>alert(1)<", "a&amp;b", "#1", "日本語", "\u202egnp.exe", strings.Repeat("long", 60)} {
		w.write("src/odd <names>/"+name, name)
	}
	for _, id := range []string{"20240729T041702Z", "20250318T140338Z", "20250402T091500Z"} {
		w.write("src/README", id)
		ids = append(ids, published(w, "publish", "--at", id)[0].Checkpoint.ID.String())
	}
	return ids
}

func save(t *testing.T, url, file string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
