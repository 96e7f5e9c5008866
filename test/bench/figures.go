package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// childArg runs this program as one of its own children, so that a measurement
// inside a process has that process to itself.
const childArg = "child"

// measured is what a child prints: figures, including targets.
type measured struct {
	Figures []figure
	Targets []target
}

func runChild(name string, args []string) error {
	switch name {
	case "sdk":
		return uploadBySDK(args)
	case "put":
		return putBare(args)
	case "web":
		return serveBare(args)
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	var r report
	do := map[string]func(*report, string, int) error{"manifest": manifestFigures, "index": indexFigures, "listing": listingFigures}[name]
	if err := do(&r, args[0], n); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(measured{r.Figures, r.Targets})
}

// figurePart runs a child and adds what it prints to the report.
func figurePart(name string) func(context.Context, *lab) error {
	return func(ctx context.Context, l *lab) error {
		dir := filepath.Join(l.dir, "figures-"+name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		out, _, err := program{dir: l.dir, args: []string{l.self, childArg, name, dir, strconv.Itoa(l.entries)}}.run(ctx)
		if err != nil {
			return err
		}
		var m measured
		if err := json.Unmarshal(out, &m); err != nil {
			return fmt.Errorf("the child printed %q: %w", out, err)
		}
		l.report.Figures = append(l.report.Figures, m.Figures...)
		l.report.Targets = append(l.report.Targets, m.Targets...)
		return nil
	}
}

func (r *report) figure(name string, value float64, unit string) {
	r.Figures = append(r.Figures, figure{name, value, unit})
}

// spent returns what this process has used so far.
func spent() (cpu float64, peak float64) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, 0
	}
	peak = float64(u.Maxrss) * maxrssUnit / (1 << 20)
	// Linux includes the peak of the process that started this one.
	if kib, err := strconv.Atoi(strings.TrimSuffix(field("/proc/self/status", "VmHWM"), " kB")); err == nil {
		peak = float64(kib) / 1024
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds(), peak
}

// peakNote notes below which value a child's peak memory is unknown: Linux
// includes the peak of the process that started it.
func peakNote(r *report) {
	if _, peak := spent(); len(r.Timed)+len(r.Served) > 0 {
		r.note("a peak of up to %.0f MiB may be this program's own, which its children inherit", peak)
	}
}
