package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"golang.org/x/term"
)

// messages is standard error: what commands tell people there, a line at a time. With
// log_format json each line is a record, as the logs are, so that a program that reads
// one can read all.
type messages struct {
	to  io.Writer
	app *app
}

func (m *messages) Write(p []byte) (int, error) {
	if !m.app.jsonLogs() {
		return m.to.Write(p)
	}
	log := slog.New(logHandler(m.to, formatJSON, slog.LevelInfo))
	for line := range bytes.Lines(p) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			log.Info(string(line))
		}
	}
	return len(p), nil
}

// jsonLogs reports whether all on standard error is JSON. The command line may be wrong, and
// not have been read to its end, when that has to be said.
func (a *app) jsonLogs() bool {
	if a.logFormat == formatJSON {
		return true
	}
	i := slices.Index(a.args, "--log-format")
	return slices.Contains(a.args, "--log-format="+formatJSON) || i >= 0 && i+1 < len(a.args) && a.args[i+1] == formatJSON
}

// report tells how a command ended, if it failed.
func (a *app) report(err error) {
	if err == nil {
		return
	}
	if a.logFormat == "" {
		_, _ = a.read() // a mistake in the command line comes before the file was read
	}
	if !a.jsonLogs() {
		report(a.stderr.to, err)
		return
	}
	log := slog.New(logHandler(a.stderr.to, formatJSON, slog.LevelError))
	for _, e := range single(err) {
		var more []any
		if hint := hintOf(e); hint != "" {
			more = append(more, "hint", hint)
		}
		log.Error(e.Error(), more...)
	}
}

// report writes "error:" and, if there is one, "hint:".
func report(w io.Writer, err error) {
	for _, e := range single(err) {
		fmt.Fprintf(w, "error: %v\n", e)
		if hint := hintOf(e); hint != "" {
			fmt.Fprintf(w, "hint: %s\n", hint)
		}
	}
}

// single are the errors that were joined, each to be reported for itself.
func single(err error) (list []error) {
	if many, ok := err.(interface{ Unwrap() []error }); ok && !isHinted(err) {
		for _, e := range many.Unwrap() {
			list = append(list, single(e)...)
		}
		return list
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// onTerminal reports whether people read standard error on a terminal.
func (a *app) onTerminal() bool {
	f, ok := a.stderr.to.(*os.File)
	return ok && !a.jsonLogs() && term.IsTerminal(int(f.Fd()))
}
