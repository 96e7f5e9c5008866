package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/asof/asof/publisher"
)

// progress shows long work on standard error: a bar on a terminal, a plain line
// now and then elsewhere.
func (a *app) progress() publisher.Progress {
	if f, ok := a.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &bars{w: f}
	}
	return &notes{w: a.stderr, every: 10 * time.Second}
}

// bars draws one bar at a time.
type bars struct {
	w   io.Writer
	mu  sync.Mutex
	bar *progressbar.ProgressBar
}

func (b *bars) Begin(what string, files int, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bar = progressbar.NewOptions64(bytes,
		progressbar.OptionSetWriter(b.w),
		progressbar.OptionSetDescription(fmt.Sprintf("%d %s", files, what)),
		progressbar.OptionShowBytes(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionFullWidth(),
		progressbar.OptionClearOnFinish(),
	)
}

func (b *bars) Add(_ int, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = b.bar.Add64(bytes) // a bar that can't be drawn is no reason to stop
}

func (b *bars) End() {
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = b.bar.Clear()
}

// notes writes a line when some time has passed since the last.
type notes struct {
	w     io.Writer
	every time.Duration

	mu          sync.Mutex
	what        string
	files, done int
	bytes, sent int64
	last        time.Time
}

func (n *notes) Begin(what string, files int, bytes int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.what, n.files, n.bytes, n.done, n.sent, n.last = what, files, bytes, 0, 0, time.Now()
}

func (n *notes) Add(files int, bytes int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.done += files
	n.sent += bytes
	if now := time.Now(); now.Sub(n.last) >= n.every {
		n.last = now
		fmt.Fprintf(n.w, "%s: %d of %d, %s of %s\n", n.what, n.done, n.files, size(n.sent), size(n.bytes))
	}
}

func (n *notes) End() {}
