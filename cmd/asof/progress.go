package main

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/publisher/job"
)

// troubles counts retries: of requests to the store, which the driver repeats, and of
// everything else, which the publisher repeats.
type troubles struct {
	meter   objstore.Meter
	retried atomic.Int64
}

func (t *troubles) retry(err error) {
	if !errors.Is(err, objstore.ErrUnavailable) { // or the meter has counted it
		t.retried.Add(1)
	}
}

func (t *troubles) retries() int64 { return t.retried.Load() + t.meter.Failed() }

// suffix reports retries, if there were any.
func (t *troubles) suffix() string {
	if n := t.retries(); n > 0 {
		return ", " + count(n, "retry", "retries")
	}
	return ""
}

// watch shows long work on standard error: a bar on a terminal, elsewhere a plain line
// now and then.
func (a *app) watch() job.Progress {
	switch {
	case a.progress != nil:
	case a.onTerminal():
		a.progress = &bars{w: a.stderr, troubles: &a.troubles}
	default:
		a.progress = &notes{w: a.stderr, every: 10 * time.Second, troubles: &a.troubles}
	}
	return a.progress
}

// bars draws one bar at a time.
type bars struct {
	w io.Writer
	*troubles

	mu          sync.Mutex
	bar         *progressbar.ProgressBar
	what        string
	files, done int
	described   time.Time
}

const redraw = 100 * time.Millisecond

func (b *bars) Begin(what string, files int, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.what, b.files, b.done, b.described = what, files, 0, time.Time{}
	options := []progressbar.Option{
		progressbar.OptionSetWriter(b.w),
		progressbar.OptionSetDescription(b.description()),
		progressbar.OptionThrottle(redraw),
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionSpinnerType(14),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionFullWidth(),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(true),
	}
	if bytes >= 0 {
		options = append(options, progressbar.OptionShowBytes(true), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true))
	}
	b.bar = progressbar.NewOptions64(bytes, options...)
}

func (b *bars) description() string {
	if b.files < 0 {
		return b.what + b.suffix()
	}
	return fmt.Sprintf("%s %d/%d%s", b.what, b.done, b.files, b.suffix())
}

func (b *bars) Add(files int, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done += files
	if now := time.Now(); now.Sub(b.described) >= redraw {
		b.described = now
		b.bar.Describe(b.description())
	}
	_ = b.bar.Add64(bytes) // a bar that can't be drawn is no reason to stop
}

func (b *bars) Retry(err error) {
	b.retry(err)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		b.bar.Describe(b.description())
	}
}

func (b *bars) End() {
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = b.bar.Finish() // a spinner would turn on
	_ = b.bar.Clear()
	b.bar = nil
}

// aboveBar writes lines above the bar, if there is one.
type aboveBar struct{ w io.Writer }

func (a aboveBar) Write(p []byte) (int, error) {
	_, err := a.w.Write(append([]byte("\r\x1b[K"), p...))
	return len(p), err
}

// notes writes a line if some time has passed since the last. While nothing goes on, it
// writes one a minute.
type notes struct {
	w     io.Writer
	every time.Duration
	*troubles

	mu          sync.Mutex
	stop        func() // of the lines
	what        string
	files, done int
	bytes, sent int64
	began       time.Time
	said        progressed
}

// progressed is how far the work was when a line was written.
type progressed struct {
	at   time.Time
	done int
	sent int64
}

func (n *notes) Begin(what string, files int, bytes int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.what, n.files, n.bytes, n.done, n.sent, n.began, n.said = what, files, bytes, 0, 0, time.Now(), progressed{}
	ticker, over := time.NewTicker(n.every), make(chan struct{})
	n.stop = func() {
		ticker.Stop()
		close(over)
	}
	go func() {
		for {
			select {
			case now := <-ticker.C:
				n.mu.Lock()
				if n.due(now) {
					fmt.Fprintln(n.w, n.line(now))
				}
				n.mu.Unlock()
			case <-over:
				return
			}
		}
	}()
}

// due reports whether a line is to be written.
func (n *notes) due(now time.Time) bool {
	if n.said.done == n.done && n.said.sent == n.sent && now.Sub(n.said.at) < time.Minute {
		return false
	}
	n.said = progressed{now, n.done, n.sent}
	return true
}

// line describes the progress at a moment.
func (n *notes) line(now time.Time) string {
	passed := now.Sub(n.began)
	if n.files < 0 {
		return fmt.Sprintf("%s: %s%s", n.what, seconds(passed), n.suffix())
	}
	rate := float64(n.sent) / max(passed.Seconds(), 1)
	left := ""
	if n.sent > 0 {
		left = ", " + seconds(time.Duration(float64(n.bytes-n.sent)/rate*float64(time.Second))) + " left"
	}
	return fmt.Sprintf("%s: %d of %d, %s of %s, %s/s%s%s", n.what, n.done, n.files, size(n.sent), size(n.bytes), size(int64(rate)), left, n.suffix())
}

func (n *notes) Add(files int, bytes int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.done += files
	n.sent += bytes
}

func (n *notes) Retry(err error) { n.retry(err) }

func (n *notes) End() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stop()
}
