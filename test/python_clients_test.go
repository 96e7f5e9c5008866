package test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pythonClient installs from a package index.
type pythonClient struct {
	name    string
	install func(target, cache, index string) []string // its command line
}

// pythonClients are pip of today, the last pip that knows HTML only, and uv.
func pythonClients(t *testing.T) []pythonClient {
	t.Helper()
	bin := os.Getenv("ASOF_TEST_PYTHON_BIN")
	if bin == "" {
		t.Fatal("ASOF_TEST_PYTHON_BIN names no folder with pip and uv: run make test")
	}
	pip := func(python string) func(target, cache, index string) []string {
		return func(target, cache, index string) []string {
			return []string{python, "-m", "pip", "install", "--disable-pip-version-check", "--no-compile", "--no-input",
				"--target", target, "--cache-dir", cache, "--trusted-host", "127.0.0.1", "--index-url", index}
		}
	}
	clients := []pythonClient{
		{"pip", pip(bin + "/python")},
		{"uv", func(target, cache, index string) []string {
			return []string{bin + "/uv", "pip", "install", "--python", bin + "/python", "--target", target, "--cache-dir", cache, "--index-url", index}
		}},
	}
	old := filepath.Join(bin, "../old/bin/python")
	if _, err := os.Stat(old); err != nil {
		if exec.Command(bin+"/python", "-c", "import sys; sys.exit(sys.version_info >= (3, 12))").Run() == nil {
			t.Fatalf("%v: run make test", err)
		}
		t.Run("pip 20", func(t *testing.T) { t.Skip("it runs up to Python 3.11") })
		return clients
	}
	return append(clients, pythonClient{"pip 20", pip(old)})
}

// try installs hello into a new folder, and returns what is there then: names and versions. An
// empty cache is a new one.
func (c pythonClient) try(t *testing.T, cache, index string, args ...string) ([]string, error) {
	t.Helper()
	target := t.TempDir()
	if cache == "" {
		cache = t.TempDir()
	}
	line := append(c.install(target, cache, index), append(args, "hello")...)
	cmd := exec.CommandContext(t.Context(), line[0], line[1:]...)
	cmd.Env = slices.DeleteFunc(cleanEnv(), func(kv string) bool {
		return strings.HasPrefix(kv, "PIP_") || strings.HasPrefix(kv, "UV_") || strings.HasPrefix(kv, "PYTHON")
	})
	cmd.Env = append(cmd.Env, "PIP_CONFIG_FILE="+os.DevNull, "UV_NO_CONFIG=1", "HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	t.Logf("%s, %s:\n%s", c.name, index, out)
	infos, globErr := filepath.Glob(target + "/*.dist-info")
	if globErr != nil {
		t.Fatal(globErr)
	}
	var installed []string
	for _, info := range infos {
		installed = append(installed, strings.TrimSuffix(filepath.Base(info), ".dist-info"))
	}
	return installed, err
}

func (c pythonClient) want(t *testing.T, want []string, cache, index string, args ...string) {
	t.Helper()
	if got, err := c.try(t, cache, index, args...); err != nil || !slices.Equal(got, want) {
		t.Errorf("%s from %s: %q, %v; want %q", c.name, index, got, err, want)
	}
}

// Two states of an index. The first depends on a local version, whose name has a plus.
var (
	indexThen = []release{
		{"dep", "1.0+local.1", "", "2024-05-01T00:00:00Z"},
		{"hello", "1.0", "dep>=1", "2024-05-01T00:00:00Z"},
	}
	indexNow = append(slices.Clone(indexThen),
		release{"dep", "2.0", "", "2024-07-01T00:00:00Z"},
		release{"hello", "1.1", "dep>=2", "2024-07-01T00:00:00Z"})
	installedThen = []string{"dep-1.0+local.1", "hello-1.0"}
	installedNow  = []string{"dep-2.0", "hello-1.1"}
)

// pip, pip of before JSON, and uv install from a checkpoint of a package index: by exact id, by
// time, by latest, by channel; with pages in HTML only, and in JSON too; from the service in both
// layouts, and from a plain web server. A name that moved leads a warm cache to the new state.
func TestPythonClients(t *testing.T) {
	clients := pythonClients(t)
	w := newWorkspace(t, `
store: ./data
serve: {refresh: 50ms}
repos:
  - {name: html, path: py/html, remote: {type: dir, path: html}}
  - {name: json, path: py/json, remote: {type: dir, path: json}}
  - {name: thin, path: py/thin, layout: thin, remote: {type: dir, path: json}}
`)
	repos := []string{"html", "json", "thin"}
	ids := map[string]string{} // of the first state
	for i, state := range [][]release{indexThen, indexNow} {
		writeIndex(w, "html", false, state...)
		writeIndex(w, "json", true, state...)
		for _, o := range published(w, "publish") {
			if i == 0 {
				ids[o.Repo] = o.Checkpoint.ID.String()
			}
		}
	}
	for _, repo := range repos {
		w.run("channel", repo, "stable", ids[repo])
	}
	url := w.serve()
	index := func(repo, when string) string { return url + "/py/" + repo + "/" + when + "/simple/" }

	for _, client := range clients {
		t.Run(client.name, func(t *testing.T) {
			for _, repo := range repos {
				client.want(t, installedThen, "", index(repo, ids[repo]))
				client.want(t, installedNow, "", index(repo, "latest"))
			}
			id := ids["thin"]
			time := id[:4] + "-" + id[4:6] + "-" + id[6:11] + ":" + id[11:13] + ":" + id[13:]
			client.want(t, installedThen, "", index("thin", time))
			client.want(t, installedThen, "", index("thin", "stable"))
		})
	}
	t.Run("times of uploads", func(t *testing.T) {
		// Only the JSON tells them.
		for _, repo := range []string{"json", "thin"} {
			clients[0].want(t, installedThen, "", index(repo, "latest"), "--uploaded-prior-to", "2024-06-01T00:00:00Z")
			clients[1].want(t, installedThen, "", index(repo, "latest"), "--exclude-newer", "2024-06-01T00:00:00Z")
		}
		if got, err := clients[0].try(t, "", index("html", "latest"), "--uploaded-prior-to", "2024-06-01T00:00:00Z"); err == nil {
			t.Errorf("HTML has no times, and pip installs %q", got)
		}
	})
	t.Run("a plain web server", func(t *testing.T) {
		plain := exampleNginx(t, "folder.conf", "/srv/snapshots", filepath.Join(w.dir, "data"))
		for _, client := range clients {
			client.want(t, installedThen, "", plain+"/py/json/"+ids["json"]+"/simple/")
		}
	})
	t.Run("a channel that moves, with a warm cache", func(t *testing.T) {
		caches := map[string]string{}
		for _, step := range []struct {
			to   string
			want []string
		}{{"", installedThen}, {"latest", installedNow}, {"first", installedThen}} {
			for _, repo := range repos {
				switch step.to {
				case "latest":
					w.run("channel", repo, "stable", "latest")
				case "first":
					w.run("channel", repo, "stable", ids[repo])
				}
				leads := url + "/py/" + repo + "/stable/"
				newest := get(t, url+"/py/"+repo+"/latest/").header.Get("Location")
				eventually(t, "the channel moves", func() bool {
					a := get(t, leads)
					return a.status == http.StatusTemporaryRedirect && (a.header.Get("Location") == newest) == (step.to == "latest")
				})
				for _, client := range clients {
					name := repo + " " + client.name
					if caches[name] == "" {
						caches[name] = t.TempDir()
					}
					client.want(t, step.want, caches[name], index(repo, "stable"))
				}
			}
		}
	})
}
