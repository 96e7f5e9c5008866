// Package test proves asof from the outside: the real binary, real stores, real
// HTTP. Tests of a single package are in that package.
package test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asof/asof/internal/miniotest"
)

var (
	// binary is the asof under test, built once for the whole package.
	binary string
	// minio is a real MinIO, started when the first test asks for it.
	minio miniotest.Shared
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "asof-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "asof")
		args := []string{"build", "-o", binary}
		if raceEnabled {
			args = append(args, "-race")
		}
		build := exec.Command("go", append(args, "github.com/asof/asof/cmd/asof")...)
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build asof: %v\n%s", err, out)
			return 1
		}
		return minio.Run(m)
	}())
}

// workspace is a folder with an asof.yaml, in which asof runs.
type workspace struct {
	testing.TB
	dir string
	env []string
}

func newWorkspace(t testing.TB, config string, env ...string) *workspace {
	t.Helper()
	w := &workspace{t, t.TempDir(), append(cleanEnv(), env...)}
	w.write("asof.yaml", config)
	return w
}

// cleanEnv returns the environment without settings for asof or a proxy, and
// without what would make asof report to the CI job. A program built with -race
// sleeps for a second at its end, to report late races; with hundreds of runs
// that is too long.
func cleanEnv() []string {
	env := []string{"GORACE=atexit_sleep_ms=20"}
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(strings.ToUpper(kv), "=")
		if strings.HasPrefix(name, "ASOF_") || strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "MINIO_") || strings.HasPrefix(name, "GITHUB_") || strings.HasSuffix(name, "_PROXY") {
			continue
		}
		env = append(env, kv)
	}
	return env
}

func (w *workspace) write(name, content string) {
	w.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		w.Fatal(err)
	}
}

// command returns asof with arguments, ready to start.
func (w *workspace) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	return cmd
}

// result is the result of a run of asof.
type result struct {
	code           int
	stdout, stderr string
}

// try runs asof to its end.
func (w *workspace) try(args ...string) result {
	w.Helper()
	var stdout, stderr bytes.Buffer
	cmd := w.command(w.Context(), args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.Fatalf("asof %s: %v", strings.Join(args, " "), err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// run runs asof, which must succeed, and returns its standard output.
func (w *workspace) run(args ...string) string {
	w.Helper()
	r := w.try(args...)
	if r.code != 0 {
		w.Fatalf("asof %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// query runs asof with -o json, which must succeed, and decodes its output.
func query[T any](w *workspace, args ...string) T {
	w.Helper()
	var v T
	if err := json.Unmarshal([]byte(w.run(append(args, "-o", "json")...)), &v); err != nil {
		w.Fatalf("asof %s: %v", strings.Join(args, " "), err)
	}
	return v
}

func splitEnv(kv string) (name, value string) {
	name, value, _ = strings.Cut(kv, "=")
	return name, value
}
