package test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/asof/asof/internal/miniotest"
)

// Every command of the README runs, in the order in which it stands there.
func TestReadme(t *testing.T) {
	runDocument(t, "../README.md",
		`(?m)^hello +\S+Z +published +1 `, // a folder
		`(?m)^compare-and-swap`,           // probe
		`(?m)^myfile +\S+Z +published +0 `,
		`(?m)^myfile +\S+Z +published +4 `,
		`(?m)^myfile +\S+Z +unchanged +4 `,
		`"format":"asof.checkpoints/1"`,
		`(?m)^HTTP/1.1 301 Moved Permanently`,
		`(?m)^Location: /checkpoints/myfile/\S+Z/`,
		`(?m)^image 2$`,
	)
}

// The README shows the demo as it is, but for times and addresses, and for what it
// leaves out at a line of "…".
func TestReadmeDemo(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, found := strings.Cut(string(readme), "\n    $ asof demo\n")
	shown, _, _ = strings.Cut(shown, "\n## ")
	if !found {
		t.Fatal("the README does not show the demo")
	}
	varies := regexp.MustCompile(`127\.0\.0\.1:\d+|\d{8}T|\d{4}-\d{2}-\d{2}`)
	said := varies.ReplaceAllString(newWorkspace(t, "").run("demo", "--once"), "*") +
		"\nopen http://*/checkpoints/myfile/ in a browser, and click through it; Ctrl-C ends\n" // TestHelp sees it
	said = regexp.MustCompile(`\n\n+`).ReplaceAllString(said, "\n")
	at, gap := 0, true
	for line := range strings.Lines(shown) {
		if line == "\n" {
			continue
		}
		line = varies.ReplaceAllString(strings.TrimPrefix(line, "    "), "*")
		if strings.TrimSpace(line) == "…" {
			gap = true
			continue
		}
		next := strings.Index(said[at:], line)
		if next < 0 || next > 0 && !gap {
			t.Fatalf("behind %q the demo does not say %q:\n%s", said[:at], line, said)
		}
		at, gap = at+next+len(line), false
	}
}

func TestTutorial(t *testing.T) {
	runDocument(t, "../docs/tutorial.md",
		`(?m)^tools +/mirrors/tools/ +thin +dir +upstream$`, // config check
		`(?m)^tools +\S+Z +published +2 `,
		`(?m)^tools +\S+Z +unchanged +2 `,
		`(?m)^Cache-Control: public, max-age=31536000, immutable`,
		`(?m)^Cache-Control: no-store`,
		`(?m)^stable +\S+Z$`,
		`(?m)^Location: /mirrors/tools/\S+Z/tool.txt`,
		`(?m)^tool 1.0$`,
	)
}

// The operations' commands find a repo that was published long ago.
func TestOperations(t *testing.T) {
	runDocumentAfter(t, `mkdir upstream; echo tool >upstream/tool.txt
cat >asof.yaml <<'EOF'
store: ./data
repos:
  - name: tools
    remote: {type: dir, path: upstream}
EOF
asof publish --at 20240101T000000Z
`, "../docs/operations.md",
		`(?m)^tools: nothing published for [0-9]+ hours$`, // monitoring
	)
}

// runDocument runs the commands of a document, in their order, in an empty folder,
// and holds what they print against patterns. The two fixed addresses are replaced
// by free ones.
func runDocument(t *testing.T, document string, wants ...string) {
	t.Helper()
	runDocumentAfter(t, "", document, wants...)
}

// runDocumentAfter runs other commands first.
func runDocumentAfter(t *testing.T, before, document string, wants ...string) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n" + before)
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if !strings.HasPrefix(block[1], "make ") { // this is what runs now
			script.WriteString(block[1])
		}
	}
	commands := strings.NewReplacer("127.0.0.1:9000", freeAddress(t), "127.0.0.1:8080", freeAddress(t)).Replace(script.String())

	bin := t.TempDir()
	for name, path := range map[string]string{"asof": binary, "minio": miniotest.Binary(t)} {
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", commands)
	cmd.Dir = t.TempDir()
	cmd.Env = append(cleanEnv(), "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the commands of %s: %v\n%s", document, err, out)
	}
	for _, want := range wants {
		if !regexp.MustCompile(want).Match(out) {
			t.Errorf("the commands of %s did not print %s:\n%s", document, want, out)
		}
	}
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
