package test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/asof/asof/internal/miniotest"
)

// The script in examples/minio starts everything, by the command that its header gives. A
// publisher publishes by the second one, the service in front serves it, and everything
// ends cleanly. A second run uses what is there, and says so if an address is taken.
func TestMinIOExample(t *testing.T) {
	cwd, bin := t.TempDir(), t.TempDir()
	dir := filepath.Join(cwd, "asof-minio")
	for name, path := range map[string]string{"asof": binary, "minio": miniotest.Binary(t), "mc": miniotest.Client(t)} {
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	serve := freeAddress(t)
	env := append(cleanEnv(), "PATH="+bin+":"+os.Getenv("PATH"), "MINIO_ADDRESS="+freeAddress(t), "SERVE_ADDRESS="+serve)
	examples, err := filepath.Abs("../examples")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(examples, filepath.Join(cwd, "examples")); err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("../examples/minio/run.sh")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile(`(?m)^#   (.+)$`).FindAllStringSubmatch(string(script), -1)
	if len(commands) != 2 {
		t.Fatalf("the header gives %q", commands)
	}
	run := func(ctx context.Context, command string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "bash", "-c", command)
		cmd.Dir, cmd.Env = cwd, env
		return cmd
	}
	start := func() (stop func()) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := run(ctx, "exec "+commands[0][1])
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		var out strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for {
			if conn, err := net.Dial("tcp", serve); err == nil {
				conn.Close()
				break
			}
			if ctx.Err() != nil {
				_ = cmd.Wait()
				t.Fatalf("the service did not start\n%s", &out)
			}
			time.Sleep(20 * time.Millisecond)
		}
		return func() {
			cancel()
			_ = cmd.Wait() // both programs hold its output: it returns when all have ended
			if code := cmd.ProcessState.ExitCode(); code != 130 {
				t.Errorf("exit code %d\n%s", code, &out)
			}
		}
	}
	stop := start()
	out, err := run(t.Context(), commands[1][1]+" 2>&1").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "published") {
		t.Errorf("the publisher publishes: %v\n%s", err, out)
	}
	url := "http://" + serve + "/hello/latest/hello.txt"
	eventually(t, "what was published is served", func() bool { return get(t, url).status == 307 })
	out, err = run(t.Context(), commands[0][1]).CombinedOutput()
	if err == nil || !strings.Contains(string(out), " is taken: set MINIO_ADDRESS or SERVE_ADDRESS to a free one\n") {
		t.Errorf("with a taken address: %v\n%s", err, out)
	}
	as := func(role, command string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "bash", "-c", "set -a && . ./"+role+".env && "+command+" 2>&1")
		cmd.Dir, cmd.Env = dir, env
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	if out := as("resolver", "asof publish --force"); !strings.Contains(out, "access denied") {
		t.Errorf("the resolver publishes: %s", out)
	}
	if out := as("publisher", "asof gc --exclusive --apply --grace 0s"); strings.Contains(out, "access denied") == strings.Contains(out, "nothing") {
		t.Errorf("the publisher collects: %s", out)
	}
	if out := as("janitor", "asof gc --exclusive --apply --grace 0s"); strings.Contains(out, "error:") {
		t.Errorf("the janitor collects: %s", out)
	}
	stop()

	stop = start()
	eventually(t, "it is served again", func() bool { return get(t, url).status == 307 })
	stop()
}

// The compose file does with containers what the script does without them: the
// files that it mounts exist, and its users are the script's.
func TestMinIOCompose(t *testing.T) {
	text, err := os.ReadFile("../examples/minio/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Environment map[string]string
			Volumes     []string
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, volume := range file.Services["setup"].Volumes {
		from, _, _ := strings.Cut(volume, ":")
		if _, err := os.Stat(filepath.Join("../examples/minio", from)); err != nil {
			t.Error(err)
		}
	}
	setup, err := os.ReadFile("../examples/minio/setup.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"MC_HOST_store", "BUCKET", "PREFIX", "POLICIES", "PUBLISHER_SECRET", "JANITOR_SECRET", "RESOLVER_SECRET"} {
		if file.Services["setup"].Environment[name] == "" || !strings.Contains(string(setup), name) {
			t.Errorf("setup and %s", name)
		}
	}
	asof := file.Services["asof"].Environment
	if asof["ASOF_STORE"] != "minio://minio:9000/asof/snapshots" || asof["AWS_ACCESS_KEY_ID"] != "asof-resolver" {
		t.Errorf("the service: %v", asof)
	}
}
