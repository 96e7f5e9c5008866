package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/asof/asof/publisher/rollout"
)

// maxMoveLines is how many lines of changes are printed for each repo.
const maxMoveLines = 20

// printMove prints what a move of a ring would change, in one repo after the other. A repo that
// can't be read hides no other one.
func (a *app) printMove(ctx context.Context, rings *rollout.Rollout, s rollout.Step) error {
	var errs []error
	for _, repo := range s.Changed {
		fmt.Fprintf(a.stdout, "\n%s would change %s:\n", s.Ring, repo)
		short := &ends{w: a.stdout, left: maxMoveLines}
		d, err := moved(ctx, rings, s, repo)
		if errors.Is(err, errNotFound) {
			fmt.Fprintf(a.stdout, "%v\n", err)
			continue
		}
		if err == nil {
			d.w = bufio.NewWriter(short)
			err = d.run(ctx, rings.Log)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("changes of %s: %w", repo, err))
			continue
		}
		totals := 1
		if d.packages != nil {
			totals++
		}
		short.finish(totals, fmt.Sprintf("asof diff %s %s %s", repo, d.from.ID, d.to.ID))
	}
	return errors.Join(errs...)
}

// moveJSON is what printMove prints, whole: the JSON of asof diff for each repo.
func (a *app) moveJSON(ctx context.Context, rings *rollout.Rollout, s rollout.Step) ([]json.RawMessage, error) {
	list := []json.RawMessage{}
	var errs []error
	for _, repo := range s.Changed {
		d, err := moved(ctx, rings, s, repo)
		if errors.Is(err, errNotFound) {
			continue
		}
		var out bytes.Buffer
		if err == nil {
			d.w, d.json = bufio.NewWriter(&out), true
			err = d.run(ctx, rings.Log)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("changes of %s: %w", repo, err))
			continue
		}
		list = append(list, out.Bytes())
	}
	return list, errors.Join(errs...)
}

// moved compares what a repo has at the two times of a step. It is errNotFound where there is
// nothing to compare.
func moved(ctx context.Context, rings *rollout.Rollout, s rollout.Step, repo string) (d differ, err error) {
	if d.from, err = openTree(ctx, rings.Store, repo, s.From.String()); err == nil {
		d.to, err = openTree(ctx, rings.Store, repo, s.To.String())
	}
	return d, err
}

// maxTotals is how many lines of totals a difference ends with.
const maxTotals = 2

// ends passes the first lines on, keeps the last ones, and counts those between.
type ends struct {
	w    io.Writer
	left int      // lines to pass on
	last []string // the last lines that were not
	more int      // lines that are neither
}

// Write gets whole lines, as differ writes them by a bufio.Writer, or parts of them.
func (e *ends) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		whole := strings.HasSuffix(line, "\n")
		if e.left > 0 {
			if _, err := io.WriteString(e.w, line); err != nil {
				return 0, err
			}
			if whole {
				e.left--
			}
			continue
		}
		if n := len(e.last); n > 0 && !strings.HasSuffix(e.last[n-1], "\n") {
			e.last[n-1] += line
			continue
		}
		if e.last = append(e.last, line); len(e.last) > maxTotals {
			e.last = e.last[1:]
			e.more++
		}
	}
	return len(p), nil
}

// finish writes the totals, the last lines, behind the way to those that are left out.
func (e *ends) finish(totals int, command string) {
	if cut := len(e.last) - totals; e.more > 0 && cut > 0 {
		e.more, e.last = e.more+cut, e.last[cut:]
	}
	if e.more > 0 {
		fmt.Fprintf(e.w, "and %d more lines: %s\n", e.more, command)
	}
	fmt.Fprint(e.w, strings.Join(e.last, ""))
}
