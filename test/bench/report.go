package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// report is everything that was measured.
type report struct {
	Machine  machine        `json:"machine"`
	Settings map[string]any `json:"settings"`
	Timed    []*timed       `json:"timed"`
	Served   []*served      `json:"served"`
	Figures  []figure       `json:"figures"`
	Targets  []target       `json:"targets"`
	Notes    []string       `json:"notes"`
}

// timed is a command that ran to its end several times.
type timed struct {
	Scenario string    `json:"scenario"`
	Tool     string    `json:"tool"`
	Wall     []float64 `json:"wall_seconds"`
	CPU      []float64 `json:"cpu_seconds"` // user and system, of the client
	RSS      []float64 `json:"peak_mib"`
	Requests counts    `json:"requests,omitempty"` // from another run, which was not timed
	// The median of the ratios between each run and the peer's run beside it.
	Peer      string  `json:"peer,omitempty"`
	WallRatio float64 `json:"wall_ratio,omitempty"`
	CPURatio  float64 `json:"cpu_ratio,omitempty"`
}

// served is a server under load.
type served struct {
	Scenario string    `json:"scenario"`
	Tool     string    `json:"tool"`
	Rate     []float64 `json:"requests_per_second"`
	P99      []float64 `json:"p99_milliseconds"`
	CPU      float64   `json:"cpu_microseconds_per_request"` // of the server
	RSS      float64   `json:"peak_mib"`
}

// figure is a measurement inside one process.
type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

// target is one of the project's speed goals, compared with what was measured.
type target struct {
	Scenario string  `json:"scenario"`
	What     string  `json:"what"`
	Bound    string  `json:"bound"` // "at most" or "at least"
	Limit    float64 `json:"limit"`
	Got      float64 `json:"got"`
	Met      bool    `json:"met"`
}

func (r *report) timed(scenario, tool string) *timed {
	for _, t := range r.Timed {
		if t.Scenario == scenario && t.Tool == tool {
			return t
		}
	}
	t := &timed{Scenario: scenario, Tool: tool}
	r.Timed = append(r.Timed, t)
	return t
}

func (t *timed) add(u usage) {
	t.Wall, t.CPU, t.RSS = append(t.Wall, u.wall), append(t.CPU, u.cpu), append(t.RSS, u.rss)
}

// against sets the peer that a command is compared with, run by run.
func (t *timed) against(peer *timed) {
	t.Peer = peer.Tool
	if peer.Scenario != t.Scenario {
		t.Peer = peer.Scenario
	}
	t.WallRatio, t.CPURatio = ratio(t.Wall, peer.Wall), ratio(t.CPU, peer.CPU)
}

func (r *report) atMost(scenario, what string, limit, got float64) {
	r.Targets = append(r.Targets, target{scenario, what, "at most", limit, got, got <= limit})
}

func (r *report) atLeast(scenario, what string, limit, got float64) {
	r.Targets = append(r.Targets, target{scenario, what, "at least", limit, got, got >= limit})
}

func (r *report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// median of an even number of values is the mean of the middle two.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// ratio returns the median of the ratios of neighbouring runs: what slows a
// machine for a while slows both of a pair.
func ratio(ours, theirs []float64) float64 {
	var ratios []float64
	for i := range min(len(ours), len(theirs)) {
		ratios = append(ratios, ours[i]/theirs[i])
	}
	return median(ratios)
}

func (r *report) save(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

func (r *report) write(w io.Writer) {
	table(w, len(r.Timed), "SCENARIO\tTOOL\tWALL s\tCPU s\tPEAK MiB\tREQUESTS\tRATIO TO\tWALL\tCPU", func(i int) string {
		t := r.Timed[i]
		versus := "-\t-\t-"
		if t.Peer != "" {
			versus = fmt.Sprintf("%s\t%.2f\t%.2f", t.Peer, t.WallRatio, t.CPURatio)
		}
		return fmt.Sprintf("%s\t%s\t%.2f\t%.2f\t%.0f\t%s\t%s", t.Scenario, t.Tool, median(t.Wall), median(t.CPU), median(t.RSS), t.Requests, versus)
	})
	table(w, len(r.Served), "SERVED\tTOOL\tREQUESTS/s\tp99 ms\tSERVER CPU µs/REQUEST\tPEAK MiB", func(i int) string {
		s := r.Served[i]
		return fmt.Sprintf("%s\t%s\t%.0f\t%.2f\t%.1f\t%.0f", s.Scenario, s.Tool, median(s.Rate), median(s.P99), s.CPU, s.RSS)
	})
	table(w, len(r.Figures), "FIGURE\tVALUE\tUNIT", func(i int) string {
		f := r.Figures[i]
		return fmt.Sprintf("%s\t%s\t%s", f.Name, number(f.Value), f.Unit)
	})
	table(w, len(r.Targets), "TARGET OF\tWHAT\tBOUND\tGOT\tVERDICT", func(i int) string {
		t := r.Targets[i]
		verdict := "missed"
		if t.Met {
			verdict = "met"
		}
		return fmt.Sprintf("%s\t%s\t%s %s\t%s\t%s", t.Scenario, t.What, t.Bound, number(t.Limit), number(t.Got), verdict)
	})
	for _, n := range r.Notes {
		fmt.Fprintf(w, "\nNote: %s.\n", n)
	}
}

func table(w io.Writer, rows int, head string, row func(int) string) {
	if rows == 0 {
		return
	}
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(tw, "\n%s\n", head)
	for i := range rows {
		fmt.Fprintln(tw, row(i))
	}
	_ = tw.Flush()
}

// number formats a value with at least three digits, and no more than needed.
func number(v float64) string {
	switch {
	case v == float64(int64(v)):
		return fmt.Sprintf("%d", int64(v))
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

func (c counts) String() string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(c)) {
		if kind != manifestPuts {
			parts = append(parts, fmt.Sprintf("%d %s", c[kind], kind))
		}
	}
	if parts == nil {
		return "-"
	}
	return strings.Join(parts, ", ")
}
