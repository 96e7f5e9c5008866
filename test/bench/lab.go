package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// lab is what all parts share: a folder, the programs, a running MinIO, and the
// report.
type lab struct {
	options
	dir    string
	store  string // MinIO's folder
	self   string // this program, for figures that need their own process
	rclone string // empty: missing
	nginx  string
	wrk    string
	aptly  string
	server *minioServer
	report report
	began  time.Time
}

func newLab(ctx context.Context, opts options) (_ *lab, err error) {
	l := &lab{options: opts, began: time.Now()}
	if l.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if l.dir, err = os.MkdirTemp("", "asof-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if err = l.placeStore(); err != nil {
		return nil, err
	}
	l.report.Settings = l.settings()
	l.find(&l.rclone, "rclone")
	l.find(&l.nginx, "nginx")
	l.find(&l.wrk, "wrk")
	l.find(&l.aptly, "aptly")
	if l.asof == "" {
		l.log("building asof")
		l.asof = filepath.Join(l.dir, "asof")
		err = build(ctx, l.asof)
	} else {
		l.asof, err = filepath.Abs(l.asof)
	}
	return l, err
}

// storeRoom is the memory, in bytes, for MinIO's files, with some to spare.
const storeRoom = 6 << 30

// placeStore makes MinIO's folder.
func (l *lab) placeStore() (err error) {
	in := l.data
	if in == "" && l.big*int64(l.bigs) < storeRoom/2 {
		in = memoryFolder(storeRoom)
	}
	if in == "" {
		in = l.dir
	}
	if l.store, err = os.MkdirTemp(in, "asof-bench-store-"); err != nil {
		return err
	}
	where := "on the disk"
	if inMemory(l.store) {
		where = "in memory"
	}
	l.report.note("MinIO's files stood %s (%s)", where, in)
	return nil
}

// minioAt starts the server when the first part asks for it.
func (l *lab) minioAt(ctx context.Context) (*minioServer, error) {
	var err error
	if l.server == nil {
		l.server, err = startMinIO(ctx, l.minio, l.store)
	}
	return l.server, err
}

func (l *lab) close() {
	if l.server != nil {
		l.server.process.stop()
	}
	for _, dir := range []string{l.dir, l.store} {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
	}
}

// log writes to standard error what is being done, because a run takes long.
func (l *lab) log(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%5.0f s  %s\n", time.Since(l.began).Seconds(), fmt.Sprintf(format, args...))
}

// find looks for a peer's program; without it the rest goes on.
func (l *lab) find(path *string, name string) {
	found, err := exec.LookPath(name)
	if err != nil {
		found, err = exec.LookPath("/usr/sbin/" + name)
	}
	if err != nil {
		l.report.note("%s is missing (Debian package %s): nothing is compared with it", name, name)
		return
	}
	*path = found
}

func (l *lab) settings() map[string]any {
	return map[string]any{
		"runs": l.runs, "seed": l.seed, "files": l.files, "dirs": l.dirs, "big_bytes": l.big, "bigs": l.bigs,
		"entries": l.entries, "fleet_repos": l.fleet, "fleet_checkpoints": l.fleetEach, "wrk_seconds": l.seconds,
	}
}

const command = "github.com/asof/asof/cmd/asof"

// build builds asof like a release, without the race detector.
func build(ctx context.Context, into string, flags ...string) error {
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-o", into}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, command)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build asof: %w\n%s", err, out)
	}
	return nil
}

// workspace is a folder with an asof.yaml in which asof runs.
func (l *lab) workspace(name string, lines ...string) (string, error) {
	dir := filepath.Join(l.dir, "work", name)
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "asof.yaml"), []byte(strings.Join(lines, "\n")+"\n"), 0o644)
	}
	return dir, err
}

// pause waits for the next second, so that a publish can take its id at once.
func pause(ctx context.Context) error {
	select {
	case <-time.After(1100 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
