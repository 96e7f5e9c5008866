package test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/asof/asof/internal/miniotest"
)

// Every command of the README runs, in the README's order.
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

// The README shows the demo's output, except for times and addresses, and for
// what a line with "…" leaves out.
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
	said := newWorkspace(t, "").run("demo", "--once") +
		"\nopen http://127.0.0.1:1/checkpoints/myfile/ in a browser, and click through it; Ctrl-C ends\n" // TestHelp sees it
	checkShown(t, shown, said, regexp.MustCompile(`127\.0\.0\.1:\d+|\d{8}T|\d{4}-\d{2}-\d{2}`))
}

// The tutorial shows what its commands print, except for times.
func TestTutorial(t *testing.T) {
	text, err := os.ReadFile("../docs/tutorial.md")
	if err != nil {
		t.Fatal(err)
	}
	out := runDocument(t, "../docs/tutorial.md",
		`(?m)^tools +/mirrors/tools/ +thin +dir +upstream$`, // config check
		`(?m)^tools +\S+Z +published +2 `,
		`(?m)^tools +\S+Z +unchanged +2 `,
		`(?m)^Cache-Control: public, max-age=31536000, immutable`,
		`(?m)^Cache-Control: no-store`,
		`(?m)^stable +\S+Z$`,
		`(?m)^Location: /mirrors/tools/\S+Z/tool.txt`,
		`(?m)^tool 1.0$`,
	)
	checkShown(t, indented(string(text)), string(out), regexp.MustCompile(`\d{8}T\d{6}Z`))
}

// The commands of each operations page run on a repo that was published long ago.
func TestOperations(t *testing.T) {
	const before = `mkdir upstream; echo tool >upstream/tool.txt
cat >asof.yaml <<'EOF'
store: ./data
repos:
  - name: tools
    remote: {type: dir, path: upstream}
EOF
asof publish --at 20240101T000000Z
`
	wants := map[string]string{
		"monitoring.md": `(?m)^tools: nothing published for [0-9]+ hours$`,
		"recovery.md":   `(?m)^tools +.*20240101T000000Z`,
	}
	pages, err := filepath.Glob("../docs/operations/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(page)
		want, ok := wants[name]
		if shows := strings.Contains(string(text), "```sh\n"); shows != ok {
			t.Errorf("%s has a story to run: %t, and a result is expected: %t", name, shows, ok)
		}
		if ok {
			t.Run(name, func(t *testing.T) { runDocumentAfter(t, before, page, want) })
		}
	}
}

// runDocument runs the commands of a document in order, in an empty folder, and
// checks their output against patterns, and returns it. It replaces the two fixed
// addresses by free ones.
func runDocument(t *testing.T, document string, wants ...string) []byte {
	t.Helper()
	return runDocumentAfter(t, "", document, wants...)
}

// runDocumentAfter first runs other commands.
func runDocumentAfter(t *testing.T, before, document string, wants ...string) []byte {
	t.Helper()
	out, err := runCommands(t, before, document, freeAddress(t), freeAddress(t))
	if err != nil {
		t.Fatalf("the commands of %s: %v\n%s", document, err, out)
	}
	for _, want := range wants {
		if !regexp.MustCompile(want).Match(out) {
			t.Errorf("the commands of %s did not print %s:\n%s", document, want, out)
		}
	}
	return out
}

// runCommands runs the commands of a document, with a MinIO and a service at two
// addresses.
func runCommands(t *testing.T, before, document, minio, serve string) ([]byte, error) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n" + before)
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if !strings.HasPrefix(block[1], "make ") { // it is running now
			script.WriteString(block[1])
		}
	}
	commands := strings.NewReplacer("127.0.0.1:9000", minio, "127.0.0.1:8080", serve).Replace(script.String())

	bin := t.TempDir()
	for name, path := range map[string]string{"asof": binary, "minio": miniotest.Binary(t)} {
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", commands)
	cmd.Dir = t.TempDir()
	cmd.Env = append(cleanEnv(), "PATH="+bin+":"+os.Getenv("PATH"), "GITHUB_ACTOR=jane") // who moves rings
	return cmd.CombinedOutput()
}

// If somebody else has an address of a walk, it ends and says so, also where it goes on
// after each error, as in the shell of somebody who pastes it.
func TestTakenAddressOfAWalk(t *testing.T) {
	serving := func(status int) string {
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(other.Close)
		return strings.TrimPrefix(other.URL, "http://")
	}
	const readme, tutorial = "../README.md", "../docs/tutorial.md"
	const inUse = `(?m)^error: listen tcp .*: bind: address already in use\nhint: choose another address with --listen$`
	refusing, other, willing := serving(http.StatusForbidden), serving(http.StatusNotFound), serving(http.StatusOK)
	for what, c := range map[string]struct{ document, minio, serve, want string }{
		"the README's minio":   {readme, refusing, freeAddress(t), `(?i)port is already in use`},
		"another kind for it":  {readme, other, freeAddress(t), `(?m)^not ready: is another server at 8080 or 9000\?$`},
		"the README's serve":   {readme, freeAddress(t), refusing, inUse},
		"the tutorial's serve": {tutorial, freeAddress(t), other, inUse},
		"one that answers":     {tutorial, freeAddress(t), willing, `(?m)^no redirect: is another server at 8080\?$`},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			out, err := runCommands(t, "set +e\n", c.document, c.minio, c.serve)
			if !regexp.MustCompile(c.want).Match(out) {
				t.Errorf("%v; it does not say %s:\n%s", err, c.want, out)
			}
		})
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
