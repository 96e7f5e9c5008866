package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// usage is the resources that a child process used.
type usage struct {
	wall float64 // seconds
	cpu  float64 // seconds, user and system
	rss  float64 // peak, MiB
}

// program is a child process to start. Its environment is what is given plus the
// bare minimum: a developer's environment has proxies and certificates that
// change what a client does.
type program struct {
	dir  string
	env  []string
	args []string
}

func (p program) cmd(ctx context.Context, stdout, stderr io.Writer) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.args[0], p.args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, stdout, stderr
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "TMPDIR=" + p.dir, "LC_ALL=C"}, p.env...)
	cmd.SysProcAttr = ownGroup()
	cmd.Cancel = func() error { return killGroup(cmd, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// run runs a program to its end. It must succeed.
func (p program) run(ctx context.Context) (stdout []byte, u usage, err error) {
	child, err := p.start(ctx)
	if err != nil {
		return nil, u, err
	}
	<-child.done
	if child.err != nil {
		return nil, u, fmt.Errorf("%s: %w\n%s", filepath.Base(p.args[0]), child.err, child.stderr.text)
	}
	return child.stdout.Bytes(), child.usage, nil
}

// lastWords keeps the end of a program's error output.
type lastWords struct{ text []byte }

func (w *lastWords) Write(p []byte) (int, error) {
	w.text = append(w.text, p...)
	w.text = append(w.text[:0], w.text[max(0, len(w.text)-2000):]...)
	return len(p), nil
}

// process is a running child.
type process struct {
	cmd    *exec.Cmd
	stdout bytes.Buffer  // complete once done is closed
	stderr lastWords     // complete once done is closed
	done   chan struct{} // closed at the end
	err    error         // the error it ended with
	usage  usage
	once   sync.Once
}

func (p program) start(ctx context.Context) (*process, error) {
	c := &process{done: make(chan struct{})}
	c.cmd = p.cmd(ctx, &c.stdout, &c.stderr)
	started := make(chan error)
	go func() {
		// The child dies together with the thread that started it (see ownGroup).
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		begin := time.Now()
		err := c.cmd.Start()
		started <- err
		if err == nil {
			c.err = c.cmd.Wait()
			c.usage = usageOf(c.cmd.ProcessState, time.Since(begin))
		}
		close(c.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

func usageOf(s *os.ProcessState, wall time.Duration) usage {
	u := usage{wall: wall.Seconds()}
	if s != nil {
		u.cpu = (s.UserTime() + s.SystemTime()).Seconds()
		if r, ok := s.SysUsage().(*syscall.Rusage); ok {
			u.rss = float64(r.Maxrss) * maxrssUnit / (1 << 20)
		}
	}
	return u
}

// stop ends a server and everything that it started. It returns the usage.
func (c *process) stop() usage {
	c.once.Do(func() {
		_ = killGroup(c.cmd, syscall.SIGTERM)
		select {
		case <-c.done:
		case <-time.After(10 * time.Second):
		}
		_ = killGroup(c.cmd, syscall.SIGKILL)
		<-c.done
	})
	return c.usage
}

// complaint says why a server did not start.
func (c *process) complaint() error {
	return errors.New("it ended at once: " + strings.TrimSpace(string(c.stderr.text)))
}
