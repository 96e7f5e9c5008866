package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var shown = regexp.MustCompile(`<pre tabindex="0">([^<]*)</pre>`)

// The commands that the list tells people to type do what it says.
func TestUsageOnTheList(t *testing.T) {
	w := newWorkspace(t, `
store: ./data
repos: [{name: files, path: deep/files, layout: thin, remote: {type: dir, path: src}}]
`)
	w.write("src/a", "a")
	w.write("src/b c/d+e", "de")
	w.run("publish")
	url := w.serve()
	commands := map[string]string{} // by their first word
	for _, m := range shown.FindAllStringSubmatch(get(t, url+"/deep/files/").body, -1) {
		text := strings.NewReplacer("&#39;", "'", "https://YOUR-SERVER", url).Replace(m[1])
		name, _, _ := strings.Cut(text, " ")
		commands[name] = text
	}
	for name, want := range map[string]string{
		"curl": "a", "wget": "a b c/d+e", "asof": "a b c/d+e",
	} {
		dir := t.TempDir()
		text := strings.NewReplacer("PATH", "a", "DIR", dir).Replace(commands[name])
		if name == "asof" {
			w.run(strings.Fields(text)[1:]...)
		} else {
			cmd := exec.CommandContext(t.Context(), "sh", "-ec", text)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", text, err, out)
			}
		}
		var files []string
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() && !strings.HasPrefix(path, filepath.Join(dir, ".asof")) {
				files = append(files, path[len(dir)+1:])
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(files, " "); got != want {
			t.Errorf("%s brings %q, want %q", text, got, want)
		}
	}
}
