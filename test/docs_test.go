package test

import (
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// documents are the README and all Markdown files below docs.
func documents(t *testing.T) []string {
	t.Helper()
	all := []string{"../README.md"}
	err := filepath.WalkDir("../docs", func(path string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".md" {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Indented commands in the documents run like the examples of help, and targets
// of make exist. Text after two spaces is a comment. Fenced blocks are a whole
// session: TestReadme, TestTutorial and TestOperations run those.
func TestDocuments(t *testing.T) {
	server := minio.Server(t)
	archive := &snapshotServer{T: t}
	archive.add("20250301T023000Z", "1")
	archive.add("20250303T083000Z", "2")
	up := httptest.NewServer(archive)
	defer up.Close()
	bin := t.TempDir()
	if err := os.Symlink(binary, filepath.Join(bin, "asof")); err != nil {
		t.Fatal(err)
	}
	env := append(credentials(server), "PATH="+bin+":"+os.Getenv("PATH"))
	command := regexp.MustCompile(`(?m)^    ((?:asof|make) .*?)(?:  .*)?$`)
	found := 0
	for _, document := range documents(t) {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		lines := command.FindAllStringSubmatch(string(text), -1)
		if len(lines) == 0 {
			continue
		}
		found += len(lines)
		t.Run(strings.TrimPrefix(filepath.ToSlash(document), "../"), func(t *testing.T) {
			w := exampleFolder(t, env, up.URL, []string{"publish"})
			for _, line := range lines {
				if target, ok := strings.CutPrefix(line[1], "make "); ok {
					if out, err := exec.Command("make", append([]string{"-C", "..", "-n"}, strings.Fields(target)...)...).CombinedOutput(); err != nil {
						t.Errorf("%s: %v\n%s", line[1], err, out)
					}
					continue
				}
				w.example(strings.ReplaceAll(line[1], "127.0.0.1:9000/bucket", server.Endpoint+"/"+server.NewBucket(t)))
			}
		})
	}
	if found < 15 {
		t.Errorf("found only %d commands", found)
	}
}
