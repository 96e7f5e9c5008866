package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// profiledMain replaces asof's main.go in a separate build, because the command
// has no switch for a profile.
const profiledMain = `package main

import (
	"os"
	"runtime/pprof"
)

func main() {
	f, err := os.Create(os.Getenv("BENCH_PROFILE"))
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		panic(err)
	}
	code := run(os.Args[1:], os.Stdout, os.Stderr)
	pprof.StopCPUProfile()
	f.Close()
	os.Exit(code)
}
`

// profilePublish publishes a folder for the first time, full, under the
// profiler. It is not timed.
func (l *lab) profilePublish(ctx context.Context, dir string) error {
	binary, into, err := l.profiled(ctx, "")
	if err != nil {
		return err
	}
	bucket, drop, err := l.server.bucket(ctx)
	if err != nil {
		return err
	}
	defer drop()
	_, _, err = l.publish(ctx, binary, "minio://"+l.server.endpoint+"/"+bucket, "full", dir, append(l.server.asofEnv(), into))
	return err
}

// profileServe loads asof serve under the profiler. It is not timed.
func (l *lab) profileServe(ctx context.Context, scenario, store, script string) error {
	binary, into, err := l.profiled(ctx, "-"+strings.ReplaceAll(scenario, " ", "-"))
	if err != nil {
		return err
	}
	s, err := l.startServe(ctx, binary, store, into)
	if err != nil {
		return err
	}
	defer s.process.stop()
	if err := answers(ctx, s.process, s.url+"/", http.StatusOK, time.Minute); err != nil {
		return err
	}
	_, err = l.wrkRun(ctx, script, s.url, l.seconds)
	return err
}

// profiled builds an asof that writes a profile, and returns the file's name.
func (l *lab) profiled(ctx context.Context, suffix string) (binary, into string, err error) {
	sources, err := sourceDir(ctx)
	if err != nil {
		return "", "", err
	}
	source, overlay := filepath.Join(l.dir, "main.go"), filepath.Join(l.dir, "overlay.json")
	data, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(sources, "main.go"): source}})
	if err == nil {
		err = os.WriteFile(overlay, data, 0o644)
	}
	if err == nil {
		err = os.WriteFile(source, []byte(profiledMain), 0o644)
	}
	binary = filepath.Join(l.dir, "asof-profiled")
	if err == nil {
		err = build(ctx, binary, "-overlay", overlay)
	}
	if err != nil {
		return "", "", err
	}
	file, err := filepath.Abs(l.profile + suffix)
	return binary, "BENCH_PROFILE=" + file, err
}

// sourceDir is the folder of the command's sources.
func sourceDir(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", command).Output()
	return strings.TrimSpace(string(out)), err
}
