package test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Commands that a document shows by the way, in lines that are set in, run as the
// examples of help do; targets of make exist. What follows behind two spaces is a
// remark. Blocks that tell a whole story are for TestReadme and its like.
func TestDocuments(t *testing.T) {
	documents, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
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
	for _, document := range append(documents, "../README.md") {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		lines := command.FindAllStringSubmatch(string(text), -1)
		if len(lines) == 0 {
			continue
		}
		found += len(lines)
		t.Run(filepath.Base(document), func(t *testing.T) {
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
